//! The first pass: checks a whole list before anything is sent.

use std::fs::File;
use std::io::{self, BufRead, BufReader};
use std::path::{Path, PathBuf};

use easemob_admin_api::UserId;
use easemob_admin_ops::files::lines::{Line, Lines, NotText};
use easemob_admin_ops::names::characters::visible;
use easemob_admin_ops::names::{self, Kind};
use easemob_admin_words::{t, told_later, translated};

use super::duplicates::Finder;
use super::spool::{Spool, Writer};
use super::table::{Beginning, beginning};

/// How many examples of each kind of problem are named.
const EXAMPLES: usize = 5;

/// Where users come from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// The command line.
    Arguments(Vec<String>),
    /// A file.
    File(PathBuf),
    /// Standard input.
    Stdin,
}

impl Source {
    /// Returns the name of the source for messages.
    #[must_use]
    pub fn describe(&self) -> String {
        match self {
            Self::Arguments(_) => told_later!("the command line").into(),
            Self::File(path) => path.display().to_string(),
            Self::Stdin => told_later!("standard input").into(),
        }
    }
}

/// A list that was checked completely.
#[derive(Debug)]
pub struct UserList {
    spool: Spool,
    /// How many users it contains, each counted once.
    pub users: u64,
    /// What the operator should know about the list.
    pub remarks: Remarks,
}

/// Observations made while reading.
#[derive(Debug, Default)]
pub struct Remarks {
    /// Lines that repeat an earlier user.
    pub duplicates: u64,
    /// Lines that are not user ids; only possible with `--skip-invalid`.
    pub invalid: Examples,
    /// Names with capitals.
    pub capitals: Examples,
    /// Names with characters that suggest another file format.
    pub odd: Examples,
    /// Names with invisible or look-alike characters.
    pub hidden: Examples,
    /// Whether a column header was skipped, with its line.
    pub header: Option<(u64, String)>,
    /// Lines with a number that a spreadsheet has shortened; they also count as invalid.
    pub shortened: u64,
}

/// A count with the first few cases.
#[derive(Debug, Default)]
pub struct Examples {
    /// How many there are.
    pub count: u64,
    /// The first few, as text.
    pub first: Vec<String>,
}

impl Examples {
    fn add(&mut self, example: impl FnOnce() -> String) {
        self.count += 1;
        if self.first.len() < EXAMPLES {
            self.first.push(example());
        }
    }
}

/// Why a list cannot be used; nothing was sent.
#[derive(Debug, thiserror::Error)]
pub enum ListError {
    /// The file does not exist, or cannot be opened.
    #[error("{}", t!("cannot open the user list {}", path.display()))]
    Open {
        /// The file.
        path: PathBuf,
        /// The cause.
        source: io::Error,
    },
    /// The source is not text.
    #[error("{}", t!("cannot use {} as a user list", translated(from)))]
    NotText {
        /// The name of the source.
        from: String,
        /// The file, if it is one.
        path: Option<PathBuf>,
        /// The cause.
        source: NotText,
    },
    /// The source is a table or JSON, not a list.
    #[error("{}", t!("line {line} of {} is {}, but a list has one user per line", translated(from), what.words()))]
    NotList {
        /// The name of the source.
        from: String,
        /// The file, if it is one.
        path: Option<PathBuf>,
        /// The first line that is neither blank nor a comment.
        line: u64,
        /// What the line is.
        what: Beginning,
    },
    /// The list contains no users.
    #[error("{}", t!("{} contains no users", translated(_0)))]
    Empty(String),
    /// Some lines are not user ids.
    #[error("{}", t!("{} contains {}: {examples}", translated(from), not_user_ids(*count)))]
    Invalid {
        /// The name of the source.
        from: String,
        /// How many.
        count: u64,
        /// The first few.
        examples: String,
        /// How many are numbers that a spreadsheet has shortened.
        shortened: u64,
    },
    /// The temporary copy cannot be written.
    #[error("{}", t!("cannot write the temporary copy of the user list"))]
    Spool(#[source] io::Error),
}

fn not_user_ids(count: u64) -> String {
    match count {
        1 => t!("1 line that is not a user id").into(),
        count => t!("{count} lines that are not user ids"),
    }
}

impl UserList {
    /// Reads `source` from start to end.
    ///
    /// # Errors
    /// When the list is empty, is not text, or, unless `skip_invalid`, contains lines that are not user ids.
    pub fn read(
        source: &Source,
        skip_invalid: bool,
        stdin: impl FnOnce() -> Box<dyn BufRead>,
    ) -> Result<Self, ListError> {
        let from = source.describe();
        let mut check = Check::new();
        match source {
            Source::Arguments(users) => {
                for (user, position) in users.iter().zip(1..) {
                    check.user(position, user).map_err(ListError::Spool)?;
                }
            }
            Source::File(path) => check.lines(open(path)?, &from, Some(path))?,
            Source::Stdin => check.lines(stdin(), &from, None)?,
        }
        check.finish(from, skip_invalid)
    }

    /// Makes a list of users that a server listed; it may be empty.
    ///
    /// # Errors
    /// When the temporary copy cannot be written.
    pub fn of(users: ServerList) -> Result<Self, ListError> {
        users.0.sealed()
    }

    /// Streams the users, each once, in the order of the list.
    ///
    /// # Errors
    /// When the temporary copy cannot be read.
    pub fn stream(&self) -> io::Result<impl Iterator<Item = io::Result<super::spool::Entry>> + Send + use<>> {
        self.spool.stream()
    }
}

fn open(path: &Path) -> Result<BufReader<File>, ListError> {
    let fail = |source| ListError::Open {
        path: path.to_owned(),
        source,
    };
    let file = File::open(path).map_err(fail)?;
    if file.metadata().map_err(fail)?.is_dir() {
        return Err(fail(io::Error::from(io::ErrorKind::IsADirectory)));
    }
    Ok(BufReader::new(file))
}

/// Collects users that a server lists one after the other.
pub struct ServerList(Check);

impl ServerList {
    /// Starts an empty list.
    #[must_use]
    pub fn begin() -> Self {
        Self(Check::new())
    }

    /// Adds one user; a repeated name counts once.
    ///
    /// # Errors
    /// When the disk is full.
    pub fn push(&mut self, user: &UserId) -> Result<(), ListError> {
        let line = self.0.users + 1;
        self.0.add(line, user).map_err(ListError::Spool)
    }
}

struct Check {
    spool: Writer,
    finder: Finder,
    users: u64,
    remarks: Remarks,
}

impl Check {
    fn new() -> Self {
        let remarks = Remarks::default();
        Self {
            spool: Writer::create(),
            finder: Finder::default(),
            users: 0,
            remarks,
        }
    }

    fn lines(&mut self, from: impl BufRead, name: &str, path: Option<&Path>) -> Result<(), ListError> {
        let mut lines = Lines::new(from);
        let mut first = true;
        let not_text = |source| ListError::NotText {
            from: name.to_owned(),
            path: path.map(Path::to_owned),
            source,
        };
        while let Some((number, line)) = lines.next_line().map_err(not_text)? {
            match line {
                Line::Nothing => {}
                Line::TooLong => self.remarks.invalid.add(|| t!("line {number} (too long)")),
                Line::User(user) => {
                    let what = if std::mem::take(&mut first) {
                        beginning(&user)
                    } else {
                        None
                    };
                    match what {
                        None => self.user(number, &user).map_err(ListError::Spool)?,
                        // A user may have this name; but signing out the wrong user cannot be undone.
                        Some(Beginning::Header) => self.remarks.header = Some((number, user)),
                        Some(what) => {
                            return Err(ListError::NotList {
                                from: name.to_owned(),
                                path: path.map(Path::to_owned),
                                line: number,
                                what,
                            });
                        }
                    }
                }
            }
        }
        Ok(())
    }

    fn user(&mut self, line: u64, text: &str) -> io::Result<()> {
        if names::is_shortened_number(text) {
            self.remarks.shortened += 1;
            let why = t!("a number that a spreadsheet has shortened; its digits are lost");
            self.remarks.invalid.add(|| t!("line {line} (`{text}` is {why})"));
            return Ok(());
        }
        let unclear = names::check(text, Kind::User).err();
        let user = match (UserId::parse(text), &unclear) {
            (Ok(user), _) => user,
            (Err(_), Some(unclear)) if unclear.is_hidden() => {
                self.remarks.invalid.add(|| t!("line {line} ({unclear})"));
                return Ok(());
            }
            (Err(error), _) => {
                self.remarks.invalid.add(|| t!("line {line} ({error})"));
                return Ok(());
            }
        };
        self.add(line, &user)?;
        if text.chars().any(char::is_uppercase) {
            self.remarks.capitals.add(|| t!("{text} (line {line})"));
        }
        if let Some(unclear) = unclear {
            let hidden = unclear.is_hidden();
            let remark = if hidden {
                &mut self.remarks.hidden
            } else {
                &mut self.remarks.odd
            };
            remark.add(|| {
                if hidden {
                    t!("{} (line {line}: {})", visible(text), unclear.place())
                } else {
                    t!("{text} (line {line})")
                }
            });
        }
        Ok(())
    }

    fn add(&mut self, line: u64, user: &UserId) -> io::Result<()> {
        self.spool.push(line, user)?;
        self.finder.push(&user.folded())?;
        self.users += 1;
        Ok(())
    }

    fn finish(self, from: String, skip_invalid: bool) -> Result<UserList, ListError> {
        let invalid = &self.remarks.invalid;
        if invalid.count > 0 && !skip_invalid {
            let mut examples = invalid.first.join(", ");
            if invalid.count > invalid.first.len() as u64 {
                examples.push_str(", …");
            }
            return Err(ListError::Invalid {
                from,
                count: invalid.count,
                examples,
                shortened: self.remarks.shortened,
            });
        }
        if self.users == 0 {
            return Err(ListError::Empty(from));
        }
        self.sealed()
    }

    fn sealed(mut self) -> Result<UserList, ListError> {
        let repeats = self.finder.finish().map_err(ListError::Spool)?;
        self.remarks.duplicates = repeats.count();
        let users = self.users - repeats.count();
        let spool = self.spool.finish(repeats).map_err(ListError::Spool)?;
        Ok(UserList {
            spool,
            users,
            remarks: self.remarks,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &'static [u8], skip_invalid: bool) -> Result<UserList, ListError> {
        UserList::read(&Source::Stdin, skip_invalid, || Box::new(text))
    }

    fn users(list: &UserList) -> Vec<String> {
        list.stream()
            .unwrap()
            .map(|entry| {
                entry
                    .map(|entry| format!("{}:{}", entry.line, entry.user))
                    .unwrap()
            })
            .collect()
    }

    #[test]
    fn the_first_of_several_spellings_wins() {
        let list = read(b"ann\nBob\nANN\nbob\ncarl\nann\n", false).unwrap();
        assert_eq!(users(&list), ["1:ann", "2:Bob", "5:carl"]);
        assert_eq!(
            (list.users, list.remarks.duplicates, list.remarks.capitals.count),
            (3, 3, 2)
        );
    }

    #[test]
    fn a_list_can_be_streamed_again() {
        let list = read(b"ann\nbob\n", false).unwrap();
        assert_eq!(users(&list), users(&list));
    }

    #[test]
    fn a_bad_line_refuses_the_list_and_names_the_line() {
        let error = read(b"ann\nb\x07b\ncarl\n", false).unwrap_err().to_string();
        assert!(error.contains("line 2"), "{error}");
        let list = read(b"ann\nb\x07b\ncarl\n", true).unwrap();
        assert_eq!(users(&list), ["1:ann", "3:carl"]);
        assert_eq!(list.remarks.invalid.count, 1);
    }

    #[test]
    fn nobody_is_an_error() {
        for empty in [&b""[..], b"\n\r\n", b"# only a comment\n", b"\xEF\xBB\xBF"] {
            assert!(matches!(read(empty, true), Err(ListError::Empty(_))));
        }
    }

    #[test]
    fn a_table_of_another_program_is_noticed() {
        assert_eq!(read(b"ann,ios\n", false).unwrap().remarks.odd.count, 1);
    }

    #[test]
    fn a_name_with_characters_that_cannot_be_seen_is_noticed() {
        for name in [
            "ann\u{200b}",
            "\u{feff}ann",
            "ａｎｎ",
            "ann\u{3164}",
            "аnn",
            "an\u{a0}n",
        ] {
            let text: &'static str = format!("bob\n{name}\n").leak();
            let remarks = read(text.as_bytes(), false).unwrap().remarks;
            assert_eq!((remarks.hidden.count, remarks.odd.count), (1, 0), "{name:?}");
            assert!(
                remarks.hidden.first[0].contains("line 2: U+"),
                "{:?}",
                remarks.hidden.first
            );
        }
    }

    #[test]
    fn the_header_of_a_column_is_left_out_where_it_stands_first() {
        for text in [
            "user\nann\n",
            "\u{feff}# exported\n\n\"User\"\r\nann\r\n",
            "用户名\nann\n",
        ] {
            let list = read(text.as_bytes(), false).unwrap();
            assert_eq!(users(&list).len(), 1, "{text}");
            assert!(list.remarks.header.is_some(), "{text}");
        }
        let later = read(b"ann\nuser\n", false).unwrap();
        assert_eq!((later.users, later.remarks.header), (2, None));
        assert!(matches!(read(b"user\n", false), Err(ListError::Empty(_))));
        let argument = Source::Arguments(vec!["user".into()]);
        let list = UserList::read(&argument, false, || Box::new(io::empty())).unwrap();
        assert_eq!(list.users, 1);
    }

    #[test]
    fn a_table_or_json_is_no_list() {
        for text in [
            "line,user,outcome\n1,ann,ended\n",
            "user  platform\nann  ios\n",
            "{\"user\":\"ann\"}\n",
        ] {
            assert!(
                matches!(
                    read(text.as_bytes(), true),
                    Err(ListError::NotList { line: 1, .. })
                ),
                "{text}"
            );
        }
    }

    #[test]
    fn a_shortened_number_is_no_user() {
        let error = read(b"13800138000\n1.38E+10\n", false).unwrap_err().to_string();
        assert!(error.contains("line 2 (`1.38E+10` is a number"), "{error}");
        let list = read(b"13800138000\n1.38E+10\n", true).unwrap();
        assert_eq!((list.users, list.remarks.shortened), (1, 1));
    }

    #[test]
    fn arguments_are_taken_as_they_are() {
        let source = Source::Arguments(vec!["#ann".into(), "Bob".into()]);
        let list = UserList::read(&source, false, || Box::new(io::empty())).unwrap();
        assert_eq!(users(&list), ["1:#ann", "2:Bob"]);
    }
}

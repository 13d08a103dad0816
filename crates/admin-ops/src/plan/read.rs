//! Reads a plan, once its digest is verified.

use std::fs::File;
use std::io::{self, BufReader, Seek, SeekFrom};
use std::path::Path;

use easemob_admin_api::UserId;
use serde::Deserialize;

use crate::files::bounded;
use crate::files::digest::Sha256;
use crate::files::encoding;
use crate::names::check_exemption;
use crate::plan::document::{FORMAT, PlanHeader, PlanTotals, PlannedUser};

/// A plan with a valid digest.
#[derive(Debug)]
pub struct Plan {
    /// The header line.
    pub header: PlanHeader,
    /// The totals.
    pub totals: PlanTotals,
    /// The digest at its end.
    pub sha256: String,
    file: File,
}

/// Why a file cannot be used as a plan. Nothing is sent.
#[derive(Debug, thiserror::Error)]
pub enum PlanError {
    /// The file cannot be read.
    #[error("cannot read the plan")]
    Io(#[from] io::Error),
    /// The file is something else.
    #[error("this is not a plan, or not a complete one: {0}")]
    NoPlan(String),
    /// It contains a name that would match nobody.
    #[error("the plan contains a name that cannot match: {0}")]
    Name(String),
    /// It was written by a newer version.
    #[error(
        "the plan has format {format} of easemob-admin {}, but this version reads up to {FORMAT}; use a newer easemob-admin",
        tool.as_deref().unwrap_or("(unknown version)")
    )]
    Newer {
        /// Its format.
        format: u32,
        /// The version that wrote it.
        tool: Option<String>,
    },
    /// It was changed.
    #[error("the plan was changed after it was made: its digest is {found}, but it contains {said}")]
    Edited {
        /// The actual digest.
        found: String,
        /// The digest in the plan.
        said: String,
    },
}

#[derive(Deserialize)]
struct AnyFormat {
    easemob_admin_plan: u32,
    tool: Option<String>,
}

#[derive(Deserialize)]
struct Totals {
    totals: PlanTotals,
}

fn no_plan(why: impl Into<String>) -> PlanError {
    PlanError::NoPlan(why.into())
}

impl Plan {
    /// Opens a plan and checks its digest.
    ///
    /// # Errors
    /// When it is not a plan, has a newer format, or was changed.
    pub fn open(path: &Path) -> Result<Self, PlanError> {
        let mut file = File::open(path)?;
        let mut hash = Sha256::default();
        let mut lines = Lines::of(&mut file)?;
        let first = lines.next()?.ok_or_else(|| no_plan("it is empty"))?;
        if first.starts_with('\u{feff}') {
            return Err(no_plan(
                "it begins with a byte order mark, so another program has written it anew",
            ));
        }
        let header = header(&first)?;
        hash.add(first.as_bytes());
        let (mut before_last, mut last) = (String::new(), String::new());
        while let Some(line) = lines.next()? {
            hash.add(last.as_bytes());
            before_last = std::mem::replace(&mut last, line);
        }
        let said = last
            .trim_end()
            .strip_prefix("\"sha256\":\"")
            .and_then(|rest| rest.strip_suffix("\"}"))
            .ok_or_else(|| no_plan("it has no digest at its end"))?
            .to_owned();
        let found = hash.hex();
        if found != said {
            return Err(PlanError::Edited { found, said });
        }
        let totals = before_last
            .trim_end()
            .trim_end_matches(',')
            .replacen("],", "{", 1)
            + "}";
        let Totals { totals } = serde_json::from_str(&totals).map_err(|error| no_plan(error.to_string()))?;
        let plan = Self {
            header,
            totals,
            sha256: said,
            file,
        };
        plan.check_names()?;
        Ok(plan)
    }

    /// Checks every name before any of them is used; names from a server may be odd, but a call must reach
    /// them.
    fn check_names(&self) -> Result<(), PlanError> {
        for exemption in self.header.selection.exempt.lines() {
            check_exemption(&exemption).map_err(|unclear| PlanError::Name(unclear.to_string()))?;
        }
        for user in self.users()? {
            let user = user.map_err(|error| no_plan(error.to_string()))?;
            let wrong = |why: String| PlanError::Name(format!("line {} of its list: {why}", user.line));
            UserId::parse(user.user.as_str()).map_err(|error| wrong(error.to_string()))?;
            if user.end.iter().any(|device| device.device.as_str().is_empty()) {
                return Err(wrong("a device without an id".into()));
            }
        }
        Ok(())
    }

    /// Streams the users with devices to sign out and those that could not be read.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn users(&self) -> io::Result<impl Iterator<Item = io::Result<PlannedUser>> + use<>> {
        let mut file = self.file.try_clone()?;
        let mut lines = Lines::of(&mut file)?;
        lines.next()?;
        Ok(std::iter::from_fn(move || match lines.next() {
            Err(error) => Some(Err(error)),
            Ok(line) => {
                let line = line?;
                let user = line.trim_end().trim_end_matches(',');
                (!user.starts_with(']')).then(|| serde_json::from_str(user).map_err(io::Error::from))
            }
        }))
    }
}

fn header(line: &str) -> Result<PlanHeader, PlanError> {
    let document = line
        .trim_end()
        .strip_suffix(",\"users\":[")
        .map(|open| format!("{open}}}"))
        .ok_or_else(|| no_plan("its first line is not the header of a plan"))?;
    let any: AnyFormat = serde_json::from_str(&document).map_err(|error| no_plan(error.to_string()))?;
    if any.easemob_admin_plan > FORMAT {
        return Err(PlanError::Newer {
            format: any.easemob_admin_plan,
            tool: any.tool,
        });
    }
    serde_json::from_str(&document).map_err(|error| no_plan(error.to_string()))
}

/// The longest line of a plan; its header has all exemptions.
const LONGEST_LINE: u64 = 256 * 1024 * 1024;

/// Lines including their line ends.
struct Lines(BufReader<File>);

impl Lines {
    fn of(file: &mut File) -> io::Result<Self> {
        file.seek(SeekFrom::Start(0))?;
        Ok(Self(BufReader::with_capacity(64 * 1024, file.try_clone()?)))
    }

    fn next(&mut self) -> io::Result<Option<String>> {
        let mut line = Vec::new();
        let more = bounded::line(&mut self.0, LONGEST_LINE, &mut line)?;
        let text = encoding::text(&line).map_err(|(_, foreign)| {
            io::Error::new(io::ErrorKind::InvalidData, format!("it is {}", foreign.words()))
        })?;
        Ok(more.then(|| text.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use easemob_admin_api::DeviceId;
    use jiff::Timestamp;
    use proptest::prelude::*;

    use super::*;
    use crate::plan::document::PlannedDevice;
    use crate::plan::write::PlanWriter;
    use crate::run::journal::header::Operator;
    use crate::select::exemptions::Exemptions;
    use crate::select::selection::Selection;

    fn header() -> PlanHeader {
        PlanHeader {
            format: FORMAT,
            created: Timestamp::UNIX_EPOCH,
            tool: "0.1.0".into(),
            app: "acme#chat".into(),
            app_root: "http://127.0.0.1/acme/chat".into(),
            sandbox: false,
            operator: Operator::named("ann", "here"),
            reason: Some("odd ,\"users\":[ text\nwith a line end".into()),
            ticket: None,
            selection: Selection::default(),
            source: "list".into(),
        }
    }

    fn users() -> Vec<PlannedUser> {
        let user = |line, name: &str, error: Option<&str>| PlannedUser {
            line,
            user: UserId::parse(name).unwrap(),
            seen: Timestamp::UNIX_EPOCH,
            end: error
                .is_none()
                .then(|| PlannedDevice {
                    device: DeviceId::parse("ios_1").unwrap(),
                    name: Some("],\n".into()),
                    signed_in_at: None,
                    why: Some("all devices".into()),
                })
                .into_iter()
                .collect(),
            keep: Vec::new(),
            error: error.map(Into::into),
        };
        vec![
            user(1, "ann", None),
            user(2, "bob", Some("the server was silent")),
            user(3, "eve", None),
        ]
    }

    fn plan(users: &[PlannedUser]) -> Vec<u8> {
        let mut plan = PlanWriter::begin(Vec::new(), &header()).unwrap();
        for user in users {
            plan.push(user).unwrap();
        }
        plan.finish().unwrap().0
    }

    fn opened(content: &[u8]) -> Result<Plan, PlanError> {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(content).unwrap();
        Plan::open(file.path())
    }

    #[test]
    fn is_one_json_document_and_reads_back() {
        for users in [users(), Vec::new()] {
            let content = plan(&users);
            let document: serde_json::Value = serde_json::from_slice(&content).unwrap();
            assert_eq!(document["users"].as_array().unwrap().len(), users.len());
            let plan = opened(&content).unwrap();
            assert_eq!(plan.header, header());
            assert_eq!(document["sha256"], plan.sha256.as_str());
            assert_eq!(
                plan.users().unwrap().collect::<io::Result<Vec<_>>>().unwrap(),
                users
            );
            let unread = users.iter().filter(|user| user.error.is_some()).count() as u64;
            assert_eq!(plan.totals.users_unread, unread);
            assert_eq!(plan.totals.devices_to_end, users.len() as u64 - unread);
        }
    }

    #[test]
    fn a_newer_plan_is_refused_by_its_format() {
        let content = String::from_utf8(plan(&users()))
            .unwrap()
            .replacen("_plan\":1", "_plan\":2", 1);
        assert!(matches!(
            opened(content.as_bytes()),
            Err(PlanError::Newer { format: 2, .. })
        ));
    }

    #[test]
    fn names_that_match_nobody_are_refused() {
        let named = |user: &str, exempt: &str| {
            let header = PlanHeader {
                selection: Selection {
                    exempt: Exemptions::parse(exempt),
                    ..Selection::default()
                },
                ..header()
            };
            let user = PlannedUser {
                // As when a plan is read: any text is a user there.
                user: serde_json::from_value(user.into()).unwrap(),
                ..users().remove(0)
            };
            let mut plan = PlanWriter::begin(Vec::new(), &header).unwrap();
            plan.push(&user).unwrap();
            opened(&plan.finish().unwrap().0)
        };
        for fine in ["ann", "a/b", "ann\u{200b}", "批量"] {
            assert!(named(fine, "ceo\n*/web_*").is_ok(), "{fine:?}");
        }
        for wrong in ["", " ann", "ann\n", "a\0b", "ann\u{85}"] {
            assert!(
                matches!(named(wrong, "ceo"), Err(PlanError::Name(_))),
                "{wrong:?}"
            );
        }
        for exempt in ["ceo\u{200b}", "ceo/", "ｃｅｏ", "ceo,bob"] {
            assert!(
                matches!(named("ann", exempt), Err(PlanError::Name(_))),
                "{exempt:?}"
            );
        }
    }

    proptest! {
        #[test]
        fn any_change_is_noticed(at in 0_usize..2000, bit in 0_u8..8, cut: bool) {
            let mut content = plan(&users());
            let at = at % content.len();
            if cut {
                content.truncate(at);
            } else {
                content[at] ^= 1 << bit;
            }
            // The very last line end is the only byte without meaning.
            prop_assume!(at + 1 < plan(&users()).len());
            prop_assert!(opened(&content).is_err());
        }
    }
}

//! A list of users as somebody pasted it: valid as a whole, or not used. Pure.

use std::collections::HashSet;

use easemob_admin_api::UserId;
use easemob_admin_ops::names::characters::named;
use easemob_admin_ops::names::{self, Kind, Trouble, Unclear};
use easemob_admin_words::t;

/// A list that was looked at line by line.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Checked {
    /// All lines.
    pub(super) lines: u64,
    /// The users, each once, in their order.
    pub(super) users: Vec<String>,
    /// Lines that name a user again.
    pub(super) duplicates: u64,
    /// Empty lines and comments.
    pub(super) blank: u64,
    pub(super) bad: Vec<Bad>,
}

/// A line that names nobody.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Bad {
    /// Its number, from 1.
    pub(super) line: u64,
    pub(super) text: String,
    pub(super) problem: String,
    /// What was probably meant.
    pub(super) suggestion: Option<String>,
}

/// Looks at each line. Problems are told in the language that is spoken.
pub(super) fn check(text: &str) -> Checked {
    let mut checked = Checked::default();
    let mut seen = HashSet::new();
    for (number, line) in (1..).zip(text.lines()) {
        checked.lines = number;
        // A mark of the encoding is not part of a name.
        let line = line
            .trim_start_matches('\u{feff}')
            .trim_matches([' ', '\t', '\r']);
        if line.is_empty() || line.starts_with('#') {
            checked.blank += 1;
            continue;
        }
        match user(line) {
            Ok(user) if seen.insert(user.folded()) => checked.users.push(user.to_string()),
            Ok(_) => checked.duplicates += 1,
            Err((problem, suggestion)) => checked.bad.push(Bad {
                line: number,
                text: line.to_owned(),
                problem,
                suggestion,
            }),
        }
    }
    checked
}

fn user(text: &str) -> Result<UserId, (String, Option<String>)> {
    names::check(text, Kind::User).map_err(|unclear| (words(&unclear), unclear.meant()))?;
    UserId::parse(text).map_err(|error| (t!("cannot be a user id: {error}"), None))
}

fn words(unclear: &Unclear) -> String {
    let what = unclear.at().map(|(at, sign)| (named(sign), at));
    match (unclear.trouble(), what) {
        (Trouble::Unseen, Some((sign, at))) => t!("character {at} is {sign}, which cannot be seen"),
        (Trouble::Unusual, Some((sign, at))) => {
            t!("character {at} is {sign}, an unusual form of another character")
        }
        (Trouble::Stranger, Some((sign, at))) => {
            t!("character {at} is {sign}, of another script than the rest")
        }
        (Trouble::Sign | Trouble::Slash, Some((sign, at))) => {
            t!("character {at} is {sign}, which user ids do not contain")
        }
        (Trouble::Wildcard, _) => t!("this is a pattern: name the users one by one").to_owned(),
        (Trouble::Shortened, _) => {
            t!("a spreadsheet has shortened this number, and its digits are lost").to_owned()
        }
        _ => t!("this is not a user id").to_owned(),
    }
}

/// Returns the list with suggestions in place of some lines, or of all that have one.
pub(super) fn with_suggestions(text: &str, wanted: Option<u64>) -> String {
    let checked = check(text);
    let of_line = |number: u64| {
        let bad = checked.bad.iter().find(|bad| bad.line == number);
        bad.filter(|_| wanted.is_none_or(|wanted| wanted == number))
            .and_then(|bad| bad.suggestion.clone())
    };
    let lines = (1..)
        .zip(text.lines())
        .map(|(number, line)| of_line(number).unwrap_or_else(|| line.to_owned()));
    lines.collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIST: &str = "\u{feff}acct1\r\n# from the partner\n\nacct2,\nACCT1\nacct 3\n<a href=x>acct4\nacct\u{202e}5\n  acct6  \n..\nacct1";

    #[test]
    fn every_line_is_counted_once_and_each_bad_one_says_why() {
        let checked = check(LIST);
        assert_eq!(checked.users, ["acct1", "acct6"]);
        let Checked {
            lines,
            duplicates,
            blank,
            ref bad,
            ..
        } = checked;
        assert_eq!((lines, duplicates, blank, bad.len()), (11, 2, 2, 5));
        assert_eq!(
            lines,
            checked.users.len() as u64 + duplicates + blank + bad.len() as u64
        );
        let lines: Vec<(u64, Option<&str>)> = bad
            .iter()
            .map(|bad| (bad.line, bad.suggestion.as_deref()))
            .collect();
        assert_eq!(
            lines,
            [
                (4, Some("acct2")),
                (6, None),
                (7, None),
                (8, Some("acct5")),
                (10, None)
            ]
        );
        assert!(bad.iter().all(|bad| !bad.problem.is_empty()));
        assert_eq!(check(""), Checked::default());
    }

    #[test]
    fn suggestions_are_taken_one_by_one_or_all() {
        let one = with_suggestions(LIST, Some(4));
        assert_eq!(check(&one).bad.len(), 4);
        assert!(check(&one).users.contains(&"acct2".to_owned()));
        let all = with_suggestions(LIST, None);
        assert_eq!(check(&all).bad.len(), 3);
        assert_eq!(
            with_suggestions(LIST, Some(6)).lines().count(),
            11,
            "a line without one stays"
        );
    }
}

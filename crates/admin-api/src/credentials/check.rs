//! What no token, client id or secret looks like. Pure.
//!
//! A value that was copied with its quotes, with `Bearer `, or with the byte order mark of an editor is refused by the
//! server as if it were wrong, after it was sent. So it is told before, by what is wrong with it and without showing it.

use std::fmt;

/// Why credentials cannot be right. It names what is wrong, and never shows a secret.
///
/// ```
/// use easemob_admin_api::Credentials;
///
/// let error = Credentials::fixed_token("\"YWMtx\"").check().unwrap_err();
/// assert_eq!(error.to_string(), "the token is in quotes");
/// assert!(Credentials::fixed_token("YWMtx").check().is_ok());
/// ```
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the {what} {problem}")]
pub struct InvalidCredentials {
    what: &'static str,
    problem: Problem,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Problem {
    Empty,
    ByteOrderMark,
    LineBreak,
    Control(char),
    Blank,
    Quotes,
    Scheme(&'static str),
    Invisible(char),
    NotAscii,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => f.write_str("is empty"),
            Self::ByteOrderMark => {
                f.write_str("has a byte order mark (U+FEFF) in it; save the file without one")
            }
            Self::LineBreak => f.write_str("has a line break in it"),
            Self::Control(char) => write!(f, "has a control character (U+{:04X}) in it", u32::from(*char)),
            Self::Blank => f.write_str("has a blank in it"),
            Self::Quotes => f.write_str("is in quotes"),
            Self::Scheme(scheme) => write!(f, "begins with `{scheme}`; give it without"),
            Self::Invisible(char) => {
                write!(f, "has an invisible character (U+{:04X}) in it", u32::from(*char))
            }
            Self::NotAscii => f.write_str("has a character in it that is not ASCII"),
        }
    }
}

/// Checks a token, a client id or a client secret.
pub(super) fn check(what: &'static str, value: &str) -> Result<(), InvalidCredentials> {
    problem(value).map_or(Ok(()), |problem| Err(InvalidCredentials { what, problem }))
}

fn problem(value: &str) -> Option<Problem> {
    if value.trim().is_empty() {
        return Some(Problem::Empty);
    }
    // What cannot be seen comes first: it hides what else is wrong.
    let unseen = value.chars().find_map(|char| match char {
        '\u{feff}' => Some(Problem::ByteOrderMark),
        '\n' | '\r' | '\u{85}' | '\u{2028}' | '\u{2029}' => Some(Problem::LineBreak),
        '\t' => Some(Problem::Blank),
        char if char.is_control() => Some(Problem::Control(char)),
        char if is_invisible(char) => Some(Problem::Invisible(char)),
        _ => None,
    });
    if unseen.is_some() {
        return unseen;
    }
    let bare = value.trim();
    for scheme in ["Bearer", "Basic", "Authorization:"] {
        let rest = bare
            .get(..scheme.len())
            .filter(|start| start.eq_ignore_ascii_case(scheme));
        let follows = rest.and_then(|_| bare[scheme.len()..].chars().next());
        if rest.is_some()
            && (scheme.ends_with(':') || follows.is_some_and(|char| char.is_whitespace() || char == ':'))
        {
            return Some(Problem::Scheme(scheme));
        }
    }
    let is_quote = |char: char| {
        matches!(
            char,
            '"' | '\'' | '`' | '\u{2018}'..='\u{201f}' | '«' | '»' | '「' | '」' | '＂' | '＇'
        )
    };
    if bare.starts_with(is_quote) || bare.ends_with(is_quote) {
        return Some(Problem::Quotes);
    }
    if value.contains(char::is_whitespace) {
        return Some(Problem::Blank);
    }
    (!value.is_ascii()).then_some(Problem::NotAscii)
}

/// Characters that take no room, and those that only change what is around them.
fn is_invisible(char: char) -> bool {
    matches!(
        char,
        '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}' | '\u{180b}'..='\u{180f}'
            | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{2800}' | '\u{3164}'
            | '\u{fe00}'..='\u{fe0f}' | '\u{ffa0}' | '\u{fff0}'..='\u{fffb}' | '\u{e0000}'..='\u{e0fff}'
    )
}

#[cfg(test)]
mod tests {
    use crate::credentials::Credentials;

    #[test]
    fn what_is_wrong_is_named_and_no_secret_shown() {
        for (value, problem) in [
            ("YWMtk3-_x.y=", None),
            ("eyJhbGciOiJIUzI1NiJ9.e30.c2ln", None),
            ("it's+/=~\"x", None),
            ("Bearertoken", None),
            ("basics", None),
            ("", Some("is empty")),
            (" \n", Some("is empty")),
            ("\u{feff}YWMtx", Some("has a byte order mark")),
            ("YWMt\u{feff}x", Some("has a byte order mark")),
            ("\u{feff}\"YWMtx\"", Some("has a byte order mark")),
            ("YWMtx\n", Some("has a line break")),
            ("YWMt\r\nHost: x", Some("has a line break")),
            ("YWMt\u{2028}x", Some("has a line break")),
            ("YWMt\u{85}x", Some("has a line break")),
            ("YWMt\0x", Some("has a control character (U+0000)")),
            ("YWMt\u{1b}x", Some("has a control character (U+001B)")),
            ("YWMt\u{7f}x", Some("has a control character (U+007F)")),
            ("YWMt\u{9b}x", Some("has a control character (U+009B)")),
            ("YWMt\tx", Some("has a blank")),
            (" YWMtx", Some("has a blank")),
            ("YWMtx ", Some("has a blank")),
            ("YWMt\u{a0}x", Some("has a blank")),
            ("YWMt\u{3000}x", Some("has a blank")),
            ("\"YWMtx\"", Some("is in quotes")),
            ("'YWMtx'", Some("is in quotes")),
            ("\"YWMtx", Some("is in quotes")),
            ("“YWMtx”", Some("is in quotes")),
            ("`YWMtx`", Some("is in quotes")),
            ("Bearer YWMtx", Some("begins with `Bearer`")),
            ("bearer  YWMtx", Some("begins with `Bearer`")),
            ("BEARER\u{a0}YWMtx", Some("begins with `Bearer`")),
            ("Bearer:YWMtx", Some("begins with `Bearer`")),
            ("Basic YWMtx", Some("begins with `Basic`")),
            (
                "Authorization: Bearer YWMtx",
                Some("begins with `Authorization:`"),
            ),
            ("YWMt\u{200b}x", Some("has an invisible character (U+200B)")),
            ("YWMt\u{ad}x", Some("has an invisible character (U+00AD)")),
            ("YWMt\u{202e}x", Some("has an invisible character (U+202E)")),
            ("YWMt\u{e0041}x", Some("has an invisible character (U+E0041)")),
            ("YWMtｘ", Some("has a character in it that is not ASCII")),
            ("YWMté", Some("has a character in it that is not ASCII")),
        ] {
            for (what, credentials) in [
                ("token", Credentials::fixed_token(value)),
                ("client id", Credentials::client_secret(value, "YXA6secret")),
                ("client secret", Credentials::client_secret("YXA6id", value)),
            ] {
                let told = credentials.check().err();
                assert_eq!(told.is_some(), problem.is_some(), "{what} {value:?}: {told:?}");
                if let (Some(told), Some(problem)) = (told, problem) {
                    assert!(
                        told.to_string().starts_with(&format!("the {what} {problem}")),
                        "{value:?}: {told}"
                    );
                    assert!(!format!("{told} {told:?}").contains("YWMt"), "{told:?}");
                }
            }
        }
    }
}

//! Texts that cannot be a secret, though they may hold one: what copying and saving adds to it.

/// What keeps a text from being a secret; shows nothing of the text itself.
///
/// Reads as the end of a sentence: "the token begins with a byte order mark".
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum UnusableSecret {
    /// There is nothing.
    #[error("is empty")]
    Empty,
    /// A UTF-8 byte order mark, as some editors write it.
    #[error("begins with a byte order mark (U+FEFF); save the file as UTF-8 without BOM")]
    ByteOrderMark,
    /// Quotes around it, as in a shell script or a `.env` file.
    #[error("is in quotes; leave them out")]
    Quoted,
    /// The scheme of the `Authorization` header before it.
    #[error("begins with `{0}`; leave that out")]
    Scheme(&'static str),
    /// More than one line.
    #[error("has a line break in it")]
    LineBreak,
    /// A blank in it.
    #[error("has white space in it (U+{:04X})", *.0 as u32)]
    WhiteSpace(char),
    /// A control character in it.
    #[error("has a control character in it (U+{:04X})", *.0 as u32)]
    Control(char),
    /// A character that nobody sees, or one that a file in another encoding leaves behind.
    #[error("has an invisible or damaged character in it (U+{:04X})", *.0 as u32)]
    Invisible(char),
}

/// Checks that a token, client id or client secret holds nothing that was added to it by accident.
///
/// ```
/// use easemob_admin_api::{UnusableSecret, check_secret};
///
/// assert_eq!(check_secret("YXA6example"), Ok(()));
/// assert_eq!(check_secret("\"YXA6example\""), Err(UnusableSecret::Quoted));
/// assert_eq!(check_secret("Bearer YWMt"), Err(UnusableSecret::Scheme("Bearer")));
/// ```
///
/// # Errors
/// When it is empty, begins with a byte order mark or a scheme, begins or ends with a quote, or has white space, control
/// or invisible characters in it.
pub fn check_secret(text: &str) -> Result<(), UnusableSecret> {
    const QUOTES: [char; 13] = [
        '"', '\'', '`', '\u{2018}', '\u{2019}', '\u{201a}', '\u{201c}', '\u{201d}', '\u{201e}', '\u{ab}',
        '\u{bb}', '\u{300c}', '\u{300d}',
    ];
    if text.is_empty() {
        return Err(UnusableSecret::Empty);
    }
    if text.starts_with('\u{feff}') {
        return Err(UnusableSecret::ByteOrderMark);
    }
    for scheme in ["Bearer", "Basic"] {
        let head = text.get(..scheme.len());
        let behind = text.get(scheme.len()..).and_then(|rest| rest.chars().next());
        if head.is_some_and(|head| head.eq_ignore_ascii_case(scheme))
            && behind.is_some_and(|next| next.is_whitespace() || next == ':')
        {
            return Err(UnusableSecret::Scheme(scheme));
        }
    }
    if text.starts_with(QUOTES) || text.ends_with(QUOTES) {
        return Err(UnusableSecret::Quoted);
    }
    text.chars().try_for_each(|character| match character {
        '\n' | '\r' | '\u{b}' | '\u{c}' | '\u{85}' | '\u{2028}' | '\u{2029}' => {
            Err(UnusableSecret::LineBreak)
        }
        blank if blank.is_whitespace() => Err(UnusableSecret::WhiteSpace(blank)),
        control if control.is_control() => Err(UnusableSecret::Control(control)),
        hidden if is_invisible(hidden) => Err(UnusableSecret::Invisible(hidden)),
        _ => Ok(()),
    })
}

/// The characters of Unicode that are ignored when text is shown (`Default_Ignorable_Code_Point`), the one that stands
/// for bytes that could not be read, and private ones.
fn is_invisible(character: char) -> bool {
    matches!(
        character,
        '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}' | '\u{180b}'..='\u{180f}'
            | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{2800}'
            | '\u{3164}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{ffa0}' | '\u{fff0}'..='\u{fffd}'
            | '\u{e000}'..='\u{f8ff}' | '\u{e0000}'..='\u{e0fff}'
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_added_to_a_secret_is_named() {
        use UnusableSecret::{
            ByteOrderMark, Control, Empty, Invisible, LineBreak, Quoted, Scheme, WhiteSpace,
        };
        for (text, expected) in [
            ("YXA6abc", Ok(())),
            ("YWMt_-.~+/=", Ok(())),
            ("eyJhbGciOi.J9.x-y_z", Ok(())),
            ("s3cret!with\"inner\"quotes", Ok(())),
            ("Bearertoken", Ok(())),
            ("Basic", Ok(())),
            ("密码", Ok(())),
            ("", Err(Empty)),
            ("\u{feff}YXA6", Err(ByteOrderMark)),
            ("YX\u{feff}A6", Err(Invisible('\u{feff}'))),
            ("\"YXA6\"", Err(Quoted)),
            ("'YXA6'", Err(Quoted)),
            ("'YXA6", Err(Quoted)),
            ("YXA6\"", Err(Quoted)),
            ("`YXA6`", Err(Quoted)),
            ("\u{201c}YXA6\u{201d}", Err(Quoted)),
            ("\u{300c}YXA6\u{300d}", Err(Quoted)),
            ("Bearer YWMt", Err(Scheme("Bearer"))),
            ("bearer\tYWMt", Err(Scheme("Bearer"))),
            ("BEARER: YWMt", Err(Scheme("Bearer"))),
            ("Bearer\u{a0}YWMt", Err(Scheme("Bearer"))),
            ("Basic dTpw", Err(Scheme("Basic"))),
            ("YXA6\n", Err(LineBreak)),
            ("YXA6\r\nYXA6", Err(LineBreak)),
            ("YXA6\u{85}x", Err(LineBreak)),
            ("YXA6\u{2028}x", Err(LineBreak)),
            (" YXA6", Err(WhiteSpace(' '))),
            ("YX A6", Err(WhiteSpace(' '))),
            ("YXA6\t", Err(WhiteSpace('\t'))),
            ("YXA6\u{a0}", Err(WhiteSpace('\u{a0}'))),
            ("YXA6\u{3000}", Err(WhiteSpace('\u{3000}'))),
            ("YX\0A6", Err(Control('\0'))),
            ("YX\u{1b}[31mA6", Err(Control('\u{1b}'))),
            ("YXA6\u{7f}", Err(Control('\u{7f}'))),
            ("YXA6\u{9b}", Err(Control('\u{9b}'))),
            ("YX\u{200b}A6", Err(Invisible('\u{200b}'))),
            ("YXA6\u{ad}", Err(Invisible('\u{ad}'))),
            ("YX\u{202e}A6", Err(Invisible('\u{202e}'))),
            ("YX\u{e0041}A6", Err(Invisible('\u{e0041}'))),
            ("YX\u{fffd}A6", Err(Invisible('\u{fffd}'))),
        ] {
            assert_eq!(check_secret(text), expected, "{text:?}");
            if let (Err(problem), true) = (expected, text.len() > 3) {
                let said = problem.to_string();
                assert!(!said.contains("YXA6") && !said.contains("YWMt"), "{said}");
            }
        }
    }
}

//! Makes text from the server safe to show.

use std::borrow::Cow;
use std::fmt::{self, Write as _};

use crate::names::characters::{Class, class};

/// Replaces characters that could move the cursor, change colours or the reading direction, or be invisible.
///
/// Names come from devices, and so from anybody.
#[must_use]
pub fn harmless(text: &str) -> Cow<'_, str> {
    escaped(text, is_harmful, braced)
}

/// Replaces only control characters, including line ends: for programs, which read text as it is.
#[must_use]
pub fn one_line(text: &str) -> Cow<'_, str> {
    escaped(text, char::is_control, braced)
}

/// Does to JSON what [`harmless`] does to text, without a change for its reader: such characters occur only
/// in strings, and are written as `\u` escapes.
#[must_use]
pub fn harmless_json(json: &str) -> Cow<'_, str> {
    escaped(
        json,
        |character| character != '\n' && is_harmful(character),
        |safe, character| {
            let mut units = [0; 2];
            character
                .encode_utf16(&mut units)
                .iter()
                .try_for_each(|unit| write!(safe, "\\u{unit:04x}"))
        },
    )
}

/// Does the same to the JSON of a YAML document, which knows no pairs of surrogates.
#[must_use]
pub fn harmless_yaml(json: &str) -> Cow<'_, str> {
    escaped(
        json,
        |character| character != '\n' && is_harmful(character),
        |safe, character| write!(safe, "\\U{:08x}", u32::from(character)),
    )
}

/// Does the same to a line of CEF, where a backslash is written twice.
#[must_use]
pub fn harmless_cef(line: &str) -> Cow<'_, str> {
    escaped(line, is_harmful, |safe, character| {
        write!(safe, "\\\\u{{{:x}}}", u32::from(character))
    })
}

fn braced(safe: &mut String, character: char) -> fmt::Result {
    write!(safe, "\\u{{{:x}}}", u32::from(character))
}

fn escaped(
    text: &str,
    unwanted: fn(char) -> bool,
    write: fn(&mut String, char) -> fmt::Result,
) -> Cow<'_, str> {
    let plain = text.bytes().all(|byte| matches!(byte, b' '..=b'~'));
    if plain || !text.contains(unwanted) {
        return Cow::Borrowed(text);
    }
    let mut safe = String::with_capacity(text.len());
    for character in text.chars() {
        if unwanted(character) {
            // Writing to a string cannot fail.
            let _ = write(&mut safe, character);
        } else {
            safe.push(character);
        }
    }
    Cow::Owned(safe)
}

/// Returns true for invisible characters and those that control how other text is shown.
fn is_harmful(character: char) -> bool {
    matches!(
        class(character),
        Class::Control | Class::Invisible | Class::Meaningless
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escapes_what_a_terminal_would_obey() {
        assert_eq!(harmless("Pixel\u{1b}[2J\n批量"), "Pixel\\u{1b}[2J\\u{a}批量");
        assert_eq!(harmless("\u{202e}abc"), "\\u{202e}abc");
        assert_eq!(one_line("a\u{200d}\u{1b}\nb"), "a\u{200d}\\u{1b}\\u{a}b");
    }

    #[test]
    fn what_cannot_be_seen_is_written_out_in_every_form() {
        for (character, hidden) in [
            ('\u{7}', true),
            ('\u{1b}', true),
            ('\u{7f}', true),
            ('\u{85}', true),
            ('\u{9b}', true),
            ('\u{ad}', true),
            ('\u{34f}', true),
            ('\u{61c}', true),
            ('\u{115f}', true),
            ('\u{180e}', true),
            ('\u{200b}', true),
            ('\u{200f}', true),
            ('\u{2028}', true),
            ('\u{2029}', true),
            ('\u{202e}', true),
            ('\u{2066}', true),
            ('\u{2800}', true),
            ('\u{3164}', true),
            ('\u{fe0f}', true),
            ('\u{feff}', true),
            ('\u{fff9}', true),
            ('\u{e0041}', true),
            ('\u{e000}', true),
            ('\u{10ffff}', true),
            ('a', false),
            ('é', false),
            ('批', false),
            ('ａ', false),
            ('🙂', false),
            ('\u{301}', false),
        ] {
            let text = format!("x{character}y");
            assert_eq!(harmless(&text) != text, hidden, "{character:?}");
            assert_eq!(harmless_cef(&text) != text, hidden, "{character:?}");
            let json = serde_json::to_string(&text).unwrap();
            let safe = harmless_json(&json);
            assert_eq!(safe.contains(character), !hidden, "{character:?}");
            assert_eq!(
                serde_json::from_str::<String>(&safe).unwrap(),
                text,
                "{character:?}"
            );
        }
    }
}

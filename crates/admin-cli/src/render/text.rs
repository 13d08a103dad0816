//! Makes text from the server harmless for a terminal.

use std::borrow::Cow;
use std::fmt::Write as _;

/// Replaces characters that could move the cursor, change colours or turn the reading direction.
///
/// Names come from devices and therefore from anybody.
#[must_use]
pub fn harmless(text: &str) -> Cow<'_, str> {
    escaped(text, is_harmful)
}

/// Replaces control characters only, among them line ends: for programs, which see text as it is.
#[must_use]
pub fn one_line(text: &str) -> Cow<'_, str> {
    escaped(text, char::is_control)
}

fn escaped(text: &str, unwanted: fn(char) -> bool) -> Cow<'_, str> {
    let plain = text.bytes().all(|byte| matches!(byte, b' '..=b'~'));
    if plain || !text.contains(unwanted) {
        return Cow::Borrowed(text);
    }
    let mut safe = String::with_capacity(text.len());
    for character in text.chars() {
        if unwanted(character) {
            let _ = write!(safe, "\\u{{{:x}}}", u32::from(character));
        } else {
            safe.push(character);
        }
    }
    Cow::Owned(safe)
}

fn is_harmful(character: char) -> bool {
    character.is_control()
        || matches!(character, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
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
}

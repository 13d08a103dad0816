//! Classifies the characters of names, and guesses the intended name. Pure.

use std::borrow::Cow;
use std::fmt::Write as _;

use icu_normalizer::ComposingNormalizerBorrowed;
use icu_properties::props::{DefaultIgnorableCodePoint, GeneralCategory, Script};
use icu_properties::{CodePointMapData, CodePointSetData};

/// The role of a character in a name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Class {
    /// A letter or a digit.
    Word,
    /// A mark that is shown on the preceding letter.
    Mark,
    /// The ASCII space.
    Blank,
    /// Punctuation or a symbol.
    Sign,
    /// A control character, such as tab and line ends.
    Control,
    /// An invisible character, or one that only controls how others are shown.
    Invisible,
    /// A space other than the ASCII space.
    OddBlank,
    /// A replacement for a character that could not be decoded.
    Damaged,
    /// A character without an agreed meaning.
    Meaningless,
}

/// Returns the role of `character` in a name.
#[must_use]
pub fn class(character: char) -> Class {
    match character {
        'a'..='z' | 'A'..='Z' | '0'..='9' => return Class::Word,
        ' ' => return Class::Blank,
        '_' | '-' | '.' => return Class::Sign,
        // Unicode classifies Braille without dots as a symbol.
        '\u{2800}' => return Class::Invisible,
        '\u{fffd}' => return Class::Damaged,
        _ => {}
    }
    if CodePointSetData::new::<DefaultIgnorableCodePoint>().contains(character) {
        return Class::Invisible;
    }
    match CodePointMapData::<GeneralCategory>::new().get(character) {
        GeneralCategory::Control => Class::Control,
        GeneralCategory::Format | GeneralCategory::LineSeparator | GeneralCategory::ParagraphSeparator => {
            Class::Invisible
        }
        GeneralCategory::SpaceSeparator => Class::OddBlank,
        GeneralCategory::PrivateUse | GeneralCategory::Unassigned | GeneralCategory::Surrogate => {
            Class::Meaningless
        }
        GeneralCategory::NonspacingMark | GeneralCategory::SpacingMark | GeneralCategory::EnclosingMark => {
            Class::Mark
        }
        GeneralCategory::UppercaseLetter
        | GeneralCategory::LowercaseLetter
        | GeneralCategory::TitlecaseLetter
        | GeneralCategory::ModifierLetter
        | GeneralCategory::OtherLetter
        | GeneralCategory::DecimalNumber
        | GeneralCategory::LetterNumber
        | GeneralCategory::OtherNumber => Class::Word,
        _ => Class::Sign,
    }
}

/// Returns `text` with full-width and other compatibility forms replaced by the ordinary characters.
#[must_use]
pub fn ordinary(text: &str) -> Cow<'_, str> {
    if text.is_ascii() {
        return Cow::Borrowed(text);
    }
    ComposingNormalizerBorrowed::new_nfkc().normalize(text)
}

/// Returns what `text` looks like: ordinary characters, without invisible ones.
#[must_use]
pub fn as_seen(text: &str) -> Cow<'_, str> {
    if text.is_ascii() && !text.bytes().any(|byte| byte.is_ascii_control()) {
        return Cow::Borrowed(text.trim());
    }
    let unseen = |character: &char| matches!(class(*character), Class::Control | Class::Invisible);
    let seen: String = text.chars().filter(|character| !unseen(character)).collect();
    Cow::Owned(ordinary(&seen).trim().to_owned())
}

/// Returns the first letter of another script that is easily mistaken for a Latin letter, or digit of another
/// script, if there are Latin ones too.
#[must_use]
pub fn first_stranger(text: &str) -> Option<(usize, char)> {
    if text.is_ascii() {
        return None;
    }
    let scripts = CodePointMapData::<Script>::new();
    let latin = text
        .chars()
        .any(|character| character.is_ascii_digit() || scripts.get(character) == Script::Latin);
    let categories = CodePointMapData::<GeneralCategory>::new();
    let is_digit = |character: char| {
        !character.is_ascii() && categories.get(character) == GeneralCategory::DecimalNumber
    };
    let alike = |character: char| {
        let script = scripts.get(character);
        [
            Script::Cyrillic,
            Script::Greek,
            Script::Armenian,
            Script::Cherokee,
            Script::Coptic,
        ]
        .contains(&script)
    };
    text.chars()
        .enumerate()
        .find(|(_, character)| latin && (alike(*character) || is_digit(*character)))
}

/// Returns true if `character` can separate two names: a tab, a line end, or another separator.
#[must_use]
pub fn separates(character: char) -> bool {
    matches!(
        character,
        '\t'..='\r' | '\u{1c}'..='\u{1f}' | '\u{85}' | '\u{2028}' | '\u{2029}'
    )
}

/// Describes a character by its code point, and in words if it is invisible.
#[must_use]
pub fn named(character: char) -> String {
    let code = format!("U+{:04X}", u32::from(character));
    let words = match character {
        '\0' => "NUL",
        '\t' => "tab",
        '\n' => "line feed",
        '\r' => "carriage return",
        '\u{85}' => "next line",
        '\u{a0}' => "no-break space",
        '\u{ad}' => "soft hyphen",
        '\u{200b}' => "zero width space",
        '\u{200c}' => "zero width non-joiner",
        '\u{200d}' => "zero width joiner",
        '\u{200e}' => "left-to-right mark",
        '\u{200f}' => "right-to-left mark",
        '\u{2028}' => "line separator",
        '\u{2029}' => "paragraph separator",
        '\u{2060}' => "word joiner",
        '\u{2800}' => "blank Braille pattern",
        '\u{3000}' => "ideographic space",
        '\u{feff}' => "byte order mark",
        '\u{fffd}' => "replacement character",
        '\u{115f}' | '\u{1160}' | '\u{3164}' | '\u{ffa0}' => "Hangul filler",
        '\u{fe00}'..='\u{fe0f}' | '\u{e0100}'..='\u{e01ef}' => "variation selector",
        '\u{e0000}'..='\u{e007f}' => "tag",
        '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{61c}' => "text direction",
        _ => match class(character) {
            Class::Control => "control character",
            Class::Invisible => "invisible",
            Class::OddBlank => "a kind of space",
            Class::Meaningless => "without an agreed meaning",
            Class::Blank => "space",
            _ => return format!("{code} `{character}`"),
        },
    };
    format!("{code} ({words})")
}

/// Returns `text` with invisible and ambiguous characters written as code points.
#[must_use]
pub fn visible(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for character in text.chars() {
        match class(character) {
            Class::Word | Class::Blank | Class::Sign => shown.push(character),
            Class::Mark if !shown.is_empty() => shown.push(character),
            _ => {
                let _ = write!(shown, "\\u{{{:x}}}", u32::from(character));
            }
        }
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_of_character_has_its_class() {
        for (characters, expected) in [
            ("azAZ09é批日ñ", Class::Word),
            ("\u{301}\u{5b0}", Class::Mark),
            (" ", Class::Blank),
            ("_-.@,;\"'“”‘’«/#✓·。，", Class::Sign),
            ("\0\t\n\r\u{1b}\u{7f}\u{85}\u{9b}", Class::Control),
            (
                "\u{ad}\u{61c}\u{115f}\u{1160}\u{180e}\u{200b}\u{200c}\u{200d}\u{200e}\u{200f}\u{2028}\u{2029}\u{202a}\u{202e}",
                Class::Invisible,
            ),
            (
                "\u{2060}\u{2061}\u{2064}\u{2066}\u{2069}\u{2800}\u{3164}\u{fe0f}\u{feff}\u{ffa0}\u{fff9}\u{fffb}\u{e0001}\u{e0041}\u{e007f}\u{e0100}",
                Class::Invisible,
            ),
            (
                "\u{a0}\u{1680}\u{2000}\u{200a}\u{202f}\u{205f}\u{3000}",
                Class::OddBlank,
            ),
            ("\u{fffd}", Class::Damaged),
            ("\u{e000}\u{f8ff}\u{378}\u{ffff}\u{10fffe}", Class::Meaningless),
        ] {
            for character in characters.chars() {
                assert_eq!(class(character), expected, "{}", named(character));
            }
        }
    }

    #[test]
    fn what_a_name_looks_like() {
        for (text, seen) in [
            ("ann", "ann"),
            ("\u{feff}ann\u{200b}", "ann"),
            ("ａｎｎ", "ann"),
            ("\u{3000}ann\u{a0}", "ann"),
            ("jose\u{301}", "josé"),
            ("批量", "批量"),
        ] {
            assert_eq!(as_seen(text), seen);
        }
    }

    #[test]
    fn a_letter_of_another_script_is_found() {
        assert_eq!(first_stranger("аnn"), Some((0, 'а')));
        assert_eq!(first_stranger("bοb"), Some((1, 'ο')));
        for fine in ["ann", "анна", "张ann", "josé"] {
            assert_eq!(first_stranger(fine), None, "{fine}");
        }
    }

    #[test]
    fn what_cannot_be_seen_is_written_as_its_code_point() {
        assert_eq!(visible("a\u{200b}n\u{3164}\t批"), r"a\u{200b}n\u{3164}\u{9}批");
        assert_eq!(named('\u{200b}'), "U+200B (zero width space)");
        assert_eq!(named('，'), "U+FF0C `，`");
    }
}

//! Texts of people in headers, which hold ASCII only: as RFC 8187 writes them.
//!
//! A text that begins with `UTF-8''` is percent-encoded; any other one stands for itself.

use std::borrow::Cow;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode, utf8_percent_encode};

/// What a percent-encoded text begins with, in upper or lower case.
const ENCODED: &str = "UTF-8''";

/// The characters that stay as they are (`attr-char` of RFC 8187).
const PLAIN: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'!')
    .remove(b'#')
    .remove(b'$')
    .remove(b'&')
    .remove(b'+')
    .remove(b'-')
    .remove(b'.')
    .remove(b'^')
    .remove(b'_')
    .remove(b'`')
    .remove(b'|')
    .remove(b'~');

fn is_marked(text: &[u8]) -> bool {
    text.get(..ENCODED.len())
        .is_some_and(|start| start.eq_ignore_ascii_case(ENCODED.as_bytes()))
}

/// Writes a text for a header.
///
/// ```
/// use easemob_admin_api::header_text::encoded;
///
/// assert_eq!(encoded("leak, 50%"), "leak, 50%");
/// assert_eq!(encoded("泄露"), "UTF-8''%E6%B3%84%E9%9C%B2");
/// ```
#[must_use]
pub fn encoded(text: &str) -> Cow<'_, str> {
    let is_plain = text.bytes().all(|byte| (b' '..=b'~').contains(&byte));
    let is_whole = text.trim() == text;
    if is_plain && is_whole && !is_marked(text.as_bytes()) {
        return Cow::Borrowed(text);
    }
    Cow::Owned(format!("{ENCODED}{}", utf8_percent_encode(text, PLAIN)))
}

/// Reads a text from a header; `None` if it is not UTF-8, or has a `%` without two digits.
///
/// ```
/// use easemob_admin_api::header_text::decoded;
///
/// assert_eq!(decoded(b"UTF-8''%E6%B3%84%E9%9C%B2").as_deref(), Some("泄露"));
/// assert_eq!(decoded("泄露, 50%".as_bytes()).as_deref(), Some("泄露, 50%"));
/// assert_eq!(decoded(b"UTF-8''%E6%B3"), None);
/// ```
#[must_use]
pub fn decoded(value: &[u8]) -> Option<String> {
    if !is_marked(value) {
        return std::str::from_utf8(value).ok().map(str::to_owned);
    }
    let rest = &value[ENCODED.len()..];
    let is_sound = rest.is_ascii()
        && rest.split(|byte| *byte == b'%').skip(1).all(|part| {
            part.get(..2)
                .is_some_and(|digits| digits.iter().all(u8::is_ascii_hexdigit))
        });
    let text = percent_decode(rest).decode_utf8().ok().filter(|_| is_sound)?;
    Some(text.into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_text_comes_back_and_travels_as_ascii() {
        for text in [
            "leak",
            "50% of all",
            "泄露 leak",
            " a ",
            "",
            "UTF-8''x",
            "utf-8''x",
            "line\r\nx-other: 1",
            "🙂",
        ] {
            let sent = encoded(text);
            assert!(sent.bytes().all(|byte| (b' '..=b'~').contains(&byte)), "{sent}");
            assert_eq!(decoded(sent.as_bytes()).as_deref(), Some(text), "{sent}");
        }
    }

    #[test]
    fn what_is_damaged_is_no_text() {
        for value in [
            &b"UTF-8''%"[..],
            b"UTF-8''%4",
            b"UTF-8''%GG",
            b"UTF-8''%FF",
            "UTF-8''\u{6cc4}".as_bytes(),
            b"\xff",
        ] {
            assert_eq!(decoded(value), None, "{value:?}");
        }
        assert_eq!(decoded(b"UTF-8'en'%41").as_deref(), Some("UTF-8'en'%41"));
    }
}

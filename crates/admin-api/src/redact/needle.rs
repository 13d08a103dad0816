//! The forms in which a secret may come back, and how each is found. Pure.
//!
//! A text may mix escapes at will, so that it is not searched for every spelling: it is read by a reader that
//! understands them all (`%41`, `%2541`, `\u0041`, `\x41`, `\/`, `&#65;`, `&amp;`), and compared byte by byte.

/// The shortest secret that is searched for inside of words.
const WORD: usize = 6;

/// From this length on no ordinary text equals a secret by chance.
const UNMISTAKABLE: usize = 12;

/// How much of the beginning of a secret counts as the secret: a server may cut what it sends back.
const BEGINNING: usize = 12;

/// How many readings of one place are followed at a time.
const MOST_READINGS: usize = 32;

/// How bytes are compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Alphabet {
    Plain,
    /// The standard and the URL-safe alphabet are one.
    Base64,
    /// Upper and lower case are one.
    Hex,
}

impl Alphabet {
    fn same(self, wanted: u8, found: u8) -> bool {
        match self {
            Self::Plain => wanted == found || (wanted == b' ' && found == b'+'),
            Self::Base64 => wanted == found || matches!((wanted, found), (b'+', b'-') | (b'/', b'_')),
            Self::Hex => wanted.eq_ignore_ascii_case(&found),
        }
    }
}

/// One form of a secret.
pub(super) struct Needle {
    bytes: Vec<u8>,
    alphabet: Alphabet,
    /// Found only as a word of its own: it is too short to be anything else by chance.
    bounded: bool,
    /// Cannot be a part of anything else, such as a name.
    pub(super) unmistakable: bool,
}

/// Returns the forms of `secret`; `contexts` are texts with the secret in them that are sent as they are.
pub(super) fn forms(secret: &str, contexts: &[String]) -> Vec<Needle> {
    let mut needles = Vec::new();
    let bytes = secret.as_bytes();
    let unmistakable = bytes.len() >= UNMISTAKABLE;
    if bytes.len() > 1 {
        needles.push(Needle {
            bytes: bytes.to_vec(),
            alphabet: Alphabet::Plain,
            bounded: bytes.len() < WORD,
            unmistakable,
        });
    }
    if bytes.len() >= WORD {
        needles.extend(coded(bytes, unmistakable));
    }
    if !unmistakable {
        for context in contexts.iter().filter(|_| !bytes.is_empty()) {
            needles.push(Needle {
                bytes: context.as_bytes().to_vec(),
                alphabet: Alphabet::Plain,
                bounded: true,
                unmistakable: true,
            });
            needles.extend(coded(context.as_bytes(), true));
        }
    }
    needles
}

fn coded(bytes: &[u8], unmistakable: bool) -> impl Iterator<Item = Needle> {
    let needle = move |bytes, alphabet| Needle {
        bytes,
        alphabet,
        bounded: false,
        unmistakable,
    };
    let base64 = (0..3).map(|before| (base64_inside(bytes, before), Alphabet::Base64));
    let hex = bytes.iter().flat_map(|byte| format!("{byte:02x}").into_bytes());
    base64
        .chain([(hex.collect(), Alphabet::Hex)])
        .map(move |(bytes, alphabet)| needle(bytes, alphabet))
        .collect::<Vec<_>>()
        .into_iter()
}

/// The base64 of `bytes` behind `before` others, without the digits that depend on what is around.
fn base64_inside(bytes: &[u8], before: usize) -> Vec<u8> {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let (first, end) = ((before * 8).div_ceil(6), (before + bytes.len()) * 8 / 6);
    let bit = |position: usize| {
        let byte = bytes.get((position / 8).wrapping_sub(before)).copied();
        usize::from(byte.unwrap_or_default() >> (7 - position % 8) & 1)
    };
    (first..end)
        .map(|digit| DIGITS[(digit * 6..digit * 6 + 6).fold(0, |value, position| value << 1 | bit(position))])
        .collect()
}

/// A place in the text and one in the needle.
#[derive(Clone, Copy)]
struct Reading {
    at: usize,
    matched: usize,
}

impl Needle {
    pub(super) fn length(&self) -> usize {
        self.bytes.len()
    }

    /// Every two bytes of a text that it may begin with, however escaped.
    pub(super) fn beginnings(&self) -> impl Iterator<Item = [u8; 2]> {
        let firsts = (0..=u8::MAX).filter(|first| self.may_begin_with(*first));
        firsts.flat_map(move |first| {
            let seconds = (0..=u8::MAX).filter(move |second| self.may_go_on_with(first, *second));
            seconds.map(move |second| [first, second])
        })
    }

    fn may_begin_with(&self, first: u8) -> bool {
        is_escape(first) || self.is(0, first)
    }

    fn may_go_on_with(&self, first: u8, second: u8) -> bool {
        is_escape(first) || is_escape(second) || is_between(second) || self.is(1, second)
    }

    /// Whether the byte at `place` is this one; behind its end, any is.
    fn is(&self, place: usize, found: u8) -> bool {
        self.bytes
            .get(place)
            .is_none_or(|wanted| self.alphabet.same(*wanted, found))
    }

    /// Returns where the needle ends that begins at `start`, if one does.
    pub(super) fn end(&self, text: &[u8], start: usize) -> Option<usize> {
        match text.get(start..start + 2) {
            Some(&[first, second]) if self.may_begin_with(first) && self.may_go_on_with(first, second) => {}
            _ => return None,
        }
        let mut readings = vec![Reading {
            at: start,
            matched: 0,
        }];
        let mut furthest = Reading {
            at: start,
            matched: 0,
        };
        while let Some(reading) = readings.pop() {
            if reading.matched > furthest.matched {
                furthest = reading;
            }
            if reading.matched == self.bytes.len() {
                if !self.bounded || is_apart(text, start, reading.at) {
                    return Some(reading.at);
                }
                continue;
            }
            let wanted = &self.bytes[reading.matched..];
            let mut follow = |length: usize, matched: usize| {
                if readings.len() < MOST_READINGS {
                    readings.push(Reading {
                        at: reading.at + length,
                        matched: reading.matched + matched,
                    });
                }
            };
            let rest = &text[reading.at..];
            let Some(&found) = rest.first() else { continue };
            if self.alphabet.same(wanted[0], found) {
                follow(1, 1);
            } else if reading.matched > 0 {
                match rest {
                    [between, ..] if is_between(*between) => follow(1, 0),
                    [b'\\', b'r' | b'n', ..] => follow(2, 0),
                    _ => {}
                }
            }
            if is_escape(found) {
                for (length, meant) in escapes(rest) {
                    let mut utf8 = [0; 4];
                    let meant: &[u8] = match meant {
                        Meant::Byte(byte) => {
                            utf8[0] = byte;
                            &utf8[..1]
                        }
                        Meant::Char(char) => char.encode_utf8(&mut utf8).as_bytes(),
                    };
                    let same = |(wanted, found): (&u8, &u8)| self.alphabet.same(*wanted, *found);
                    if wanted.len() >= meant.len() && wanted.iter().zip(meant).all(same) {
                        follow(length, meant.len());
                    }
                }
            }
        }
        let beginning = match self.alphabet {
            Alphabet::Plain => BEGINNING,
            Alphabet::Base64 => BEGINNING * 4 / 3,
            Alphabet::Hex => BEGINNING * 2,
        };
        (!self.bounded && furthest.matched >= beginning).then_some(furthest.at)
    }
}

/// True for what may be between any two bytes: long lines are broken, and texts of two bytes a character are full of zeros.
fn is_between(byte: u8) -> bool {
    matches!(byte, b'\r' | b'\n' | 0)
}

/// True for what begins an escape.
fn is_escape(byte: u8) -> bool {
    matches!(byte, b'%' | b'\\' | b'&')
}

enum Meant {
    Byte(u8),
    Char(char),
}

/// Returns what an escape at the beginning of `text` may mean, with its length.
fn escapes(text: &[u8]) -> Vec<(usize, Meant)> {
    match text {
        [b'%', ..] => percent(text),
        [b'\\', ..] => backslash(text),
        [b'&', ..] => entity(text),
        _ => Vec::new(),
    }
}

fn hex(digits: &[u8]) -> Option<u32> {
    let text = std::str::from_utf8(digits).ok()?;
    let all = !digits.is_empty() && digits.iter().all(u8::is_ascii_hexdigit);
    all.then(|| u32::from_str_radix(text, 16).ok()).flatten()
}

/// `%41`, and `%2541` and so on, where it was encoded more than once.
fn percent(text: &[u8]) -> Vec<(usize, Meant)> {
    let mut meanings = Vec::new();
    let mut at = 1;
    while let Some(value) = text.get(at..at + 2).and_then(hex) {
        meanings.extend(u8::try_from(value).map(|byte| (at + 2, Meant::Byte(byte))));
        if value != u32::from(b'%') || meanings.len() > 4 {
            break;
        }
        at += 2;
    }
    meanings
}

/// `\u0041`, `\x41`, `\/`, and so on, with any number of backslashes, where it was escaped more than once.
fn backslash(text: &[u8]) -> Vec<(usize, Meant)> {
    let run = text.iter().take_while(|byte| **byte == b'\\').count();
    let mut meanings = Vec::new();
    meanings.extend(
        [2, 4, 8]
            .into_iter()
            .filter(|length| *length <= run)
            .map(|length| (length, Meant::Byte(b'\\'))),
    );
    match text.get(run) {
        Some(b'u') => {
            let digits = |at: usize| text.get(at..at + 4).and_then(hex);
            let high = digits(run + 1);
            if let Some(char) = high.and_then(char::from_u32) {
                meanings.push((run + 5, Meant::Char(char)));
            } else if let (Some(high), Some(low)) = (high, digits(run * 2 + 6))
                && let Some(Ok(char)) = u16::try_from(high)
                    .ok()
                    .zip(u16::try_from(low).ok())
                    .and_then(|(high, low)| char::decode_utf16([high, low]).next())
            {
                meanings.push((run * 2 + 10, Meant::Char(char)));
            }
        }
        Some(b'x') => {
            let value = text.get(run + 1..run + 3).and_then(hex);
            meanings.extend(
                value
                    .and_then(|value| u8::try_from(value).ok())
                    .map(|byte| (run + 3, Meant::Byte(byte))),
            );
        }
        Some(escaped @ (b'/' | b'"' | b'\'')) => meanings.push((run + 1, Meant::Byte(*escaped))),
        _ => {}
    }
    meanings
}

/// `&#65;`, `&#x41;` and the names that are in use, with any number of `amp;`, where it was escaped more than once.
fn entity(text: &[u8]) -> Vec<(usize, Meant)> {
    const NAMES: [(&str, u8); 12] = [
        ("amp;", b'&'),
        ("lt;", b'<'),
        ("gt;", b'>'),
        ("quot;", b'"'),
        ("apos;", b'\''),
        ("sol;", b'/'),
        ("plus;", b'+'),
        ("equals;", b'='),
        ("lowbar;", b'_'),
        ("period;", b'.'),
        ("colon;", b':'),
        ("nbsp;", b' '),
    ];
    let mut meanings = Vec::new();
    let mut at = 1;
    loop {
        let rest = &text[at..];
        if let Some((name, byte)) = NAMES.iter().find(|(name, _)| rest.starts_with(name.as_bytes())) {
            meanings.push((at + name.len(), Meant::Byte(*byte)));
        }
        let (digits, radix) = match rest {
            [b'#', b'x' | b'X', digits @ ..] => (digits, 16),
            [b'#', digits @ ..] => (digits, 10),
            _ => (&[][..], 10),
        };
        let is_digit = |byte: &&u8| char::from(**byte).is_digit(radix);
        let count = digits.iter().take(8).take_while(is_digit).count();
        let value = std::str::from_utf8(&digits[..count])
            .ok()
            .and_then(|digits| u32::from_str_radix(digits, radix).ok());
        if let Some(char) = value.and_then(char::from_u32) {
            let end = text.len() - digits.len() + count;
            let semicolon = usize::from(text.get(end) == Some(&b';'));
            meanings.push((end + semicolon, Meant::Char(char)));
        }
        if !rest.starts_with(b"amp;") || meanings.len() > 4 {
            return meanings;
        }
        at += 4;
    }
}

/// True if what is found is a word of its own.
fn is_apart(text: &[u8], start: usize, end: usize) -> bool {
    let word = |byte: &u8| byte.is_ascii_alphanumeric();
    let before = &text[..start];
    // What precedes may be written as an escape, whose last digit is no letter of a word.
    let escaped = before.len() >= 3 && before[before.len() - 3] == b'%'
        || before.len() >= 6 && before[before.len() - 6..].starts_with(b"\\u");
    (escaped || !before.last().is_some_and(word)) && !text.get(end).is_some_and(word)
}

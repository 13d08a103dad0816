//! Recognises bytes that are not UTF-8 text, so that the message can say how to convert them. Pure.

use std::path::Path;

/// What bytes seem to be instead of UTF-8 text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Foreign {
    /// UTF-16 text that starts with a byte order mark.
    Utf16,
    /// UTF-16 text without a byte order mark, low byte first.
    Utf16Le,
    /// UTF-16 text without a byte order mark, high byte first.
    Utf16Be,
    /// UTF-32 text.
    Utf32,
    /// Chinese text in GBK or GB18030.
    Gbk,
    /// Text in another encoding.
    Other,
    /// A workbook of a spreadsheet program, or another archive.
    Archive,
    /// A file compressed with `gzip`.
    Gzip,
    /// Not text.
    Binary,
}

impl Foreign {
    /// Returns a description that completes `it is `.
    #[must_use]
    pub fn words(self) -> &'static str {
        match self {
            Self::Utf16 | Self::Utf16Le | Self::Utf16Be => "UTF-16",
            Self::Utf32 => "UTF-32",
            Self::Gbk => "not UTF-8 and looks like GBK",
            Self::Other => "not UTF-8",
            Self::Archive => "an Excel workbook or another archive, not text",
            Self::Gzip => "compressed with gzip",
            Self::Binary => "binary, not text",
        }
    }

    /// Returns the command that converts `file` to UTF-8 text; without a file, the command for a pipe.
    #[must_use]
    pub fn remedy(self, file: Option<&Path>) -> String {
        let (program, advice) = match self {
            Self::Utf16 => ("iconv -f UTF-16 -t UTF-8", None),
            Self::Utf16Le => ("iconv -f UTF-16LE -t UTF-8", None),
            Self::Utf16Be => ("iconv -f UTF-16BE -t UTF-8", None),
            Self::Utf32 => ("iconv -f UTF-32 -t UTF-8", None),
            Self::Gbk => ("iconv -f GB18030 -t UTF-8", None),
            Self::Gzip => ("gzip -dc", None),
            Self::Other => ("", Some("save it as UTF-8, one name per line")),
            Self::Archive => ("", Some("export the column with the users as text (CSV, UTF-8)")),
            Self::Binary => ("", Some("use UTF-8 text, one name per line")),
        };
        match (advice, file) {
            (Some(advice), _) => advice.into(),
            (None, Some(file)) => format!("convert it: {program} {} > utf8.txt", quoted(file)),
            (None, None) => format!("convert it in the pipe: … | {program} | easemob-admin …"),
        }
    }
}

/// Quotes a path for a shell, if necessary.
#[must_use]
pub fn quoted(path: &Path) -> String {
    let text = path.display().to_string();
    let plain = |character: char| character.is_ascii_alphanumeric() || "/._-+".contains(character);
    if !text.is_empty() && text.chars().all(plain) {
        return text;
    }
    format!("'{}'", text.replace('\'', r"'\''"))
}

/// Returns what a file is by its first bytes, if they cannot be UTF-8 text.
#[must_use]
pub fn by_beginning(bytes: &[u8]) -> Option<Foreign> {
    match bytes {
        [0xff, 0xfe, 0, 0, ..] | [0, 0, 0xfe, 0xff, ..] => Some(Foreign::Utf32),
        [0xff, 0xfe, ..] | [0xfe, 0xff, ..] => Some(Foreign::Utf16),
        [b'P', b'K', 3 | 5, 4 | 6, ..] => Some(Foreign::Archive),
        [0x1f, 0x8b, 8, ..] => Some(Foreign::Gzip),
        _ => None,
    }
}

/// Returns what a file is by its first line, which contains NUL bytes.
#[must_use]
pub fn with_nul(first_line: &[u8]) -> Foreign {
    let count = |parity: usize| {
        let bytes = first_line.iter().skip(parity).step_by(2);
        bytes.filter(|byte| **byte == 0).count()
    };
    // The high byte of Latin letters and line ends is zero, and one NUL in four bytes is more than chance.
    // Chinese characters seldom have a zero byte, so only the line end shows the byte order.
    let many = |nuls: usize| nuls * 4 >= first_line.len();
    match (count(0), count(1)) {
        (0, odd) if many(odd) || first_line.ends_with(b"\r\0") => Foreign::Utf16Le,
        (even, 0) if many(even) || first_line.ends_with(b"\0\r\0") => Foreign::Utf16Be,
        _ => Foreign::Binary,
    }
}

/// Returns what bytes without NUL that are not UTF-8 seem to be.
#[must_use]
pub fn not_utf8(bytes: &[u8]) -> Foreign {
    let (mut common, mut rare) = (0_usize, 0_usize);
    let mut rest = bytes;
    loop {
        rest = match rest {
            [] => break,
            [0..=0x7f, rest @ ..] => rest,
            // The characters of GB 2312 make up nearly all of any Chinese text.
            [0xa1..=0xf7, 0xa1..=0xfe, rest @ ..] => {
                common += 1;
                rest
            }
            [0x81..=0xfe, 0x40..=0x7e | 0x80..=0xfe, rest @ ..]
            | [0x81..=0xfe, b'0'..=b'9', 0x81..=0xfe, b'0'..=b'9', rest @ ..] => {
                rare += 1;
                rest
            }
            _ => return Foreign::Other,
        };
    }
    if common > rare {
        Foreign::Gbk
    } else {
        Foreign::Other
    }
}

/// Reads a whole text.
///
/// # Errors
/// When it is not UTF-8: returns the line, counted from 1, and what the bytes seem to be.
pub fn text(bytes: &[u8]) -> Result<&str, (usize, Foreign)> {
    if let Some(foreign) = by_beginning(bytes) {
        return Err((1, foreign));
    }
    let line_of = |at: usize| bytes.iter().take(at).filter(|byte| **byte == b'\n').count() + 1;
    let line = |at: usize| {
        bytes
            .split(|byte| *byte == b'\n')
            .nth(line_of(at) - 1)
            .unwrap_or_default()
    };
    if let Some(at) = bytes.iter().position(|byte| *byte == 0) {
        let foreign = if line_of(at) == 1 {
            with_nul(line(at))
        } else {
            Foreign::Binary
        };
        return Err((line_of(at), foreign));
    }
    std::str::from_utf8(bytes).map_err(|error| {
        let at = error.valid_up_to();
        (line_of(at), not_utf8(line(at)))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn utf16(text: &str, low_first: bool) -> Vec<u8> {
        let bytes = |unit: u16| {
            if low_first {
                unit.to_le_bytes()
            } else {
                unit.to_be_bytes()
            }
        };
        text.encode_utf16().flat_map(bytes).collect()
    }

    #[test]
    fn each_foreign_text_is_recognised_with_its_line() {
        for (bytes, expected) in [
            (b"\xff\xfea\0n\0n\0".to_vec(), (1, Foreign::Utf16)),
            (b"\xfe\xff\0a\0n\0n".to_vec(), (1, Foreign::Utf16)),
            (b"\xff\xfe\0\0a\0\0\0".to_vec(), (1, Foreign::Utf32)),
            (utf16("ann\nbob\n", true), (1, Foreign::Utf16Le)),
            (utf16("ann\r\nbob\r\n", false), (1, Foreign::Utf16Be)),
            (utf16("用户名\r\n", true), (1, Foreign::Utf16Le)),
            (utf16("用户名\r\n", false), (1, Foreign::Utf16Be)),
            (b"annabel\0\nbob\n".to_vec(), (1, Foreign::Binary)),
            // 张三, 用户名 and 批量 in GBK; 镕 and 𠮷 only in its extensions.
            (b"ann\n\xd5\xc5\xc8\xfd\n".to_vec(), (2, Foreign::Gbk)),
            (b"\xd3\xc3\xbb\xa7\xc3\xfb\nann\n".to_vec(), (1, Foreign::Gbk)),
            (b"a\nb\nuser_\xc5\xfa\xc1\xbf01\n".to_vec(), (3, Foreign::Gbk)),
            (b"\xd6\xec\xe9F\xbb\xf9\n".to_vec(), (1, Foreign::Gbk)),
            (b"\xd5\xc5\xc8\xfd\x950\xe96\n".to_vec(), (1, Foreign::Gbk)),
            // José and Gérard in Latin-1.
            (b"jos\xe9\n".to_vec(), (1, Foreign::Other)),
            (b"g\xe9rard\n".to_vec(), (1, Foreign::Other)),
            (b"ann\n\xff\xff\n".to_vec(), (2, Foreign::Other)),
            (b"PK\x03\x04\x14\0".to_vec(), (1, Foreign::Archive)),
            (b"\x1f\x8b\x08\0\0".to_vec(), (1, Foreign::Gzip)),
            (b"ann\n\x7fELF\0\0\0".to_vec(), (2, Foreign::Binary)),
            (b"\x7fELF\x02\x01\x01\0\0\0".to_vec(), (1, Foreign::Binary)),
        ] {
            assert_eq!(text(&bytes), Err(expected), "{bytes:02x?}");
        }
        for fine in ["", "ann\n", "\u{feff}批量\n", "josé"] {
            assert_eq!(text(fine.as_bytes()), Ok(fine));
        }
    }

    #[test]
    fn the_remedy_can_be_pasted() {
        let remedy = |foreign: Foreign, path: &str| foreign.remedy(Some(Path::new(path)));
        assert_eq!(
            remedy(Foreign::Gbk, "my list.txt"),
            "convert it: iconv -f GB18030 -t UTF-8 'my list.txt' > utf8.txt"
        );
        assert_eq!(
            remedy(Foreign::Utf16Le, "/tmp/users.txt"),
            "convert it: iconv -f UTF-16LE -t UTF-8 /tmp/users.txt > utf8.txt"
        );
        assert!(
            Foreign::Utf16
                .remedy(None)
                .contains("| iconv -f UTF-16 -t UTF-8 |")
        );
    }
}

//! How far an answer has come that is read in pieces: what its first piece says of the whole, and whether its end was reached.

/// Follows the brackets of a JSON object. Pure.
#[derive(Debug, Default)]
pub(crate) struct Outline {
    depth: usize,
    in_text: bool,
    escaped: bool,
    ended: bool,
    read: usize,
    /// Where the last field ends that has been read to its end, or the object begins.
    whole_until: usize,
    /// Where the value of the field begins that is being read.
    value: Option<usize>,
}

/// The text is not one JSON object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct NotAnObject;

impl Outline {
    /// Reads on.
    ///
    /// # Errors
    /// When the text begins or goes on as no object does.
    pub(crate) fn read(&mut self, piece: &[u8]) -> Result<(), NotAnObject> {
        for byte in piece {
            self.byte(*byte)?;
            self.read += 1;
        }
        Ok(())
    }

    fn byte(&mut self, byte: u8) -> Result<(), NotAnObject> {
        if self.in_text {
            match byte {
                _ if self.escaped => self.escaped = false,
                b'\\' => self.escaped = true,
                b'"' => self.in_text = false,
                _ => {}
            }
            return Ok(());
        }
        if byte.is_ascii_whitespace() {
            return Ok(());
        }
        if self.ended || (self.depth == 0 && byte != b'{') {
            return Err(NotAnObject);
        }
        match byte {
            b'"' => self.in_text = true,
            b'{' | b'[' => {
                self.depth += 1;
                if self.depth == 1 {
                    self.whole_until = self.read + 1;
                }
            }
            b'}' | b']' => {
                self.depth -= 1;
                self.ended = self.depth == 0;
            }
            b':' if self.depth == 1 => self.value = Some(self.read + 1),
            b',' if self.depth == 1 => (self.whole_until, self.value) = (self.read, None),
            _ => {}
        }
        Ok(())
    }

    /// Returns true if the object has ended.
    pub(crate) fn is_whole(&self) -> bool {
        self.ended
    }

    /// Returns an object with the fields that the beginning of the text has; the one that it breaks off in is empty.
    pub(crate) fn beginning(&self, text: &[u8]) -> Vec<u8> {
        let value = self.value.and_then(|at| {
            let first = text.get(at..)?.iter().find(|byte| !byte.is_ascii_whitespace())?;
            let empty: &[u8] = match first {
                b'[' => b"[]}",
                b'{' => b"{}}",
                b'"' => b"\"\"}",
                _ => b"null}",
            };
            Some([&text[..at], empty].concat())
        });
        value.unwrap_or_else(|| [&text[..self.whole_until.min(text.len())], b"}"].concat())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<Outline, NotAnObject> {
        let mut outline = Outline::default();
        // One byte after the other: a piece may end anywhere.
        for byte in text.bytes() {
            outline.read(&[byte])?;
        }
        Ok(outline)
    }

    #[test]
    fn every_beginning_of_an_answer_is_an_object_and_only_the_whole_has_ended() {
        let whole = r#" {"action":"get","entities":[{"a":"}],\"","b":{"c":[1,2]}},{}],"data" : {"x":null},"n":-1.5e3,"count":2} "#;
        let end = whole.rfind('}').unwrap();
        for length in whole.find('{').unwrap() + 1..=whole.len() {
            let text = &whole[..length];
            let outline = read(text).unwrap();
            assert_eq!(outline.is_whole(), length > end, "{text}");
            if !outline.is_whole() {
                let beginning = outline.beginning(text.as_bytes());
                let value: serde_json::Value = serde_json::from_slice(&beginning)
                    .unwrap_or_else(|error| panic!("{error}: {}", String::from_utf8_lossy(&beginning)));
                assert!(value.is_object());
                if text.contains("[1") {
                    assert_eq!(value["action"], "get", "{text}");
                    assert!(value["entities"].is_array(), "{text}");
                }
            }
        }
    }

    #[test]
    fn a_value_that_breaks_off_is_an_empty_one_of_its_kind() {
        for (text, beginning) in [
            (r#"{"a":[1,"#, r#"{"a":[]}"#),
            (r#"{"a": {"b":"#, r#"{"a":{}}"#),
            (r#"{"a":"te"#, r#"{"a":""}"#),
            (r#"{"a":12"#, r#"{"a":null}"#),
            (r#"{"a":1,"b"#, r#"{"a":1}"#),
            (r#"{"a":1,"b":"#, r#"{"a":1}"#),
        ] {
            let found = read(text).unwrap().beginning(text.as_bytes());
            assert_eq!(String::from_utf8(found).unwrap(), beginning, "{text}");
        }
    }

    #[test]
    fn what_is_no_object_is_found() {
        for text in ["[", "<html>", "x", "\"", "{}{", "{}x", "]"] {
            assert!(read(text).is_err(), "{text}");
        }
        for text in ["", " ", "{", "{\"a\":[}", "{\"a\":\"}"] {
            assert!(read(text).is_ok_and(|outline| !outline.is_whole()), "{text}");
        }
    }
}

//! Reads a catalogue in the format of gettext.

use std::collections::BTreeMap;

/// Reads the sentences and their translations. Comments, and an entry without a sentence, are skipped.
///
/// # Errors
/// When a line is none of a catalogue, or a sentence stands in it twice or without a translation.
pub(crate) fn parse(text: &str) -> Result<BTreeMap<String, String>, String> {
    let mut sentences = BTreeMap::new();
    let mut entry: [Option<String>; 2] = [None, None];
    let mut part = 0;
    for (line, number) in text.lines().chain([""]).zip(1..) {
        let wrong = |why: &str| format!("zh-CN.po, line {number}: {why}");
        let line = line.trim();
        if line.starts_with('#') {
            continue;
        }
        if line.is_empty() {
            match std::mem::take(&mut entry) {
                [None, None] => {}
                [Some(english), Some(_)] if english.is_empty() => {}
                [Some(english), Some(chinese)] if !chinese.is_empty() => {
                    if sentences.insert(english, chinese).is_some() {
                        return Err(wrong("the sentence before this line is there twice"));
                    }
                }
                _ => return Err(wrong("the entry before this line has no translation")),
            }
            continue;
        }
        let quoted = if let Some(text) = line.strip_prefix("msgid ") {
            part = 0;
            text
        } else if let Some(text) = line.strip_prefix("msgstr ") {
            part = 1;
            text
        } else {
            line
        };
        let text = unquoted(quoted).ok_or_else(|| wrong("expected a text in quotes"))?;
        entry[part].get_or_insert_default().push_str(&text);
    }
    Ok(sentences)
}

fn unquoted(text: &str) -> Option<String> {
    let inner = text.strip_prefix('"')?.strip_suffix('"')?;
    let mut plain = String::with_capacity(inner.len());
    let mut characters = inner.chars();
    while let Some(character) = characters.next() {
        plain.push(match character {
            '\\' => match characters.next()? {
                'n' => '\n',
                same @ ('"' | '\\') => same,
                _ => return None,
            },
            '"' => return None,
            other => other,
        });
    }
    Some(plain)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sentences_may_take_several_lines() {
        let text = "# words\nmsgid \"\"\nmsgstr \"Language: zh\\n\"\n\nmsgid \"a \"\n\"\\\"b\\\"\"\nmsgstr \"甲\\n乙\"";
        let sentences = parse(text).unwrap();
        assert_eq!(
            sentences.into_iter().collect::<Vec<_>>(),
            [("a \"b\"".to_owned(), "甲\n乙".to_owned())]
        );
    }

    #[test]
    fn what_is_no_catalogue_is_refused_with_its_line() {
        for (text, why) in [
            ("msgid \"a\"\nmsgstr \"\"", "line 3: the entry before"),
            ("msgid \"a\"", "line 2: the entry before"),
            ("msgid a", "line 1: expected"),
            ("msgid \"\\x\"", "line 1: expected"),
            (
                "msgid \"a\"\nmsgstr \"b\"\n\nmsgid \"a\"\nmsgstr \"c\"",
                "line 6: the sentence before",
            ),
        ] {
            let error = parse(text).unwrap_err();
            assert!(error.contains(why), "{text}: {error}");
        }
    }

    #[test]
    fn the_catalogue_can_be_read() {
        assert!(!parse(crate::CHINESE).unwrap().is_empty());
    }
}

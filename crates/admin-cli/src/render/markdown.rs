//! Writes text of others into Markdown, where it can neither become markup nor leave its place.

use std::borrow::Cow;

use easemob_admin_ops::names::harmless::harmless;

/// Returns text for a line of prose or a cell of a table.
#[must_use]
pub fn text(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in one_line(text).chars() {
        match character {
            // A backslash does not protect these everywhere: in HTML, in a cell, or before a name that is mentioned.
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '|' => escaped.push_str("&#124;"),
            '@' => escaped.push_str("&#64;"),
            '\\' | '`' | '*' | '_' | '[' | ']' | '~' | '#' | '!' | '$' | '{' | '}' => {
                escaped.push('\\');
                escaped.push(character);
            }
            other => escaped.push(other),
        }
    }
    escaped
}

/// Returns text as code within a line; not for a cell of a table, where a bar would end it.
#[must_use]
pub fn code(text: &str) -> String {
    let text = one_line(text);
    let fence = "`".repeat(longest_run_of_backticks(&text) + 1);
    // Code that begins or ends with a backtick, and code without anything, needs space around it.
    let space = if text.trim().is_empty() || text.starts_with('`') || text.ends_with('`') {
        " "
    } else {
        ""
    };
    format!("{fence}{space}{text}{space}{fence}")
}

/// Returns lines as a block of code.
#[must_use]
pub fn block(lines: &[String]) -> String {
    let longest = lines.iter().map(|line| longest_run_of_backticks(line)).max();
    let fence = "`".repeat(longest.unwrap_or(0).max(2) + 1);
    let mut block = format!("{fence}sh\n");
    for line in lines {
        block.push_str(&one_line(line));
        block.push('\n');
    }
    block + &fence
}

/// Returns text without line breaks and without characters that control a terminal or the direction of writing.
fn one_line(text: &str) -> Cow<'_, str> {
    harmless(text)
}

fn longest_run_of_backticks(text: &str) -> usize {
    text.split(|character| character != '`')
        .map(str::len)
        .max()
        .unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_stays_text() {
        for (given, expected) in [
            ("ann", "ann"),
            ("a|b", "a&#124;b"),
            ("\\|", "\\\\&#124;"),
            ("<img src=x>", "&lt;img src=x&gt;"),
            ("`x`", "\\`x\\`"),
            ("[a](http://b)", "\\[a\\](http://b)"),
            ("@all #1", "&#64;all \\#1"),
            ("&lt;", "&amp;lt;"),
        ] {
            assert_eq!(text(given), expected, "{given}");
        }
    }

    #[test]
    fn no_text_leaves_its_line() {
        for given in [
            "a\nb",
            "a\r\n# b",
            "a\u{2028}b",
            "a\u{85}b",
            "a\u{b}b",
            "a\u{202e}b",
        ] {
            let is_break = |character: char| {
                character.is_control() || matches!(character, '\u{2028}' | '\u{2029}' | '\u{85}' | '\u{202e}')
            };
            assert!(!text(given).contains(is_break), "{given:?}");
            assert!(!code(given).contains(is_break), "{given:?}");
            assert_eq!(block(&[given.to_owned()]).lines().count(), 3, "{given:?}");
        }
    }

    #[test]
    fn code_ends_where_it_should() {
        assert_eq!(code("ann"), "`ann`");
        assert_eq!(code("a`b"), "``a`b``");
        assert_eq!(code("```"), "```` ``` ````");
        assert_eq!(code(" "), "`   `");
        assert_eq!(block(&["a ```` b".into()]), "`````sh\na ```` b\n`````");
    }
}

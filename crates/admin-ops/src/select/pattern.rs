//! Patterns with `*` and `?`, as operators write them for names and resources.

use std::fmt;

use serde::{Deserialize, Serialize};
use wildmatch::WildMatch;

/// A text in which `*` stands for any characters and `?` for one character; case matters.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(from = "String", into = "String")]
pub struct Pattern {
    text: String,
    matcher: WildMatch,
}

impl Pattern {
    /// Returns true if the whole of `text` matches.
    #[must_use]
    pub fn matches(&self, text: &str) -> bool {
        self.matcher.matches(text)
    }
}

impl PartialEq for Pattern {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

impl Eq for Pattern {}

impl From<String> for Pattern {
    fn from(text: String) -> Self {
        Self {
            matcher: WildMatch::new(&text),
            text,
        }
    }
}

impl From<&str> for Pattern {
    fn from(text: &str) -> Self {
        Self::from(text.to_owned())
    }
}

impl From<Pattern> for String {
    fn from(pattern: Pattern) -> Self {
        pattern.text
    }
}

impl fmt::Display for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_are_equal_by_their_texts() {
        assert_eq!(Pattern::from("web*"), Pattern::from("web*"));
        assert_ne!(Pattern::from("web*"), Pattern::from("web**"));
    }

    #[test]
    fn the_whole_text_has_to_fit() {
        let matches = |pattern: &str, text: &str| Pattern::from(pattern).matches(text);
        assert!(matches("web*", "webim_1") && matches("*", "") && matches("i?s", "ios"));
        assert!(!matches("web", "webim") && !matches("ios*", "IOS_1") && !matches("", "x"));
    }
}

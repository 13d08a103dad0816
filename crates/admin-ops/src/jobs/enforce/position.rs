//! How far a watch has come, as text that outlives the process.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// The only format so far.
const FORMAT: u32 = 1;

/// How far a watch has come: everything that it heard and has not finished is in here.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Position {
    format: u32,
    /// Up to when sign-ins were heard, in milliseconds since 1970.
    pub since_ms: i64,
    /// The users who wait, each with the earliest time to check them.
    pub waiting: BTreeMap<String, i64>,
    /// The logouts within the last hour, each with its time.
    pub spent: Vec<(i64, u64)>,
}

/// Why a position cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum PositionError {
    /// It is not a position.
    #[error("it is damaged")]
    Damaged(#[source] serde_json::Error),
    /// It has another format.
    #[error("it has format {0}, but this version only knows format {FORMAT}")]
    Newer(u32),
}

impl Position {
    /// Returns the position of a watch that has heard everything until then.
    #[must_use]
    pub fn at(since_ms: i64) -> Self {
        Self {
            format: FORMAT,
            since_ms,
            waiting: BTreeMap::new(),
            spent: Vec::new(),
        }
    }

    /// Returns the position before all sign-ins that are stored.
    #[must_use]
    pub fn beginning() -> Self {
        Self::at(0)
    }

    /// Reads a position.
    ///
    /// # Errors
    /// When it is damaged, or has another format.
    pub fn read(text: &str) -> Result<Self, PositionError> {
        #[derive(Deserialize)]
        struct Header {
            format: u32,
        }
        let header: Header = serde_json::from_str(text).map_err(PositionError::Damaged)?;
        if header.format != FORMAT {
            return Err(PositionError::Newer(header.format));
        }
        serde_json::from_str(text).map_err(PositionError::Damaged)
    }

    /// Returns the text that [`read`](Self::read) reads.
    #[must_use]
    pub fn text(&self) -> String {
        serde_json::to_string(self).expect("a position has only string keys")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_written_is_read_and_nothing_else() {
        let mut position = Position::at(5);
        position.waiting.insert("ann".into(), 7);
        position.spent.push((3, 2));
        let text = position.text();
        assert_eq!(Position::read(&text).unwrap(), position);
        for damaged in [
            "",
            "{}",
            "null",
            "7",
            &text[..text.len() - 1],
            &text.replace("since", "sense"),
        ] {
            let error = Position::read(damaged).unwrap_err();
            assert!(matches!(error, PositionError::Damaged(_)), "{damaged}: {error}");
        }
        let newer = r#"{"format":2,"anything":[]}"#;
        let error = Position::read(newer).unwrap_err();
        assert_eq!(
            error.to_string(),
            "it has format 2, but this version only knows format 1"
        );
    }
}

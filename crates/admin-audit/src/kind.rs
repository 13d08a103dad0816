//! The words of events, which newer versions may extend.

use std::convert::Infallible;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Declares an enum of known words with room for unknown ones.
macro_rules! words {
    ($(#[$about:meta])* $name:ident { $($(#[$meaning:meta])* $word:ident = $text:literal,)+ }) => {
        $(#[$about])*
        #[derive(Debug, Clone, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        pub enum $name {
            $($(#[$meaning])* $word,)+
            /// A word of another version.
            Other(String),
        }

        impl $name {
            /// The words that this version knows.
            pub const KNOWN: &[&str] = &[$($text),+];

            /// Returns the word as it is written.
            #[must_use]
            pub fn as_str(&self) -> &str {
                match self {
                    $(Self::$word => $text,)+
                    Self::Other(text) => text,
                }
            }
        }

        impl From<&str> for $name {
            fn from(text: &str) -> Self {
                match text {
                    $($text => Self::$word,)+
                    other => Self::Other(other.to_owned()),
                }
            }
        }

        impl FromStr for $name {
            type Err = Infallible;

            fn from_str(text: &str) -> Result<Self, Infallible> {
                Ok(Self::from(text))
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.as_str())
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(self.as_str())
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                String::deserialize(deserializer).map(|text| Self::from(text.as_str()))
            }
        }
    };
}

words! {
    /// The kind of an event.
    Kind {
        /// A run started; nothing was sent yet.
        RunStarted = "run.started",
        /// A call is about to be sent.
        Intent = "intent",
        /// The result of an intent.
        Outcome = "outcome",
        /// A run ended, for whatever reason.
        RunEnded = "run.ended",
        /// An incomplete last line, left by a crash, was removed from the trail.
        TrailRepaired = "trail.repaired",
        /// The first entries were removed from where the trail is kept, after they were sealed in an archive.
        TrailArchived = "trail.archived",
    }
}

impl Kind {
    /// Returns true if somebody asked for the approval of an act, decided about it, or went without it.
    #[must_use]
    pub fn is_decision(&self) -> bool {
        self.as_str().starts_with("approval.")
    }
}

words! {
    /// The result of one item.
    Outcome {
        /// The sessions were ended. Older versions also used it for any other completed act.
        Ended = "ended",
        /// The act was done: a ban, its end, a limit.
        Done = "done",
        /// The server refused.
        Refused = "refused",
        /// It failed, and nothing was changed.
        Failed = "failed",
        /// It is unknown whether the server acted.
        Unknown = "unknown",
        /// There was nothing to do.
        Nothing = "nothing",
        /// It was not tried.
        Skipped = "skipped",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unknown_words_survive() {
        for text in ["run.started", "intent", "trail.repaired", "run.paused"] {
            let kind: Kind = serde_json::from_value(text.into()).unwrap();
            assert_eq!(serde_json::to_value(&kind).unwrap(), text);
        }
        assert_eq!(Outcome::from("ended"), Outcome::Ended);
        assert_eq!(Outcome::from("postponed").as_str(), "postponed");
    }
}

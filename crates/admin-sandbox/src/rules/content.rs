//! What a message says that is sent by REST (page "send messages").

use std::collections::BTreeMap;

use serde_json::{Map, Value};

/// What a message says, and what the app adds to it.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Content {
    pub(crate) said: Said,
    /// The app's own fields.
    pub(crate) ext: Map<String, Value>,
}

/// What a message says.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Said {
    /// Text for people.
    Text(String),
    /// A word for a program.
    Command(String),
    /// An event of the app's own, with its parameters.
    Custom(String, BTreeMap<String, String>),
    /// A place, in degrees.
    Location {
        latitude: f64,
        longitude: f64,
        address: String,
    },
    /// Something that was uploaded before.
    File(File),
}

/// Something that was uploaded before.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct File {
    pub(crate) kind: FileKind,
    pub(crate) name: String,
    pub(crate) url: String,
    pub(crate) secret: String,
    pub(crate) bytes: i32,
    pub(crate) seconds: i32,
    /// In pixels.
    pub(crate) size: Option<(f64, f64)>,
    pub(crate) thumb: String,
    pub(crate) thumb_secret: String,
}

/// What kind of file it is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum FileKind {
    Image,
    Audio,
    Video,
    #[default]
    Other,
}

impl Content {
    /// Makes a text.
    #[cfg(test)]
    pub(crate) fn text(text: &str) -> Self {
        Self {
            said: Said::Text(text.to_owned()),
            ext: Map::new(),
        }
    }
}

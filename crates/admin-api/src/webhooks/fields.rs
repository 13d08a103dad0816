//! Reads fields that come in more than one form; what cannot be read is absent.

use serde::Deserialize as _;
use serde_json::{Map, Value};

use crate::model::{Integer, UnixMillis, UserId};
use crate::webhooks::names::bare_user;

/// The fields of an object, and the app key that precedes names in it.
#[derive(Clone, Copy)]
pub(super) struct Fields<'a> {
    object: Option<&'a Map<String, Value>>,
    app_key: Option<&'a str>,
}

impl<'a> Fields<'a> {
    pub(super) fn of(object: &'a Map<String, Value>, app_key: Option<&'a str>) -> Self {
        Self {
            object: Some(object),
            app_key,
        }
    }

    pub(super) fn app_key(self) -> Option<&'a str> {
        self.app_key
    }

    pub(super) fn value(self, name: &str) -> Option<&'a Value> {
        self.object?.get(name)
    }

    /// The fields of an object in this one; none if it is something else.
    pub(super) fn object(self, name: &str) -> Self {
        self.inside(self.value(name))
    }

    pub(super) fn inside(self, value: Option<&'a Value>) -> Self {
        Self {
            object: value.and_then(Value::as_object),
            ..self
        }
    }

    /// The fields of each object of a list, or of the one object that stands in its place.
    pub(super) fn objects(self, name: &str) -> impl Iterator<Item = Self> {
        let values = match self.value(name) {
            Some(Value::Array(values)) => values.as_slice(),
            Some(one @ Value::Object(_)) => std::slice::from_ref(one),
            _ => &[],
        };
        values.iter().map(move |value| self.inside(Some(value)))
    }

    pub(super) fn map(self) -> Option<&'a Map<String, Value>> {
        self.object
    }

    /// A text, or a number as a text; an empty one is absent.
    pub(super) fn text(self, name: &str) -> Option<String> {
        match self.value(name)? {
            Value::String(text) if !text.is_empty() => Some(text.clone()),
            Value::Number(number) => Some(number.to_string()),
            _ => None,
        }
    }

    pub(super) fn word(self, name: &str) -> Option<&'a str> {
        self.value(name)?.as_str().filter(|word| !word.is_empty())
    }

    pub(super) fn number(self, name: &str) -> Option<u64> {
        let value = self.value(name)?;
        value.as_u64().or_else(|| match value {
            Value::String(text) => text.trim().parse().ok(),
            other => Integer::deserialize(other)
                .ok()
                .and_then(|Integer(number)| u64::try_from(number).ok()),
        })
    }

    pub(super) fn millis(self, name: &str) -> Option<UnixMillis> {
        self.number(name).map(UnixMillis)
    }

    pub(super) fn degrees(self, name: &str) -> Option<f64> {
        let value = self.value(name)?;
        value.as_f64().or_else(|| value.as_str()?.trim().parse().ok())
    }

    pub(super) fn flag(self, name: &str) -> Option<bool> {
        let value = self.value(name)?;
        value.as_bool().or_else(|| value.as_str()?.parse().ok())
    }

    /// A user, without the app key before the name and the address behind it.
    pub(super) fn user(self, name: &str) -> Option<UserId> {
        self.word(name)
            .map(|text| UserId::as_listed(bare_user(text, self.app_key)))
    }

    /// Users of a list, or the one that stands in its place.
    pub(super) fn users(self, name: &str) -> Vec<UserId> {
        self.words(name)
            .map(|text| UserId::as_listed(bare_user(text, self.app_key)))
            .collect()
    }

    pub(super) fn words(self, name: &str) -> impl Iterator<Item = &'a str> {
        let values = match self.value(name) {
            Some(Value::Array(values)) => values.as_slice(),
            Some(one @ Value::String(_)) => std::slice::from_ref(one),
            _ => &[],
        };
        values
            .iter()
            .filter_map(Value::as_str)
            .filter(|word| !word.is_empty())
    }
}

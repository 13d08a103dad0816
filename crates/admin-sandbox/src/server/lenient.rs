//! Bodies, read as tolerantly as the service reads them.
//!
//! The pages' own examples write numbers as texts (`"ttl": "1024000"`), and the service takes a boolean or a number either
//! way, a number where a text is meant, and `null` for what is left out.

use serde::Deserializer;
use serde::de::value::{MapDeserializer, SeqDeserializer};
use serde::de::{Error as _, IntoDeserializer, Visitor};
use serde_json::{Error, Number, Value};

/// A value whose numbers, texts and booleans may stand for each other.
#[derive(Debug, Clone)]
pub(super) struct Lenient(pub(super) Value);

impl IntoDeserializer<'_, Error> for Lenient {
    type Deserializer = Self;

    fn into_deserializer(self) -> Self {
        self
    }
}

/// Reads a number that may be written as a text; a fraction is cut off where a whole number is wanted.
fn number(value: Value, whole: bool) -> Value {
    let read = match &value {
        Value::String(text) => serde_json::from_str::<Number>(text.trim()).ok(),
        Value::Number(number) => Some(number.clone()),
        _ => None,
    };
    let Some(read) = read else { return value };
    #[expect(clippy::cast_possible_truncation, reason = "that is what the service does")]
    match read.as_f64() {
        Some(float) if whole && read.is_f64() => Value::from(float as i64),
        _ => Value::Number(read),
    }
}

macro_rules! numbers {
    ($($method:ident $whole:literal,)*) => {$(
        fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
            number(self.0, $whole).$method(visitor)
        }
    )*};
}

impl<'de> Deserializer<'de> for Lenient {
    type Error = Error;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match self.0 {
            Value::Array(items) => visitor.visit_seq(SeqDeserializer::new(items.into_iter().map(Self))),
            Value::Object(fields) => {
                let given = fields.into_iter().filter(|(_, value)| !value.is_null());
                visitor.visit_map(MapDeserializer::new(
                    given.map(|(name, value)| (name, Self(value))),
                ))
            }
            other => other.deserialize_any(visitor),
        }
    }

    fn deserialize_bool<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match &self.0 {
            Value::String(text) => match text.trim().to_ascii_lowercase().as_str() {
                "true" => visitor.visit_bool(true),
                "false" | "" => visitor.visit_bool(false),
                other => Err(Error::custom(format!("`{other}` is neither true nor false"))),
            },
            Value::Number(number) => visitor.visit_bool(number.as_f64() != Some(0.0)),
            _ => self.0.deserialize_bool(visitor),
        }
    }

    numbers! {
        deserialize_i8 true, deserialize_i16 true, deserialize_i32 true, deserialize_i64 true,
        deserialize_u8 true, deserialize_u16 true, deserialize_u32 true, deserialize_u64 true,
        deserialize_f32 false, deserialize_f64 false,
    }

    fn deserialize_str<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match self.0 {
            scalar @ (Value::Number(_) | Value::Bool(_)) => visitor.visit_string(scalar.to_string()),
            other => other.deserialize_str(visitor),
        }
    }

    fn deserialize_string<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        self.deserialize_str(visitor)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match self.0 {
            Value::Null => visitor.visit_none(),
            given => visitor.visit_some(Self(given)),
        }
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, Error> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        name: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        self.0.deserialize_enum(name, variants, visitor)
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        if self.0.is_object() {
            self.deserialize_any(visitor)
        } else {
            Err(Error::custom("an object is expected"))
        }
    }

    serde::forward_to_deserialize_any! {
        i128 u128 char bytes byte_buf unit unit_struct seq tuple tuple_struct map identifier ignored_any
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use serde::Deserialize;
    use serde_json::json;

    use super::*;

    #[derive(Debug, PartialEq, Deserialize)]
    struct Form {
        #[serde(default)]
        flag: bool,
        #[serde(default)]
        number: Option<i64>,
        #[serde(default)]
        text: Option<String>,
        #[serde(default)]
        names: Vec<String>,
        #[serde(default)]
        limits: BTreeMap<String, u32>,
    }

    fn read(body: Value) -> Result<Form, Error> {
        Form::deserialize(Lenient(body))
    }

    #[test]
    fn every_way_to_write_a_value_is_understood() {
        let expected = Form {
            flag: true,
            number: Some(7200),
            text: Some("13".into()),
            names: vec!["ann".into(), "7".into()],
            limits: BTreeMap::from([("web".into(), 2)]),
        };
        for body in [
            json!({"flag": true, "number": 7200, "text": "13", "names": ["ann", "7"], "limits": {"web": 2}}),
            json!({"flag": "true", "number": "7200", "text": 13, "names": ["ann", 7], "limits": {"web": "2"}}),
            json!({"flag": "TRUE", "number": 7200.5, "text": 13, "names": ["ann", 7], "limits": {"web": " 2 "}, "unknown": {}}),
            json!({"flag": 1, "number": "7200", "text": "13", "names": ["ann", "7"], "limits": {"web": 2.0}}),
        ] {
            assert_eq!(read(body.clone()).unwrap(), expected, "{body}");
        }
    }

    #[test]
    fn null_is_as_good_as_nothing() {
        let nulls = json!({"flag": null, "number": null, "text": null, "names": null, "limits": null});
        assert_eq!(read(nulls).unwrap(), read(json!({})).unwrap());
        assert!(!read(json!({"flag": "false"})).unwrap().flag);
    }

    #[test]
    fn what_is_no_number_or_boolean_is_refused() {
        for body in [
            json!({"flag": "perhaps"}),
            json!({"number": "many"}),
            json!({"number": {}}),
            json!({"text": ["a"]}),
            json!({"names": "ann"}),
            json!([]),
        ] {
            assert!(read(body.clone()).is_err(), "{body}");
        }
    }
}

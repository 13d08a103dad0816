//! Fields that come in more than one form.

use std::fmt;
use std::marker::PhantomData;

use serde::de::{Error as _, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};

/// An integer that may be written as a number or as a string.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Integer(pub(crate) i64);

impl<'de> Deserialize<'de> for Integer {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Form {
            Number(i64),
            Float(f64),
            Text(String),
        }
        match Form::deserialize(deserializer)? {
            Form::Number(number) => Ok(Self(number)),
            // Some servers write whole numbers as 1.7E12; the fraction of a millisecond means nothing.
            #[expect(clippy::cast_possible_truncation, reason = "out-of-range floats saturate")]
            Form::Float(number) => Ok(Self(number as i64)),
            Form::Text(text) => text.trim().parse().map(Self).map_err(D::Error::custom),
        }
    }
}

/// The pairs of an object in their order, where a key may come twice.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Pairs<T>(pub(crate) Vec<(String, T)>);

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Pairs<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct PairsVisitor<T>(PhantomData<T>);

        impl<'de, T: Deserialize<'de>> Visitor<'de> for PairsVisitor<T> {
            type Value = Pairs<T>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut pairs = Vec::new();
                while let Some(pair) = map.next_entry()? {
                    pairs.push(pair);
                }
                Ok(Pairs(pairs))
            }
        }

        deserializer.deserialize_map(PairsVisitor(PhantomData))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn integers_come_as_numbers_and_as_strings() {
        for (text, expected) in [
            ("7", 7),
            ("\"7\"", 7),
            ("-1", -1),
            ("\" 1712345678 \"", 1_712_345_678),
            ("1.7e12", 1_700_000_000_000),
        ] {
            assert_eq!(serde_json::from_str::<Integer>(text).unwrap().0, expected);
        }
        assert!(serde_json::from_str::<Integer>("\"soon\"").is_err());
    }

    #[test]
    fn a_key_may_come_twice() {
        let pairs: Pairs<String> = serde_json::from_str(r#"{"ios":"1","ios":"0"}"#).unwrap();
        assert_eq!(pairs.0, [("ios".into(), "1".into()), ("ios".into(), "0".into())]);
    }
}

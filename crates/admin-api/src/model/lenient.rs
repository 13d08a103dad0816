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

/// Replaces halves of surrogate pairs by U+FFFD: a name that was cut inside an emoji is written as one, and
/// no text of ours can hold it. Nothing if there is none.
pub(crate) fn without_lone_surrogates(json: &str) -> Option<String> {
    let unit = |at: usize| {
        let escape = json.get(at..at + 6)?.strip_prefix("\\u")?;
        u16::from_str_radix(escape, 16).ok()
    };
    let (mut mended, mut copied, mut at) = (String::new(), 0, 0);
    while let Some(found) = json[at..].find('\\') {
        at += found;
        match (unit(at), unit(at + 6)) {
            (Some(0xd800..=0xdbff), Some(0xdc00..=0xdfff)) => at += 12,
            (Some(0xd800..=0xdfff), _) => {
                mended.push_str(&json[copied..at]);
                mended.push_str("\\ufffd");
                at += 6;
                copied = at;
            }
            (Some(_), _) => at += 6,
            // Another escape; the backslash that it may be of must not begin one.
            (None, _) => at += 1 + json[at + 1..].chars().next().map_or(0, char::len_utf8),
        }
    }
    (copied > 0).then(|| {
        mended.push_str(&json[copied..]);
        mended
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn halves_of_pairs_are_replaced() {
        for (json, mended) in [
            (r#""pwn\ud83d""#, Some(r#""pwn\ufffd""#)),
            (r#""\udc00x\uD83D""#, Some(r#""\ufffdx\ufffd""#)),
            (r#""\ud83d\ud83d\ude00""#, Some(r#""\ufffd\ud83d\ude00""#)),
            (r#""\ud83d\ude00""#, None),
            (r#""\\ud83d""#, None),
            (r#""\u00e9\n""#, None),
            (r#""\"#, None),
            ("\"\\\u{1f600}\"", None),
        ] {
            assert_eq!(without_lone_surrogates(json).as_deref(), mended, "{json}");
        }
    }

    proptest::proptest! {
        #[test]
        fn any_text_of_escapes_can_be_read_once_mended(parts in proptest::collection::vec("(d[89abcdef][0-9a-f]{2}|00e9|x|😀)", 0..8)) {
            let escaped = |part: &String| if part.len() == 4 && part != "😀" { format!("\\u{part}") } else { part.clone() };
            let json = format!("\"{}\"", parts.iter().map(escaped).collect::<String>());
            let mended = without_lone_surrogates(&json).unwrap_or(json);
            proptest::prop_assert!(serde_json::from_str::<String>(&mended).is_ok(), "{mended}");
        }
    }

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

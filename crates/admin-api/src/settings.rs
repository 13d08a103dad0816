//! Settings as they are written in configuration files.
//!
//! A duration is a whole number and a unit, such as `"250ms"` or `"5m"`.

use std::time::Duration;

use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::transport::limit::RateLimit;

/// The units of durations, and how many nanoseconds each has; the largest first.
const UNITS: [(&str, u128); 6] = [
    ("h", 60 * 60 * 1_000_000_000),
    ("m", 60 * 1_000_000_000),
    ("s", 1_000_000_000),
    ("ms", 1_000_000),
    ("us", 1_000),
    ("ns", 1),
];

fn written(duration: Duration) -> String {
    let nanos = duration.as_nanos();
    let exact = UNITS.iter().find(|(_, unit)| nanos.is_multiple_of(*unit));
    match exact {
        Some((name, unit)) if nanos > 0 => format!("{}{name}", nanos / unit),
        _ => "0s".to_owned(),
    }
}

fn read(text: &str) -> Option<Duration> {
    let digits = text.find(|c: char| !c.is_ascii_digit())?;
    let (number, name) = text.split_at(digits);
    let (_, unit) = UNITS.iter().find(|(unit, _)| *unit == name.trim_start())?;
    let nanos = number.parse::<u128>().ok()?.checked_mul(*unit)?;
    let seconds = u64::try_from(nanos / 1_000_000_000).ok()?;
    Some(Duration::new(seconds, u32::try_from(nanos % 1_000_000_000).ok()?))
}

/// Writes and reads a [`Duration`].
pub(crate) mod duration {
    use super::{Deserialize, Deserializer, Duration, Serializer, read, written};

    pub(crate) fn serialize<S: Serializer>(duration: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&written(*duration))
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
        use serde::de::Error as _;

        let text = String::deserialize(deserializer)?;
        read(&text).ok_or_else(|| {
            let why =
                "is not a duration: write a whole number and one of h, m, s, ms, us and ns, such as 30s";
            D::Error::custom(format_args!("`{text}` {why}"))
        })
    }
}

/// Reads a number of attempts: 0 counts as 1.
pub(crate) fn at_least_one<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u32, D::Error> {
    Ok(u32::deserialize(deserializer)?.max(1))
}

/// A number of calls a second, or the word `unlimited`.
impl Serialize for RateLimit {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.calls_per_second() {
            Some(calls) => serializer.serialize_u32(calls),
            None => serializer.serialize_str("unlimited"),
        }
    }
}

impl<'de> Deserialize<'de> for RateLimit {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged, expecting = "a rate is a number of calls a second, or `unlimited`")]
        enum Form {
            Calls(u32),
            Word(String),
        }

        let rate = match Form::deserialize(deserializer)? {
            Form::Calls(calls) => Self::per_second(calls),
            Form::Word(word) if word == "unlimited" => Self::unlimited(),
            Form::Word(word) => {
                let why = "is not a rate: write a number of calls a second, or `unlimited`";
                return Err(D::Error::custom(format_args!("`{word}` {why}")));
            }
        };
        if rate.is_valid() {
            Ok(rate)
        } else {
            Err(D::Error::custom("a rate is 1 to 1,000,000 calls a second"))
        }
    }
}

#[cfg(test)]
mod tests {
    use serde::de::DeserializeOwned;
    use serde_json::{Value, from_value, json};

    use super::*;
    use crate::{DisconnectVerb, ExpiresIn, Rates, RetryPolicy, Timeouts, Transport};

    /// Asserts that a setting is written so and read as the same, and that an unknown field is refused.
    fn same<T: Serialize + DeserializeOwned + PartialEq + std::fmt::Debug>(setting: &T, mut form: Value) {
        assert_eq!(serde_json::to_value(setting).unwrap(), form);
        assert_eq!(&from_value::<T>(form.clone()).unwrap(), setting);
        if let Value::Object(fields) = &mut form {
            fields.insert("atempts".into(), json!(3));
            let error = from_value::<T>(form).unwrap_err().to_string();
            assert!(error.contains("unknown field `atempts`"), "{error}");
        }
    }

    #[test]
    fn settings_are_read_as_they_are_written() {
        same(
            &Rates::default().presence(RateLimit::unlimited()),
            json!({"accounts": 100, "token": 300, "batch_delete": 30, "mutes": 100, "presence": "unlimited", "batch_status": 50}),
        );
        same(
            &Timeouts::default().read(Duration::from_millis(1_500)),
            json!({"connect": "5s", "read": "1500ms", "total": "30s"}),
        );
        same(
            &RetryPolicy::default()
                .attempts(6)
                .budget(Duration::from_secs(120)),
            json!({"attempts": 6, "budget": "2m", "first_delay": "250ms"}),
        );
        same(&Transport::General, json!("general"));
        same(&ExpiresIn::Milliseconds, json!("milliseconds"));
        same(&DisconnectVerb::Get, json!("get"));
    }

    #[test]
    fn what_is_left_out_is_the_default() {
        let none = || json!({});
        assert_eq!(from_value::<Rates>(none()).unwrap(), Rates::default());
        assert_eq!(from_value::<Timeouts>(none()).unwrap(), Timeouts::default());
        assert_eq!(from_value::<RetryPolicy>(none()).unwrap(), RetryPolicy::default());
        let none = from_value::<RetryPolicy>(json!({"attempts": 0})).unwrap();
        assert_eq!(none, RetryPolicy::none());
    }

    #[test]
    fn what_cannot_be_is_refused_in_words() {
        let refused = |result: Result<Timeouts, serde_json::Error>| result.unwrap_err().to_string();
        for text in ["30", "", "s", "1.5s", "-1s", "1 day", "99999999999999999999999h"] {
            let error = refused(from_value(json!({ "read": text })));
            assert!(error.contains(&format!("`{text}` is not a duration")), "{error}");
        }
        for (rate, why) in [
            (json!(0), "1 to 1,000,000"),
            (json!(2_000_000), "1 to 1,000,000"),
            (json!("fast"), "`fast` is not a rate"),
            (json!(-1), "a number of calls a second"),
            (json!([]), "a number of calls a second"),
        ] {
            let error = from_value::<RateLimit>(rate).unwrap_err().to_string();
            assert!(error.contains(why), "{error}");
        }
    }

    proptest::proptest! {
        #[test]
        fn any_duration_is_read_as_it_is_written(seconds: u64, nanos in 0_u32..1_000_000_000) {
            let duration = Duration::new(seconds, nanos);
            proptest::prop_assert_eq!(read(&written(duration)), Some(duration));
        }
    }
}

//! From when until when a certificate is valid, which the TLS library tells nobody. Pure.

/// Returns the first and the last second of a certificate (DER, RFC 5280), since 1970; `None` if it cannot be read.
pub(super) fn validity(certificate: &[u8]) -> Option<(i64, i64)> {
    const SEQUENCE: u8 = 0x30;
    const VERSION: u8 = 0xa0;
    let whole = Value::of(certificate, SEQUENCE)?.content;
    let mut rest = Value::of(whole, SEQUENCE)?.content;
    if let Some(version) = Value::of(rest, VERSION) {
        rest = version.rest;
    }
    // Serial number, algorithm and issuer come before.
    for _ in 0..3 {
        rest = Value::any(rest)?.rest;
    }
    let times = Value::of(rest, SEQUENCE)?.content;
    let from = Value::any(times)?;
    let until = Value::any(from.rest)?;
    Some((seconds(&from)?, seconds(&until)?))
}

/// One value of DER, and what follows it.
struct Value<'a> {
    tag: u8,
    content: &'a [u8],
    rest: &'a [u8],
}

impl<'a> Value<'a> {
    fn any(bytes: &'a [u8]) -> Option<Self> {
        let (&tag, bytes) = bytes.split_first()?;
        let (&first, bytes) = bytes.split_first()?;
        let (length, bytes) = if first < 0x80 {
            (usize::from(first), bytes)
        } else {
            let (length, bytes) = bytes.split_at_checked(usize::from(first & 0x7f))?;
            if length.is_empty() || length.len() > 4 {
                return None;
            }
            let length = length.iter().fold(0, |sum, byte| sum << 8 | usize::from(*byte));
            (length, bytes)
        };
        let (content, rest) = bytes.split_at_checked(length)?;
        Some(Self { tag, content, rest })
    }

    fn of(bytes: &'a [u8], tag: u8) -> Option<Self> {
        Self::any(bytes).filter(|value| value.tag == tag)
    }
}

/// Reads `UTCTime` or `GeneralizedTime`, both in UTC and with seconds.
fn seconds(time: &Value<'_>) -> Option<i64> {
    const UTC_TIME: u8 = 0x17;
    const GENERALIZED_TIME: u8 = 0x18;
    let text = std::str::from_utf8(time.content).ok()?.strip_suffix('Z')?;
    let (year, text) = match time.tag {
        UTC_TIME => {
            let (year, text) = text.split_at_checked(2)?;
            let year = number(year)?;
            (if year < 50 { 2000 + year } else { 1900 + year }, text)
        }
        GENERALIZED_TIME => {
            let (year, text) = text.split_at_checked(4)?;
            (number(year)?, text)
        }
        _ => return None,
    };
    if text.len() != 10 {
        return None;
    }
    let part = |at: usize| number(text.get(at..at + 2)?);
    let (month, day) = (part(0)?, part(2)?);
    let of_the_day = part(4)? * 3600 + part(6)? * 60 + part(8)?;
    (1..=12)
        .contains(&month)
        .then(|| days(year, month, day) * 86_400 + of_the_day)
}

fn number(digits: &str) -> Option<i64> {
    digits
        .bytes()
        .all(|byte| byte.is_ascii_digit())
        .then(|| digits.parse().ok())?
}

/// Days since 1970 of a date of the Gregorian calendar, by the years that begin in March.
fn days(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let (era, of_era) = (year.div_euclid(400), year.rem_euclid(400));
    let of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468
}

#[cfg(test)]
mod tests {
    use super::*;

    fn time(tag: u8, text: &str) -> Option<i64> {
        let content = text.as_bytes();
        seconds(&Value {
            tag,
            content,
            rest: &[],
        })
    }

    #[test]
    fn times_have_two_forms() {
        for (tag, text, expected) in [
            (0x17, "700101000000Z", Some(0)),
            (0x17, "491231235959Z", Some(2_524_607_999)),
            (0x17, "500101000000Z", Some(-631_152_000)),
            (0x17, "240229120000Z", Some(1_709_208_000)),
            (0x18, "20500101000000Z", Some(2_524_608_000)),
            (0x18, "99991231235959Z", Some(253_402_300_799)),
            (0x17, "240229120000", None),
            (0x17, "2402291200Z", None),
            (0x17, "241329120000Z", None),
            (0x17, "24022912000+Z", None),
            (0x02, "240229120000Z", None),
        ] {
            assert_eq!(time(tag, text), expected, "{text}");
        }
    }

    #[test]
    fn the_validity_of_a_certificate_is_found() {
        let mut wanted = rcgen::CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
        wanted.not_before = rcgen::date_time_ymd(2020, 1, 2);
        wanted.not_after = rcgen::date_time_ymd(2051, 3, 4);
        let made = wanted.self_signed(&rcgen::KeyPair::generate().unwrap()).unwrap();
        assert_eq!(validity(made.der()), Some((1_577_923_200, 2_561_500_800)));
        for length in [0, 1, 4, 40, 100] {
            assert_eq!(validity(&made.der()[..length]), None, "{length}");
        }
    }
}

//! Numbers as people read them.

use easemob_admin_words::t;

/// Returns a number with commas between the thousands.
pub(crate) fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// Returns a number of users in words.
pub(crate) fn users(number: u64) -> String {
    match number {
        1 => t!("1 user").to_owned(),
        _ => t!("{} users", grouped(number)),
    }
}

/// Returns a number of devices in words.
pub(crate) fn devices(number: u64) -> String {
    match number {
        1 => t!("1 device").to_owned(),
        _ => t!("{} devices", grouped(number)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thousands_are_set_apart() {
        for (number, text) in [
            (0, "0"),
            (999, "999"),
            (1_000, "1,000"),
            (412_906, "412,906"),
            (1_000_000, "1,000,000"),
        ] {
            assert_eq!(grouped(number), text);
        }
    }
}

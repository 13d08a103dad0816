//! How people read numbers and durations.

use std::time::Duration;

use easemob_admin_words::t;

/// Returns a number with a comma between thousands.
#[must_use]
pub fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// Returns a duration with one or two units.
#[must_use]
pub fn about(duration: Duration) -> String {
    let seconds = duration.as_secs();
    match seconds {
        0..90 => t!("{seconds} s"),
        90..5_400 => t!("{} min", seconds.div_ceil(60)),
        _ => match (seconds / 3_600, seconds % 3_600 / 60) {
            (hours, 0) => t!("{hours} h"),
            (hours, minutes) => t!("{hours} h {minutes} min"),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thousands_are_set_apart() {
        for (number, text) in [(0, "0"), (999, "999"), (1_000, "1,000"), (1_234_567, "1,234,567")] {
            assert_eq!(grouped(number), text);
        }
    }

    #[test]
    fn durations_are_round() {
        for (seconds, words) in [
            (0, "0 s"),
            (89, "89 s"),
            (90, "2 min"),
            (5_399, "90 min"),
            (7_200, "2 h"),
            (20_100, "5 h 35 min"),
        ] {
            assert_eq!(about(Duration::from_secs(seconds)), words);
        }
    }
}

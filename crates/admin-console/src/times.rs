//! Times as people read them: in their zone, and as short as the day allows.

use easemob_admin_words::t;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp, Zoned};
use maud::{Markup, html};

/// Returns a time for a page that is read now.
pub(crate) fn time(at: Timestamp, now: Timestamp, zone: &TimeZone) -> Markup {
    let exact = at.to_string();
    html! { time datetime=(exact) title=(full(at, zone)) { (short(at, now, zone)) } }
}

/// Returns the time so many hours before another one, or the first time that there is: numbers in addresses can be anything.
pub(crate) fn hours_before(at: Timestamp, hours: i64) -> Timestamp {
    let seconds = SignedDuration::from_secs(hours.saturating_mul(3_600));
    at.checked_sub(seconds).unwrap_or(Timestamp::MIN)
}

/// Returns a time with its date and the offset of its zone.
pub(crate) fn full(at: Timestamp, zone: &TimeZone) -> String {
    let local = at.to_zoned(zone.clone());
    format!("{} ({})", local.strftime("%Y-%m-%d %H:%M:%S"), offset(&local))
}

/// Returns the name of the zone at a time, such as `UTC+8`.
pub(crate) fn zone_name(now: Timestamp, zone: &TimeZone) -> String {
    offset(&now.to_zoned(zone.clone()))
}

fn offset(local: &Zoned) -> String {
    let minutes = local.offset().seconds() / 60;
    let (sign, minutes) = if minutes < 0 {
        ('-', -minutes)
    } else {
        ('+', minutes)
    };
    match (minutes / 60, minutes % 60) {
        (0, 0) => "UTC".into(),
        (hours, 0) => format!("UTC{sign}{hours}"),
        (hours, minutes) => format!("UTC{sign}{hours}:{minutes:02}"),
    }
}

/// Returns a time without its date if it was today.
pub(crate) fn short(at: Timestamp, now: Timestamp, zone: &TimeZone) -> String {
    let (local, today) = (at.to_zoned(zone.clone()), now.to_zoned(zone.clone()));
    if local.date() == today.date() {
        local.strftime("%H:%M:%S").to_string()
    } else if local.date().tomorrow().is_ok_and(|next| next == today.date()) {
        t!("yesterday {}", local.strftime("%H:%M"))
    } else if local.year() == today.year() {
        local.strftime("%m-%d %H:%M").to_string()
    } else {
        local.strftime("%Y-%m-%d %H:%M").to_string()
    }
}

/// Returns how long something takes, in two units at most.
pub(crate) fn lasting(seconds: u64) -> String {
    let (minutes, hours) = (seconds / 60, seconds / 3600);
    match seconds {
        0..60 => t!("{seconds} s"),
        60..3600 if seconds.is_multiple_of(60) => t!("{} min", minutes),
        60..3600 => t!("{} min {} s", minutes, seconds % 60),
        3600..86_400 => t!("{} h {} min", hours, minutes % 60),
        _ => t!("{} d {} h", hours / 24, hours % 24),
    }
}

/// Returns how long ago something was, in one unit.
pub(crate) fn ago(at: Timestamp, now: Timestamp) -> String {
    let seconds = now.as_second().saturating_sub(at.as_second()).max(0);
    match seconds {
        0..60 => t!("{seconds} s ago"),
        60..3600 => t!("{} min ago", seconds / 60),
        3600..86_400 => t!("{} h ago", seconds / 3600),
        _ => t!("{} d ago", seconds / 86_400),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_is_as_short_as_its_day_allows() {
        let zone = TimeZone::get("Asia/Shanghai").unwrap();
        let now: Timestamp = "2026-11-28T01:42:18Z".parse().unwrap();
        let shown = |at: &str| short(at.parse().unwrap(), now, &zone);
        assert_eq!(shown("2026-11-28T01:38:04Z"), "09:38:04");
        assert_eq!(shown("2026-11-27T16:00:00Z"), "00:00:00", "today in Shanghai");
        assert_eq!(shown("2026-11-27T14:14:40Z"), "yesterday 22:14");
        assert_eq!(shown("2026-11-23T01:15:00Z"), "11-23 09:15");
        assert_eq!(shown("2024-03-18T02:22:00Z"), "2024-03-18 10:22");
        assert_eq!(
            full("2026-11-28T01:38:04Z".parse().unwrap(), &zone),
            "2026-11-28 09:38:04 (UTC+8)"
        );
        assert_eq!(zone_name(now, &TimeZone::UTC), "UTC");
        assert_eq!(
            [5, 60, 127, 3_700, 90_000].map(lasting),
            ["5 s", "1 min", "2 min 7 s", "1 h 1 min", "1 d 1 h"]
        );
        let before = |seconds| ago(now - jiff::SignedDuration::from_secs(seconds), now);
        assert_eq!(
            [5, 250, 39_600, 90_000].map(before),
            ["5 s ago", "4 min ago", "11 h ago", "1 d ago"]
        );
    }
}

//! A report about logins. Pure except for the store: `figures` gathers, `chart` draws, `html` and `markdown`
//! write.

mod chart;
pub mod figures;
pub mod html;
pub mod markdown;

use jiff::Timestamp;

/// Returns a time for people, in UTC, to the minute.
fn minute(millis: i64) -> String {
    Timestamp::from_millisecond(millis).map_or_else(
        |_| millis.to_string(),
        |time| time.strftime("%Y-%m-%d %H:%M UTC").to_string(),
    )
}

/// Returns a time for the axis of a chart.
fn tick(millis: i64) -> String {
    Timestamp::from_millisecond(millis)
        .map_or_else(|_| String::new(), |time| time.strftime("%m-%d %H:%M").to_string())
}

#[cfg(test)]
mod tests;

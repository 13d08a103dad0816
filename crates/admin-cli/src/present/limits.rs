//! Formats limits in one line.

use easemob_admin_ops::report::limits::LimitsView;

/// Returns the limits of platforms, such as `web=2 ios=1`.
#[must_use]
pub fn platforms(limits: &LimitsView) -> String {
    let pairs = limits.platforms.iter();
    let pairs: Vec<String> = pairs
        .map(|(platform, limit)| format!("{platform}={limit}"))
        .collect();
    pairs.join(" ")
}

/// Returns all limits, such as `multi default=4 web=2`; `none` if there are none.
#[must_use]
pub fn in_one_line(limits: Option<&LimitsView>) -> String {
    let mut parts: Vec<String> = Vec::new();
    if let Some(limits) = limits {
        parts.extend(limits.mode.clone());
        parts.extend(limits.default.map(|default| format!("default={default}")));
        parts.extend((!limits.platforms.is_empty()).then(|| platforms(limits)));
    }
    if parts.is_empty() {
        "none".into()
    } else {
        parts.join(" ")
    }
}

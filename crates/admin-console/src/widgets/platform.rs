//! Platforms: their names as people know them, and how many devices there are on each.

use std::collections::BTreeMap;

use maud::{Markup, html};

use super::foreign::foreign;
use crate::icons::Icon;
use crate::numbers::grouped;

/// Returns the name of a platform as people know it; one that nobody knows has the name that the server gives it.
pub(crate) fn name(platform: &str) -> &str {
    match platform {
        "android" => "Android",
        "ios" => "iOS",
        "web" | "webim" => "Web",
        "harmony" | "harmonyos" => "HarmonyOS",
        "windows" => "Windows",
        "mac" | "macos" => "macOS",
        "linux" => "Linux",
        other => other,
    }
}

/// Returns icon and name of a platform.
pub(crate) fn platform(word: &str) -> Markup {
    html! { span.plat { (Icon::of_platform(word)) span { (foreign(name(word))) } } }
}

/// Returns how many devices there are on each platform, most first.
pub(crate) fn counts(platforms: &BTreeMap<String, u64>) -> Markup {
    let mut sorted: Vec<_> = platforms.iter().filter(|(_, count)| **count > 0).collect();
    sorted.sort_by(|a, b| b.1.cmp(a.1).then(a.0.cmp(b.0)));
    html! {
        span.plats {
            @for (word, count) in sorted {
                span.plat title=(name(word)) {
                    (Icon::of_platform(word))
                    span { span.pn { (foreign(name(word))) } " " b { (grouped(*count)) } }
                }
            }
        }
    }
}

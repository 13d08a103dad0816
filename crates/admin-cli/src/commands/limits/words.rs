//! Limits as rows show them.

use std::collections::BTreeMap;

use easemob_admin_api::{DeviceLimits, LimitMode};
use serde::Serialize;

/// Limits in a row.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(super) struct LimitsView {
    pub(super) mode: Option<String>,
    pub(super) default: Option<u32>,
    pub(super) platforms: BTreeMap<String, u32>,
}

impl From<&DeviceLimits> for LimitsView {
    fn from(limits: &DeviceLimits) -> Self {
        Self {
            mode: limits.mode.as_ref().map(mode_word),
            default: limits.default,
            platforms: limits
                .platforms
                .iter()
                .map(|(platform, limit)| (platform.to_string(), *limit))
                .collect(),
        }
    }
}

fn mode_word(mode: &LimitMode) -> String {
    match mode {
        LimitMode::Multi => "multi".into(),
        LimitMode::Single => "single".into(),
        other => other.to_string(),
    }
}

impl LimitsView {
    /// Returns `web=2 ios=1`.
    pub(super) fn platforms(&self) -> String {
        let pairs: Vec<String> = self
            .platforms
            .iter()
            .map(|(platform, limit)| format!("{platform}={limit}"))
            .collect();
        pairs.join(" ")
    }

    /// Returns everything in one line.
    pub(super) fn line(&self) -> String {
        let mut parts: Vec<String> = self.mode.iter().cloned().collect();
        parts.extend(self.default.map(|default| format!("default={default}")));
        parts.extend((!self.platforms.is_empty()).then(|| self.platforms()));
        if parts.is_empty() {
            "none".into()
        } else {
            parts.join(" ")
        }
    }
}

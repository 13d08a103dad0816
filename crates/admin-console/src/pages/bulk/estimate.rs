//! How many calls an act takes and how long, as sums that can be checked.

use easemob_admin_words::t;
use maud::{Markup, html};

use crate::numbers::grouped;
use crate::times::lasting;

/// What is known of an act before it begins.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Estimate {
    pub(super) users: u64,
    /// Users with devices online, and devices to be signed out, once they were read.
    pub(super) read: Option<(u64, u64)>,
    /// Whether devices are signed out one by one, after their list was read.
    pub(super) ends_devices: bool,
    /// Calls a second; nothing if there is no limit.
    pub(super) rate: Option<f64>,
}

impl Estimate {
    fn calls(&self) -> u64 {
        match (self.ends_devices, self.read) {
            (true, Some((_, ends))) => self.users + ends,
            (true, None) => self.users,
            // Each is looked up, banned, and signed out by that.
            (false, _) => self.users * 2,
        }
    }

    fn seconds(&self) -> Option<u64> {
        let rate = self.rate.filter(|rate| *rate > 0.0)?;
        #[expect(
            clippy::cast_precision_loss,
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "an estimate in whole seconds"
        )]
        let seconds = (self.calls() as f64 / rate).ceil() as u64;
        Some(seconds)
    }

    pub(super) fn card(&self) -> Markup {
        html! {
            section.card {
                div.card-h { h2 { (t!("Estimate")) } }
                div.card-b.stack {
                    dl.kv."kv--sum" {
                        dt { (t!("Users")) } dd { (grouped(self.users)) }
                        @if let Some((online, _)) = self.read { dt { (t!("of them online")) } dd { (grouped(online)) } }
                        @if self.ends_devices {
                            dt.total { (t!("Reading lists of devices")) } dd.total { (grouped(self.users)) }
                            dt { (t!("Signing out")) }
                            dd { @match self.read { Some((_, ends)) => (grouped(ends)), None => (t!("known after a dry run")) } }
                        } @else {
                            dt.total { (t!("Looking users up")) } dd.total { (grouped(self.users)) }
                            dt { (t!("Banning")) } dd { (grouped(self.users)) }
                        }
                        dt.total { (t!("Calls")) }
                        dd.total.big { @if self.ends_devices && self.read.is_none() { (t!("at least {}", grouped(self.calls()))) } @else { (grouped(self.calls())) } }
                    }
                    dl.kv."kv--sum" {
                        dt { (t!("Rate")) }
                        dd { @match self.rate { Some(rate) => (t!("{:.0} a second", rate)), None => (t!("no limit")) } }
                        dt { (t!("Time")) }
                        dd.big { @match self.seconds() { Some(seconds) => (t!("about {}", lasting(seconds))), None => "–" } }
                    }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_and_sign_outs_are_the_calls_and_calls_by_rate_the_time() {
        let estimate = Estimate {
            users: 3_962,
            read: Some((2_871, 6_204)),
            ends_devices: true,
            rate: Some(80.0),
        };
        assert_eq!((estimate.calls(), estimate.seconds()), (10_166, Some(128)));
        let unread = Estimate {
            read: None,
            ..estimate
        };
        assert_eq!(unread.calls(), 3_962);
        let ban = Estimate {
            ends_devices: false,
            rate: None,
            ..unread
        };
        assert_eq!((ban.calls(), ban.seconds()), (7_924, None));
    }
}

//! What is to be done to the users of a list, as it was filled into the form.

use easemob_admin_ops::run::job::Action;
use easemob_admin_ops::select::selection::{Keep, Selection, UnknownAge};
use jiff::Timestamp;

use crate::fields::Fields;
use crate::lock_end::lock_end;

/// The platforms that can be chosen.
pub(super) const PLATFORMS: [&str; 5] = ["android", "ios", "web", "windows", "harmony"];

/// The longest lock, in hours: a month.
pub(super) const LONGEST_LOCK: i64 = 31 * 24;

/// What is done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verb {
    Logout,
    Lock,
    Ban,
}

/// What is to be done.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Order {
    pub(super) verb: Verb,
    pub(super) selection: Selection,
    pub(super) hours: i64,
    pub(super) cap: Option<u64>,
    pub(super) reason: Option<String>,
    pub(super) ticket: Option<String>,
}

/// A field that cannot be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Wrong {
    Keep,
    Cap,
    Hours,
}

impl Order {
    /// Reads it. What is left empty has its default, which is the one that does less.
    pub(super) fn of(sent: &Fields) -> Result<Self, Wrong> {
        let number = |name: &str, wrong| {
            sent.text(name)
                .map(|text| {
                    text.replace([',', '\u{a0}'], "")
                        .parse::<u64>()
                        .map_err(|_| wrong)
                })
                .transpose()
        };
        let verb = match sent.one("verb") {
            "lock" => Verb::Lock,
            "ban" => Verb::Ban,
            _ => Verb::Logout,
        };
        let keep = number("keep", Wrong::Keep)?.filter(|keep| *keep > 0);
        let keep = keep.map(usize::try_from).transpose().map_err(|_| Wrong::Keep)?;
        let cap = number("cap", Wrong::Cap)?;
        if cap == Some(0) {
            return Err(Wrong::Cap);
        }
        let hours = number("hours", Wrong::Hours)?
            .map_or(Ok(10), i64::try_from)
            .map_err(|_| Wrong::Hours)?;
        if verb == Verb::Lock && !(1..=LONGEST_LOCK).contains(&hours) {
            return Err(Wrong::Hours);
        }
        let platforms = sent.all("platform").filter(|one| PLATFORMS.contains(one));
        Ok(Self {
            verb,
            selection: Selection {
                platforms: platforms.map(|one| one.to_owned().into()).collect(),
                keep_newest: keep.map(Keep::Each),
                unknown_age: if sent.one("age") == "oldest" {
                    UnknownAge::Oldest
                } else {
                    UnknownAge::Keep
                },
                ..Selection::default()
            },
            hours,
            cap,
            reason: sent.some("reason"),
            ticket: sent.some("ticket"),
        })
    }

    /// Returns the action of a run; a sign-out becomes a plan of devices first.
    pub(super) fn action(&self, now: Timestamp) -> Action {
        match self.verb {
            Verb::Logout => Action::Logout {
                selection: self.selection.clone(),
            },
            Verb::Lock => Action::Lock {
                until: lock_end(now, self.hours),
            },
            Verb::Ban => Action::Ban { looks_first: true },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(fields: &[(&str, &str)]) -> Result<Order, Wrong> {
        let fields = fields
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        Order::of(&Fields(fields.collect()))
    }

    #[test]
    fn what_cannot_be_read_is_not_left_out() {
        assert_eq!(of(&[("cap", "7,000")]).unwrap().cap, Some(7_000));
        assert_eq!(of(&[("cap", "lots")]), Err(Wrong::Cap));
        assert_eq!(of(&[("cap", "0")]), Err(Wrong::Cap));
        assert_eq!(of(&[("keep", "-1")]), Err(Wrong::Keep));
        assert_eq!(of(&[("verb", "lock"), ("hours", "0")]), Err(Wrong::Hours));
        assert_eq!(of(&[("verb", "lock"), ("hours", "9999")]), Err(Wrong::Hours));
        let order = of(&[
            ("platform", "web"),
            ("platform", "ios"),
            ("keep", "1"),
            ("age", "oldest"),
        ])
        .unwrap();
        assert_eq!(order.selection.platforms.len(), 2);
        assert_eq!(order.selection.keep_newest, Some(Keep::Each(1)));
        assert_eq!(of(&[]).unwrap().selection, Selection::default());
    }
}

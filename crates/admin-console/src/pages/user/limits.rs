//! The limits that apply to a user, and why.

use std::collections::BTreeSet;

use easemob_admin_ops::report::limits::LimitsView;
use easemob_admin_remote::api::Problem;
use easemob_admin_words::{t, translated};
use maud::{Markup, html};

use super::Known;
use super::devices::Rows;
use crate::visit::Visit;
use crate::widgets::platform::platform;

/// The limits of a user.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Applied {
    limits: LimitsView,
    /// Those of the app; nothing if they could not be read.
    of_app: Option<LimitsView>,
}

/// Why a limit applies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Why {
    /// The user has limits of its own, and the app has other ones.
    User,
    /// The app limits this platform.
    App,
    /// The app limits all platforms that it does not name.
    Default,
    /// The app allows one device.
    Single,
}

impl Applied {
    pub(super) fn of(
        of_user: Result<LimitsView, Problem>,
        of_app: Result<LimitsView, Problem>,
    ) -> Result<Self, Problem> {
        Ok(Self {
            limits: of_user?,
            of_app: of_app.ok(),
        })
    }

    pub(super) fn is_single(&self) -> bool {
        self.limits.mode.as_deref() == Some("single")
    }

    /// Returns how many devices of a platform may be online.
    pub(super) fn of_platform(&self, platform: &str) -> Option<u32> {
        of(&self.limits, platform)
    }

    fn why(&self, platform: &str) -> Why {
        if self.is_single() {
            return Why::Single;
        }
        let limit = self.of_platform(platform);
        match &self.of_app {
            Some(app) if of(app, platform) != limit => Why::User,
            _ if self.limits.platforms.contains_key(platform) => Why::App,
            _ => Why::Default,
        }
    }
}

fn of(limits: &LimitsView, platform: &str) -> Option<u32> {
    limits.platforms.get(platform).copied().or(limits.default)
}

/// Shows them.
pub(super) fn card(visit: &Visit, known: &Known, rows: &Rows) -> Markup {
    html! {
        section.card {
            div.card-h { h2 { (t!("Limits that apply")) } }
            @match &known.limits {
                Ok(limits) => (table(visit, limits, rows)),
                Err(problem) => div.card-b {
                    p { (translated(&problem.title)) }
                    @if problem.kind.ends_with("/unsupported") {
                        p.muted.small-t { (t!("The vendor's console shows and sets them.")) }
                    } @else if let Some(hint) = &problem.hint { p.muted.small-t { (translated(hint)) } }
                },
            }
        }
    }
}

fn table(visit: &Visit, limits: &Applied, rows: &Rows) -> Markup {
    let online = rows.online_by_platform();
    let named: BTreeSet<&str> = limits.limits.platforms.keys().map(String::as_str).collect();
    let mut platforms: Vec<&str> = online.keys().map(String::as_str).collect();
    platforms.sort_by_key(|word| std::cmp::Reverse(online.get(*word)));
    platforms.extend(named.into_iter().filter(|word| !online.contains_key(*word)));
    let count = |word: &str| online.get(word).copied().unwrap_or_default();
    html! {
        @if limits.is_single() {
            div.card-b { p { (t!("One device at a time: a new sign-in evicts the one that is online.")) } }
        } @else if platforms.is_empty() {
            div.card-b { p { @match limits.limits.default {
                Some(limit) => (t!("{} devices on each platform", limit)),
                None => (t!("not known")),
            } } }
        } @else {
            table.dense {
                thead { tr {
                    th scope="col" { (t!("Platform")) }
                    th.num scope="col" { (t!("Online / limit")) }
                    th scope="col" { (t!("Because of")) }
                } }
                tbody {
                    @for word in &platforms {
                        tr {
                            th scope="row" { (platform(word)) }
                            td.num { @match limits.of_platform(word) {
                                Some(limit) if count(word) > limit as usize => b.c-attn { (count(word)) " / " (limit) },
                                Some(limit) => { (count(word)) " / " (limit) },
                                None => { (count(word)) " / " span.soft { (t!("not known")) } },
                            } }
                            td { @match limits.why(word) {
                                Why::User => (t!("the user's own limit")),
                                Why::App => a href=(visit.link(&["limits"])) { (t!("limit of the app")) },
                                Why::Default => a href=(visit.link(&["limits"])) { (t!("default of the app")) },
                                Why::Single => (t!("single-device mode")),
                            } }
                        }
                    }
                }
            }
            @if rows.over_limit().next().is_some() {
                div.card-f { span { (t!("Enforcing the limits signs out the oldest surplus devices. A device of unknown age stays.")) } }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn limits(default: u32, web: Option<u32>) -> LimitsView {
        LimitsView {
            mode: Some("multi".into()),
            default: Some(default),
            platforms: web.map(|web| ("web".to_owned(), web)).into_iter().collect(),
        }
    }

    #[test]
    fn a_limit_says_why_it_applies() {
        let applied = |user, app: LimitsView| Applied::of(Ok(user), Ok(app)).unwrap();
        let own = applied(limits(4, Some(2)), limits(4, None));
        assert_eq!((own.of_platform("web"), own.why("web")), (Some(2), Why::User));
        assert_eq!((own.of_platform("ios"), own.why("ios")), (Some(4), Why::Default));
        let app = applied(limits(4, Some(2)), limits(4, Some(2)));
        assert_eq!(app.why("web"), Why::App);
        let mut single = limits(4, None);
        single.mode = Some("single".into());
        assert_eq!(applied(single, limits(4, None)).why("web"), Why::Single);
    }
}

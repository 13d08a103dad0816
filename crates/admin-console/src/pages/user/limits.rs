//! The limits that apply to a user, and why: of the policy in force, or of the server.

use std::collections::BTreeSet;

use easemob_admin_api::UserId;
use easemob_admin_ops::policy::because::{Because, OfUser, Source};
use easemob_admin_ops::report::limits::LimitsView;
use easemob_admin_remote::api::{PolicyText, Problem};
use easemob_admin_words::{t, translated};
use maud::{Markup, html};

use super::Known;
use super::devices::Rows;
use crate::visit::Visit;
use crate::widgets::foreign::foreign;
use crate::widgets::platform::{name, platform};

/// The limits of a user: those of the policy in force if there is one, otherwise those of the server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Applied {
    limits: LimitsView,
    /// Those of the server for all users; nothing if they could not be read.
    of_app: Option<LimitsView>,
    policy: Option<OfPolicy>,
}

/// What the policy in force says of the user.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct OfPolicy {
    version: u64,
    says: OfUser,
    /// What the server itself allows the user.
    of_server: Option<LimitsView>,
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
    /// The policy says so.
    Policy(Source),
    /// Nothing limits this platform.
    Nothing,
}

impl Applied {
    pub(super) fn of(
        of_user: Result<LimitsView, Problem>,
        of_app: Result<LimitsView, Problem>,
        policy: Option<(u64, OfUser)>,
    ) -> Result<Self, Problem> {
        let of_app = of_app.ok();
        let Some((version, says)) = policy else {
            return Ok(Self {
                limits: of_user?,
                of_app,
                policy: None,
            });
        };
        Ok(Self {
            limits: LimitsView::from(&says.limits),
            of_app,
            policy: Some(OfPolicy {
                version,
                says,
                of_server: of_user.ok(),
            }),
        })
    }

    /// Returns what the policy in force says of a user, with its version.
    pub(super) fn by_policy(policy: Option<&PolicyText>, user: &str) -> Option<(u64, OfUser)> {
        let policy = policy?;
        let user = UserId::parse(user).ok()?;
        let says = OfUser::read(&policy.policy, &user).ok()?;
        Some((policy.version.version, says))
    }

    pub(super) fn is_single(&self) -> bool {
        self.limits.mode.as_deref() == Some("single")
    }

    /// Returns the entry that exempts the user from the policy in force.
    pub(super) fn exempt(&self) -> Option<&Because> {
        self.policy.as_ref()?.says.exempt.as_ref()
    }

    /// Returns how many devices of a platform may be online.
    pub(super) fn of_platform(&self, platform: &str) -> Option<u32> {
        of(&self.limits, platform)
    }

    fn why(&self, platform: &str) -> Why {
        if let Some(policy) = &self.policy {
            let Ok(platform) = platform.parse();
            return policy.says.source(&platform).map_or(Why::Nothing, Why::Policy);
        }
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
                Ok(limits) => {
                    (table(visit, limits, rows))
                    @if let Some(policy) = &limits.policy { (of_policy(visit, policy)) }
                },
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

/// Says which policy it is, what of it is about the user, and what the server does by itself.
fn of_policy(visit: &Visit, policy: &OfPolicy) -> Markup {
    let OfUser { entry, exempt, .. } = &policy.says;
    html! {
        div.card-b.stack."small-t" {
            p {
                a href={ (visit.link(&["limits"])) "?version=" (policy.version) } { (t!("Policy, version {}", policy.version)) } ". "
                @if let Some(entry) = entry { (t!("The entry of line {} is about this user: ", entry.line)) code { (foreign(&entry.name)) } ". " }
                @else { (t!("No entry is about this user in particular.")) " " }
            }
            @if let Some(exempt) = exempt {
                p.c-attn { (t!("Exempt by line {}: ", exempt.line)) code { (foreign(&exempt.name)) } ". " (t!("Nothing is enforced on this user.")) }
            }
            @if let Some(of_server) = &policy.of_server { p.muted { (t!("The server itself allows {}.", allowed(of_server))) } }
        }
    }
}

/// Returns what limits allow, in words.
fn allowed(limits: &LimitsView) -> String {
    if limits.mode.as_deref() == Some("single") {
        return t!("one device in all").to_owned();
    }
    let named = limits
        .platforms
        .iter()
        .map(|(word, limit)| t!("{limit} on {}", name(word)));
    let others = limits.default.map(|limit| t!("{limit} on each other platform"));
    let all: Vec<String> = named.chain(others).collect();
    if all.is_empty() {
        return t!("any number").to_owned();
    }
    all.join(", ")
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
                                None if limits.policy.is_some() => { (count(word)) " / " span.soft { (t!("no limit")) } },
                                None => { (count(word)) " / " span.soft { (t!("not known")) } },
                            } }
                            td { @match limits.why(word) {
                                Why::User => (t!("the user's own limit")),
                                Why::App => a href=(visit.link(&["limits"])) { (t!("limit of the app")) },
                                Why::Default => a href=(visit.link(&["limits"])) { (t!("default of the app")) },
                                Why::Single => (t!("single-device mode")),
                                Why::Policy(Source::Platform(line)) => (t!("line {line}")),
                                Why::Policy(Source::Default(line)) => (t!("default, line {line}")),
                                Why::Policy(Source::Single(line)) => (t!("one device in all, line {line}")),
                                Why::Nothing => "–",
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
        let applied = |user, app: LimitsView| Applied::of(Ok(user), Ok(app), None).unwrap();
        let own = applied(limits(4, Some(2)), limits(4, None));
        assert_eq!((own.of_platform("web"), own.why("web")), (Some(2), Why::User));
        assert_eq!((own.of_platform("ios"), own.why("ios")), (Some(4), Why::Default));
        let app = applied(limits(4, Some(2)), limits(4, Some(2)));
        assert_eq!(app.why("web"), Why::App);
        let mut single = limits(4, None);
        single.mode = Some("single".into());
        assert_eq!(applied(single, limits(4, None)).why("web"), Why::Single);
    }

    #[test]
    fn the_policy_in_force_comes_first() {
        let policy = PolicyText {
            version: easemob_admin_remote::api::PolicyVersion {
                version: 12,
                policy_sha256: String::new(),
                by: "ops-zhao".into(),
                at: jiff::Timestamp::UNIX_EPOCH,
                reason: None,
                ticket: None,
            },
            policy: "[platforms]\nweb = 1\n[exempt]\nusers = [\"bot-*\"]\n".into(),
        };
        let of = |user: &str| {
            let says = Applied::by_policy(Some(&policy), user);
            let unsupported = || Problem {
                kind: "/problems/unsupported".into(),
                title: String::new(),
                status: 422,
                detail: None,
                hint: None,
                retry_may_help: false,
            };
            Applied::of(Err(unsupported()), Err(unsupported()), says).unwrap()
        };
        let ann = of("ann");
        assert_eq!(
            (ann.of_platform("web"), ann.why("web")),
            (Some(1), Why::Policy(Source::Platform(2)))
        );
        assert_eq!((ann.of_platform("ios"), ann.why("ios")), (None, Why::Nothing));
        assert!(ann.exempt().is_none());
        assert_eq!(of("bot-7").exempt().unwrap().line, 4);
    }
}

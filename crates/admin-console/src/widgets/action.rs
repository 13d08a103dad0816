//! What an act does to each user, in words.

use easemob_admin_ops::run::job::{Action, OnDrift};
use easemob_admin_ops::select::selection::{Keep, Selection, UnknownAge};
use easemob_admin_words::t;
use maud::{Markup, html};

use super::foreign::foreign;
use super::platform;
use crate::icons::Icon;
use crate::visit::Facts;

/// Returns what is done, as a title.
pub(crate) fn title(visit: &Facts, action: &Action) -> String {
    match action {
        Action::Logout { selection } => of_selection(selection),
        Action::LogoutUnread => t!("Sign out all devices").to_owned(),
        Action::Apply { .. } => t!("Sign out the devices of a plan").to_owned(),
        Action::Enforce { .. } => t!("Sign out what is over the limits").to_owned(),
        Action::Ban { .. } => t!("Ban").to_owned(),
        Action::Unban { .. } => t!("Lift bans").to_owned(),
        Action::Lock { until } => t!("Lock until {}", visit.clock(*until)),
        Action::Unlock { .. } => t!("Lift locks").to_owned(),
        Action::SetLimits { .. } => t!("Set device limits").to_owned(),
    }
}

fn of_selection(selection: &Selection) -> String {
    let platforms = platforms(selection);
    match (&selection.keep_newest, platforms.is_empty()) {
        (Some(Keep::Each(count)), true) => t!("Sign out, keep the newest {count} of each platform"),
        (Some(Keep::Each(count)), false) => t!("Sign out on {platforms}, keep the newest {count}"),
        (Some(Keep::Limits(_)), _) => t!("Sign out what is over the limits").to_owned(),
        (None, false) => t!("Sign out on {platforms}"),
        (None, true) if *selection == Selection::default() => t!("Sign out all devices").to_owned(),
        (None, true) => t!("Sign out some devices").to_owned(),
    }
}

fn platforms(selection: &Selection) -> String {
    let names = selection.platforms.iter().map(ToString::to_string);
    let names: Vec<String> = names.map(|word| platform::name(&word).to_owned()).collect();
    names.join(", ")
}

/// Returns true if sessions end that cannot be brought back.
pub(crate) fn ends_sessions(action: &Action) -> bool {
    match action {
        Action::Logout { .. }
        | Action::LogoutUnread
        | Action::Apply { .. }
        | Action::Enforce { .. }
        | Action::Ban { .. }
        | Action::Lock { .. } => true,
        Action::Unban { .. } | Action::Unlock { .. } | Action::SetLimits { .. } => false,
    }
}

/// Returns the icon of an act.
pub(crate) fn icon(action: &Action) -> Icon {
    match action {
        Action::Ban { .. } | Action::Unban { .. } => Icon::BAN,
        Action::Lock { .. } | Action::Unlock { .. } => Icon::LOCK,
        Action::SetLimits { .. } => Icon::LIMITS,
        _ => Icon::SIGN_OUT,
    }
}

/// Returns what was asked for in particular.
pub(crate) fn facts(action: &Action) -> Vec<(&'static str, Markup)> {
    let mut facts = Vec::new();
    match action {
        Action::Logout { selection } => of_devices(selection, &mut facts),
        Action::Apply {
            plan_sha256,
            on_drift,
            selection,
        } => {
            of_devices(selection, &mut facts);
            facts.push((t!("What changed since"), html! { (of_drift(*on_drift)) }));
            facts.push((t!("Digest of the plan"), html! { span.hash { (plan_sha256) } }));
        }
        Action::Enforce {
            policy,
            policy_sha256,
            selection,
            ..
        } => {
            facts.push((t!("Policy"), foreign(policy)));
            of_devices(selection, &mut facts);
            facts.push((
                t!("Digest of the policy"),
                html! { span.hash { (policy_sha256) } },
            ));
        }
        Action::SetLimits { limits, .. } => facts.push((t!("Limits"), html! { code { (limits) } })),
        Action::Unban { undoes: Some(run) }
        | Action::Unlock {
            undoes: Some(run), ..
        } => {
            facts.push((t!("Undoes"), html! { span.mono { (run) } }));
        }
        Action::LogoutUnread
        | Action::Ban { .. }
        | Action::Unban { .. }
        | Action::Lock { .. }
        | Action::Unlock { .. } => {}
    }
    facts
}

fn of_drift(on_drift: OnDrift) -> &'static str {
    match on_drift {
        OnDrift::Skip => t!("devices that came later stay"),
        OnDrift::Stop => t!("the run stops before a user who changed"),
        OnDrift::Include => t!("devices that came later count, too"),
        OnDrift::StillMeant => t!("only planned devices that are still selected"),
    }
}

fn of_devices(selection: &Selection, facts: &mut Vec<(&'static str, Markup)>) {
    fn list<T: ToString>(values: &[T]) -> Markup {
        html! { @for (at, value) in values.iter().enumerate() { @if at > 0 { ", " } span.mono { (foreign(&value.to_string())) } } }
    }
    let Selection {
        devices,
        platforms,
        resources,
        names,
        keep_newest,
        unknown_age,
        keep_devices,
        min_surviving,
        exempt,
    } = selection;
    if !devices.is_empty() {
        facts.push((t!("Only devices"), list(devices)));
    }
    if !platforms.is_empty() {
        facts.push((t!("Only platforms"), html! { (self::platforms(selection)) }));
    }
    if !resources.is_empty() {
        facts.push((t!("Only device ids like"), list(resources)));
    }
    if !names.is_empty() {
        facts.push((t!("Only device names like"), list(names)));
    }
    match keep_newest {
        Some(Keep::Each(count)) => {
            facts.push((t!("Keep"), html! { (t!("the newest {count} of each platform")) }));
        }
        Some(Keep::Limits(_)) => facts.push((t!("Keep"), html! { (t!("as many as the limits allow")) })),
        None => {}
    }
    if keep_newest.is_some() {
        let shown = match unknown_age {
            UnknownAge::Oldest => t!("counts as the oldest"),
            UnknownAge::Keep => t!("left alone"),
        };
        facts.push((t!("Unknown age"), html! { (shown) }));
    }
    if !keep_devices.is_empty() {
        facts.push((t!("These stay"), list(keep_devices)));
    }
    if *min_surviving > 0 {
        facts.push((t!("Always stay"), html! { (t!("{min_surviving} of each user")) }));
    }
    if !exempt.is_empty() {
        facts.push((t!("Exempt"), html! { (t!("some users or devices")) }));
    }
}

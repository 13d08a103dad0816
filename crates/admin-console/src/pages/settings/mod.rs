//! Settings: how the console looks to you, and, for administrators, keys, rules of approval, schedules and the service.

pub(super) mod keys;
pub(super) mod rules;
pub(super) mod schedules;
pub(super) mod service;
pub(super) mod you;

use std::collections::BTreeSet;

use easemob_admin_remote::api::Scope;
use easemob_admin_words::t;
use maud::{Markup, html};

use crate::visit::Facts;

/// The parts of the settings.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Part {
    You,
    Keys,
    Rules,
    Schedules,
    Service,
}

/// The head of each part, with the way to the others.
fn head(visit: &Facts, current: Part) -> Markup {
    let parts = [
        (Part::You, None, t!("You")),
        (Part::Keys, Some("keys"), t!("Keys")),
        (Part::Rules, Some("rules"), t!("Rules of approval")),
        (Part::Schedules, Some("schedules"), t!("Schedules")),
        (Part::Service, Some("service"), t!("Service")),
    ];
    let open = |part: Part| match part {
        Part::You => true,
        Part::Keys | Part::Service => visit.signed_in.may(Scope::Admin, visit.app_name()),
        Part::Rules | Part::Schedules => !visit.signed_in.scopes(visit.app_name()).is_empty(),
    };
    html! {
        div.head {
            div.head-t { h1 { (t!("Settings")) } }
            nav.seg aria-label=(t!("Parts of the settings")) {
                @for (part, path, name) in parts {
                    @if open(part) {
                        a href=(place(visit, path)) aria-current=[(part == current).then_some("true")] { (name) }
                    }
                }
            }
        }
    }
}

/// Returns scopes as one part of a cell, which a phone puts beside its label.
fn scope_words(scopes: &BTreeSet<Scope>) -> Markup {
    html! { div { @for scope in scopes { code { (scope.as_str()) } " " } } }
}

fn place(visit: &Facts, part: Option<&str>) -> String {
    match part {
        Some(part) => visit.link(&["settings", part]),
        None => visit.link(&["settings"]),
    }
}

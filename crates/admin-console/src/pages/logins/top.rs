//! The users with the most devices, sign-ins or evictions.

use easemob_admin_remote::api::{TopBy, TopUsers};
use easemob_admin_words::t;
use maud::{Markup, html};

use crate::icons::Icon;
use crate::numbers::grouped;
use crate::visit::Facts;
use crate::widgets::foreign::foreign;
use crate::widgets::platform::counts;

pub(super) fn card(visit: &Facts, top: &TopUsers) -> Markup {
    let by = top.items.first().map(|user| user.by);
    let by = by.or(top.snapshot.as_ref().map(|_| TopBy::Devices));
    let kinds = [
        (TopBy::Devices, "devices", t!("Devices")),
        (TopBy::SignIns, "sign_ins", t!("Sign-ins")),
        (TopBy::Evictions, "evictions", t!("Evictions")),
    ];
    html! {
        section.card {
            div.card-h {
                h2 { (t!("Users with most")) }
                nav.seg aria-label=(t!("What is counted")) {
                    @for (kind, word, name) in kinds {
                        a href={ (visit.link(&["logins"])) "?top=" (word) } aria-current=[(by == Some(kind)).then_some("true")] { (name) }
                    }
                }
            }
            @if top.items.is_empty() {
                div.card-b { p.muted { (t!("Nothing is known of this yet.")) } }
            } @else {
                table.dense {
                    thead { tr {
                        th scope="col" { (t!("User")) }
                        th.num scope="col" { (t!("Number")) }
                    } }
                    tbody {
                        @for user in &top.items {
                            tr {
                                th scope="row" {
                                    a.mono href=(visit.link(&["users", &user.user])) { (foreign(&user.user)) }
                                    @if !user.platforms.is_empty() { span.sub { (counts(&user.platforms)) } }
                                }
                                td.num { (grouped(user.count)) }
                            }
                        }
                    }
                }
            }
            @for gap in &top.gaps {
                div.note."note--in" {
                    (Icon::QUESTION)
                    div {
                        @match gap.since { Some(at) => (visit.time(at)), None => {} }
                        " – "
                        @match gap.until { Some(at) => (visit.time(at)), None => {} }
                        " " (t!("Events of this time may be missing."))
                    }
                }
            }
        }
    }
}

//! Who is selected: some users, this page, or all whom the filter leaves. "All" is the filter and the time of its count, never
//! a list of users.

use easemob_admin_remote::api::{Scope, UsersPage};
use easemob_admin_words::t;
use maud::{Markup, html};

use super::query::{Query, Selection};
use super::{list_address, total};
use crate::icons::Icon;
use crate::numbers::grouped;
use crate::visit::Visit;

pub(super) fn bar(visit: &Visit, query: &Query, users: &UsersPage) -> Markup {
    let list = list_address(visit);
    let here = users.items.len() as u64;
    let address = |selection| query.selecting(selection).address(&list);
    let everybody = address(Selection::All {
        count: users.total.users,
        at: visit.now,
    });
    let is_empty = query.selection == Selection::Nobody;
    let has_more = users.total.users > here || users.total.at_least;
    html! {
        div.selbar #selection role="group" aria-label=(t!("Selection")) hidden[is_empty] data-rows-here=(here) {
            p {
                @if let Selection::All { count, at } = &query.selection {
                    input type="hidden" name="select" value="all";
                    input type="hidden" name="count" value=(count);
                    input type="hidden" name="at" value=(at);
                    @for (name, value) in query.filter.fields() { input type="hidden" name=(name) value=(value); }
                    strong { (t!("All {} users that match are selected", total(users.total))) }
                    ", " (t!("{} of them not on this page.", grouped(users.total.users.saturating_sub(here)))) " "
                    a.inline href=(address(Selection::Page)) { (t!("Select only these {}", here)) }
                } @else {
                    strong {
                        // The script writes the number of those who are ticked.
                        span data-ticked { (here) } " " (t!("users on this page are selected."))
                    }
                    " "
                    @if has_more { a.inline href=(everybody) { (t!("Select all {} that match", total(users.total))) } }
                }
            }
            div.acts {
                @if visit.may(Scope::SessionsPlan) || visit.may(Scope::SessionsApply) {
                    button.btn."btn--sm" formaction=(visit.link(&["users-selected", "plan"])) { (t!("Make a plan")) }
                }
                @if visit.may(Scope::SessionsApply) {
                    button.btn."btn--sm" formaction=(visit.link(&["users-selected", "lock"])) { (Icon::LOCK) (t!("Lock…")) }
                    button.btn."btn--sm"."btn--danger-out" formaction=(visit.link(&["users-selected", "sign-out"])) { (Icon::SIGN_OUT) (t!("Sign out…")) }
                }
                @if visit.may(Scope::UsersWrite) {
                    button.btn."btn--sm"."btn--danger-out" formaction=(visit.link(&["users-selected", "ban"])) { (Icon::BAN) (t!("Ban…")) }
                }
                a.btn."btn--sm"."btn--plain" href=(address(Selection::Nobody)) data-clear { (t!("Clear")) }
            }
        }
        @if is_empty {
            noscript { p.card-b { a href=(address(Selection::Page)) { (t!("Select the {} users on this page", here)) } } }
        }
    }
}

//! The rows of users, with selection and paging.

use std::collections::{BTreeMap, BTreeSet};

use easemob_admin_ops::locks::lock::Lock;
use easemob_admin_ops::report::limits::LimitsView;
use easemob_admin_remote::api::{KnownUserView, Scope, UsersPage};
use easemob_admin_words::t;
use maud::{Markup, html};

use super::query::{Column, Query, Selection, Sort};
use super::{ROWS, filters, list_address, selection, total};
use crate::icons::Icon;
use crate::numbers::grouped;
use crate::times;
use crate::visit::Visit;
use crate::widgets::foreign::foreign;
use crate::widgets::platform;

pub(super) fn table(visit: &Visit, query: &Query, users: &UsersPage, locks: &[Lock]) -> Markup {
    let locked: BTreeSet<String> = locks.iter().map(|lock| lock.user.folded()).collect();
    let scopes = [Scope::SessionsApply, Scope::SessionsPlan, Scope::UsersWrite];
    let acts = scopes.into_iter().any(|scope| visit.may(scope));
    let all = query.selection != Selection::Nobody;
    let rows = users.items.len() as u64;
    html! {
        form #selected data-selection action=(visit.link(&["users-selected", "sign-out"])) {
            @if acts { (selection::bar(visit, query, users)) }
            div.tw {
                table.cards."cards--tight" role="table" aria-label=(t!("Users that match")) {
                    thead role="rowgroup" { tr role="row" {
                        @if acts {
                            td.tick role="cell" {
                                label { span.vh { (t!("Select the {} users on this page", rows)) } input type="checkbox" data-all checked[all]; }
                            }
                        }
                        (sortable(visit, query, t!("User"), Sort::User, ""))
                        @if query.shows(Column::Devices) { (sortable(visit, query, filters::title(Column::Devices), Sort::Devices, "num")) }
                        @if query.shows(Column::Platforms) { th role="columnheader" scope="col" { (filters::title(Column::Platforms)) } }
                        @if query.shows(Column::OverLimit) { th role="columnheader" scope="col" { (filters::title(Column::OverLimit)) } }
                        @if query.shows(Column::LastSeen) { (sortable(visit, query, filters::title(Column::LastSeen), Sort::LastSeen, "")) }
                        @if query.shows(Column::Status) { th role="columnheader" scope="col" { (filters::title(Column::Status)) } }
                    } }
                    tbody role="rowgroup" data-rows {
                        @for user in &users.items { (row(visit, query, user, &users.limits.limits, &locked, acts, all)) }
                    }
                }
            }
        }
        (foot(visit, query, users, rows))
    }
}

fn sortable(visit: &Visit, query: &Query, name: &str, sort: Sort, class: &str) -> Markup {
    let is_current = query.sort == sort;
    let direction = if sort == Sort::User {
        "ascending"
    } else {
        "descending"
    };
    html! {
        th role="columnheader" scope="col" class=[(!class.is_empty()).then_some(class)] aria-sort=[is_current.then_some(direction)] {
            a.sort href=(query.sorted(sort).address(&list_address(visit))) {
                (name)
                @if is_current { @if sort == Sort::User { (Icon::UP.small()) } @else { (Icon::DOWN.small()) } }
            }
        }
    }
}

fn row(
    visit: &Visit,
    query: &Query,
    user: &KnownUserView,
    limits: &LimitsView,
    locked: &BTreeSet<String>,
    acts: bool,
    checked: bool,
) -> Markup {
    html! {
        tr role="row" class=[checked.then_some("is-sel")] {
            @if acts {
                td.tick role="cell" {
                    label { span.vh { (t!("Select {}", user.user)) } input type="checkbox" name="u" value=(user.user) checked[checked]; }
                }
            }
            th.c-lead role="rowheader" scope="row" { a.mono href=(visit.link(&["users", &user.user])) { (foreign(&user.user)) } }
            @if query.shows(Column::Devices) {
                td.num.c-left.c-unit role="cell" data-label=(t!("devices")) { (grouped(user.devices)) }
            }
            @if query.shows(Column::Platforms) {
                td.c-full role="cell" data-label=(t!("Platforms")) { (platform::counts(&user.platforms)) }
            }
            @if query.shows(Column::OverLimit) {
                td role="cell" data-label=(t!("Over limit")) class=[(!user.over_limit).then_some("c-none")] {
                    @if user.over_limit { span.c-attn { (over(&user.platforms, limits)) } }
                }
            }
            @if query.shows(Column::LastSeen) {
                td.nowrap role="cell" data-label=(t!("Last seen")) {
                    @match user.last_seen {
                        Some(at) => time datetime=(at) title=(times::full(at, &visit.look.zone)) { (times::ago(at, visit.now)) },
                        None => span.soft { (t!("not known")) },
                    }
                }
            }
            @if query.shows(Column::Status) {
                @let is_locked = locked.contains(&user.user.to_lowercase());
                td role="cell" data-label=(t!("Status")) class=[(!is_locked).then_some("c-none")] {
                    @if is_locked { span.tag."tag--attn" { (Icon::LOCK) (t!("Locked")) } }
                }
            }
        }
    }
}

/// Says where there are more devices than may be.
fn over(platforms: &BTreeMap<String, u64>, limits: &LimitsView) -> String {
    let limit = |word: &String| limits.platforms.get(word).copied().or(limits.default);
    let over: Vec<String> = platforms
        .iter()
        .filter_map(|(word, count)| Some((word, *count, limit(word)?)))
        .filter(|(_, count, limit)| *count > u64::from(*limit))
        .map(|(word, count, limit)| t!("{} {} of {}", platform::name(word), count, limit))
        .collect();
    if over.is_empty() {
        return t!("more than one device").to_owned();
    }
    over.join(", ")
}

fn foot(visit: &Visit, query: &Query, users: &UsersPage, rows: u64) -> Markup {
    let list = list_address(visit);
    let next = users
        .next
        .clone()
        .map(|after| query.next(after, rows).address(&list));
    let previous = query.previous(ROWS).map(|previous| previous.address(&list));
    html! {
        div.card-f {
            span {
                (t!("Rows {} to {} of {}.", grouped(query.rows_before + 1), grouped(query.rows_before + rows), total(users.total)))
                " " (t!("Changing a filter clears the selection."))
            }
            div.acts {
                @match previous {
                    Some(address) => a.btn."btn--sm" href=(address) rel="prev" data-previous { (t!("Previous")) },
                    None => a.btn."btn--sm" aria-disabled="true" role="link" { (t!("Previous")) },
                }
                @match next {
                    Some(address) => a.btn."btn--sm" href=(address) rel="next" data-next { (t!("Next {}", ROWS)) },
                    None => a.btn."btn--sm" aria-disabled="true" role="link" { (t!("Next {}", ROWS)) },
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_says_where_there_are_too_many() {
        let limits = LimitsView {
            mode: None,
            default: Some(4),
            platforms: [("web".to_owned(), 2)].into(),
        };
        let platforms = |pairs: &[(&str, u64)]| {
            pairs
                .iter()
                .map(|(word, count)| ((*word).to_owned(), *count))
                .collect()
        };
        let said = |pairs: &[(&str, u64)]| over(&platforms(pairs), &limits);
        assert_eq!(
            said(&[("web", 5), ("ios", 4), ("android", 6)]),
            "Android 6 of 4, Web 5 of 2"
        );
        assert_eq!(
            said(&[("web", 1), ("ios", 1)]),
            "more than one device",
            "single-device mode"
        );
    }
}

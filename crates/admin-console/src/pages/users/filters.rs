//! The filters, which are a form, and the active ones, each with a way out of it.

use easemob_admin_words::t;
use maud::{Markup, html};

use super::list_address;
use super::query::{Column, Filter, Query, Selection, Sort};
use crate::icons::Icon;
use crate::visit::Visit;
use crate::widgets::foreign::foreign;
use crate::widgets::platform;

/// The platforms that are offered.
const PLATFORMS: [&str; 6] = ["android", "ios", "web", "harmony", "windows", "mac"];

/// The times that are offered, in hours.
const SEEN: [u32; 4] = [1, 24, 168, 720];

/// The numbers of devices that are offered.
const DEVICES: [u64; 5] = [1, 2, 3, 5, 10];

pub(super) fn bar(visit: &Visit, query: &Query) -> Markup {
    let list = list_address(visit);
    let filter = &query.filter;
    let selected = match &query.selection {
        Selection::All { count, .. } => *count,
        _ => 0,
    };
    html! {
        form.filters #filters action=(list) {
            div.find.grow {
                (Icon::SEARCH)
                label.vh for="f" { (t!("User id begins with, or after a *, contains")) }
                input #f type="search" name="q" value=[filter.name.as_deref()] placeholder=(t!("User id begins with…")) autocomplete="off" maxlength="255" spellcheck="false";
            }
            label.vh for="platform" { (t!("Platform")) }
            select #platform name="platform" {
                option value="" { (t!("Any platform")) }
                @for word in platforms(filter) { option value=(word) selected[filter.platform.as_deref() == Some(word)] { (platform::name(word)) } }
            }
            label.vh for="devices" { (t!("Devices")) }
            select #devices name="devices" {
                option value="" { (t!("Any number of devices")) }
                @for least in numbers(filter) { option value=(least) selected[filter.devices_at_least == Some(least)] { (devices(least)) } }
            }
            label.vh for="seen" { (t!("Last seen")) }
            select #seen name="seen" {
                option value="" { (t!("Seen at any time")) }
                @for hours in times(filter) { option value=(hours) selected[filter.seen_hours == Some(hours)] { (seen(hours)) } }
            }
            label.opt { input type="checkbox" name="over-limit" value="1" checked[filter.over_limit]; (t!("Over limit")) }
            // What is selected by now is cleared, and the next page says so.
            input type="hidden" name="had" value=(selected) data-had;
            @if query.sort != Sort::default() { input type="hidden" name="sort" value=(query.sort.in_address()); }
            @for column in &query.hidden { input type="hidden" name="hide" value=(column.in_address()); }
            button.btn."btn--sm" { (t!("Filter")) }
            div.end {
                details.more {
                    summary { (t!("Columns")) }
                    ul.opts {
                        @for column in Column::ALL {
                            li { a href=(query.toggling(column).address(&list)) {
                                @if query.shows(column) { (Icon::CHECK.small()) span.vh { (t!("shown: ")) } } @else { span.vh { (t!("hidden: ")) } }
                                (title(column))
                            } }
                        }
                    }
                }
                a.btn."btn--sm"."btn--plain" href=(query.with(filter.clone()).address(&visit.link(&["users-export"]))) download { (Icon::DOWNLOAD) (t!("Export")) }
            }
        }
        (chips(query, &list))
    }
}

/// Returns the heading of a column.
pub(super) fn title(column: Column) -> &'static str {
    match column {
        Column::Devices => t!("Devices"),
        Column::Platforms => t!("Platforms"),
        Column::OverLimit => t!("Over limit"),
        Column::LastSeen => t!("Last seen"),
        Column::Status => t!("Status"),
    }
}

/// What is offered, and what somebody wrote into the address.
fn platforms(filter: &Filter) -> Vec<&str> {
    let mut offered = PLATFORMS.to_vec();
    offered.extend(
        filter
            .platform
            .as_deref()
            .filter(|word| !PLATFORMS.contains(word)),
    );
    offered
}

fn numbers(filter: &Filter) -> Vec<u64> {
    let mut offered = DEVICES.to_vec();
    offered.extend(filter.devices_at_least.filter(|least| !DEVICES.contains(least)));
    offered
}

fn times(filter: &Filter) -> Vec<u32> {
    let mut offered = SEEN.to_vec();
    offered.extend(filter.seen_hours.filter(|hours| !SEEN.contains(hours)));
    offered
}

fn devices(least: u64) -> String {
    if least == 1 {
        t!("Online now").to_owned()
    } else {
        t!("{least} or more devices")
    }
}

fn seen(hours: u32) -> String {
    match hours {
        1..48 => t!("Seen within {hours} h"),
        _ => t!("Seen within {} d", hours / 24),
    }
}

fn chips(query: &Query, list: &str) -> Markup {
    let filter = &query.filter;
    let without = |change: fn(&mut Filter)| {
        let mut fewer = filter.clone();
        change(&mut fewer);
        query.with(fewer).address(list)
    };
    let mut chips: Vec<(Markup, String)> = Vec::new();
    if let Some(name) = &filter.name {
        chips.push((foreign(name), without(|filter| filter.name = None)));
    }
    if let Some(word) = &filter.platform {
        chips.push((
            foreign(platform::name(word)),
            without(|filter| filter.platform = None),
        ));
    }
    if let Some(least) = filter.devices_at_least {
        chips.push((
            html! { (devices(least)) },
            without(|filter| filter.devices_at_least = None),
        ));
    }
    if filter.over_limit {
        chips.push((
            html! { (t!("Over limit")) },
            without(|filter| filter.over_limit = false),
        ));
    }
    if let Some(hours) = filter.seen_hours {
        chips.push((
            html! { (seen(hours)) },
            without(|filter| filter.seen_hours = None),
        ));
    }
    html! {
        @if !chips.is_empty() {
            div.filters role="group" aria-label=(t!("Active filters")) {
                @for (name, address) in &chips {
                    span.chip { (name) a href=(address) aria-label=(t!("Remove this filter")) { (Icon::CROSS.small()) } }
                }
                a.btn."btn--plain"."btn--sm" href=(query.with(Filter::default()).address(list)) { (t!("Clear filters")) }
            }
        }
    }
}

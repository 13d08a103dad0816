//! The devices of a snapshot, counted: a table with bars.

use easemob_admin_remote::api::{CountBy, LoginCounts};
use easemob_admin_words::t;
use maud::{Markup, html};

use crate::api::encoded;
use crate::numbers::grouped;
use crate::visit::Facts;
use crate::widgets::platform::platform;

pub(super) fn card(visit: &Facts, title: &str, counts: &LoginCounts, by: CountBy) -> Markup {
    // What the bars are of: devices on each platform, but users with each number of devices.
    let of = |devices: u64, users: u64| if by == CountBy::Platform { devices } else { users };
    let all = counts.groups.iter().map(|group| of(group.devices, group.users));
    let most = all.max().unwrap_or(1).max(1);
    html! {
        section.card {
            div.card-h { h2 { (title) } }
            table.dense {
                thead { tr {
                    th scope="col" { @if by == CountBy::Platform { (t!("Platform")) } @else { (t!("Devices of a user")) } }
                    th scope="col" { span.vh { (t!("Share")) } }
                    th.num scope="col" { (t!("Devices")) }
                    th.num scope="col" { (t!("Users")) }
                } }
                tbody {
                    @for group in &counts.groups {
                        tr {
                            th scope="row" {
                                @if by == CountBy::Platform {
                                    a href={ (visit.link(&["users"])) "?platform=" (encoded(&group.group)) } { (platform(&group.group)) }
                                } @else { (group.group) }
                            }
                            td.w-bar {
                                svg.bar viewBox="0 0 100 6" preserveAspectRatio="none" aria-hidden="true" {
                                    rect x="0" width=(of(group.devices, group.users) * 100 / most) height="6" class="f-1" {}
                                }
                            }
                            td.num { (grouped(group.devices)) }
                            td.num { (grouped(group.users)) }
                        }
                    }
                }
            }
        }
    }
}

//! The budget of calls: what this service uses of each pool, and how much there may be.

use easemob_admin_remote::api::{PoolView, TrafficView};
use easemob_admin_words::t;
use maud::{Markup, html};

use crate::numbers::grouped;
use crate::standing::whole;
use crate::times::lasting;
use crate::usage::InUse;
use crate::visit::Visit;

/// Returns the name of a pool; one that nobody knows has the name that the service gives it.
fn name(pool: &str) -> &str {
    match pool {
        "accounts" => t!("Users, devices and sessions"),
        "token" => t!("Tokens"),
        "batch_delete" => t!("Deletion of many users"),
        "batch_status" => t!("Statuses of many users"),
        "mutes" => t!("Mutes"),
        "presence" => t!("Presence"),
        "callbacks" => t!("Callbacks sent again"),
        other => other,
    }
}

pub(super) fn card(visit: &Visit, traffic: Option<&TrafficView>, in_use: Option<&InUse>) -> Markup {
    html! {
        section.card #budget {
            div.card-h {
                h2 { (t!("Budget of calls")) }
                @if let Some(in_use) = in_use {
                    span.small.muted { (t!("average of {}", lasting(in_use.over.as_secs().unsigned_abs()))) }
                }
            }
            @match traffic {
                None => div.card-b { p.muted { (t!("not known")) } },
                Some(traffic) => {
                    table.dense {
                        thead { tr {
                            th scope="col" { (t!("Kind of calls")) }
                            th scope="col" { span.vh { (t!("Share")) } }
                            th.num scope="col" { (t!("Now / most, a second")) }
                        } }
                        tbody { @for pool in &traffic.pools { (row(pool, in_use)) } }
                    }
                    div.card-f {
                        span { (t!("Sent by this process, as of {}", visit.clock(traffic.at))) }
                        @if traffic.limited > 0 { span.c-attn { (t!("{} refused because there were too many", grouped(traffic.limited))) } }
                    }
                },
            }
        }
    }
}

fn row(pool: &PoolView, in_use: Option<&InUse>) -> Markup {
    let used = in_use.and_then(|in_use| in_use.per_second.get(&pool.pool).copied());
    let most = pool.rate.map(whole);
    let share = used.unwrap_or_default().saturating_mul(100) / most.unwrap_or(u32::MAX).max(1);
    html! {
        tr {
            th scope="row" { (name(&pool.pool)) }
            td.w-bar {
                svg.bar viewBox="0 0 100 6" preserveAspectRatio="none" aria-hidden="true" {
                    rect x="0" width=(share.min(100)) height="6" class="f-1" {}
                }
            }
            td.num {
                @match used { Some(used) => (grouped(u64::from(used))), None => "–" }
                " / "
                @match most { Some(most) => (grouped(u64::from(most))), None => (t!("no limit")) }
            }
        }
    }
}

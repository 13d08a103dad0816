//! What the header says of the app: running runs, waiting requests, and the budget of calls.

use easemob_admin_remote::api::{self, ApprovalView, RunState, RunView, TrafficView};
use futures_util::future::join3;

use crate::usage::{ACCOUNTS, Usage};
use crate::visit::Facts;

/// The newest runs among which running ones are counted; older ones are on their page.
const RUNS: &str = "20";

/// What the header says of the app.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Standing {
    /// Runs that somebody is working on.
    pub(crate) running: Option<u64>,
    /// Requests that wait for approval.
    pub(crate) waiting: Option<u64>,
    /// Calls in a second, and how many there may be.
    pub(crate) budget: Option<(u32, u32)>,
}

/// Returns a rate in whole calls.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a rate is a small positive number"
)]
pub(crate) fn whole(rate: f64) -> u32 {
    rate.round() as u32
}

/// Asks what the header says of the app. What cannot be read is left out: the page itself says why.
pub(crate) async fn standing(facts: &Facts, usage: &Usage) -> Standing {
    let (runs, approvals, traffic) = join3(
        facts.api.get::<api::Page<RunView>>(&["runs"], &[("limit", RUNS)]),
        facts
            .api
            .get::<api::Page<ApprovalView>>(&["approvals"], &[("state", "pending"), ("limit", "100")]),
        facts.api.get::<TrafficView>(&["traffic"], &[]),
    )
    .await;
    let running = |page: api::Page<RunView>| {
        let running = page.items.iter().filter(|run| run.state == RunState::Running);
        running.count() as u64
    };
    let budget = traffic.ok().and_then(|traffic| {
        let in_use = usage.take(facts.app_name(), &traffic)?;
        let used = in_use.per_second.get(ACCOUNTS).copied()?;
        Some((used, whole(traffic.rate?)))
    });
    Standing {
        running: runs.ok().map(running),
        waiting: approvals.ok().map(|page| page.items.len() as u64),
        budget,
    }
}

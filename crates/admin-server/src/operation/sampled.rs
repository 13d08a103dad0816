//! Reads from the records what the metrics show of them.

use std::collections::BTreeMap;

use easemob_admin_ops::locks::store::Listing;
use easemob_admin_ops::logins::store::Range;
use easemob_admin_ops::run::direction::RunState;
use easemob_admin_ops::run::store::ListedRun;

use super::metrics::{InState, OfApp, Sampled};
use crate::service::Service;

/// The states of runs, all of which are always shown, so that one that nobody is in is 0.
const STATES: [&str; 6] = ["running", "waiting", "paused", "stopped", "unfinished", "done"];

/// Reads what the metrics show. What cannot be read stays as it was, and is counted. Blocks.
pub(super) fn sample(service: &Service) {
    let sampled = &service.metrics().sampled;
    let unread = [runs(service, sampled), of_apps(service, sampled)]
        .into_iter()
        .sum();
    sampled.unread.set(unread);
    let age = service
        .outside_head()
        .map(|at| service.now().duration_since(at).as_secs());
    sampled.head_age.set(age.map_or(-1, |age| age.max(0)));
}

/// Counts the runs. Those in files are counted as far as this process works on them: reading every journal takes long.
fn runs(service: &Service, sampled: &Sampled) -> i64 {
    let (mut states, mut leases) = (BTreeMap::new(), 0);
    if service.is_in_files() {
        states.insert("running", service.runner().working());
    } else {
        let Ok(overview) = service.stores().runs().overview() else {
            return 1;
        };
        for listed in overview.into_iter().filter_map(|(_, listed)| listed.ok()) {
            leases += listed.workers.len();
            *states.entry(state(&listed)).or_default() += 1;
        }
    }
    for state in STATES {
        let count = states.get(state).copied().unwrap_or_default();
        let gauge = sampled.runs.get_or_create(&InState { state });
        gauge.set(i64::try_from(count).unwrap_or(i64::MAX));
    }
    sampled.leases.set(i64::try_from(leases).unwrap_or(i64::MAX));
    0
}

fn state(listed: &ListedRun) -> &'static str {
    match listed.state {
        _ if listed.running => "running",
        _ if listed.counts.unfinished() == 0 => "done",
        RunState::Alone => "unfinished",
        RunState::Open => "waiting",
        RunState::Paused => "paused",
        RunState::Stopped => "stopped",
    }
}

fn of_apps(service: &Service, sampled: &Sampled) -> i64 {
    let mut unread = 0;
    for app in service.apps().iter() {
        let of = OfApp {
            app: app.name.clone(),
        };
        let due = Listing::Due(service.now());
        match service
            .stores()
            .locks(&app.target)
            .and_then(|locks| locks.list(due))
        {
            Ok(locks) => {
                let count = i64::try_from(locks.len()).unwrap_or(i64::MAX);
                sampled.overdue_locks.get_or_create(&of).set(count);
            }
            Err(_) => unread += 1,
        }
        match service.stores().logins().kept(&app.target.name()) {
            Ok(None) => {}
            Ok(Some(logins)) => match logins.gaps(Range::ALL) {
                Ok(gaps) => {
                    let count = i64::try_from(gaps.len()).unwrap_or(i64::MAX);
                    sampled.login_gaps.get_or_create(&of).set(count);
                }
                Err(_) => unread += 1,
            },
            Err(_) => unread += 1,
        }
        let client = app.server.client();
        let traffic = client.traffic();
        let whole = |count: u64| i64::try_from(count).unwrap_or(i64::MAX);
        sampled.sent.get_or_create(&of).set(whole(traffic.sent));
        sampled.limited.get_or_create(&of).set(whole(traffic.limited));
        let rate = client.effective_rate().unwrap_or_default();
        sampled.rate.get_or_create(&of).set(rate);
        let waited = traffic.waited_for_budget.as_secs_f64();
        sampled.waited.get_or_create(&of).set(waited);
    }
    unread
}

//! What the receiver of notices is told, and when.

use std::collections::BTreeMap;
use std::time::Duration;

use easemob_admin_ops::locks::store::Listing;
use easemob_admin_ops::logins::store::SnapshotId;
use easemob_admin_ops::operations::RunReport;
use easemob_admin_ops::policy::surplus::Totals;
use easemob_admin_ops::run::journal::header::Header;
use serde_json::json;
use tokio::time::{MissedTickBehavior, interval};

use super::notices::Notice;
use crate::apps::App;
use crate::service::Service;

/// How often locks and rates are looked at.
const LOOK: Duration = Duration::from_secs(60);

/// How long the same is not told again, in seconds.
const AGAIN: i64 = 60 * 60;

/// Tells that a run has ended, and that it did because it hit its cap.
pub(crate) fn run_ended(service: &Service, header: &Header, report: &RunReport) {
    let stopped = report.stopped.as_ref().map(|stopped| stopped.reason.as_str());
    let kinds = ["run.ended"].into_iter().chain(match stopped {
        Some("max_logouts") => Some("run.cap_hit"),
        _ => None,
    });
    for kind in kinds {
        let tally = &report.tally;
        service.tell(Notice {
            // Who works on the rest of it later ends it once more.
            id: format!("{kind}/{}/{}", header.run, report.not_started),
            kind,
            app: header.app.clone(),
            at: service.now(),
            details: json!({
                "run": header.run,
                "command": header.action.command(),
                "users": report.users,
                "done": tally.done,
                "nothing_to_do": tally.nothing_to_do,
                "failed": tally.failed_retry + tally.failed_final + tally.unknown,
                "devices": tally.devices,
                "not_started": report.not_started,
                "stopped": stopped,
            }),
        });
    }
}

/// Tells that a snapshot has users over the limits of a policy.
pub(crate) fn policy_exceeded(
    service: &Service,
    app: &App,
    schedule: &str,
    totals: &Totals,
    snapshot: SnapshotId,
) {
    service.tell(Notice {
        id: format!("policy.exceeded/{}/{schedule}/{snapshot}", app.name),
        kind: "policy.exceeded",
        app: app.name.clone(),
        at: service.now(),
        details: json!({
            "schedule": schedule,
            "snapshot": snapshot,
            "users_over": totals.users_over,
            "devices_over": totals.over,
        }),
    });
}

/// Looks after locks and rates until the service ends.
pub(crate) async fn watch(service: Service) {
    let mut ticks = interval(LOOK);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut limited = BTreeMap::new();
    loop {
        ticks.tick().await;
        if service.runner().is_draining() {
            return;
        }
        throttled(&service, &mut limited);
        let this = service.clone();
        let _ = tokio::task::spawn_blocking(move || overdue(&this)).await;
    }
}

/// Tells of apps whose server has refused requests since the last look because there were too many.
fn throttled(service: &Service, before: &mut BTreeMap<String, u64>) {
    for app in service.apps().iter() {
        let client = app.server.client();
        let now = client.traffic().limited;
        let before = before.insert(app.name.clone(), now).unwrap_or_default();
        if now > before {
            let details = json!({"refused": now - before, "requests_per_second": client.effective_rate()});
            service.tell(hourly(service, "budget.throttled", &app.name, details));
        }
    }
}

/// Tells of apps with locks whose end has passed. Blocks.
fn overdue(service: &Service) {
    for app in service.apps().iter() {
        let due = Listing::Due(service.now());
        let locks = service.stores().locks(&app.target);
        match locks.and_then(|locks| locks.list(due)) {
            Ok(locks) if locks.is_empty() => {}
            Ok(locks) => {
                let details = json!({"locks": locks.len()});
                service.tell(hourly(service, "locks.overdue", &app.name, details));
            }
            Err(error) => tracing::warn!(app = app.name, %error, "cannot look for overdue locks"),
        }
    }
}

/// Makes a notice that has the same id for an hour, within which its receiver drops repetitions.
fn hourly(service: &Service, kind: &'static str, app: &str, details: serde_json::Value) -> Notice {
    let at = service.now();
    Notice {
        id: format!("{kind}/{app}/{}", at.as_second() / AGAIN),
        kind,
        app: app.to_owned(),
        at,
        details,
    }
}

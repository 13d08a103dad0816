//! Works on a scan that somebody asked for.

use std::time::Duration;

use easemob_admin_ops::causes::with_causes;
use easemob_admin_ops::schedule::pipeline::{Cause, Wish};
use easemob_admin_ops::store_error::StoreError;
use easemob_admin_remote::api::ScanState;
use tokio::sync::watch;
use tokio::time::sleep;

use super::kept::{ScanJob, change, find, forgotten};
use super::read::{Order, Scanned, Start, read};
use super::users::Users;
use crate::service::Service;

/// How often to look whether somebody has stopped it.
const LOOK: Duration = Duration::from_secs(1);

/// Reads what the scan is about, and notes how it ended. What is cut short is left to another process.
pub(crate) async fn work(service: Service, job: ScanJob, mut wish: watch::Receiver<Wish>) {
    let Some(app) = service.apps().get(&job.app).cloned() else {
        // Another process may have the app.
        return;
    };
    let order = Order {
        source: job.source.clone(),
        users: job.users.clone().map(|listed| Users::of(&service, &job, listed)),
        limits: job.limits,
        every_user: job.read_every_user,
        from: job.snapshot.map_or(Start::New, Start::This),
    };
    let (this, of) = (service.clone(), job.clone());
    let begun = move |snapshot| {
        let noted = change(&this, &of, |job| ScanJob {
            snapshot: Some(snapshot),
            state: match job.state {
                ScanState::Waiting => ScanState::Running,
                state => state,
            },
            ..job
        });
        if let Err(error) = noted {
            // The snapshot is found as the one that was left behind.
            tracing::warn!(
                error = with_causes(&error),
                "the snapshot of a scan cannot be noted"
            );
        }
    };
    let (tell, told) = watch::channel(Wish::Run);
    let mut reading = Box::pin(read(&service, &app, order, told, begun));
    let mut is_stopped = job.state == ScanState::Stopping;
    if is_stopped {
        tell.send_replace(Wish::Drain(Cause::Signal));
    }
    let scanned = loop {
        tokio::select! {
            scanned = &mut reading => break scanned,
            Ok(()) = wish.changed() => {
                let wished = *wish.borrow_and_update();
                tell.send_replace(wished);
            }
            () = sleep(LOOK) => {
                let (this, app, id) = (service.clone(), job.app.clone(), job.id.clone());
                let now = tokio::task::spawn_blocking(move || find(&this, &app, &id)).await;
                if matches!(now, Ok(Ok(ScanJob { state: ScanState::Stopping, .. }))) {
                    is_stopped = true;
                    tell.send_replace(Wish::Drain(Cause::Signal));
                }
            }
        }
    };
    drop(reading);
    let (state, why) = match scanned {
        Ok(Scanned::Complete(_)) => (ScanState::Complete, None),
        Ok(Scanned::Odd(entries, places)) => (
            ScanState::Incomplete,
            Some(format!(
                "the server listed {entries} entries that are no users: {}",
                places.join(", ")
            )),
        ),
        Ok(Scanned::CutShort) if is_stopped => (ScanState::Stopped, None),
        Ok(Scanned::CutShort) => return,
        Ok(Scanned::Failed(why)) | Err(why) => (ScanState::Failed, Some(why)),
    };
    let ended_at = Some(service.now());
    let noting = tokio::task::spawn_blocking(move || {
        change(&service, &job, |job| ScanJob {
            state,
            why: why.clone(),
            ended_at,
            ..job
        })?;
        forgotten(&service, &job.key());
        Ok::<_, StoreError>(())
    });
    if let Ok(Err(error)) = noting.await {
        tracing::warn!(error = with_causes(&error), "the end of a scan cannot be noted");
    }
}

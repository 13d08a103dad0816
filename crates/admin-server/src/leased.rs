//! Work that one process does at a time, whichever dies.

use std::future::Future;
use std::time::Duration;

use easemob_admin_ops::causes::with_causes;
use easemob_admin_ops::documents::lease::{give_up, hold};
use easemob_admin_ops::schedule::pipeline::{Cause, Wish};
use tokio::sync::watch;
use tokio::time::sleep;

use crate::service::Service;

/// How long a process that was not heard of keeps the work to itself.
const LEASE: Duration = Duration::from_secs(30);

/// Does work, if no other process does it. The work is told to end when the process stops, or when another one has taken over.
/// What it notes belongs to it: the lease is given up afterwards.
pub(crate) async fn leased<F>(service: Service, lease: String, work: impl FnOnce(watch::Receiver<Wish>) -> F)
where
    F: Future<Output = ()> + Send + 'static,
{
    let held = |service: Service, lease: String| {
        tokio::task::spawn_blocking(move || hold(service.documents(), &lease, service.name(), LEASE))
    };
    if !matches!(held(service.clone(), lease.clone()).await, Ok(Ok(true))) {
        return;
    }
    let (wishes, wish) = watch::channel(Wish::Run);
    let mut work = tokio::spawn(work(wish));
    loop {
        tokio::select! {
            _ = &mut work => break,
            () = sleep(LEASE / 6) => {
                if service.runner().is_draining() {
                    wishes.send_replace(Wish::Drain(Cause::Signal));
                } else if matches!(held(service.clone(), lease.clone()).await, Ok(Ok(false))) {
                    wishes.send_replace(Wish::Drain(Cause::TakenOver));
                }
            }
        }
    }
    let this = service.clone();
    let given_up = tokio::task::spawn_blocking(move || give_up(this.documents(), &lease, this.name()));
    if let Ok(Err(error)) = given_up.await {
        tracing::warn!(
            error = with_causes(&error),
            "a lease cannot be given up; it ends by itself"
        );
    }
}

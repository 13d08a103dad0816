//! A worker over a stream of users: several at a time, and a stop that leaves nothing half done.
//!
//! `cargo run -p easemob-admin-api --example worker` tries it on a local sandbox, and stops after five users.
#![allow(clippy::print_stdout, reason = "an example prints")]

use std::future::Future;
use std::pin::pin;

use easemob_admin_api::{AppRoot, Client, Credentials, Error, UserId, UserQuery};
use easemob_admin_sandbox::{Sandbox, Seed};
use futures_util::{Stream, StreamExt as _};
use tokio::sync::oneshot;

/// How many users are worked on at a time. The rate of the client limits the calls, so that more would only wait.
const AT_ONCE: usize = 8;

/// The number of online devices, or why it is unknown.
type Counted = (UserId, Result<usize, Error>);

/// Counts the devices of each user. After `stop`, no more users are taken, and those that were begun are finished.
fn count_devices(
    client: &Client,
    users: impl Stream<Item = UserId>,
    stop: impl Future<Output = ()>,
) -> impl Stream<Item = Counted> {
    let client = client.clone();
    users
        .take_until(stop)
        .map(move |user| {
            let client = client.clone();
            async move {
                let devices = client.list_devices(&user).await;
                (user, devices.map(|devices| devices.len()))
            }
        })
        .buffer_unordered(AT_ONCE)
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let sandbox = Sandbox::builder().seed(Seed::demo()).start().await?;
    let client = Client::builder(AppRoot::parse(&sandbox.app_root())?)
        .credentials(Credentials::client_secret(
            sandbox.client_id(),
            sandbox.client_secret(),
        ))
        .build()?;

    // A listing that breaks off must not look like its end.
    let mut broken = None;
    let users = client.list_users(UserQuery::new());
    let users = users.scan(&mut broken, |broken, user| {
        std::future::ready(
            user.map(|user| user.username)
                .map_err(|error| **broken = Some(error))
                .ok(),
        )
    });
    // A service stops at `tokio::signal::ctrl_c()` instead.
    let (stop, stopped) = oneshot::channel();
    let mut stop = Some(stop);
    let (mut done, mut failed) = (0, 0);
    {
        let mut counted = pin!(count_devices(&client, users, async { drop(stopped.await) }));
        while let Some((user, devices)) = counted.next().await {
            match devices {
                Ok(devices) => println!("{user}: {devices} online"),
                Err(error) => {
                    println!("{user}: {error}");
                    failed += 1;
                }
            }
            done += 1;
            if done == 5 {
                stop.take().map(|stop| stop.send(()));
            }
        }
    }
    println!("{done} users, {failed} failed");
    broken.map_or(Ok(()), |error| Err(error.into()))
}

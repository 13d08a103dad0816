//! Counts on how many devices of each platform users are signed in, and who is above a limit.
//!
//! `cargo run -p easemob-admin-api --example audit_login_counts` tries it on a local sandbox.
#![allow(clippy::print_stdout, reason = "an example prints")]

use std::collections::BTreeMap;
use std::pin::pin;

use easemob_admin_api::{AppRoot, Client, Credentials, OnlineStatus, UserId, UserQuery};
use easemob_admin_sandbox::{Sandbox, Seed};
use futures_util::{StreamExt as _, TryStreamExt as _};

const LIMIT: usize = 2;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let sandbox = Sandbox::builder().seed(Seed::demo()).start().await?;
    let client = Client::builder(AppRoot::parse(&sandbox.app_root())?)
        .credentials(Credentials::client_secret(
            sandbox.client_id(),
            sandbox.client_secret(),
        ))
        .build()?;

    // A hundred statuses cost one call, so only those who are online are asked for their devices.
    let mut online: Vec<UserId> = Vec::new();
    let users = client
        .list_users(UserQuery::new())
        .map_ok(|user| user.username)
        .try_chunks(100);
    let mut users = pin!(users);
    while let Some(hundred) = users.next().await {
        for (user, status) in client.status_batch(&hundred?).await? {
            if status != OnlineStatus::Offline {
                online.push(user);
            }
        }
    }

    let mut devices_by_platform = BTreeMap::new();
    let mut above = 0;
    let mut answers = futures_util::stream::iter(online.iter().take(100))
        .map(|user| client.list_devices(user))
        .buffer_unordered(16);
    while let Some(devices) = answers.try_next().await? {
        let mut of_this_user: BTreeMap<_, usize> = BTreeMap::new();
        for device in devices {
            *of_this_user.entry(device.platform()).or_default() += 1;
        }
        above += usize::from(of_this_user.values().any(|count| *count > LIMIT));
        for (platform, count) in of_this_user {
            *devices_by_platform.entry(platform).or_insert(0) += count;
        }
    }
    println!("{} users online; of the first 100 of them:", online.len());
    for (platform, count) in devices_by_platform {
        println!("  {platform:<10} {count} devices");
    }
    println!("  {above} users have more than {LIMIT} devices on one platform");
    Ok(())
}

//! "Sign out everywhere else": keeps one device of a user, and logs out the others.
//!
//! `cargo run -p easemob-admin-api --example keep_one_device` tries it on a local sandbox.
#![allow(clippy::print_stdout, reason = "an example prints")]

use easemob_admin_api::{AppRoot, Client, Credentials, Device, DeviceId, Error, UserId};
use easemob_admin_sandbox::Sandbox;

/// Returns the device that signed in last.
///
/// The server does not report when a device signed in; only ids of the Web SDK tell it. `None` if the age of any device is
/// unknown: it could be the newest.
fn newest(devices: &[Device]) -> Option<&DeviceId> {
    let ages: Option<Vec<_>> = devices
        .iter()
        .map(|device| Some((device.id.signed_in_at()?, &device.id)))
        .collect();
    ages?.into_iter().max().map(|(_, id)| id)
}

/// Logs out all devices of `user` but `own`, and returns how many may still be online.
async fn keep_one(client: &Client, user: &UserId, own: &DeviceId) -> Result<usize, Error> {
    let elsewhere = client.logout_elsewhere(user, own).await?;
    if !elsewhere.kept {
        println!("{own} is not online, so nobody was logged out");
    }
    let mut left = 0;
    for (device, outcome) in elsewhere.others {
        match outcome {
            Ok(outcome) if outcome.is_logged_out() => println!("logged out {}", device.id),
            Ok(_) => left += 1,
            Err(error) => {
                println!("{}: {error}", device.id);
                left += 1;
            }
        }
    }
    Ok(left)
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let sandbox = Sandbox::start().await?;
    let client = Client::builder(AppRoot::parse(&sandbox.app_root())?)
        .credentials(Credentials::client_secret(
            sandbox.client_id(),
            sandbox.client_secret(),
        ))
        .build()?;

    // The device that asks for it knows its own login id.
    sandbox.register("ann");
    let own = sandbox.sign_in("ann", "android")?.login_id;
    sandbox.sign_in("ann", "ios")?;
    let left = keep_one(&client, &UserId::parse("ann")?, &DeviceId::from_login_id(&own)?).await?;
    println!("ann: {left} others left");

    sandbox.register("bob");
    for stamp in [1_700_000_000_000_u64, 1_700_000_060_000] {
        sandbox.sign_in_as("bob", &format!("webim_random_web_{stamp}"))?;
    }
    let bob = UserId::parse("bob")?;
    let devices = client.list_devices(&bob).await?;
    match newest(&devices) {
        Some(newest) => println!("bob: {} others left", keep_one(&client, &bob, newest).await?),
        None => println!("bob: cannot tell which device is the newest"),
    }
    Ok(())
}

//! Logs a user out of every device, and reads afterwards what is true.
//!
//! `cargo run -p easemob-admin-api --example log_out_everywhere` tries it on a local sandbox.
#![allow(clippy::print_stdout, reason = "an example prints")]

use easemob_admin_api::{AppRoot, Client, Credentials, Error, UserId};
use easemob_admin_sandbox::Sandbox;

/// Logs `user` out everywhere; true if no device is online any more.
///
/// A logout is never repeated blindly: where its outcome is unknown, the device list tells.
async fn log_out_everywhere(client: &Client, user: &UserId) -> Result<bool, Error> {
    match client.logout_all(user).await {
        Ok(_) => {}
        Err(error) if error.is_outcome_unknown() => {}
        Err(error) => return Err(error),
    }
    Ok(client.list_devices(user).await?.is_empty())
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let sandbox = Sandbox::start().await?;
    sandbox.register("ann");
    for platform in ["android", "ios", "web"] {
        sandbox.sign_in("ann", platform)?;
    }
    let client = Client::builder(AppRoot::parse(&sandbox.app_root())?)
        .credentials(Credentials::client_secret(
            sandbox.client_id(),
            sandbox.client_secret(),
        ))
        .build()?;

    let ann = UserId::parse("ann")?;
    println!("before: {} online", client.list_devices(&ann).await?.len());
    println!(
        "logged out everywhere: {}",
        log_out_everywhere(&client, &ann).await?
    );
    Ok(())
}

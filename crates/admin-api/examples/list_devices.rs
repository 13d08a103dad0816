//! Lists the online devices of users.
//!
//! `cargo run -p easemob-admin-api --example list_devices` tries it on a local sandbox.
#![allow(clippy::print_stdout, reason = "an example prints")]

use easemob_admin_api::{AppRoot, Client, Credentials, UserId};
use easemob_admin_sandbox::{Sandbox, Seed};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let sandbox = Sandbox::builder().seed(Seed::demo()).start().await?;
    let client = Client::builder(AppRoot::parse(&sandbox.app_root())?)
        .credentials(Credentials::client_secret(
            sandbox.client_id(),
            sandbox.client_secret(),
        ))
        .build()?;

    for name in ["user0001", "user0002", "user0003"] {
        let user = UserId::parse(name)?;
        let devices = client.list_devices(&user).await?;
        println!("{user}: {} online", devices.len());
        for device in devices {
            println!("  {:<10} {}", device.platform(), device.id);
        }
    }
    Ok(())
}

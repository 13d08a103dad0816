//! "Sign me out everywhere but here", as an endpoint of a service: the act is on record and in the audit trail.
//!
//! Runs against the sandbox: `cargo run -p easemob-admin-ops --example sign_out_elsewhere`.

#![allow(clippy::print_stdout, reason = "an example prints")]

use std::error::Error;
use std::sync::Arc;

use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::routing::post;
use axum::{Json, Router};
use easemob_admin_api::{AppRoot, Client, Credentials, DeviceId, UserId};
use easemob_admin_audit::Entries;
use easemob_admin_ops::operations::{Operations, Options, RunReport};
use easemob_admin_ops::run::job::Action;
use easemob_admin_ops::run::journal::header::Operator;
use easemob_admin_ops::run::new::{Mandate, NewRun};
use easemob_admin_ops::select::ages::IdStamps;
use easemob_admin_ops::select::selection::Selection;
use easemob_admin_ops::server::client::Server;
use easemob_admin_ops::stores::{DataDirectory, Stores};
use easemob_admin_ops::target::Target;
use easemob_admin_sandbox::Sandbox;
use futures_util::stream;

/// Ends all sessions of a user but that of one device. A real service takes both from the session of the request.
async fn sign_out_elsewhere(
    State(ops): State<Operations<Server>>,
    Path((user, device)): Path<(String, String)>,
) -> Result<Json<RunReport>, (StatusCode, String)> {
    let bad = |error: &dyn Error| (StatusCode::BAD_REQUEST, error.to_string());
    let failed = |error: &dyn Error| (StatusCode::INTERNAL_SERVER_ERROR, error.to_string());
    let user = UserId::parse(user).map_err(|error| bad(&error))?;
    let device = DeviceId::parse(device).map_err(|error| bad(&error))?;
    let selection = Selection {
        keep_devices: vec![device],
        ..Selection::default()
    };
    let why = Mandate {
        reason: Some("the user asked for it".into()),
        ..Mandate::default()
    };
    // The audit trail names the user beside the service.
    let ops = ops.on_behalf_of(Operator {
        subject: Some(user.to_string()),
        ..service()
    });
    let new = NewRun::new(Action::Logout { selection }, why);
    let run = ops.new_run(new, stream::iter([Ok(user)])).await;
    let run = run.map_err(|error| failed(&error))?;
    let report = ops.work_to_the_end(run, Options::default()).await;
    report.map(Json).map_err(|error| failed(&error))
}

fn service() -> Operator {
    Operator::named("account-service", "host-1")
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let sandbox = Sandbox::start().await?;
    sandbox.register("ann");
    let here = sandbox.sign_in("ann", "web")?.resource;
    for platform in ["ios", "android"] {
        sandbox.sign_in("ann", platform)?;
    }

    let client = Client::builder(AppRoot::parse(&sandbox.app_root())?)
        .credentials(Credentials::client_secret(
            sandbox.client_id(),
            sandbox.client_secret(),
        ))
        .build()?;
    let target = Target::of(client.app_root());
    let data = tempfile::tempdir()?;
    let ops = Operations::new(
        Server::new(client.clone(), Arc::new(IdStamps)),
        Stores::on_disk(data.path()),
        target.clone(),
        service(),
    );
    let router = Router::new()
        .route(
            "/users/{user}/sign-out-elsewhere/{device}",
            post(sign_out_elsewhere),
        )
        .with_state(ops);
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    let serving = tokio::spawn(async move { axum::serve(listener, router).await });

    let url = format!("http://{address}/users/ann/sign-out-elsewhere/{here}");
    let answer = reqwest::Client::new().post(url).send().await?;
    let report: RunReport = serde_json::from_str(&answer.text().await?)?;
    println!(
        "{} of {} users done, {} devices ended",
        report.tally.done, report.users, report.tally.devices
    );

    let ann = UserId::parse("ann")?;
    let left = client.list_devices(&ann).await?;
    assert_eq!(left.len(), 1, "only the device that asked is still signed in");
    for entry in Entries::open(&DataDirectory::at(data.path()).trail(&target))? {
        let event = entry?.event;
        println!("{:?} {:?} {:?}", event.kind, event.user, event.devices);
    }
    serving.abort();
    Ok(())
}

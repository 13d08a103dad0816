//! `sandbox serve`: a sandbox for other programs.

use std::io::Write;
use std::net::SocketAddr;
use std::path::PathBuf;

use clap::Args;
use easemob_admin_sandbox::Sandbox;

use super::seed::load;
use crate::command_error::CommandError;
use crate::context::Context;
use crate::embedded;
use crate::exit::{self, Exit};
use crate::interrupt;

/// Arguments of `sandbox serve`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  easemob-admin sandbox serve --seed demo
  easemob-admin sandbox serve --listen 127.0.0.1:8080 --state ./sandbox.json --app acme#chat

Prints one line of JSON when ready, with addresses and credentials, and runs until Ctrl-C or SIGTERM.")]
pub struct ServeArgs {
    /// Listen on this address; port 0 takes a free one
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:0")]
    listen: SocketAddr,
    /// Keep the state in this file
    #[arg(long, value_name = "FILE")]
    state: Option<PathBuf>,
    /// Begin with `demo` or a JSON file, unless the state file holds users already
    #[arg(long, value_name = "demo|FILE")]
    seed: Option<String>,
}

/// Runs the command.
///
/// # Errors
/// When the address or a file cannot be used.
pub async fn run(context: &Context, args: &ServeArgs) -> Result<Exit, CommandError> {
    let mut builder = Sandbox::builder().listen(args.listen);
    if let Some(app) = &context.globals.app {
        builder = builder.app(app.as_str());
    }
    if let Some(file) = &args.state {
        builder = builder.state_file(file);
    }
    if let Some(data) = &args.seed {
        builder = builder.seed(load(data)?);
    }
    let sandbox = builder
        .start()
        .await
        .map_err(|error| CommandError::new(exit::CONFIG, "the sandbox cannot be started").because(error))?;
    if !args.listen.ip().is_loopback() {
        context
            .ui
            .warn("the sandbox can be reached from other machines; it keeps passwords in clear text");
    }
    let mut out = (context.stdout)();
    // Whoever started the sandbox may not read the line; that is no reason to end.
    let _ = writeln!(out, "{}", sandbox.ready_line()).and_then(|()| out.flush());
    context.ui.note(format_args!(
        "sandbox: serving {} until Ctrl-C",
        sandbox.app_root()
    ));
    let stopped = if let Some(duration) = context.globals.max_duration {
        tokio::time::timeout(duration, interrupt::first_signal())
            .await
            .is_ok()
    } else {
        interrupt::first_signal().await;
        true
    };
    let why = if stopped {
        "stopped by a signal"
    } else {
        "--max-duration is over"
    };
    embedded::stop(sandbox).await?;
    context.ui.note(format_args!("sandbox: {why}"));
    Ok(exit::OK)
}

//! `sandbox calls`: counts what an application asked of a sandbox.

use clap::Args;
use easemob_admin_sandbox::{CountedCall, counted_calls};
use easemob_admin_words::t;
use serde::Serialize;

use crate::command_error::CommandError;
use crate::context::Context;
use crate::exit::{self, Exit};
use crate::render::report::{Row, unwritten_rows};

/// Arguments of `sandbox calls`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  easemob-admin sandbox calls http://127.0.0.1:8080
  easemob-admin sandbox calls http://127.0.0.1:8080 --refused -o json

Refused calls come first. A call that the sandbox does not know is shown with its method and path, a refused frame of a \
connection with the reason. The address is the `rest` of the line that `sandbox serve` prints.")]
pub struct CallsArgs {
    /// The address of the sandbox
    #[arg(value_name = "URL")]
    url: String,
    /// Show only what was refused or is unknown
    #[arg(long)]
    refused: bool,
}

#[derive(Debug, Serialize)]
struct CallRow {
    call: String,
    /// Nothing for frames, which have no status.
    status: Option<u16>,
    count: u64,
}

impl Row for CallRow {
    const COLUMNS: &'static [&'static str] = &["call", "status", "count"];

    fn cells(&self) -> Vec<String> {
        let status = self
            .status
            .map_or_else(|| "-".to_owned(), |status| status.to_string());
        vec![self.call.clone(), status, self.count.to_string()]
    }
}

#[derive(Debug, Serialize)]
struct Summary {
    calls: u64,
    refused: u64,
}

/// Runs the command.
///
/// # Errors
/// When no sandbox answers at the address.
pub async fn run(context: &Context, args: &CallsArgs) -> Result<Exit, CommandError> {
    let url = args.url.trim_end_matches('/');
    let Some(calls) = counted_calls(url).await else {
        return Err(
            CommandError::new(exit::USAGE, t!("no sandbox answers at {url}")).hint(t!(
                "start one in another terminal: easemob-admin sandbox serve --listen 127.0.0.1:8080"
            )),
        );
    };
    let refused = |call: &CountedCall| !(200..400).contains(&call.status);
    let summary = Summary {
        calls: calls.iter().map(|call| call.count).sum(),
        refused: calls
            .iter()
            .filter(|call| refused(call))
            .map(|call| call.count)
            .sum(),
    };
    let mut report = context.local_report::<CallRow>("sandbox calls", true)?;
    for call in calls.into_iter().filter(|call| !args.refused || refused(call)) {
        let row = CallRow {
            status: (call.status != 0).then_some(call.status),
            call: call.call,
            count: call.count,
        };
        report.row(&row).map_err(unwritten_rows)?;
    }
    report.finish(&summary).map_err(unwritten_rows)?;
    Ok(exit::OK)
}

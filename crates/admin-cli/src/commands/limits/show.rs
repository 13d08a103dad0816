//! `limits show`: shows the limits of the app, or of users.

use clap::Args;
use easemob_admin_api::{DeviceLimits, UserId};
use easemob_admin_ops::names::user;
use easemob_admin_ops::report::limits::{LimitsView, Scope};
use serde::Serialize;

use super::reading::limits_of;
use crate::command_error::CommandError;
use crate::context::{Context, Session};
use crate::exit::{self, Exit};
use crate::present::limits::platforms;
use crate::render::report::{Reader, Row, unwritten_rows};

/// Arguments of `limits show`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  easemob-admin limits show
  easemob-admin limits show ann bob -o json

The public cloud has no call for limits: see and set them in the console (功能配置 → 多端多设备在线).")]
pub struct ShowArgs {
    /// Show the limits of these users; without any, the limits of the app
    #[arg(value_name = "USER", value_parser = user)]
    users: Vec<UserId>,
}

#[derive(Debug, Serialize)]
struct LimitsRow {
    scope: Scope,
    user: Option<String>,
    #[serde(flatten)]
    limits: LimitsView,
}

impl LimitsRow {
    fn new(user: Option<&UserId>, limits: &DeviceLimits) -> Self {
        Self {
            scope: Scope::of(user),
            user: user.map(ToString::to_string),
            limits: limits.into(),
        }
    }
}

impl Row for LimitsRow {
    const COLUMNS: &'static [&'static str] = &["scope", "user", "mode", "default", "platforms"];

    fn cells(&self) -> Vec<String> {
        let LimitsView { mode, default, .. } = &self.limits;
        vec![
            self.scope.as_str().into(),
            self.user.clone().unwrap_or_default(),
            mode.clone().unwrap_or_default(),
            default.map(|default| default.to_string()).unwrap_or_default(),
            platforms(&self.limits),
        ]
    }
}

#[derive(Debug, Serialize)]
struct ShowSummary {
    scopes: u64,
}

/// Runs the command.
///
/// # Errors
/// When limits cannot be read; the first failure ends the command.
pub async fn run(context: &Context, session: &Session, args: &ShowArgs) -> Result<Exit, CommandError> {
    let mut report = context.report::<LimitsRow>(session, "limits show", None)?;
    let mut scopes = 0;
    let of_app = args.users.is_empty().then_some(None);
    let mut failed = None;
    for user in of_app.into_iter().chain(args.users.iter().map(Some)) {
        match limits_of(&session.server, user).await {
            Ok(limits) => {
                scopes += 1;
                if report
                    .row(&LimitsRow::new(user, &limits))
                    .map_err(unwritten_rows)?
                    == Reader::Gone
                {
                    return Ok(exit::OK);
                }
            }
            Err(error) => {
                failed = Some(error);
                break;
            }
        }
    }
    // Finish the document even after a failure, so that stdout is well formed.
    report.finish(&ShowSummary { scopes }).map_err(unwritten_rows)?;
    failed.map_or(Ok(exit::OK), Err)
}

//! `users list`: lists all users of the app, page by page.

use std::pin::pin;

use clap::Args;
use easemob_admin_api::UserQuery;
use easemob_admin_ops::schedule::pipeline::{Cause, Wish};
use easemob_admin_ops::server::listed::divided;
use easemob_admin_words::t;
use futures_util::StreamExt;
use serde::Serialize;

use super::row::UserRow;
use crate::command_error::CommandError;
use crate::commands::listing::broken_off;
use crate::context::{Context, Session};
use crate::exit::{self, Exit};
use crate::interrupt;
use crate::render::report::{Reader, unwritten_rows};

/// The largest page that the server returns.
const LARGEST_PAGE: usize = 100;

/// Arguments of `users list`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  easemob-admin users list --limit 20
  easemob-admin users list --banned -o csv
  easemob-admin users list -o jsonl > users.jsonl")]
pub struct ListArgs {
    /// Stop after N users
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    limit: Option<u64>,
    /// List only banned users
    #[arg(long, conflicts_with = "active")]
    banned: bool,
    /// List only users that are not banned
    #[arg(long)]
    active: bool,
}

#[derive(Debug, Serialize)]
struct ListSummary {
    users: u64,
    stopped: Option<&'static str>,
    /// Entries of the server's list that are not valid user names.
    odd: u64,
}

/// Runs the command.
///
/// # Errors
/// When a page cannot be read or a row cannot be written.
pub async fn run(context: &Context, session: &Session, args: &ListArgs) -> Result<Exit, CommandError> {
    let wanted = args.limit.unwrap_or(u64::MAX);
    // A filter may skip users, so only an unfiltered list can limit the number it requests.
    let filtered = args.banned || args.active;
    let page = if filtered {
        LARGEST_PAGE
    } else {
        usize::try_from(wanted).unwrap_or(LARGEST_PAGE).min(LARGEST_PAGE)
    };
    let mut pages = pin!(
        session
            .server
            .client()
            .list_users_pages(UserQuery::new().page_size(page))
    );
    let mut report = context.report::<UserRow>(session, "users list", None)?;
    let mut wish = interrupt::listen(&context.ui, context.deadline(), session.server.client());
    let mut summary = ListSummary {
        users: 0,
        stopped: None,
        odd: 0,
    };
    let (mut failure, mut listed) = (None, 0_usize);
    'pages: while summary.users < wanted {
        let next = tokio::select! {
            next = pages.next() => next,
            Ok(()) = wish.changed() => {
                let deadline = matches!(*wish.borrow(), Wish::Drain(Cause::Deadline));
                summary.stopped = Some(if deadline { "max_duration" } else { "interrupted" });
                None
            }
        };
        let page = match next {
            None => break,
            Some(Ok(page)) => page,
            Some(Err(error)) => {
                summary.stopped = Some("failed");
                failure = Some(error);
                break;
            }
        };
        let length = page.items.len() + page.odd.len();
        let (users, odd) = divided(page);
        for mut odd in odd {
            summary.odd += 1;
            odd.index += listed;
            context.ui.warn(t!(
                "the server listed an entry that is not a valid user name: {odd}"
            ));
        }
        listed += length;
        for user in users {
            let shown = match user.activated {
                Some(false) => !args.active,
                // If the server does not report the state, the user counts as not banned.
                Some(true) | None => !args.banned,
            };
            if shown {
                summary.users += 1;
                if report.row(&UserRow::from(user)).map_err(unwritten_rows)? == Reader::Gone {
                    return Ok(exit::OK);
                }
            }
            if summary.users >= wanted {
                break 'pages;
            }
        }
    }
    report.finish(&summary).map_err(unwritten_rows)?;
    let prefix = if session.is_sandbox() { t!("sandbox: ") } else { "" };
    let end = if summary.stopped.is_some() || summary.odd > 0 {
        t!(", and the list is incomplete")
    } else {
        ""
    };
    context.ui.say(format_args!(
        "{prefix}{}{end}",
        crate::commands::acting::users(summary.users)
    ));
    let wish = *wish.borrow();
    match (failure, wish) {
        (Some(error), _) => Err(broken_off(error, listed as u64, "")),
        (None, Wish::Run) if summary.odd > 0 => Ok(exit::FAILED_FINAL),
        (None, Wish::Run) => Ok(exit::OK),
        (None, Wish::Drain(_)) => Ok(if summary.stopped.is_some() {
            exit::INTERRUPTED
        } else {
            exit::OK
        }),
        (None, Wish::Abort) => Ok(exit::ABORTED),
    }
}

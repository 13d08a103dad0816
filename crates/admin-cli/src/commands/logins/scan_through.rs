//! `logins scan` through a service, which reads and keeps the snapshot.

use std::time::Duration;

use easemob_admin_ops::logins::scan::End;
use easemob_admin_remote::api::{NewScan, Scan, ScanState};
use easemob_admin_words::t;

use super::scan::{ScanArgs, conclude};
use crate::command_error::CommandError;
use crate::context::{Context, Session};
use crate::exit::{self, Exit};
use crate::input::user_list::UserList;
use crate::interrupt;
use crate::through::Remote;

/// How often to ask how far it is.
const EVERY: Duration = Duration::from_secs(1);

/// The most users of a list, as the service takes them.
const MOST: u64 = 10_000;

/// Asks the service for a scan, and follows it to its end.
///
/// # Errors
/// When the service refuses, or the scan failed.
pub(super) async fn run(
    context: &Context,
    session: &Session,
    args: &ScanArgs,
    remote: &Remote,
    list: Option<&UserList>,
) -> Result<Exit, CommandError> {
    if args.resume {
        let what = t!("a service continues a scan by itself, so there is nothing to resume");
        return Err(CommandError::new(exit::USAGE, what).hint(t!("run the command without --resume")));
    }
    let users = list.map(|list| names(args, list)).transpose()?;
    let new = NewScan {
        users,
        limits: args.limits,
        read_every_user: args.read_every_user,
    };
    let end = interrupt::until_told(context.deadline());
    let mut scan = remote.app.ask_for_scan(&new)?;
    context.ui.note(t!(
        "the service is scanning; Ctrl-C ends this command, and the scan goes on"
    ));
    let bar = match list {
        Some(list) => context.bar(list.users, "scanning"),
        None => context.counter("scanning"),
    };
    let mut shown = 0;
    tokio::pin!(end);
    while scan.state.is_open() {
        tokio::select! {
            _ = &mut end => {
                context.ui.lower();
                context.ui.say(t!(
                    "the scan goes on; see what it has read with: {}",
                    context.command("logins snapshots")
                ));
                return Ok(exit::INTERRUPTED);
            }
            () = tokio::time::sleep(EVERY) => {}
        }
        scan = remote.app.scan(&scan.id)?;
        let read = scan.snapshot.as_ref().map_or(0, |snapshot| snapshot.counts.users);
        if let Some(bar) = &bar {
            bar.advance(read.saturating_sub(shown));
        }
        shown = read.max(shown);
    }
    context.ui.lower();
    ended(context, session, scan)
}

/// Reads the names of a list.
fn names(args: &ScanArgs, list: &UserList) -> Result<Vec<String>, CommandError> {
    if list.users > MOST {
        let what = t!(
            "a service scans a list of {MOST} users at most, and this one has {}",
            list.users
        );
        return Err(CommandError::new(exit::USAGE, what).hint(t!("scan all users, or a part of the list")));
    }
    let entries = args.users.stream(list)?;
    let names = entries.map(|entry| entry.map(|entry| entry.user.to_string()));
    names.collect::<Result<_, _>>().map_err(super::scan::unreadable)
}

fn ended(context: &Context, session: &Session, scan: Scan) -> Result<Exit, CommandError> {
    let failed = |why: Option<String>| {
        let what = t!("the scan of the service has failed");
        CommandError::new(exit::UNREACHABLE, what).because(why.unwrap_or_default())
    };
    let Some(snapshot) = scan.snapshot else {
        return Err(failed(scan.why));
    };
    match scan.state {
        ScanState::Failed => Err(failed(scan.why)),
        state => {
            let store = super::snapshot::kept(context)?;
            let end = match state {
                ScanState::Incomplete => End::Odd {
                    entries: snapshot.counts.failed,
                    places: scan.why.into_iter().collect(),
                },
                _ => End::Complete,
            };
            let exit = conclude(context, session, &*store, snapshot.snapshot, end)?;
            if state == ScanState::Stopped {
                context.ui.say(t!("somebody has stopped the scan"));
                return Ok(exit::INTERRUPTED);
            }
            Ok(exit)
        }
    }
}

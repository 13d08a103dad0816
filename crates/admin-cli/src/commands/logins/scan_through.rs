//! `logins scan` through a service, which reads and keeps the snapshot.

use std::fs::File;
use std::io::{self, BufWriter, Write as _};
use std::time::Duration;

use easemob_admin_ops::files::temporary::temporary_file;
use easemob_admin_ops::logins::scan::End;
use easemob_admin_remote::api::{NewScan, Scan, ScanState};
use easemob_admin_words::t;

use super::scan::{ScanArgs, conclude, unreadable};
use crate::absence::Absence;
use crate::command_error::CommandError;
use crate::context::{Context, Session};
use crate::exit::{self, Exit};
use crate::input::user_list::UserList;
use crate::interrupt;
use crate::through::Remote;

/// How often to ask how far it is.
const EVERY: Duration = Duration::from_secs(1);

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
    let names = list.map(|list| names(args, list)).transpose()?;
    let new = NewScan {
        users: None,
        limits: args.limits,
        read_every_user: args.read_every_user,
    };
    let end = interrupt::until_told(context.deadline());
    let mut scan = remote.app.ask_for_scan(&new, names)?;
    context.ui.note(t!(
        "the service is scanning; Ctrl-C ends this command, and the scan goes on"
    ));
    let bar = match list {
        Some(list) => context.bar(list.users, "scanning"),
        None => context.counter("scanning"),
    };
    let mut shown = 0;
    let mut absence = Absence::none(context);
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
        let Some(now) = absence.outlasted(remote.app.scan(&scan.id))? else {
            continue;
        };
        scan = now;
        let read = scan.snapshot.as_ref().map_or(0, |snapshot| snapshot.counts.users);
        if let Some(bar) = &bar {
            bar.advance(read.saturating_sub(shown));
        }
        shown = read.max(shown);
    }
    context.ui.lower();
    ended(context, session, scan)
}

/// Writes the names of a list to a file, as the service reads them.
fn names(args: &ScanArgs, list: &UserList) -> Result<File, CommandError> {
    let mut out = BufWriter::new(temporary_file().map_err(unreadable)?);
    for name in args.users.names(list)? {
        serde_json::to_writer(&mut out, name.map_err(unreadable)?.as_str())
            .map_err(io::Error::from)
            .and_then(|()| out.write_all(b"\n"))
            .map_err(unreadable)?;
    }
    out.into_inner().map_err(|error| unreadable(error.into_error()))
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

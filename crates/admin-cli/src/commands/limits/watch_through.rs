//! `limits enforce --watch` through a service, which keeps the watch: it goes on when this command has ended.

use std::fs;
use std::path::Path;
use std::time::Duration;

use easemob_admin_ops::files::encoding::quoted;
use easemob_admin_ops::run::id::RunId;
use easemob_admin_ops::schedule::cap::CapSpec;
use easemob_admin_remote::api::{NewWatch, Watch};
use easemob_admin_words::t;
use jiff::{SignedDuration, Timestamp};

use super::enforce::EnforceArgs;
use crate::absence::Absence;
use crate::acts::at_service::follow_batch;
use crate::command_error::CommandError;
use crate::commands::acting::{counted, users as counted_users};
use crate::context::{Context, Session};
use crate::exit::{self, Exit};
use crate::interrupt;
use crate::through::Remote;

/// How often to look at the watch.
const EVERY: Duration = Duration::from_secs(1);

/// The longest name of a watch, as the service takes it.
const LONGEST: usize = 64;

/// Starts the watch of a policy at the service, or finds the one that stands, and follows it until a signal or its end.
///
/// # Errors
/// When the service refuses, receives no events of the app, or keeps another watch for a policy of this name.
pub(super) async fn watch(
    context: &Context,
    session: &Session,
    args: &EnforceArgs,
    remote: &Remote,
) -> Result<Exit, CommandError> {
    if context.kept_logins()?.is_none() {
        let what = t!("nothing is collected about logins of this server");
        return Err(CommandError::new(exit::USAGE, what).hint(t!(
            "the service collects them itself, where it is started with: serve --callbacks {}=FILE",
            quoted(Path::new(&remote.app.view().name))
        )));
    }
    let end = interrupt::until_told(None);
    let name = name_of(&args.policy.policy);
    let watch = standing(context, args, remote, &name)?;
    context.ui.note(t!(
        "the service watches sign-ins for {} as `{name}`; Ctrl-C ends this command, and the watch goes on",
        watch.owner
    ));
    Following {
        context,
        session,
        args,
        remote,
        watch,
    }
    .follow(end)
    .await
}

/// Stops the watch of a policy.
///
/// # Errors
/// When the service refuses, or keeps no such watch.
pub(super) fn stop(args: &EnforceArgs, context: &Context, remote: &Remote) -> Result<Exit, CommandError> {
    let name = name_of(&args.policy.policy);
    let watch = remote
        .app
        .stop_watch(&name, args.acting.reason.as_deref().unwrap_or_default())?;
    context.ui.say(t!(
        "the watch `{name}` of {} is stopped: {}",
        watch.owner,
        watch.ended.unwrap_or_default()
    ));
    Ok(exit::OK)
}

/// Names a watch by the file of its policy.
fn name_of(policy: &Path) -> String {
    let stem = policy.file_stem().unwrap_or_default().to_string_lossy();
    let plain = |sign: char| match sign.to_ascii_lowercase() {
        sign @ ('a'..='z' | '0'..='9') => sign,
        _ => '-',
    };
    let name: String = stem.chars().map(plain).take(LONGEST).collect();
    if name.is_empty() { "policy".into() } else { name }
}

/// Returns the watch that stands, or makes it.
fn standing(
    context: &Context,
    args: &EnforceArgs,
    remote: &Remote,
    name: &str,
) -> Result<Watch, CommandError> {
    let Some(CapSpec::Devices(most)) = args.max_logouts else {
        return Err(CommandError::new(
            exit::USAGE,
            t!("--watch requires --max-logouts N, the most logouts per hour"),
        ));
    };
    let until = context.globals.max_duration.map(|time| {
        let end = SignedDuration::try_from(time).ok();
        let end = end.and_then(|time| Timestamp::now().checked_add(time).ok());
        end.unwrap_or(Timestamp::MAX)
    });
    let new = NewWatch {
        policy: text_of(args)?,
        max_logouts_per_hour: most,
        delay_seconds: u32::try_from(args.delay.as_millis().div_ceil(1_000)).unwrap_or(u32::MAX),
        reason: args.acting.reason.clone(),
        ticket: args.acting.ticket.clone(),
        until,
    };
    let kept = remote.app.watch(name)?.filter(|watch| watch.ended.is_none());
    let Some(kept) = kept else {
        return Ok(remote.app.put_watch(name, &new)?);
    };
    let is_this = kept.policy == new.policy
        && kept.max_logouts_per_hour == new.max_logouts_per_hour
        && kept.delay_seconds == new.delay_seconds
        && kept.until.is_none()
        && new.until.is_none();
    if is_this {
        context.ui.note(t!(
            "it stands since {} (reason: {})",
            kept.since,
            kept.reason.as_deref().unwrap_or("-")
        ));
        return Ok(kept);
    }
    let what = t!(
        "the service keeps the watch `{name}` of {} with another policy, cap, delay or end; nothing was changed",
        kept.owner
    );
    Err(CommandError::new(exit::USAGE, what).hint(t!("stop that one first: {}", to_stop(context, args))))
}

/// Returns the policy as the command line means it.
fn text_of(args: &EnforceArgs) -> Result<String, CommandError> {
    let path = &args.policy.policy;
    let unreadable =
        |error| CommandError::new(exit::USAGE, t!("cannot read {}", path.display())).because(error);
    let text = fs::read_to_string(path).map_err(unreadable)?;
    let Some(unknown_age) = args.policy.unknown_age_word() else {
        return Ok(text);
    };
    let unusable = |error: toml_edit::TomlError| {
        CommandError::new(exit::USAGE, t!("cannot read {}", path.display())).because(error)
    };
    let mut document: toml_edit::DocumentMut = text.parse().map_err(unusable)?;
    document["unknown_age"] = toml_edit::value(unknown_age);
    Ok(document.to_string())
}

fn to_stop(context: &Context, args: &EnforceArgs) -> String {
    let policy = quoted(&args.policy.policy);
    context.command(&format!("limits enforce {policy} --stop-watch --reason TEXT"))
}

/// A watch that is followed.
struct Following<'a> {
    context: &'a Context,
    session: &'a Session,
    args: &'a EnforceArgs,
    remote: &'a Remote,
    watch: Watch,
}

impl Following<'_> {
    /// Reports batch after batch.
    async fn follow(mut self, end: impl Future<Output = interrupt::Ended>) -> Result<Exit, CommandError> {
        let Self { context, remote, .. } = self;
        let ui = &context.ui;
        let mut absence = Absence::none(context);
        let mut told = self.watch.last_run.as_deref().and_then(RunId::parse);
        let (mut waiting, mut trouble) = (0, None);
        tokio::pin!(end);
        loop {
            tokio::select! {
                _ = &mut end => {
                    self.detach();
                    return Ok(exit::OK);
                }
                () = tokio::time::sleep(EVERY) => {}
            }
            let Some(found) = absence.outlasted(remote.app.watch(&self.watch.id))? else {
                continue;
            };
            let Some(now) = found.filter(|now| now.since == self.watch.since) else {
                ui.say(t!(
                    "somebody has changed or removed the watch, so it is not followed any more"
                ));
                return Ok(exit::INTERRUPTED);
            };
            self.watch = now;
            for run in self.batches(told.as_ref(), &mut absence)? {
                // The batch says what became of it; the watch goes on after failures.
                let exit = follow_batch(context, self.session, &remote.app, &run).await?;
                told = Some(run);
                if exit == exit::INTERRUPTED || exit == exit::ABORTED {
                    self.detach();
                    return Ok(exit);
                }
            }
            if self.watch.waiting > waiting {
                ui.note(t!(
                    "{} waiting, for the end of the hour or for a server that answers",
                    counted_users(self.watch.waiting)
                ));
            }
            waiting = self.watch.waiting;
            if self.watch.trouble != trouble {
                trouble.clone_from(&self.watch.trouble);
                if let Some(trouble) = &trouble {
                    ui.warn(t!("the watch is in trouble, and goes on: {trouble}"));
                }
            }
            if let Some(why) = &self.watch.ended {
                ui.say(t!("the watch has ended: {why}"));
                let is_over = self.watch.until.is_some_and(|until| until <= Timestamp::now());
                return Ok(if is_over { exit::OK } else { exit::INTERRUPTED });
            }
        }
    }

    /// Returns the batches that are not reported yet.
    fn batches(&self, told: Option<&RunId>, absence: &mut Absence<'_>) -> Result<Vec<RunId>, CommandError> {
        let first = self.watch.first_run.as_deref().and_then(RunId::parse);
        let last = self.watch.last_run.as_deref().and_then(RunId::parse);
        match (first, last) {
            (Some(first), Some(last)) if told != Some(&last) => {
                let found = absence.outlasted(self.remote.app.batches(&first, told))?;
                Ok(found.unwrap_or_default())
            }
            _ => Ok(Vec::new()),
        }
    }

    fn detach(&self) {
        let Self { context, args, .. } = self;
        context.ui.lower();
        let (name, most) = (&self.watch.id, counted(self.watch.max_logouts_per_hour, "logout"));
        context.ui.say(t!(
            "the watch `{name}` goes on at the service, with {most} per hour at most"
        ));
        context.ui.say(t!("to follow it, run this command again"));
        context.ui.say(t!("to stop it: {}", to_stop(context, args)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_watch_is_named_by_the_file_of_its_policy() {
        for (path, name) in [
            ("limits.toml", "limits"),
            ("/etc/easemob/Four Devices.toml", "four-devices"),
            ("上限.toml", "--"),
            ("/", "policy"),
        ] {
            assert_eq!(name_of(Path::new(path)), name);
        }
    }
}

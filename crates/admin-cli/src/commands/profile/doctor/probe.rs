//! `profile doctor --probe`: asks a server what the vendor's pages leave open.

mod hands;

use std::future::Future;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::pin::{Pin, pin};
use std::time::Duration;

use clap::Args;
use easemob_admin_api::UserQuery;
use easemob_admin_api::transport::clock::SystemClock;
use easemob_admin_ops::files::lock_file::{LockFile, NotLocked};
use easemob_admin_ops::probe::calls::{ClientCalls, ProbeCalls as _};
use easemob_admin_ops::probe::capabilities::{Answers, Capabilities, FORMAT};
use easemob_admin_ops::probe::cleaning::{NotDeleted, delete};
use easemob_admin_ops::probe::obeyed::Obeyed;
use easemob_admin_ops::probe::throw_away::{Left, ThrowAway};
use easemob_admin_ops::probe::{Asked, MOST_APP_USERS, Probe, Question, USERS};
use easemob_admin_words::t;
use futures_util::StreamExt as _;
use futures_util::future::{Either, select};
use jiff::Timestamp;
use serde::Serialize;

use self::hands::Hands;
use crate::capability_file::{self, CapabilityFiles};
use crate::command_error::CommandError;
use crate::commands::acting::{counted, users};
use crate::config::private_file::write_private;
use crate::confirm::{Question as Confirmation, confirm};
use crate::context::{Context, Session};
use crate::exit::{self, Exit};
use crate::interrupt::{self, Ended};
use crate::ownership::require_data;
use crate::render::report::{Report, Row, unwritten_rows};

/// Arguments of `profile doctor --probe`.
#[expect(clippy::struct_excessive_bools, reason = "each is an option of its own")]
#[derive(Debug, Default, Args)]
#[command(next_help_heading = "Probe")]
pub(super) struct ProbeArgs {
    /// Ask the server of a test app what the vendor's pages leave open; creates and deletes users
    #[arg(long)]
    pub(super) probe: bool,
    /// The app to probe, which must be the one that is configured; --yes requires it
    #[arg(long, value_name = "ORG#APP", requires = "probe")]
    probe_app: Option<String>,
    /// Do not ask for confirmation
    #[arg(long, short, requires = "probe_app")]
    yes: bool,
    /// Probe an app with more than 1,000 users
    #[arg(long, requires = "probe")]
    force: bool,
    /// Write the answers to this file, which later commands do not obey
    #[arg(long, value_name = "FILE", requires = "probe")]
    out: Option<PathBuf>,
    /// Where devices connect (`wss://HOST/websocket`); by default, that of a sandbox on this machine
    #[arg(long, value_name = "URL", requires = "probe", conflicts_with = "by_hand")]
    websocket: Option<String>,
    /// Show a user name and a password on the terminal, and wait until you have signed in on two devices
    #[arg(long, requires = "probe")]
    by_hand: bool,
}

#[derive(Debug, Serialize)]
struct ProbeRow {
    question: &'static str,
    answer: Option<String>,
    basis: String,
    seconds: f64,
}

impl From<Asked> for ProbeRow {
    fn from(asked: Asked) -> Self {
        Self {
            question: asked.question.name(),
            answer: asked.answer,
            basis: asked.basis,
            seconds: (asked.elapsed.as_secs_f64() * 10.0).round() / 10.0,
        }
    }
}

impl Row for ProbeRow {
    const COLUMNS: &'static [&'static str] = &["question", "answer", "basis", "seconds"];

    fn cells(&self) -> Vec<String> {
        vec![
            self.question.into(),
            self.answer.clone().unwrap_or_else(|| t!("not answered").into()),
            self.basis.clone(),
            format!("{:.1}", self.seconds),
        ]
    }
}

#[derive(Debug, Default, Serialize)]
struct ProbeSummary {
    answered: usize,
    not_answered: usize,
    users_left: Vec<String>,
    file: Option<String>,
}

/// Runs the probe.
///
/// # Errors
/// When the app is not the one that was named, the operator does not agree, or users cannot be created.
pub(super) async fn run(context: &Context, args: &ProbeArgs) -> Result<Exit, CommandError> {
    if args.by_hand && !context.screen.stderr {
        return Err(CommandError::new(
            exit::USAGE,
            t!("--by-hand requires a terminal"),
        ));
    }
    if !context.globals.sandbox {
        require_data(context)?;
    }
    let session = context.connect_to_probe().await?;
    let result = Box::pin(probe(context, &session, args)).await;
    let closed = session.close().await;
    result.and_then(|exit| closed.map(|()| exit))
}

async fn probe(context: &Context, session: &Session, args: &ProbeArgs) -> Result<Exit, CommandError> {
    check_app(session, args)?;
    let files = CapabilityFiles::of(&context.places()?, &session.app_root, session.is_sandbox());
    let _held = LockFile::take(&files.lock(), Duration::ZERO).map_err(|error| match error {
        NotLocked::Held => CommandError::new(exit::BUSY, t!("another probe of this app is running")),
        NotLocked::Io(error) => {
            CommandError::new(exit::INTERNAL, t!("cannot lock {}", files.lock().display())).because(error)
        }
    })?;
    let cleaner = Cleaner {
        context,
        session,
        files: &files,
    };
    let left = cleaner.left()?;
    let app_users = count_users(session, args).await?;
    let hands = Hands::choose(context, session, args.websocket.as_deref(), args.by_hand).await;
    agree(context, session, args, app_users)?;
    // From now on, a signal ends the probe in good order.
    let mut told = pin!(interrupt::until_told(context.deadline()));
    if !left.is_empty() {
        context.ui.note(t!(
            "deleting {} that an earlier probe has left",
            users(left.len() as u64)
        ));
        let left = cleaner.clean(&left).await?;
        if !left.is_empty() {
            return Err(CommandError::new(
                exit::FAILED_RETRY,
                t!("cannot delete the users of an earlier probe"),
            )
            .because(reasons(&left))
            .hint(t!("delete them in the console, or run the command again")));
        }
    }
    let (throw_away, nobody) = ThrowAway::invent(USERS)
        .map_err(|error| CommandError::new(exit::INTERNAL, t!("cannot invent user names")).because(error))?;
    let names: Vec<String> = throw_away.iter().map(|user| user.name.clone()).collect();
    cleaner.record(&names)?;
    let asking = Asking {
        context,
        session,
        users: &throw_away,
        nobody: &nobody,
        app_users: app_users.map(|users| users + USERS as u64),
    };
    // Whatever comes of it, the users are deleted.
    let asked = asking.ask(hands, told.as_mut()).await;
    let left = cleaner.clean(&names).await?;
    let (mut report, mut summary, answers, ended) = asked?;
    let mut exit = conclude(context, session, args, (&files, &answers), ended, &mut summary)?;
    if !left.is_empty() {
        context.ui.warn(t!(
            "cannot delete {}: {}; run the probe again, or delete them in the console",
            users(left.len() as u64),
            reasons(&left)
        ));
        exit = exit::FAILED_RETRY;
    }
    summary.users_left = left.into_iter().map(|left| left.name).collect();
    report.finish(&summary).map_err(unwritten_rows)?;
    Ok(exit)
}

/// Writes the answers, unless the probe was stopped, and returns the exit code.
fn conclude(
    context: &Context,
    session: &Session,
    args: &ProbeArgs,
    (files, answers): (&CapabilityFiles, &Answers),
    ended: Option<Ended>,
    summary: &mut ProbeSummary,
) -> Result<Exit, CommandError> {
    if let Some(ended) = ended {
        let why = match ended {
            Ended::BySignal => t!("stopped by a signal"),
            Ended::ByDeadline => t!("--max-duration has ended"),
        };
        context.ui.say(t!("{why}, so no answers were written"));
        return Ok(exit::INTERRUPTED);
    }
    if *answers == Answers::default() {
        context
            .ui
            .say(t!("no question was answered, so nothing was written"));
        return Ok(exit::FAILED_RETRY);
    }
    let known = Capabilities {
        format: FORMAT,
        tool: env!("CARGO_PKG_VERSION").to_owned(),
        probed_at: Timestamp::now(),
        app_root: session.app_root.clone(),
        answers: answers.clone(),
    };
    let path = args.out.clone().unwrap_or_else(|| files.answers());
    capability_file::write(&path, &known).map_err(|error| {
        CommandError::new(
            exit::INTERNAL,
            t!("cannot write the answers to {}", path.display()),
        )
        .because(error)
    })?;
    summary.file = Some(path.display().to_string());
    context.ui.note(t!(
        "{} answered, {} not; written to {}",
        counted(summary.answered as u64, "question"),
        summary.not_answered,
        path.display()
    ));
    let obeyed = Obeyed::of(&known, known.probed_at)
        .map(Obeyed::words)
        .unwrap_or_default();
    if args.out.is_none() && !obeyed.is_empty() {
        context.ui.note(t!("from now on, {}", obeyed.join("; ")));
    }
    Ok(exit::OK)
}

/// Makes sure that the app of `--probe-app` is the one that is configured.
fn check_app(session: &Session, args: &ProbeArgs) -> Result<(), CommandError> {
    match &args.probe_app {
        Some(app) if *app != session.app => Err(CommandError::new(
            exit::USAGE,
            t!("--probe-app is {app}, but the configured app is {}", session.app),
        )
        .hint(t!(
            "name a test app with --app or --profile, and the same app with --probe-app"
        ))),
        _ => Ok(()),
    }
}

/// Asks the operator to type the app key, unless `--yes --probe-app` have named it.
fn agree(
    context: &Context,
    session: &Session,
    args: &ProbeArgs,
    app_users: Option<u64>,
) -> Result<(), CommandError> {
    let place = if session.is_sandbox() {
        t!(" (sandbox)")
    } else {
        ""
    };
    let size = app_users.map_or_else(|| t!("many users").to_owned(), users);
    let question = Confirmation {
        app: session.app.clone(),
        users: app_users.unwrap_or(u64::MAX),
        whole_app: true,
        act: t!(
            "create {USERS} users in {}{place}, which has {size}, send about 700 calls in a few minutes, and delete the users",
            session.app
        ),
        can_be_dry: false,
    };
    confirm(&context.ui, args.yes, &question)
        .map_err(|error| error.hint(t!("with --yes, also name the app: --probe-app '{}'", session.app)))
}

/// Counts the users of the app; `None` if there are more than a probe may meet.
async fn count_users(session: &Session, args: &ProbeArgs) -> Result<Option<u64>, CommandError> {
    let query = UserQuery::new().page_size(100);
    let mut pages = pin!(session.server.client().list_users_pages(query));
    let mut count = 0;
    while let Some(page) = pages.next().await {
        let page = page?;
        count += (page.items.len() + page.odd.len()) as u64;
        if count > MOST_APP_USERS && args.force {
            return Ok(None);
        }
        if count > MOST_APP_USERS {
            return Err(CommandError::new(
                exit::USAGE,
                t!(
                    "{} has more than 1,000 users, so it is hardly a test app; nothing was done",
                    session.app
                ),
            )
            .hint(t!("name a test app, or add --force")));
        }
    }
    Ok(Some(count))
}

fn reasons(left: &[NotDeleted]) -> String {
    let each = left.iter().map(|left| format!("{} ({})", left.name, left.why));
    each.collect::<Vec<_>>().join(", ")
}

/// Deletes users, and keeps a list of those that are not deleted yet.
struct Cleaner<'a> {
    context: &'a Context,
    session: &'a Session,
    files: &'a CapabilityFiles,
}

impl Cleaner<'_> {
    /// Returns the users that an earlier probe has left.
    fn left(&self) -> Result<Vec<String>, CommandError> {
        let path = self.files.users();
        Left::read(&path).map_err(|error| {
            CommandError::new(exit::CONFIG, t!("cannot use {}", path.display()))
                .because(error)
                .hint(t!("it lists users that an earlier probe has left; delete them in the console, then remove the file"))
        })
    }

    /// Records users before they are created.
    fn record(&self, names: &[String]) -> Result<(), CommandError> {
        let path = self.files.users();
        let list = Left::of(&self.session.app_root, names.to_vec());
        let written = list
            .to_json()
            .map_err(std::io::Error::other)
            .and_then(|text| write_private(&path, text.as_bytes()));
        written.map_err(|error| {
            CommandError::new(exit::INTERNAL, t!("cannot write {}", path.display())).because(error)
        })
    }

    /// Deletes users, and returns those who are left; a signal stops it.
    async fn clean(&self, names: &[String]) -> Result<Vec<NotDeleted>, CommandError> {
        let stopped = pin!(interrupt::until_told(None));
        let calls = ClientCalls(self.session.server.client());
        let deleting = pin!(delete(&calls, &SystemClock, names));
        let left = match select(deleting, stopped).await {
            Either::Left((left, _)) => left,
            Either::Right(_) => {
                self.context.ui.say(t!("stopped while deleting users"));
                let why = || t!("not tried to the end").to_owned();
                let each = names.iter().cloned().map(|name| NotDeleted { name, why: why() });
                each.collect()
            }
        };
        if left.is_empty() {
            remove(&self.files.users())?;
        } else {
            let names: Vec<String> = left.iter().map(|left| left.name.clone()).collect();
            self.record(&names)?;
        }
        Ok(left)
    }
}

fn remove(path: &Path) -> Result<(), CommandError> {
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != ErrorKind::NotFound => {
            Err(CommandError::new(exit::INTERNAL, t!("cannot remove {}", path.display())).because(error))
        }
        _ => Ok(()),
    }
}

/// The questions of a probe.
struct Asking<'a> {
    context: &'a Context,
    session: &'a Session,
    users: &'a [ThrowAway],
    nobody: &'a str,
    app_users: Option<u64>,
}

type Found = (Report, ProbeSummary, Answers, Option<Ended>);

impl Asking<'_> {
    /// Creates the users and asks one question after the other, until somebody stops it.
    async fn ask<F: Future<Output = Ended>>(
        &self,
        hands: Hands,
        mut told: Pin<&mut F>,
    ) -> Result<Found, CommandError> {
        let calls = ClientCalls(self.session.server.client());
        for user in self.users {
            let registering = pin!(calls.register(&user.name, &user.password));
            match select(registering, told.as_mut()).await {
                Either::Left((created, _)) => created.map_err(|error| {
                    CommandError::new(exit::REFUSED, t!("cannot create a throw-away user")).because(error)
                })?,
                Either::Right((ended, _)) => return self.stopped(Answers::default(), ended),
            }
        }
        let clock = SystemClock;
        let mut probe = Probe::new(&calls, &clock, hands, self.users, self.nobody, self.app_users);
        let mut report = self.report()?;
        let mut summary = ProbeSummary::default();
        for question in Question::ALL {
            let asked = {
                let asking = pin!(probe.ask(question));
                match select(asking, told.as_mut()).await {
                    Either::Left((asked, _)) => Ok(asked),
                    Either::Right((ended, _)) => Err(ended),
                }
            };
            match asked {
                Ok(asked) => {
                    if asked.answer.is_some() {
                        summary.answered += 1;
                    } else {
                        summary.not_answered += 1;
                    }
                    report.row(&ProbeRow::from(asked)).map_err(unwritten_rows)?;
                }
                Err(ended) => return Ok((report, summary, probe.answers().clone(), Some(ended))),
            }
        }
        Ok((report, summary, probe.answers().clone(), None))
    }

    fn stopped(&self, answers: Answers, ended: Ended) -> Result<Found, CommandError> {
        Ok((self.report()?, ProbeSummary::default(), answers, Some(ended)))
    }

    fn report(&self) -> Result<Report, CommandError> {
        self.context
            .report::<ProbeRow>(self.session, "profile doctor", None)
    }
}

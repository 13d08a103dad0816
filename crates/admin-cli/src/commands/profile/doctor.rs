//! `profile doctor`: checks the configuration step by step.

mod probe;
mod server_time;
mod service;

use std::time::{Duration, SystemTime};

use clap::Args;
use easemob_admin_api::{Client, UnixMillis};
use easemob_admin_ops::causes::with_causes;
use easemob_admin_ops::probe::obeyed::Obeyed;
use easemob_admin_words::{t, told_later, translated};
use serde::Serialize;

use self::server_time::{ServerTime, TOLERANCE, difference};
use crate::command_error::CommandError;
use crate::commands::acting::counted;
use crate::config::secret_file;
use crate::context::{Configured, Context, Session, label};
use crate::exit::{self, Exit};
use crate::render::report::{Report, Row, unwritten_rows};

/// How long a name lookup and a connection may take.
const PATIENCE: Duration = Duration::from_secs(5);

/// Arguments of `profile doctor`.
#[derive(Debug, Default, Args)]
#[command(after_help = "Examples:
  easemob-admin profile doctor
  easemob-admin --profile staging profile doctor -o json
  easemob-admin --profile staging profile doctor --probe

Without --probe, changes nothing. A failed check says what to do next; checks that depend on it are skipped.

With --probe, asks the server of a test app what the vendor's pages leave open: creates 3 users with random names, asks \
each question in less than two minutes, deletes the users, and stores the answers. Later commands for the same app obey \
them, and `sandbox serve --like FILE` imitates them.")]
pub struct DoctorArgs {
    #[command(flatten)]
    probe: probe::ProbeArgs,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
enum Verdict {
    Ok,
    Warn,
    Fail,
}

impl Verdict {
    /// Returns the word of a row, in which a failure stands out.
    fn word(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Warn => "warn",
            Self::Fail => "FAIL",
        }
    }
}

#[derive(Debug, Serialize)]
struct CheckRow {
    check: &'static str,
    verdict: Verdict,
    found: String,
    next: Option<String>,
}

impl Row for CheckRow {
    const COLUMNS: &'static [&'static str] = &["verdict", "check", "found", "next"];

    fn cells(&self) -> Vec<String> {
        vec![
            self.verdict.word().into(),
            self.check.into(),
            self.found.clone(),
            self.next.clone().unwrap_or_default(),
        ]
    }
}

#[derive(Debug, Default, Serialize)]
struct DoctorSummary {
    ok: u32,
    warn: u32,
    fail: u32,
}

/// What to do about unusable credentials.
const WRITE_ANEW: &str = told_later!(
    "copy the client id and secret from the console again: easemob-admin profile add NAME --force …"
);

/// Writes checks as they complete.
struct Doctor {
    report: Report,
    summary: DoctorSummary,
    exit: Exit,
}

impl Doctor {
    fn tell(&mut self, row: &CheckRow) -> Result<(), CommandError> {
        match row.verdict {
            Verdict::Ok => self.summary.ok += 1,
            Verdict::Warn => self.summary.warn += 1,
            Verdict::Fail => self.summary.fail += 1,
        }
        self.report.row(row).map(drop).map_err(unwritten_rows)
    }

    fn ok(&mut self, check: &'static str, found: impl Into<String>) -> Result<(), CommandError> {
        self.tell(&CheckRow {
            check,
            verdict: Verdict::Ok,
            found: found.into(),
            next: None,
        })
    }

    fn warn(
        &mut self,
        check: &'static str,
        found: impl Into<String>,
        next: &str,
    ) -> Result<(), CommandError> {
        let next = Some(next.to_owned()).filter(|next| !next.is_empty());
        self.tell(&CheckRow {
            check,
            verdict: Verdict::Warn,
            found: found.into(),
            next,
        })
    }

    /// Reports a failure, with the first hint that does not point back to this command, or else with `next`.
    fn fail(&mut self, check: &'static str, error: &CommandError, next: &str) -> Result<(), CommandError> {
        if self.exit == exit::OK {
            self.exit = error.exit();
        }
        let hint = error.hints().iter().find(|hint| !hint.contains("profile doctor"));
        self.tell(&CheckRow {
            check,
            verdict: Verdict::Fail,
            found: with_causes(error),
            next: Some(hint.map_or(next, String::as_str).to_owned()),
        })
    }
}

/// Runs the command.
///
/// # Errors
/// When stdout cannot be written. Failed checks are rows.
pub async fn run(context: &Context, args: &DoctorArgs) -> Result<Exit, CommandError> {
    if args.probe.probe {
        return probe::run(context, &args.probe).await;
    }
    let report = context.local_report::<CheckRow>("profile doctor", context.globals.sandbox)?;
    let mut doctor = Doctor {
        report,
        summary: DoctorSummary::default(),
        exit: exit::OK,
    };
    examine(context, &mut doctor).await?;
    doctor.report.finish(&doctor.summary).map_err(unwritten_rows)?;
    let DoctorSummary { ok, warn, fail } = doctor.summary;
    context
        .ui
        .note(t!("{ok} ok, {}, {fail} failed", counted(warn.into(), "warning")));
    Ok(doctor.exit)
}

async fn examine(context: &Context, doctor: &mut Doctor) -> Result<(), CommandError> {
    // What is wrong with the settings is told below.
    if context.service_at().is_ok_and(|service| service.is_some()) {
        return service::examine(context, doctor);
    }
    if !context.globals.sandbox && !local(context, doctor)? {
        return Ok(());
    }
    let session = match context.connect_anew().await {
        Ok(session) => session,
        Err(error) => return doctor.fail("secret", &error, translated(WRITE_ANEW)),
    };
    let remote = remote(&session, doctor).await;
    session.close().await?;
    remote
}

fn profile_file(context: &Context, doctor: &mut Doctor) -> Result<(), CommandError> {
    let path = context.places()?.profile_file();
    match secret_file::readers(&path) {
        Some(warning) => doctor.warn("profile file", warning, &t!("chmod 600 {}", path.display())),
        None if path.exists() => doctor.ok("profile file", path.display().to_string()),
        None => doctor.ok(
            "profile file",
            t!("{} does not exist; using flags and environment", path.display()),
        ),
    }
}

/// Checks files and settings; returns false if the server cannot be checked.
fn local(context: &Context, doctor: &mut Doctor) -> Result<bool, CommandError> {
    profile_file(context, doctor)?;
    let Configured {
        root,
        profile,
        credentials,
    } = match context.configured() {
        Ok(Some(configured)) => configured,
        Ok(None) => return Ok(true),
        Err(error) => {
            doctor.fail("target", &error, t!("correct the setting that the error names"))?;
            return Ok(false);
        }
    };
    let from = profile.map_or_else(|| t!("no profile").into(), |(name, _)| t!("profile {name}"));
    doctor.ok("target", t!("{} at {root} ({from})", label(&root)))?;
    match credentials.exposed() {
        Some(warning) => doctor.warn("credentials", warning, "")?,
        None => doctor.ok("credentials", credentials.describe())?,
    }
    Ok(true)
}

async fn remote(session: &Session, doctor: &mut Doctor) -> Result<(), CommandError> {
    connection(session, doctor).await?;
    known(session, doctor)?;
    let client = session.server.client();
    agreed(client, doctor).await?;
    match client.fetch_token().await {
        Ok(()) => doctor.ok("token", t!("the server accepts the credentials"))?,
        Err(error) => return doctor.fail("token", &error.into(), translated(WRITE_ANEW)),
    }
    match client.execute(&ServerTime).await {
        Err(error) => doctor.fail(
            "read",
            &error.into(),
            t!("ask the operator of the server to check the permissions of these credentials"),
        )?,
        Ok(time) => {
            doctor.ok("read", t!("can read the users of {}", session.app))?;
            clock(time, doctor)?;
        }
    }
    match client.app_limits().await {
        Ok(_) => doctor.ok(
            "limits",
            t!("this server manages device limits over its REST API"),
        ),
        Err(error) if error.is_unsupported() => doctor.warn(
            "limits",
            t!("this server has no call for device limits; `limits show` and `limits set` do not work"),
            t!("use the console: 功能配置 → 多端多设备在线"),
        ),
        Err(error) => doctor.fail(
            "limits",
            &error.into(),
            t!("try again later; everything else works"),
        ),
    }
}

/// Shows what of an earlier probe is obeyed, if there was one.
fn known(session: &Session, doctor: &mut Doctor) -> Result<(), CommandError> {
    let Some(known) = &session.known else {
        return Ok(());
    };
    let at = known.probed_at;
    match known.obeyed.map(Obeyed::words) {
        None => doctor.warn(
            "probe",
            t!("the probe of {at:.0} is more than a year old, so its answers are not used"),
            t!("easemob-admin profile doctor --probe"),
        ),
        Some(words) if words.is_empty() => {
            doctor.ok("probe", t!("probed {at:.0}; nothing has to be done differently"))
        }
        Some(words) => doctor.ok("probe", t!("probed {at:.0}; {}", words.join("; "))),
    }
}

/// Shows what a connection agrees on, where there is TLS. A failure is only a warning, as with the connection.
async fn agreed(client: &Client, doctor: &mut Doctor) -> Result<(), CommandError> {
    if !client.app_root().to_string().starts_with("https://") {
        return Ok(());
    }
    match client.agree().await {
        Ok(agreed) => {
            let version = agreed.tls.as_deref().unwrap_or(t!("unknown version"));
            let protocol = agreed.alpn.as_deref().unwrap_or(t!("none, so HTTP/1.1"));
            doctor.ok("tls", t!("{version}; protocol agreed on (ALPN): {protocol}"))
        }
        Err(error) => doctor.warn(
            "tls",
            with_causes(&error),
            t!("for a private certificate, set `ca_file` or `pin_sha256` in the profile"),
        ),
    }
}

/// Compares the clocks: signed tokens and times in reports depend on them.
fn clock(time: Option<UnixMillis>, doctor: &mut Doctor) -> Result<(), CommandError> {
    let Some(time) = time else {
        return doctor.ok("clock", t!("the server does not report its time"));
    };
    let (apart, word) = difference(time.to_system_time(), SystemTime::now());
    let found = t!("this machine is {:.1} s {word} the server", apart.as_secs_f64());
    if apart > TOLERANCE {
        return doctor.warn(
            "clock",
            found,
            t!("set the clock of this machine, by NTP if possible"),
        );
    }
    doctor.ok("clock", found)
}

/// Looks up the name and opens a connection. A failure is only a warning, because a proxy may do both for
/// this machine.
async fn connection(session: &Session, doctor: &mut Doctor) -> Result<(), CommandError> {
    let address = session.address.clone();
    let looked_up = tokio::time::timeout(PATIENCE, tokio::net::lookup_host(address.as_str())).await;
    let addresses: Vec<_> = match looked_up {
        Ok(Ok(addresses)) => addresses.collect(),
        Ok(Err(error)) => {
            return doctor.warn(
                "connection",
                t!("cannot look up {address}: {error}"),
                t!("check the server name"),
            );
        }
        Err(_) => {
            return doctor.warn(
                "connection",
                t!("cannot look up {address} in time"),
                t!("check the network"),
            );
        }
    };
    match tokio::time::timeout(PATIENCE, tokio::net::TcpStream::connect(&addresses[..])).await {
        Ok(Ok(_)) => doctor.ok("connection", t!("{address} answers")),
        Ok(Err(error)) => doctor.warn(
            "connection",
            format!("{address}: {error}"),
            t!("check port, firewall and proxy"),
        ),
        Err(_) => doctor.warn(
            "connection",
            t!("{address} does not answer in time"),
            t!("check firewall and proxy"),
        ),
    }
}

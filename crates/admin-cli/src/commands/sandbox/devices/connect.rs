//! `sandbox devices connect`: simulated devices that hold a connection and show what happens to them.

use std::io::Write;

use clap::Args;
use easemob_admin_api::UserId;
use easemob_admin_ops::names::harmless::harmless;
use easemob_admin_ops::names::user;
use easemob_admin_sandbox::{DeviceEvent, DeviceLogin, SimulatedDevice, is_sandbox};
use easemob_admin_words::t;
use serde::Serialize;
use tokio::sync::mpsc;
use tokio::task::JoinSet;

use crate::command_error::CommandError;
use crate::commands::acting::counted;
use crate::context::{Context, Session};
use crate::exit::{self, Exit};
use crate::interrupt;
use crate::render::Format;

/// The most devices that hold connections in one process; a machine has limited ports and open files.
const MOST: u32 = 10_000;

/// Arguments of `sandbox devices connect`.
#[derive(Debug, Args)]
#[command(after_help = "Examples, in three terminals:
  easemob-admin sandbox serve --add-profile local
  easemob-admin sandbox devices connect --profile local --user ann --platform ios --count 2
  easemob-admin --profile local sessions logout ann --reason 'to see it arrive'

The devices stay until Ctrl-C, --max-duration, or until all of them were signed out. A user that does not exist \
is created. With -o json or jsonl each event is a JSON line. Only connects to sandboxes.")]
pub struct ConnectArgs {
    /// The user of the devices
    #[arg(long, value_name = "USER", value_parser = user)]
    user: UserId,
    /// The platform of the devices: android, ios, web, custom1 …
    #[arg(long, value_name = "PLATFORM", default_value = "web")]
    platform: String,
    /// How many devices
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=i64::from(MOST)))]
    count: u32,
    /// The text that a device sends to the device it displaces
    #[arg(long, value_name = "TEXT", default_value = "")]
    ext: String,
}

/// What happened to a device, as a line.
#[derive(Debug, Serialize)]
struct Line<'a> {
    device: &'a str,
    event: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    code: Option<u16>,
    #[serde(skip_serializing_if = "str::is_empty")]
    detail: String,
}

impl Line<'_> {
    fn of(device: &str, event: Option<DeviceEvent>) -> Line<'_> {
        let line = |event, code, detail| Line {
            device,
            event,
            code,
            detail,
        };
        match event {
            None => line("disconnected", None, String::new()),
            Some(DeviceEvent::SignedOut { code, ext }) => line("signed_out", Some(code), ext),
            Some(DeviceEvent::Message { from, text, .. }) => line("message", None, format!("{from}: {text}")),
            Some(DeviceEvent::Told { what }) => line("told", None, what.to_owned()),
            Some(other) => line("other", None, format!("{other:?}")),
        }
    }

    fn text(&self) -> String {
        let why = match self.code {
            Some(206) => t!(" (206, evicted by another device)"),
            Some(207) => t!(" (207, the account was deleted)"),
            Some(216) => t!(" (216, the password was changed)"),
            Some(217) => t!(" (217, by an operator)"),
            _ => "",
        };
        let word = self.event.replace('_', " ");
        let detail = match self.detail.as_str() {
            "" => String::new(),
            detail => format!(": {}", harmless(detail)),
        };
        format!("{word:<12} {}{why}{detail}", harmless(self.device))
    }
}

/// Runs the command.
///
/// # Errors
/// When the server is not a sandbox, or a device cannot sign in.
pub async fn run(context: &Context, session: &Session, args: &ConnectArgs) -> Result<Exit, CommandError> {
    if session.is_sandbox() {
        let why =
            t!("cannot connect devices: the sandbox of --sandbox ends with the command that started it");
        return Err(CommandError::new(exit::USAGE, why)
            .hint(t!(
                "start one in another terminal: easemob-admin sandbox serve --add-profile local"
            ))
            .hint(t!(
                "then: easemob-admin --profile local sandbox devices connect --user ann"
            )));
    }
    let json = match context.globals.output {
        Format::Table => false,
        Format::Json | Format::Jsonl => true,
        Format::Csv | Format::Yaml | Format::Name | Format::Failures => {
            return Err(CommandError::new(
                exit::USAGE,
                t!("events can only be shown as text or as JSON lines"),
            )
            .hint(t!("remove -o, or use -o jsonl")));
        }
    };
    let origin = format!("http://{}", session.address);
    if !is_sandbox(&origin).await {
        return Err(CommandError::new(
            exit::USAGE,
            t!(
                "{} is not a sandbox; simulated devices are for sandboxes only",
                session.address
            ),
        ));
    }
    let token = session.server.client().inherit_user_token(&args.user, true, None);
    let token = token.await?;
    let (ws, user) = (
        format!("ws://{}/websocket", session.address),
        args.user.to_string(),
    );
    let login = DeviceLogin::new(&ws, &session.app, &user, token.expose());

    let (events, mut seen) = mpsc::channel(256);
    let mut devices = JoinSet::new();
    let mut out = (context.stdout)();
    for _ in 0..args.count {
        let login = login
            .clone()
            .platform(&args.platform)
            .name(&args.platform)
            .ext(&args.ext);
        let device = SimulatedDevice::connect(&login).await.map_err(|error| {
            CommandError::new(exit::REFUSED, t!("cannot sign in a device of {user}")).because(error)
        })?;
        let id = device.login_id();
        let line = Line {
            device: &id,
            event: "signed_in",
            code: None,
            detail: String::new(),
        };
        show(&mut out, &line, json);
        devices.spawn(watch(device, events.clone()));
    }
    drop(events);
    let wishes = interrupt::until_told(context.deadline());
    context.ui.note(t!(
        "{} of {user} online until Ctrl-C",
        counted(args.count.into(), "device")
    ));
    tokio::pin!(wishes);
    loop {
        tokio::select! {
            event = seen.recv() => match event {
                Some((device, event)) => show(&mut out, &Line::of(&device, event), json),
                None => break,
            },
            _ = &mut wishes => break,
        }
    }
    Ok(exit::OK)
}

/// Reports what happens to a device until its connection ends.
async fn watch(mut device: SimulatedDevice, events: mpsc::Sender<(String, Option<DeviceEvent>)>) {
    let id = device.login_id();
    loop {
        let event = device.next().await;
        let last = event.is_none();
        // The receiver may be gone.
        if events.send((id.clone(), event)).await.is_err() || last {
            return;
        }
    }
}

fn show(out: &mut impl Write, line: &Line<'_>, json: bool) {
    let text = if json {
        serde_json::to_string(line).unwrap_or_default()
    } else {
        line.text()
    };
    // The reader may be gone; the devices stay connected.
    let _ = writeln!(out, "{text}").and_then(|()| out.flush());
}

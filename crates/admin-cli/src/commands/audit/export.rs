//! `audit export`: writes the trail in the format of a log system.

use std::io::{self, BufWriter, Write as _};
use std::time::Duration;

use clap::{Args, ValueEnum};
use easemob_admin_ops::trails::export::Format;
use easemob_admin_words::t;

use super::trail::{FilterArgs, TrailArgs, say_where};
use crate::absence::Absence;
use crate::command_error::CommandError;
use crate::context::Context;
use crate::exit::{self, Exit};
use crate::interrupt;

/// How often `--follow` looks for new entries.
const LOOK_AGAIN: Duration = Duration::from_millis(250);

/// Arguments of `audit export`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  easemob-admin audit export --format ocsf --since 24h > logoffs.jsonl
  easemob-admin audit export --format cef --follow | logger -t easemob-admin
  easemob-admin audit export --format jsonl --run 20261123

One line per event. ocsf, ecs and cef have one event per act and leave out intents and the start and end of \
runs; jsonl has all entries as they are in the trail, with the context of their run filled in.")]
pub struct ExportArgs {
    /// The format
    #[arg(long, value_name = "FORM")]
    format: Form,
    /// Keep printing new entries until Ctrl-C
    #[arg(long)]
    follow: bool,
    #[command(flatten)]
    trail: TrailArgs,
    #[command(flatten)]
    filter: FilterArgs,
}

/// The values of `--format`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Form {
    /// The entries themselves
    Jsonl,
    /// Open Cybersecurity Schema Framework 1.1
    Ocsf,
    /// Elastic Common Schema 8
    Ecs,
    /// ArcSight Common Event Format
    Cef,
}

impl From<Form> for Format {
    fn from(form: Form) -> Self {
        match form {
            Form::Jsonl => Self::Jsonl,
            Form::Ocsf => Self::Ocsf,
            Form::Ecs => Self::Ecs,
            Form::Cef => Self::Cef,
        }
    }
}

/// Runs the command.
///
/// # Errors
/// When there is no trail, or if it cannot be read.
pub async fn run(context: &Context, args: &ExportArgs) -> Result<Exit, CommandError> {
    let trail = args.trail.trail(context)?;
    let mut filter = args.filter.filter();
    let format = Format::from(args.format);
    filter.acts_only = format.is_of_acts_only();
    let mut entries = trail.search(filter, None)?;
    say_where(context, &*trail)?;
    let mut out = BufWriter::new((context.stdout)());
    let mut stop = std::pin::pin!(interrupt::until_told(context.deadline()));
    let mut absence = Absence::none(context);
    loop {
        loop {
            let found = entries.next().transpose();
            let found = if args.follow {
                // The search goes on behind the last entry that was found.
                absence.outlasted(found)?.flatten()
            } else {
                found?
            };
            let Some(entry) = found else { break };
            match format.write(&mut out, &entry, &entries.id_of(&entry)) {
                Err(error) if error.kind() == io::ErrorKind::BrokenPipe => return Ok(exit::OK),
                written => written.map_err(unwritable)?,
            }
        }
        match out.flush() {
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => return Ok(exit::OK),
            flushed => flushed.map_err(unwritable)?,
        }
        if !args.follow {
            return Ok(exit::OK);
        }
        tokio::select! {
            _ = &mut stop => return Ok(exit::OK),
            () = tokio::time::sleep(LOOK_AGAIN) => entries.read_on()?,
        }
    }
}

fn unwritable(error: io::Error) -> CommandError {
    CommandError::new(exit::INTERNAL, t!("cannot write the events to stdout")).because(error)
}

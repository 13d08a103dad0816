//! `audit verify`: check that nobody has changed the trail.

use std::path::PathBuf;

use clap::Args;
use serde::Serialize;

use super::trail::{TrailArgs, unreadable};
use crate::audit::{Against, Problem, PublicKey, verify};
use crate::command_error::CommandError;
use crate::context::Context;
use crate::exit::{self, Exit};
use crate::render::report::Row;

/// Arguments of `audit verify`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  easemob-admin audit verify
  easemob-admin audit verify --dir /mnt/copy/audit/prod --key prod-audit.pub --checkpoint kept-heads.txt
  easemob-admin audit verify -o json | jq -r .summary.head >> kept-heads.txt

Works offline and on a copy, and writes nothing. Exits with 11 and names the first bad entry if something is wrong. \
Without a key and a checkpoint that were kept elsewhere, whoever holds the files and the private key could have \
written them anew: docs/audit.md says what is proved by what.")]
pub struct VerifyArgs {
    #[command(flatten)]
    trail: TrailArgs,
    /// A public key that was kept elsewhere, in PEM form
    #[arg(long, value_name = "PUB")]
    key: Option<PathBuf>,
    /// Heads that were kept elsewhere, one per line, as this command prints them
    #[arg(long, value_name = "FILE")]
    checkpoint: Option<PathBuf>,
}

#[derive(Debug, Serialize)]
struct ProblemRow {
    file: String,
    line: u64,
    seq: Option<u64>,
    problem: String,
}

impl From<&Problem> for ProblemRow {
    fn from(problem: &Problem) -> Self {
        Self {
            file: problem.file.display().to_string(),
            line: problem.line,
            seq: problem.seq,
            problem: problem.what.clone(),
        }
    }
}

impl Row for ProblemRow {
    const COLUMNS: &'static [&'static str] = &["file", "line", "seq", "problem"];

    fn cells(&self) -> Vec<String> {
        vec![
            self.file.clone(),
            self.line.to_string(),
            self.seq.map(|seq| seq.to_string()).unwrap_or_default(),
            self.problem.clone(),
        ]
    }
}

#[derive(Debug, Serialize)]
struct VerifySummary {
    ok: bool,
    origin: Option<String>,
    files: u64,
    first_entry: u64,
    entries: u64,
    checkpoints: u64,
    entries_not_covered_by_a_checkpoint: u64,
    key_id: String,
    key_was_kept: bool,
    kept_checkpoints: u64,
    head: Option<String>,
    head_note: Option<String>,
}

/// Runs the command.
///
/// # Errors
/// When there is no trail, or a file cannot be read.
pub fn run(context: &Context, args: &VerifyArgs) -> Result<Exit, CommandError> {
    let directory = args.trail.existing(context)?;
    let key = args
        .key
        .as_deref()
        .map(PublicKey::read)
        .transpose()
        .map_err(unreadable)?;
    let against = Against {
        key,
        checkpoints: args.checkpoint.clone(),
    };
    let found = verify(&directory, &against).map_err(unreadable)?;
    let output =
        |error| CommandError::new(exit::INTERNAL, "the rows cannot be written to stdout").because(error);
    let mut report = context.local_report::<ProblemRow>("audit verify", context.globals.sandbox);
    for problem in &found.problems {
        report.row(&ProblemRow::from(problem)).map_err(output)?;
    }
    let summary = VerifySummary {
        ok: found.holds(),
        origin: found.origin.clone(),
        files: found.files,
        first_entry: found.first,
        entries: found.size - found.first.min(found.size),
        checkpoints: found.checkpoints,
        entries_not_covered_by_a_checkpoint: found.unsigned(),
        key_id: found.key_id.clone(),
        key_was_kept: found.key_was_kept,
        kept_checkpoints: found.kept,
        head: found.head.as_ref().map(|head| head.jws.clone()),
        head_note: found.head.as_ref().map(|head| head.checkpoint.note()),
    };
    report.finish(&summary).map_err(output)?;
    let ui = &context.ui;
    if found.holds() {
        let from = if found.first > 0 {
            format!(" from entry {} on", found.first)
        } else {
            String::new()
        };
        ui.say(format_args!(
            "{}: {} entries{from} in {} files hold, {} checkpoints agree",
            directory.display(),
            summary.entries,
            found.files,
            found.checkpoints
        ));
        if summary.entries_not_covered_by_a_checkpoint > 0 {
            ui.say(format_args!(
                "the last {} entries are not covered by a checkpoint: nobody would notice if they were cut off",
                summary.entries_not_covered_by_a_checkpoint
            ));
        }
    } else {
        ui.say(format_args!("{}: the trail was changed", directory.display()));
        if let Some(first) = found.problems.first() {
            ui.say(format_args!("first bad entry: {first}"));
        }
    }
    if !(found.key_was_kept && found.kept > 0) {
        ui.note("to prove it to others, keep the key (audit key) and the head (summary.head) elsewhere, and verify against them");
    }
    Ok(if found.holds() { exit::OK } else { exit::FINDINGS })
}

//! `audit verify`: checks that the trail was not changed.

use std::path::{Path, PathBuf};

use clap::Args;
use easemob_admin_audit::{Against, AuditError, PublicKey};
use easemob_admin_ops::trails::TrailError;
use easemob_admin_ops::trails::verified::{ArchiveSummary, Verified, VerifyProblem};
use easemob_admin_words::t;

use super::trail::TrailArgs;
use crate::command_error::{CommandError, unreadable_trail};
use crate::commands::acting::counted;
use crate::context::Context;
use crate::exit::{self, Exit};
use crate::present::trail_place::in_words;
use crate::render::report::{Row, unwritten_rows};
use crate::ui::Ui;

/// Arguments of `audit verify`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  easemob-admin audit verify
  easemob-admin audit verify --dir /mnt/copy/audit/prod --key prod-audit.pub --checkpoint kept-heads.txt
  easemob-admin audit verify -o json | jq -r .summary.head >> kept-heads.txt

Works offline and on a copy, and writes nothing. If something is wrong, exits with 11 and names the first bad entry. \
Without a key and a checkpoint that were stored elsewhere, anybody with the files and the private key could have \
rewritten the trail; docs/audit.md explains what proves what.")]
pub struct VerifyArgs {
    #[command(flatten)]
    trail: TrailArgs,
    /// A public key that was stored elsewhere, in PEM form
    #[arg(long, value_name = "PUB")]
    key: Option<PathBuf>,
    /// Heads that were stored elsewhere, one per line, as this command prints them
    #[arg(long, value_name = "FILE")]
    checkpoint: Option<PathBuf>,
}

impl Row for VerifyProblem {
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

/// Runs the command.
///
/// # Errors
/// When there is no trail, or if a file cannot be read.
pub fn run(context: &Context, args: &VerifyArgs) -> Result<Exit, CommandError> {
    let trail = args.trail.existing(context)?;
    let key = args.key.as_deref().map(kept_key).transpose()?;
    let against = Against {
        key,
        checkpoints: args.checkpoint.clone(),
    };
    let verified = Verified::find(&*trail, &against).map_err(|error| match error {
        TrailError::Audit(error) => unusable(args, error),
        error => error.into(),
    })?;
    let mut report = context.local_report::<VerifyProblem>("audit verify", context.globals.sandbox)?;
    let problems = verified.problems(|problem| t!("the archive was changed, or cannot be read: {problem}"));
    for problem in &problems {
        report.row(problem).map_err(unwritten_rows)?;
    }
    let summary = verified.summary();
    report.finish(&summary).map_err(unwritten_rows)?;
    let found = &verified.trail;
    let ui = &context.ui;
    if found.holds() {
        let from = if found.first > 0 {
            t!(" from entry {} on", found.first)
        } else {
            String::new()
        };
        let after = match summary.entries_not_covered_by_a_checkpoint {
            1 => t!("1 entry").to_owned(),
            uncovered => t!("{uncovered} entries"),
        };
        let noun = either(summary.entries, "entry", "entries");
        let verb = either(summary.entries, "holds", "hold");
        let agree = either(found.checkpoints, "agrees", "agree");
        ui.say(t!(
            "{}: {} {noun}{from} in {} {verb}, {} {agree}, {after} after the last",
            in_words(&trail.place()),
            summary.entries,
            counted(found.files, "file"),
            counted(found.checkpoints, "checkpoint")
        ));
        if found.unchecked > 0 {
            ui.note(t!(
                "{} for entries that are not here; only the signatures were checked",
                match found.unchecked {
                    1 => t!("1 checkpoint is").to_owned(),
                    unchecked => t!("{unchecked} checkpoints are"),
                }
            ));
        }
        match summary.entries_not_covered_by_a_checkpoint {
            0 => {}
            1 => ui.say(t!(
                "no checkpoint covers the last entry: its removal would go unnoticed"
            )),
            uncovered => ui.say(t!(
                "no checkpoint covers the last {uncovered} entries: their removal would go unnoticed"
            )),
        }
    } else {
        let (what, first_word) = if found.unproved && !found.trail_is_bad {
            (t!("cannot prove that the trail is complete"), t!("why"))
        } else if found.trail_is_bad {
            (t!("the trail was changed"), t!("first bad entry"))
        } else {
            (
                t!("the trail is intact, but a stored head is not valid"),
                t!("first bad head"),
            )
        };
        ui.say(format_args!("{}: {what}", in_words(&trail.place())));
        if let Some(first) = found.problems.first() {
            ui.say(format_args!("{first_word}: {first}"));
        }
    }
    if !(found.key_was_kept && found.kept > 0) {
        ui.note(t!("to prove this to others, store the key (audit key) and the head (summary.head) elsewhere, and verify against them"));
    }
    say_archives(ui, &summary.archives, &problems[found.problems.len()..]);
    Ok(if summary.ok { exit::OK } else { exit::FINDINGS })
}

/// Says what was found of the archives.
fn say_archives(ui: &Ui, archives: &[ArchiveSummary], problems: &[VerifyProblem]) {
    for problem in problems {
        ui.say(format_args!("{}: {}", problem.file, problem.problem));
    }
    for archive in archives {
        let ArchiveSummary {
            origin,
            host,
            directory,
            entries,
            ..
        } = archive;
        match archive.ok {
            Some(true) => ui.say(t!("{directory}: {entries} entries of {origin} hold")),
            Some(false) => {}
            None => ui.note(t!(
                "{entries} entries of {origin} are in the archive {directory} on {host}; verify a copy of it with --dir"
            )),
        }
    }
}

fn either(count: u64, one: &'static str, many: &'static str) -> &'static str {
    if count == 1 { one } else { many }
}

fn kept_key(path: &Path) -> Result<PublicKey, CommandError> {
    PublicKey::read(path).map_err(|error| {
        CommandError::new(exit::USAGE, t!("cannot use the key {}", path.display()))
            .because(error)
            .hint(t!("print the key with: easemob-admin audit key"))
    })
}

/// Distinguishes unusable arguments from an unreadable trail.
fn unusable(args: &VerifyArgs, error: AuditError) -> CommandError {
    match &error {
        // The given key may be wrong, but somebody may also have rewritten the trail, and monitoring for a
        // changed trail must detect that.
        AuditError::OtherKey { .. } => {
            let hint = error.hint();
            CommandError::new(exit::FINDINGS, error.to_string()).hint(hint)
        }
        AuditError::NotA { path, .. } | AuditError::Io { path, .. }
            if Some(path) == args.checkpoint.as_ref() =>
        {
            let this = CommandError::new(
                exit::USAGE,
                t!("{} is not a file of stored heads", path.display()),
            )
            .hint(t!("write one head per line, as printed by: easemob-admin audit verify -o json | jq -r .summary.head"));
            match error {
                AuditError::Io { source, .. } => this.because(source),
                _ => this,
            }
        }
        _ => unreadable_trail(error),
    }
}

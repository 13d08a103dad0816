//! What a shell offers for the word under the cursor.
//!
//! The shell asks the program itself each time, by a variable of the environment, so it offers profiles and runs as they are
//! now. Only files of this machine are read: whoever presses a key does not wait for a database or a server.

use std::ffi::OsStr;
use std::io;
use std::path::Path;

use clap::CommandFactory as _;
use clap_complete::engine::{ArgValueCandidates, ArgValueCompleter, CompletionCandidate, PathCompleter};
use clap_complete::env::{CompleteEnv, Shells};

use crate::cli::Cli;
use crate::config::environment::Environment;
use crate::config::places::Places;
use crate::config::profile_file::ProfileFile;
use crate::stores::files;

/// The variable by which a shell asks.
const ASKED: &str = "EASEMOB_COMPLETE";
const PROGRAM: &str = "easemob-admin";
/// How many runs are offered, the newest first.
const RUNS: usize = 20;

/// Answers a shell that asks; returns true if one did.
///
/// # Errors
/// When the question cannot be understood, or the answer not be written.
pub fn answer() -> Result<bool, clap::Error> {
    let directory = std::env::current_dir().ok();
    CompleteEnv::with_factory(Cli::command)
        .var(ASKED)
        .try_complete(std::env::args_os(), directory.as_deref())
}

/// Writes what makes a shell ask.
///
/// # Errors
/// When there is no such shell, or `out` fails.
pub fn register(shell: &str, out: &mut dyn io::Write) -> io::Result<()> {
    let shells = Shells::builtins();
    let shell = shells
        .completer(shell)
        .ok_or_else(|| io::Error::from(io::ErrorKind::Unsupported))?;
    shell.write_registration(ASKED, PROGRAM, PROGRAM, PROGRAM, out)
}

/// The profiles, with their servers.
#[must_use]
pub fn profiles() -> ArgValueCandidates {
    ArgValueCandidates::new(|| {
        let Some(file) = places().and_then(|places| ProfileFile::load(&places.profile_file()).ok()) else {
            return Vec::new();
        };
        let candidate = |(name, profile): (&String, &crate::config::profile::Profile)| {
            let about = profile.app.clone().or_else(|| profile.app_root.clone());
            CompletionCandidate::new(name).help(about.map(Into::into))
        };
        file.profiles.iter().map(candidate).collect()
    })
}

/// The runs of this machine, and `last`.
#[must_use]
pub fn runs() -> ArgValueCandidates {
    ArgValueCandidates::new(|| {
        let found = places().map(|places| newest_in(&files(&places).runs()));
        let names = ["last".to_owned()].into_iter().chain(found.unwrap_or_default());
        names
            .zip(0..)
            .map(|(name, order)| CompletionCandidate::new(name).display_order(Some(order)))
            .collect()
    })
}

/// The platforms that have names.
#[must_use]
pub fn platforms() -> ArgValueCandidates {
    ArgValueCandidates::new(|| {
        ["android", "ios", "web", "custom1"]
            .map(CompletionCandidate::new)
            .into()
    })
}

/// Policy files.
#[must_use]
pub fn policies() -> ArgValueCompleter {
    ArgValueCompleter::new(PathCompleter::file().filter(|path| path.extension() == Some(OsStr::new("toml"))))
}

fn places() -> Option<Places> {
    Places::find(&Environment::of_process()).ok()
}

/// Returns the names of the newest runs in a directory; they begin with the time.
fn newest_in(directory: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(directory).into_iter().flatten().flatten();
    let mut names: Vec<String> = entries
        .filter_map(|entry| entry.file_name().into_string().ok())
        .collect();
    names.sort_unstable_by(|one, other| other.cmp(one));
    names.truncate(RUNS);
    names
}

//! Runs a program and tells what it cost: wall time, CPU time, peak memory.

use std::fs::File;
use std::io::{self, Read};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use wait4::Wait4;

/// What a program cost.
#[derive(Debug, Clone)]
pub(crate) struct Cost {
    /// From start to end.
    pub(crate) wall: Duration,
    /// User and system time of the program.
    pub(crate) cpu: Duration,
    /// The most memory it had at once, in bytes.
    ///
    /// Linux counts what this process had when it started the program too, which is why this process is kept small.
    pub(crate) peak: u64,
    /// What it wrote to stdout, where that was asked for.
    pub(crate) output: String,
}

/// Where the program's stdout goes.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Output<'a> {
    /// Into a file, as an operator would keep rows.
    File(&'a std::path::Path),
    /// Into [`Cost::output`]; for small outputs.
    Kept,
    /// Nowhere.
    Dropped,
}

/// Runs `command` to its end.
///
/// # Errors
/// When it cannot be started or ends with another code than 0; the text holds the end of its stderr.
pub(crate) fn run(command: &mut Command, output: Output<'_>) -> io::Result<Cost> {
    command.stdin(Stdio::null()).stderr(Stdio::piped());
    match output {
        Output::File(path) => command.stdout(File::create(path)?),
        Output::Kept => command.stdout(Stdio::piped()),
        Output::Dropped => command.stdout(Stdio::null()),
    };
    let started = Instant::now();
    let mut child = command.spawn().map_err(|error| {
        let program = command.get_program().to_string_lossy().into_owned();
        io::Error::new(error.kind(), format!("{program} cannot be started: {error}"))
    })?;
    let mut text = String::new();
    if let Some(mut out) = child.stdout.take() {
        out.read_to_string(&mut text)?;
    }
    let mut complaint = String::new();
    if let Some(mut err) = child.stderr.take() {
        err.read_to_string(&mut complaint)?;
    }
    let used = child.wait4()?;
    let wall = started.elapsed();
    if !used.status.success() {
        let last = complaint.lines().rev().take(3).collect::<Vec<_>>().join(" | ");
        let program = command.get_program().to_string_lossy();
        return Err(io::Error::other(format!("{program}: {}: {last}", used.status)));
    }
    Ok(Cost {
        wall,
        cpu: used.rusage.utime + used.rusage.stime,
        peak: used.rusage.maxrss,
        output: text,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_is_waited_for_and_a_failure_is_told() {
        let cost = run(Command::new("sh").args(["-c", "echo hello"]), Output::Kept).unwrap();
        assert_eq!(cost.output, "hello\n");
        assert!(cost.peak > 100_000 && cost.wall > Duration::ZERO);
        let error = run(
            Command::new("sh").args(["-c", "echo no >&2; exit 3"]),
            Output::Dropped,
        )
        .unwrap_err();
        assert!(error.to_string().contains("no"), "{error}");
    }
}

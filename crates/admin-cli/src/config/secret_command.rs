//! Runs the command that prints a secret, with limits on size and time.

use std::io::IsTerminal as _;
use std::process::Stdio;
use std::time::Duration;

use tokio::io::AsyncReadExt as _;
use tokio::process::{Child, Command};

use super::credentials::{CredentialError, LARGEST};

/// How long a command may take: time enough to unlock a password store by hand.
pub(super) const LONGEST: Duration = Duration::from_secs(60);
/// How long output may follow the end of the command: what it left in the background can hold the pipe open for ever.
const AFTERWARDS: Duration = Duration::from_millis(200);

/// Returns the output of a command, at most one byte more than the longest allowed secret.
///
/// # Errors
/// When the command cannot be run, fails, or does not end in time.
pub(super) async fn printed_by(command: &str) -> Result<Vec<u8>, CredentialError> {
    printed_within(LONGEST, command).await
}

async fn printed_within(longest: Duration, command: &str) -> Result<Vec<u8>, CredentialError> {
    let (mut shell, has_own_group) = shell(command);
    let mut child = shell.spawn().map_err(CredentialError::Run)?;
    let group = child.id().filter(|_| has_own_group);
    let ended = tokio::time::timeout(longest, output(&mut child)).await;
    if !matches!(ended, Ok(Ok((_, Some(_))))) {
        stop(&mut child, group).await;
    }
    let (bytes, status) = ended
        .map_err(|_| CredentialError::Slow)?
        .map_err(CredentialError::Run)?;
    match status {
        Some(status) if !status.success() => Err(CredentialError::Failed(status)),
        _ => Ok(bytes),
    }
}

/// The shell that runs commands, and the option before a command.
const SHELL: [&str; 2] = if cfg!(windows) {
    ["cmd", "/C"]
} else {
    ["sh", "-c"]
};

/// Prepares the shell; also returns whether its processes can be stopped as a group.
fn shell(command: &str) -> (Command, bool) {
    let [shell, flag] = SHELL;
    // The command's stderr is meant for a person who unlocks a store, and may contain the secret: show it on
    // a terminal, and keep it out of the logs of scripts.
    let aside = if std::io::stderr().is_terminal() {
        Stdio::inherit()
    } else {
        Stdio::null()
    };
    let mut shell = Command::new(shell);
    shell
        .args([flag, command])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(aside)
        .kill_on_drop(true);
    // In its own group, the command could not ask for a passphrase on the terminal.
    let has_own_group = cfg!(unix) && std::fs::File::open("/dev/tty").is_err();
    #[cfg(unix)]
    if has_own_group {
        shell.process_group(0);
    }
    (shell, has_own_group)
}

/// Reads until the output or the command ends; the status is missing if the output is too long.
async fn output(child: &mut Child) -> std::io::Result<(Vec<u8>, Option<std::process::ExitStatus>)> {
    let mut bytes = Vec::new();
    let Some(pipe) = child.stdout.take() else {
        return Ok((bytes, Some(child.wait().await?)));
    };
    let mut pipe = pipe.take(LARGEST as u64 + 1);
    let ended_first = {
        let reading = pipe.read_to_end(&mut bytes);
        tokio::pin!(reading);
        tokio::select! {
            read = &mut reading => {
                read?;
                None
            }
            status = child.wait() => {
                if let Ok(read) = tokio::time::timeout(AFTERWARDS, reading).await {
                    read?;
                }
                Some(status?)
            }
        }
    };
    if ended_first.is_some() || bytes.len() > LARGEST {
        return Ok((bytes, ended_first));
    }
    Ok((bytes, Some(child.wait().await?)))
}

async fn stop(child: &mut Child, group: Option<u32>) {
    #[cfg(unix)]
    if let Some(group) = group.and_then(|id| rustix::process::Pid::from_raw(id.try_into().ok()?)) {
        let _ = rustix::process::kill_process_group(group, rustix::process::Signal::KILL);
    }
    #[cfg(not(unix))]
    let _ = group;
    // It may have ended in the meantime.
    let _ = child.kill().await;
}

#[cfg(all(test, unix))]
mod tests {
    use std::time::Instant;

    use super::*;

    #[tokio::test]
    async fn gives_what_the_command_prints() {
        assert_eq!(printed_by("printf 's3cret\\n'").await.unwrap(), b"s3cret\n");
        assert_eq!(printed_by("true").await.unwrap(), b"");
        let failed = printed_by("echo half; exit 3").await.unwrap_err();
        assert!(failed.to_string().contains("exit status: 3"), "{failed}");
    }

    #[tokio::test]
    async fn does_not_wait_for_what_runs_on_in_the_background() {
        let directory = tempfile::tempdir().unwrap();
        let agent = directory.path().join("agent");
        let begun = Instant::now();
        let command = format!("echo s3cret; sleep 30 & echo $! > {}", agent.display());
        assert_eq!(printed_by(&command).await.unwrap(), b"s3cret\n");
        assert!(begun.elapsed() < LONGEST / 2, "it would have taken half a minute");
        let agent: i32 = std::fs::read_to_string(agent).unwrap().trim().parse().unwrap();
        let agent = rustix::process::Pid::from_raw(agent).unwrap();
        // An agent that the command starts must survive it.
        rustix::process::kill_process(agent, rustix::process::Signal::KILL).unwrap();
    }

    #[tokio::test]
    async fn output_without_end_is_not_read_to_its_end() {
        let bytes = printed_by("yes").await.unwrap();
        assert_eq!(bytes.len(), LARGEST + 1);
    }

    #[tokio::test]
    async fn a_command_without_end_is_stopped() {
        let error = printed_within(Duration::from_millis(50), "sleep 600").await;
        assert!(matches!(error, Err(CredentialError::Slow)), "{error:?}");
    }
}

//! Asks the operator for confirmation. The answer comes from the terminal, never from stdin, which may be the
//! user list.

use std::fs::File;
use std::io::{self, BufRead, BufReader, IsTerminal};

use easemob_admin_words::t;

use crate::command_error::CommandError;
use crate::exit;
use crate::ui::Ui;

/// Above this number of users, a `y` is too easily typed: the operator must type the app key.
pub const TYPED_ABOVE: u64 = 1_000;

/// What is about to be done.
#[derive(Debug)]
pub struct Question {
    /// The app to be changed.
    pub app: String,
    /// How many users are affected.
    pub users: u64,
    /// Whether the act changes the app itself, and so affects all of its users.
    pub whole_app: bool,
    /// A description of the act, such as `log out all devices of 3 users of acme#chat`.
    pub act: String,
    /// Whether the command has a `--dry-run` that shows what it would do.
    pub can_be_dry: bool,
}

/// Asks for confirmation, unless `yes` was given on the command line.
///
/// # Errors
/// When there is no terminal to ask on, or the answer is not a clear yes.
pub fn confirm(ui: &Ui, yes: bool, question: &Question) -> Result<(), CommandError> {
    if yes {
        return Ok(());
    }
    let Some(mut terminal) = terminal() else {
        return Err(CommandError::new(
            exit::USAGE,
            t!("cannot ask for confirmation without a terminal, so nothing was done"),
        )
        .hint(if question.can_be_dry {
            t!("add --yes to run the command without asking, or --dry-run to see what it would do")
        } else {
            t!("add --yes to run the command without asking")
        }));
    };
    ask(ui, &mut terminal, question)
}

fn ask(ui: &Ui, terminal: &mut dyn BufRead, question: &Question) -> Result<(), CommandError> {
    let typed = question.whole_app || question.users > TYPED_ABOVE;
    ui.say(t!("About to {}.", question.act));
    if typed {
        ui.ask(&t!("Type the app key ({}) to continue:", question.app));
    } else {
        ui.ask(t!("Continue? [y/N]"));
    }
    let mut answer = String::new();
    terminal.read_line(&mut answer).map_err(|error| {
        CommandError::new(exit::INTERNAL, t!("cannot read the answer from the terminal")).because(error)
    })?;
    let answer = answer.trim();
    let agreed = if typed {
        answer == question.app
    } else {
        ["y", "yes"].contains(&answer.to_ascii_lowercase().as_str())
    };
    if agreed {
        return Ok(());
    }
    Err(CommandError::new(
        exit::INTERRUPTED,
        t!("not confirmed, so nothing was done"),
    ))
}

/// Opens the terminal, for questions; `None` if there is none.
#[cfg(unix)]
#[must_use]
pub fn terminal() -> Option<Box<dyn BufRead>> {
    let terminal = File::open("/dev/tty").ok().filter(IsTerminal::is_terminal)?;
    Some(Box::new(BufReader::new(terminal)))
}

/// Opens the terminal, for questions; `None` if there is none.
#[cfg(not(unix))]
#[must_use]
pub fn terminal() -> Option<Box<dyn BufRead>> {
    let _ = File::open("");
    let stdin = io::stdin();
    if stdin.is_terminal() {
        Some(Box::new(BufReader::new(stdin)))
    } else {
        None
    }
}

/// Returns stdin for a user list; on a terminal, first notes that it is being read.
pub fn stdin_list(ui: &Ui) -> Box<dyn BufRead> {
    let stdin = io::stdin();
    if stdin.is_terminal() {
        ui.note(t!(
            "reading users from the terminal, one per line; end with Ctrl-D"
        ));
    }
    Box::new(BufReader::new(stdin))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(users: u64, typed: &str) -> bool {
        answer_about(users, false, typed)
    }

    fn answer_about(users: u64, whole_app: bool, typed: &str) -> bool {
        let ui = Ui::new(Box::new(io::sink()), false, false);
        let question = Question {
            app: "acme#chat".into(),
            users,
            whole_app,
            act: "log out".into(),
            can_be_dry: true,
        };
        ask(&ui, &mut typed.as_bytes(), &question).is_ok()
    }

    #[test]
    fn anything_but_yes_is_no() {
        assert!(
            ["y\n", "Y\n", "yes\n", " yes \r\n"]
                .iter()
                .all(|typed| answer(3, typed))
        );
        assert!(
            ["", "\n", "n\n", "yep\n", "acme#chat\n"]
                .iter()
                .all(|typed| !answer(3, typed))
        );
    }

    #[test]
    fn many_users_take_the_app_key() {
        assert!(answer(TYPED_ABOVE, "y\n"));
        assert!(!answer(TYPED_ABOVE + 1, "y\n"));
        assert!(answer(TYPED_ABOVE + 1, "acme#chat\n"));
        assert!(!answer(TYPED_ABOVE + 1, "acme#Chat\n"));
        assert!(!answer_about(0, true, "y\n"));
        assert!(answer_about(0, true, "acme#chat\n"));
    }
}

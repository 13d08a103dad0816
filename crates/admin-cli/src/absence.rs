//! Commands that follow something go on when a service or a database was away.

use std::time::Instant;

use easemob_admin_words::t;

use crate::command_error::CommandError;
use crate::context::Context;
use crate::exit;

/// How long what a command follows has been away. Whoever asks again begins where the last answer ended, so nothing is missed or
/// shown twice.
pub(crate) struct Absence<'a> {
    context: &'a Context,
    since: Option<Instant>,
}

impl<'a> Absence<'a> {
    /// Begins with an answer.
    #[must_use]
    pub(crate) fn none(context: &'a Context) -> Self {
        Self { context, since: None }
    }

    /// Returns an answer; nothing if it is to be asked for again. The first miss and the return are said once each.
    ///
    /// # Errors
    /// When it does not come within `--wait-for-server`, or asking again does not help.
    pub(crate) fn outlasted<T, E: Into<CommandError>>(
        &mut self,
        answer: Result<T, E>,
    ) -> Result<Option<T>, CommandError> {
        let Self { context, since } = self;
        let error: CommandError = match answer {
            Ok(answer) => {
                if since.take().is_some() {
                    context.ui.say(t!("it answers again"));
                }
                return Ok(Some(answer));
            }
            Err(error) => error.into(),
        };
        let longest = context.globals.wait_for_server;
        let is_first = since.is_none();
        if error.exit() != exit::UNREACHABLE || since.get_or_insert_with(Instant::now).elapsed() >= longest {
            return Err(error);
        }
        if is_first {
            context.ui.say(t!(
                "{error}; waiting {} s at most until it answers",
                longest.as_secs()
            ));
        }
        Ok(None)
    }
}

//! Asks for a profile step by step, for people who do not know the options.

use std::io::{self, BufRead};

use easemob_admin_words::t;
use secrecy::SecretString;

use super::add::name as checked_name;
use crate::command_error::CommandError;
use crate::config::credentials::from_stdin;
use crate::exit;
use crate::ui::Ui;

/// What a person said.
#[derive(Debug)]
pub(super) struct Answers {
    /// The name of the profile.
    pub(super) name: String,
    /// The server.
    pub(super) server: String,
    /// The app key.
    pub(super) app: String,
    /// The client id.
    pub(super) client_id: String,
    /// The client secret.
    pub(super) secret: SecretString,
}

/// Asks until each answer can be used; `known` is a name that was given already.
///
/// `usable` checks server and app key together, `secret` asks without showing what is typed.
///
/// # Errors
/// When the terminal is closed, or the secret cannot be used.
pub(super) fn ask(
    ui: &Ui,
    terminal: &mut dyn BufRead,
    known: Option<&str>,
    usable: impl Fn(&str, &str) -> Result<(), CommandError>,
    secret: impl FnOnce() -> io::Result<String>,
) -> Result<Answers, CommandError> {
    let mut asking = Asking { ui, terminal };
    let name = match known {
        Some(name) => name.to_owned(),
        None => asking.until(t!("name of the profile, such as prod:"), checked_name)?,
    };
    ui.say(t!(
        "Server, app key and credentials are in the console of the vendor, on the page of the app."
    ));
    let (server, app) = loop {
        let server = asking.until(t!("server, such as https://a1.easemob.com:"), given)?;
        let app = asking.until(t!("app key, such as acme#chat:"), given)?;
        match usable(&server, &app) {
            Ok(()) => break (server, app),
            Err(error) => ui.error(&error),
        }
    };
    let client_id = asking.until(t!("client id:"), given)?;
    let secret = secret().map_err(|error| {
        CommandError::new(exit::USAGE, t!("cannot read the secret from the terminal")).because(error)
    })?;
    Ok(Answers {
        name,
        server,
        app,
        client_id,
        secret: from_stdin(secret.into_bytes())?,
    })
}

fn given(answer: &str) -> Result<String, String> {
    if answer.is_empty() {
        return Err(t!("it cannot be left out").into());
    }
    Ok(answer.to_owned())
}

struct Asking<'a> {
    ui: &'a Ui,
    terminal: &'a mut dyn BufRead,
}

impl Asking<'_> {
    fn until(
        &mut self,
        question: &str,
        usable: impl Fn(&str) -> Result<String, String>,
    ) -> Result<String, CommandError> {
        loop {
            self.ui.ask(question);
            let mut answer = String::new();
            let read = self.terminal.read_line(&mut answer);
            if read.is_err() || answer.is_empty() {
                let what = t!("the terminal was closed, so no profile was written");
                return Err(CommandError::new(exit::INTERRUPTED, what));
            }
            match usable(answer.trim()) {
                Ok(answer) => return Ok(answer),
                Err(why) => self.ui.say(why),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use secrecy::ExposeSecret as _;

    use super::*;

    fn answers(known: Option<&str>, typed: &str) -> Result<Answers, CommandError> {
        let ui = Ui::new(Box::new(io::sink()), false, false);
        let usable = |server: &str, _: &str| {
            if server.starts_with("https://") {
                Ok(())
            } else {
                Err(CommandError::new(exit::USAGE, "no"))
            }
        };
        ask(
            &ui,
            &mut typed.as_bytes(),
            known,
            usable,
            || Ok("s3cret\n".into()),
        )
    }

    #[test]
    fn what_cannot_be_used_is_asked_again() {
        let typed = "not a name\nprod\n\nhttp://a1\nacme#chat\nhttps://a1\nacme#chat\nid\n";
        let said = answers(None, typed).unwrap();
        assert_eq!((said.name.as_str(), said.server.as_str()), ("prod", "https://a1"));
        assert_eq!((said.app.as_str(), said.client_id.as_str()), ("acme#chat", "id"));
        assert_eq!(said.secret.expose_secret(), "s3cret");
        assert!(!format!("{said:?}").contains("s3cret"));
    }

    #[test]
    fn a_known_name_is_not_asked_for_and_a_closed_terminal_ends_it() {
        let said = answers(Some("prod"), "https://a1\nacme#chat\nid\n").unwrap();
        assert_eq!(said.name, "prod");
        let error = answers(None, "prod\nhttps://a1\n").unwrap_err();
        assert_eq!(error.exit(), exit::INTERRUPTED);
    }
}

//! Renders the help of a command so that its examples can be pasted, however narrow the terminal is.

use std::ffi::OsString;

use clap::builder::StyledStr;
use clap::error::ErrorKind;
use clap::{Command, CommandFactory as _};

use super::language::{spoken_by, unpadded};
use crate::cli::Cli;

/// Help whose examples are in the lines that their authors gave them.
#[derive(Debug)]
pub struct Rendered {
    text: StyledStr,
    examples: Vec<String>,
}

/// Returns the help that the arguments after the name of the program ask for; `None` if they ask for none.
pub fn rendered(arguments: impl Iterator<Item = OsString>) -> Option<Rendered> {
    let mut examples = Vec::new();
    let command = without_examples(spoken_by(Cli::command()), &mut examples);
    let error = command
        .try_get_matches_from(std::iter::once("easemob-admin".into()).chain(arguments))
        .err()?;
    let text = match error.kind() {
        ErrorKind::DisplayHelp | ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand => error.render(),
        _ => return None,
    };
    Some(Rendered { text, examples })
}

impl Rendered {
    /// Returns the text without colours.
    #[must_use]
    pub fn plain(&self) -> String {
        self.with_examples(&self.text.to_string())
    }

    /// Returns the text with colours.
    #[must_use]
    pub fn ansi(&self) -> String {
        self.with_examples(&self.text.ansi().to_string())
    }

    fn with_examples(&self, text: &str) -> String {
        let mut text = unpadded(text);
        for (number, example) in self.examples.iter().enumerate() {
            text = text.replace(&mark(number), example);
        }
        text
    }
}

/// Stands for an example while the text around it is wrapped: too short to be wrapped, and of letters that no text has.
fn mark(number: usize) -> String {
    format!("\u{e000}{number}\u{e000}")
}

/// Puts marks in place of the examples of a command and of those below it.
fn without_examples(command: Command, examples: &mut Vec<String>) -> Command {
    let marked = command.get_after_help().map(|help| {
        let lines = help.to_string();
        let lines = lines.lines().map(|line| match line.strip_prefix("  ") {
            Some(example) => {
                examples.push(example.to_owned());
                format!("  {}", mark(examples.len() - 1))
            }
            None => line.to_owned(),
        });
        lines.collect::<Vec<_>>().join("\n")
    });
    let command = match marked {
        Some(help) => command.after_help(help),
        None => command,
    };
    command.mut_subcommands(|below| without_examples(below, examples))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn examples_are_in_one_line() {
        let help = rendered(["profile", "add", "--help"].map(Into::into).into_iter()).unwrap();
        let text = help.plain();
        let example = "  easemob-admin profile add agora --app-root https://a41.chat.agora.io/app-id/ID --client-id ID --secret-stdin\n";
        assert!(text.contains(example), "{text}");
        assert!(!text.contains('\u{e000}') && !help.ansi().contains('\u{e000}'));
        assert!(rendered(["profile", "list"].map(Into::into).into_iter()).is_none());
    }
}

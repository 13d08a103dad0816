//! `help`: explains a command, or a topic that concerns all of them.

mod page;
pub mod topic;

use clap::Args;
use easemob_admin_words::t;

pub use self::page::rendered;
use self::topic::Topic;
use super::completions::write_out;
use crate::command_error::CommandError;
use crate::context::Context;
use crate::exit::{self, Exit};

/// Arguments of `help`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  easemob-admin help sessions logout
  easemob-admin help exit-codes
  easemob-admin help environment

The topics are exit-codes, environment, files and formats.")]
pub struct HelpArgs {
    /// A command, or a topic
    #[arg(value_name = "COMMAND|TOPIC")]
    words: Vec<String>,
}

/// Runs the command.
///
/// # Errors
/// When there is no such command or topic, or stdout cannot be written.
pub fn run(context: &Context, args: &HelpArgs) -> Result<Exit, CommandError> {
    if let [word] = args.words.as_slice()
        && let Some(topic) = Topic::named(word)
    {
        return write_out(context, topic.text().as_bytes());
    }
    let words = args.words.iter().map(Into::into);
    let Some(help) = rendered(words.chain(["--help".into()])) else {
        let what = t!("there is no command or topic `{}`", args.words.join(" "));
        return Err(CommandError::new(exit::USAGE, what)
            .hint(t!("`easemob-admin help` lists the commands"))
            .hint(t!("the topics are {}", Topic::names().join(", "))));
    };
    let text = if context.screen.color {
        help.ansi()
    } else {
        help.plain()
    };
    write_out(context, text.as_bytes())
}

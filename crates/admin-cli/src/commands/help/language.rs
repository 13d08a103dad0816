//! Help and errors of the command line in the language of whoever reads them.
//!
//! clap has no translations, and breaks lines only at spaces, which Chinese does not have. So texts are translated in the
//! tree of commands, and their characters are set apart while clap wraps them.

use clap::builder::{PossibleValue, PossibleValuesParser, Str};
use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{Arg, ArgAction, Command};
use std::error::Error as _;

use easemob_admin_words::{Language, chinese, spoken, t, told_later, translated};
use tabled::grid::util::string::get_text_width;

/// Follows a character of two cells after which no line may break, so that it counts as two.
const FILL: char = '\u{e001}';
/// No line begins with one of these.
const CLOSING: &str = "，。；：、？！）」》…";
/// No line ends with one of these.
const OPENING: &str = "（「《";

/// The widest that lines of help are.
const WIDEST: usize = 100;

/// Words that clap writes itself.
const OF_CLAP: [&str; 7] = [
    told_later!("Usage:"),
    told_later!("Commands:"),
    told_later!("Arguments:"),
    told_later!("Options:"),
    told_later!("Possible values:"),
    told_later!("[possible values: "),
    told_later!("[default: "),
];

/// Returns a command, and those below it, for whoever reads its help.
#[must_use]
pub fn spoken_by(command: Command) -> Command {
    if spoken() == Language::English {
        return command;
    }
    // A character of two cells at the end of a line is counted as one.
    let command = command.term_width(terminal_width().min(WIDEST) - 1);
    let is_root = command.get_name() == "easemob-admin";
    let command = in_chinese(command);
    if is_root {
        let version = Arg::new("version")
            .short('V')
            .long("version")
            .action(ArgAction::Version);
        command
            .disable_version_flag(true)
            .arg(version.help(padded(t!("Print version"))))
    } else {
        command
    }
}

/// Returns the width of the terminal as clap finds it.
fn terminal_width() -> usize {
    let columns = || std::env::var("COLUMNS").ok()?.parse().ok();
    terminal_size::terminal_size()
        .map(|(width, _)| usize::from(width.0))
        .or_else(columns)
        .unwrap_or(WIDEST)
        .max(2)
}

fn in_chinese(mut command: Command) -> Command {
    for (is_long, text) in [(false, command.get_about()), (true, command.get_long_about())]
        .map(|(is_long, text)| (is_long, text.map(ToString::to_string)))
    {
        command = match text {
            Some(text) if is_long => command.long_about(paragraphs(&text)),
            Some(text) => command.about(paragraphs(&text)),
            None => command,
        };
    }
    if let Some(text) = command.get_after_help().map(ToString::to_string) {
        let lines = text.lines().map(|line| {
            if line.starts_with("  ") {
                line.to_owned()
            } else {
                padded(translated(line))
            }
        });
        command = command.after_help(lines.collect::<Vec<_>>().join("\n"));
    }
    let help = Arg::new("help").short('h').long("help").action(ArgAction::Help);
    command
        .mut_args(argument)
        .disable_help_flag(true)
        .arg(
            help.help(padded(t!("Print help (see more with '--help')")))
                .long_help(padded(t!("Print help (see a summary with '-h')"))),
        )
        .mut_subcommands(in_chinese)
}

fn argument(mut argument: Arg) -> Arg {
    if let Some(text) = argument.get_help().map(ToString::to_string) {
        argument = argument.help(paragraphs(&text));
    }
    if let Some(text) = argument.get_long_help().map(ToString::to_string) {
        argument = argument.long_help(paragraphs(&text));
    }
    if let Some(heading) = argument.get_help_heading().and_then(chinese) {
        argument = argument.help_heading(Str::from(heading));
    }
    let takes_values = argument.get_action().takes_values();
    let values = if takes_values {
        argument.get_possible_values()
    } else {
        Vec::new()
    };
    if values.iter().any(|value| value.get_help().is_some()) {
        // Only help is made of this tree, so it does not matter what the values are parsed to.
        argument = argument.value_parser(PossibleValuesParser::new(values.into_iter().map(possible)));
    }
    argument
}

fn possible(value: PossibleValue) -> PossibleValue {
    match value.get_help().map(ToString::to_string) {
        Some(text) => value.help(paragraphs(&text)),
        None => value,
    }
}

/// Translates each paragraph of a text.
fn paragraphs(text: &str) -> String {
    let paragraphs = text.split("\n\n").map(|text| padded(translated(text)));
    paragraphs.collect::<Vec<_>>().join("\n\n")
}

/// Makes each character of two cells a word of two, for a program that takes every character for one cell and breaks lines at
/// spaces. [`unpadded`] is its reverse.
fn padded(text: &str) -> String {
    let mut padded = String::with_capacity(text.len() * 2);
    let mut characters = text.chars().peekable();
    while let Some(character) = characters.next() {
        padded.push(character);
        if is_wide(character) {
            let breaks = !OPENING.contains(character)
                && characters
                    .peek()
                    .is_some_and(|next| *next != ' ' && *next != '\n' && !CLOSING.contains(*next));
            padded.push(if breaks { ' ' } else { FILL });
        }
    }
    padded
}

/// Removes what [`padded`] has added, and says what clap says itself in the language of whoever reads it.
pub(super) fn unpadded(text: &str) -> String {
    if spoken() == Language::English {
        return text.to_owned();
    }
    let mut plain = String::with_capacity(text.len());
    let mut after_wide = false;
    for character in text.chars() {
        if !(after_wide && character == ' ' || character == FILL) {
            plain.push(character);
        }
        after_wide = is_wide(character);
    }
    of_clap(&plain)
}

fn of_clap(text: &str) -> String {
    let mut text = text.to_owned();
    for words in OF_CLAP {
        text = text.replace(words, translated(words));
    }
    text
}

fn is_wide(character: char) -> bool {
    !character.is_ascii() && get_text_width(character.encode_utf8(&mut [0; 4])) == 2
}

/// Returns what is wrong with a command line in Chinese; `None` for errors that clap alone can describe.
#[must_use]
pub fn wrong_in_chinese(error: &clap::Error) -> Option<String> {
    if spoken() == Language::English {
        return None;
    }
    let text = |kind: ContextKind| match error.get(kind)? {
        ContextValue::String(text) => Some(text.clone()),
        ContextValue::Strings(texts) => Some(texts.join("、")),
        _ => None,
    };
    let argument = || text(ContextKind::InvalidArg);
    let value = || text(ContextKind::InvalidValue);
    let cause = error.source().map(ToString::to_string);
    let what = match error.kind() {
        ErrorKind::UnknownArgument => t!("there is no argument `{}`", argument()?),
        ErrorKind::InvalidSubcommand => t!("there is no command `{}`", text(ContextKind::InvalidSubcommand)?),
        ErrorKind::InvalidValue if value()?.is_empty() => t!("`{}` needs a value", argument()?),
        ErrorKind::InvalidValue => t!("`{}` cannot be `{}`", argument()?, value()?),
        ErrorKind::ValueValidation => {
            let cause = cause.unwrap_or_default();
            t!("`{}` cannot be `{}`: {cause}", argument()?, value()?)
        }
        ErrorKind::MissingRequiredArgument => t!("missing: {}", argument()?),
        ErrorKind::ArgumentConflict => {
            let other = text(ContextKind::PriorArg).unwrap_or_else(|| t!("another argument").into());
            t!("`{}` and `{other}` cannot be combined", argument()?)
        }
        ErrorKind::MissingSubcommand => t!("a command is missing").into(),
        _ => return None,
    };
    let label = t!("error");
    let mut text_of_all = t!("{label}: {}", what) + "\n";
    let near = [
        ContextKind::SuggestedArg,
        ContextKind::SuggestedSubcommand,
        ContextKind::SuggestedValue,
    ];
    if let Some(near) = near.into_iter().find_map(text) {
        text_of_all += &t!("\n  did you mean `{near}`?\n");
    } else if let Some(values) = text(ContextKind::ValidValue).filter(|values| !values.is_empty()) {
        text_of_all += &t!("\n  possible values: {values}\n");
    }
    if let Some(ContextValue::StyledStr(usage)) = error.get(ContextKind::Usage) {
        text_of_all += "\n";
        text_of_all += &of_clap(&usage.to_string());
        text_of_all += "\n";
    }
    Some(text_of_all + t!("\n`--help` explains the command.\n"))
}

/// Calls `visit` with each text of the help of a command and of those below it that has a translation of its own.
pub fn each_text(command: &Command, visit: &mut impl FnMut(&str)) {
    let mut all = |text: Option<String>| {
        for text in text.iter().flat_map(|text| text.split("\n\n")) {
            visit(text);
        }
    };
    all(command.get_about().map(ToString::to_string));
    all(command.get_long_about().map(ToString::to_string));
    for argument in command.get_arguments() {
        all(argument.get_help().map(ToString::to_string));
        all(argument.get_long_help().map(ToString::to_string));
        all(argument.get_help_heading().map(str::to_owned));
        for value in argument.get_possible_values() {
            all(value.get_help().map(ToString::to_string));
        }
    }
    let after = command
        .get_after_help()
        .map(ToString::to_string)
        .unwrap_or_default();
    for line in after
        .lines()
        .filter(|line| !line.is_empty() && !line.starts_with("  "))
    {
        visit(line);
    }
    for below in command.get_subcommands() {
        each_text(below, visit);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn characters_of_two_cells_are_words_of_two_while_lines_are_broken() {
        let text = "退出 3 台设备，即 `runs resume`（不变）。";
        assert_eq!(unpadded_in_chinese(&padded(text)), text);
        // Every character counts as one cell.
        assert_eq!(padded(text).chars().count(), get_text_width(text));
        assert_eq!(
            padded("甲乙，丙"),
            "甲 乙\u{e001}，丙\u{e001}".replace('，', "， ")
        );
        assert_eq!(padded("plain text"), "plain text");
    }

    fn unpadded_in_chinese(text: &str) -> String {
        easemob_admin_words::within(Language::Chinese, || unpadded(text))
    }
}

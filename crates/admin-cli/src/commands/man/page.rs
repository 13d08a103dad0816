//! Writes the manual page of one command.

use std::io;

use clap::Command;
use clap_mangen::Man;
use roff::{Inline, Roff, bold, roman};

use crate::commands::help::topic::Topic;

/// Writes the page of a command that was built, so that it knows its whole name.
///
/// # Errors
/// When `out` fails.
pub(super) fn write(command: &Command, out: &mut impl io::Write) -> io::Result<()> {
    let man = Man::new(command.clone());
    man.render_title(out)?;
    man.render_name_section(out)?;
    let synopsis = command.clone().render_usage().to_string();
    let mut synopsis: Vec<Inline> = words(synopsis.trim_start_matches("Usage: "));
    synopsis.insert(0, roman(""));
    Roff::new()
        .control("SH", ["SYNOPSIS"])
        .text(synopsis)
        .to_writer(out)?;
    man.render_description_section(out)?;
    man.render_options_section(out)?;
    if command.has_subcommands() {
        man.render_subcommands_section(out)?;
    }
    let help = command
        .get_after_help()
        .map(ToString::to_string)
        .unwrap_or_default();
    examples_and_notes(&help).to_writer(out)?;
    for (title, topic) in [
        ("EXIT STATUS", Topic::ExitCodes),
        ("ENVIRONMENT", Topic::Environment),
        ("FILES", Topic::Files),
    ] {
        let mut section = Roff::new();
        section.control("SH", [title]);
        for (term, meaning) in topic.terms() {
            section
                .control("TP", [])
                .text([bold(term)])
                .text([roman(meaning)]);
        }
        section.to_writer(out)?;
    }
    see_also(command).to_writer(out)
}

/// Puts the upper-case words of a synopsis, which stand for values, apart from those that are typed.
fn words(synopsis: &str) -> Vec<Inline> {
    let is_typed = |word: &str| {
        word.chars()
            .all(|letter| letter.is_ascii_lowercase() || letter == '-')
    };
    let word = |word: &str| {
        let spaced = format!("{word} ");
        if is_typed(word) {
            bold(spaced)
        } else {
            roman(spaced)
        }
    };
    synopsis.split_whitespace().map(word).collect()
}

/// Splits the end of the help: indented lines are examples, everything else is a note.
fn examples_and_notes(help: &str) -> Roff {
    let (mut examples, mut notes) = (Roff::new(), Roff::new());
    examples.control("SH", ["EXAMPLES"]).control("nf", []);
    let mut has_notes = false;
    for line in help
        .lines()
        .filter(|line| !line.is_empty() && *line != "Examples:")
    {
        if let Some(example) = line.strip_prefix("  ") {
            examples.text([roman(example)]);
            continue;
        }
        if !has_notes {
            notes.control("SH", ["NOTES"]);
        }
        has_notes = true;
        notes.control("PP", []).text([roman(line)]);
    }
    examples.control("fi", []).extend([notes]);
    examples
}

/// Names the pages above and below.
fn see_also(command: &Command) -> Roff {
    let name = command.get_display_name().unwrap_or_else(|| command.get_name());
    let above = name
        .rsplit_once('-')
        .map(|(above, _)| above)
        .filter(|above| above.starts_with("easemob-admin"));
    let below = command
        .get_subcommands()
        .filter(|below| below.get_name() != "help");
    let below = below.map(|below| below.get_display_name().unwrap_or_else(|| below.get_name()));
    let pages: Vec<String> = above
        .into_iter()
        .chain(below)
        .map(|page| format!("{page}(1)"))
        .collect();
    let mut section = Roff::new();
    section
        .control("SH", ["SEE ALSO"])
        .text([roman(pages.join(", "))]);
    section
}

//! The arguments that name users, shared by all commands over many users.

use std::io;
use std::path::PathBuf;

use clap::Args;
use easemob_admin_api::UserId;
use easemob_admin_words::t;

use crate::command_error::CommandError;
use crate::confirm::stdin_list;
use crate::context::Context;
use crate::exit;
use crate::input::spool::Entry;
use crate::input::user_list::{Examples, Source, UserList};

/// Users as arguments, or a list of them.
#[derive(Debug, Clone, Args)]
pub struct UserSource {
    /// The users
    #[arg(value_name = "USER")]
    pub users: Vec<String>,
    /// Read users from a file, one per line, or from stdin with `-`; lines starting with # are skipped
    #[arg(long, value_name = "FILE", conflicts_with = "users")]
    pub from: Option<PathBuf>,
    /// Skip lines that are not user ids instead of refusing the list
    #[arg(long)]
    pub skip_invalid: bool,
}

impl UserSource {
    /// Returns true if no user is named.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.users.is_empty() && self.from.is_none()
    }

    /// Describes where the users come from.
    #[must_use]
    pub fn describe(&self) -> String {
        match &self.from {
            Some(path) if path.as_os_str() == "-" => Source::Stdin.describe(),
            Some(path) => Source::File(path.clone()).describe(),
            None => Source::Arguments(Vec::new()).describe(),
        }
    }

    /// Streams the users of a list that was read.
    ///
    /// # Errors
    /// When its temporary copy cannot be read.
    pub fn stream(
        &self,
        list: &UserList,
    ) -> Result<impl Iterator<Item = io::Result<Entry>> + Send + use<>, CommandError> {
        list.stream().map_err(|error| {
            CommandError::new(exit::INTERNAL, t!("cannot read the temporary copy of the list")).because(error)
        })
    }

    /// Streams only the names of a list that was read.
    ///
    /// # Errors
    /// When its temporary copy cannot be read.
    pub fn names(
        &self,
        list: &UserList,
    ) -> Result<impl Iterator<Item = io::Result<UserId>> + Send + use<>, CommandError> {
        Ok(self.stream(list)?.map(|entry| entry.map(|entry| entry.user)))
    }

    /// Reads the whole list and warns about anything unusual in it.
    ///
    /// # Errors
    /// When no user is named, or the list cannot be used.
    pub fn read(&self, context: &Context) -> Result<UserList, CommandError> {
        let source = match &self.from {
            Some(path) if path.as_os_str() == "-" => Source::Stdin,
            Some(path) => Source::File(path.clone()),
            None if self.users.is_empty() => {
                return Err(CommandError::new(exit::USAGE, t!("no user was given")).hint(t!(
                    "name users as arguments, or give a list with --from FILE (--from - reads stdin)"
                )));
            }
            None => Source::Arguments(self.users.clone()),
        };
        let ui = &context.ui;
        let list = UserList::read(&source, self.skip_invalid, || stdin_list(ui))?;
        let remarks = &list.remarks;
        if remarks.invalid.count > 0 {
            let Examples { count, first } = &remarks.invalid;
            let these = if *count == 1 {
                t!("skipped 1 line that is not a user id")
            } else {
                &t!("skipped {count} lines that are not user ids")
            };
            ui.warn(format_args!("{these}: {}", some(*count, first)));
        }
        match remarks.duplicates {
            0 => {}
            1 => ui.warn(t!("1 line repeats an earlier user and was skipped")),
            count => ui.warn(t!("{count} lines repeat an earlier user and were skipped")),
        }
        if remarks.capitals.count > 0 {
            let Examples { count, first } = &remarks.capitals;
            let these = if *count == 1 {
                t!("1 name has")
            } else {
                &t!("{count} names have")
            };
            ui.warn(t!(
                "{these} capitals, which the server ignores when comparing names: {}",
                some(*count, first)
            ));
        }
        if remarks.odd.count > 0 {
            let Examples { count, first } = &remarks.odd;
            let these = if *count == 1 {
                t!("1 name contains")
            } else {
                &t!("{count} names contain")
            };
            ui.warn(t!(
                "{these} commas, spaces, quotes or other signs, as if the list were a table; a list has one user per line: {}",
                some(*count, first)
            ));
        }
        if remarks.hidden.count > 0 {
            let Examples { count, first } = &remarks.hidden;
            let (these, fail) = if *count == 1 {
                (t!("1 name contains"), t!("fails"))
            } else {
                (&*t!("{count} names contain"), t!("fail"))
            };
            ui.warn(t!(
                "{these} invisible or look-alike characters, and {fail} unless the server has such a user: {}",
                some(*count, first)
            ));
        }
        if let Some((line, header)) = &remarks.header {
            ui.warn(t!(
                "line {line}, `{header}`, is a column header and not a user; to include a user of this name, write it on \
                 a later line"
            ));
        }
        Ok(list)
    }
}

fn some(count: u64, first: &[String]) -> String {
    let mut text = first.join(", ");
    if count > first.len() as u64 {
        text.push_str(", …");
    }
    text
}

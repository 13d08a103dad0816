//! The arguments that choose whether the status of users is asked for before their devices are read.

use clap::Args;
use easemob_admin_ops::status_first::{Reading, When};

use crate::capability_file::Known;
use crate::context::Session;

/// Whether the status is asked for first.
#[derive(Debug, Clone, Copy, Default, Args)]
#[command(next_help_heading = "Who is read")]
pub struct StatusArgs {
    /// Ask for the status first, 100 users per request, and read only the devices of users who are online; the
    /// default for more than 500 users. Some users reported as offline are read as well: if one of them has
    /// devices, every user is read
    #[arg(long, conflicts_with = "read_every_user")]
    status_first: bool,
    /// Read the devices of every user; the default for up to 500 users
    #[arg(long)]
    read_every_user: bool,
}

impl StatusArgs {
    /// Returns how to find out who is online; what was not chosen depends on what is known of the server.
    #[must_use]
    pub fn reading(self, session: &Session) -> Reading {
        let when = if self.read_every_user {
            When::Never
        } else if self.status_first {
            When::Always
        } else {
            session
                .known
                .as_ref()
                .map_or(When::LongList, Known::usual_reading)
        };
        Reading {
            when,
            ..Reading::default()
        }
    }
}

/// How to find out who is online.
#[derive(Debug, Clone, Copy, Default, Args)]
#[command(next_help_heading = "Who is read")]
pub struct ReadingArgs {
    #[command(flatten)]
    status: StatusArgs,
    /// Check that every user reported as offline exists: the server reports a misspelt name as offline, too
    #[arg(long, conflicts_with = "read_every_user")]
    check_names: bool,
    /// At the end, ask again about the users reported as offline, and include those who are online by then
    #[arg(long, conflicts_with = "read_every_user")]
    again: bool,
}

impl ReadingArgs {
    /// Returns how to find out who is online.
    #[must_use]
    pub fn reading(self, session: &Session) -> Reading {
        Reading {
            when: if self.check_names || self.again {
                When::Always
            } else {
                self.status.reading(session).when
            },
            check_names: self.check_names,
            again: self.again,
        }
    }

    /// Returns how to find out who of all users of the app is online.
    #[must_use]
    pub fn reading_of_all(self, session: &Session) -> Reading {
        let chosen = self.reading(session);
        let when = match chosen.when {
            When::LongList => When::Always,
            chosen => chosen,
        };
        Reading { when, ..chosen }
    }
}

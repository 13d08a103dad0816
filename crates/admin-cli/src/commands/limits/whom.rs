//! The arguments that select the users to compare with a policy: named users, a list, or all users of the
//! app.

use std::io;
use std::pin::pin;

use clap::Args;
use easemob_admin_api::{UserId, UserQuery};
use easemob_admin_ops::jobs::verify::USERS_PER_REQUEST;
use easemob_admin_ops::server::listed::divided;
use easemob_admin_ops::status_first::Reading;
use easemob_admin_words::{t, told_later};
use futures_util::StreamExt;

use crate::command_error::CommandError;
use crate::commands::acting::counted;
use crate::commands::listing::broken_off;
use crate::commands::reading::ReadingArgs;
use crate::commands::user_source::UserSource;
use crate::context::{Context, Session};
use crate::exit;
use crate::input::spool::Entry;
use crate::input::user_list::{ServerList, UserList};

/// Users as arguments, a list of users, or all users of the app.
#[derive(Debug, Clone, Args)]
pub(super) struct Whom {
    #[command(flatten)]
    users: UserSource,
    /// All users of the app, as the server lists them
    #[arg(long, conflicts_with_all = ["users", "from"])]
    all: bool,
}

impl Whom {
    /// Describes where the users come from.
    pub(super) fn describe(&self) -> String {
        if self.all {
            told_later!("all users of the app").into()
        } else {
            self.users.describe()
        }
    }

    /// Returns how to find out who is online: most users of an app are not.
    pub(super) fn reading(&self, session: &Session, reading: ReadingArgs) -> Reading {
        if self.all {
            reading.reading_of_all(session)
        } else {
            reading.reading(session)
        }
    }

    /// Reads the whole list; also returns how many entries of the server's list are not valid user names.
    ///
    /// # Errors
    /// When no user is named, the list cannot be used, or the server does not list all of its users.
    pub(super) async fn read(
        &self,
        context: &Context,
        session: &Session,
    ) -> Result<(UserList, u64), CommandError> {
        if self.all {
            return everybody(context, session).await;
        }
        if self.users.is_empty() {
            return Err(CommandError::new(exit::USAGE, t!("no user was given")).hint(t!(
                "name users as arguments, give a list with --from FILE (--from - reads stdin), or add --all"
            )));
        }
        self.users.read(context).map(|list| (list, 0))
    }

    /// Streams only the names of a list that was read.
    ///
    /// # Errors
    /// When its temporary copy cannot be read.
    pub(super) fn names(
        &self,
        list: &UserList,
    ) -> Result<impl Iterator<Item = io::Result<UserId>> + Send + use<>, CommandError> {
        self.users.names(list)
    }

    /// Streams the users of a list that was read.
    ///
    /// # Errors
    /// When its temporary copy cannot be read.
    pub(super) fn stream(
        &self,
        list: &UserList,
    ) -> Result<impl Iterator<Item = io::Result<Entry>> + Send + use<>, CommandError> {
        self.users.stream(list)
    }
}

/// Lists all users: a hundred per request.
async fn everybody(context: &Context, session: &Session) -> Result<(UserList, u64), CommandError> {
    let server = &session.server;
    let query = UserQuery::new().page_size(USERS_PER_REQUEST);
    let mut list = ServerList::begin();
    let (mut users, mut unnamed, mut listed) = (0_u64, 0, 0);
    let mut pages = pin!(server.client().list_users_pages(query));
    while let Some(page) = pages.next().await {
        let page = page.map_err(|error| broken_off(error, users, t!(", so nobody was compared")))?;
        let length = page.items.len() + page.odd.len();
        let (found, odd) = divided(page);
        for mut odd in odd {
            unnamed += 1;
            odd.index += listed;
            context.ui.warn(t!(
                "the server listed an entry that is not a valid user name: {odd}"
            ));
        }
        listed += length;
        for user in found {
            users += 1;
            list.push(&user.username)?;
        }
    }
    context.ui.note(t!("{} in the app", counted(users, "user")));
    Ok((UserList::of(list)?, unnamed))
}

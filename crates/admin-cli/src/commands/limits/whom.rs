//! The arguments that say whose devices are compared with a policy: users named, a list, or everybody.

use std::collections::BTreeSet;
use std::io;
use std::pin::pin;

use clap::Args;
use easemob_admin_api::{UserId, UserQuery};
use easemob_admin_ops::jobs::verify::USERS_PER_REQUEST;
use easemob_admin_ops::server::calls::SessionCalls;
use easemob_admin_ops::server::listed::divided;
use futures_util::StreamExt;

use crate::command_error::CommandError;
use crate::commands::listing::broken_off;
use crate::commands::user_source::UserSource;
use crate::context::{Context, Session};
use crate::exit;
use crate::input::spool::Entry;
use crate::input::user_list::{ServerList, UserList};

/// Users as arguments, a list of them, or all of the app.
#[derive(Debug, Clone, Args)]
pub(super) struct Whom {
    #[command(flatten)]
    users: UserSource,
    /// All users of the app that are online, as the server lists them
    #[arg(long, conflicts_with_all = ["users", "from"])]
    all: bool,
}

impl Whom {
    /// Returns the words that name where the users come from.
    pub(super) fn describe(&self) -> String {
        if self.all {
            "all users of the app".into()
        } else {
            self.users.describe()
        }
    }

    /// Reads the whole list; also returns how many entries of the server's list are no users who can be named.
    ///
    /// # Errors
    /// When nobody is named, the list cannot be used, or the server does not list all of its users.
    pub(super) async fn read(
        &self,
        context: &Context,
        session: &Session,
    ) -> Result<(UserList, u64), CommandError> {
        if self.all {
            return everybody(context, session).await;
        }
        if self.users.is_empty() {
            return Err(CommandError::new(exit::USAGE, "no user is named").hint(
                "name users as arguments, give a list with --from FILE (--from - reads stdin), or say --all",
            ));
        }
        self.users.read(context).map(|list| (list, 0))
    }

    /// Streams the names alone of a list that was read.
    ///
    /// # Errors
    /// When its temporary copy cannot be read.
    pub(super) fn names(
        &self,
        list: &UserList,
    ) -> Result<impl Iterator<Item = io::Result<UserId>> + use<>, CommandError> {
        self.users.names(list)
    }

    /// Streams the users of a list that was read.
    ///
    /// # Errors
    /// When its temporary copy cannot be read.
    pub(super) fn stream(
        &self,
        list: &UserList,
    ) -> Result<impl Iterator<Item = io::Result<Entry>> + use<>, CommandError> {
        self.users.stream(list)
    }
}

/// Lists all users, less those of whom the server says that they are offline: a hundred per request.
async fn everybody(context: &Context, session: &Session) -> Result<(UserList, u64), CommandError> {
    let server = &session.server;
    let query = UserQuery::new().page_size(USERS_PER_REQUEST);
    let mut list = ServerList::begin()?;
    let (mut users, mut offline, mut unnamed, mut listed) = (0_u64, 0, 0, 0);
    let mut pages = pin!(server.client().list_users_pages(query));
    while let Some(page) = pages.next().await {
        let page = page.map_err(|error| broken_off(error, users, ", so nobody was compared"))?;
        let length = page.items.len() + page.odd.len();
        let (found, odd) = divided(page);
        for mut odd in odd {
            unnamed += 1;
            odd.index += listed;
            context.ui.warn(format_args!(
                "the server listed something that is no user who can be named: {odd}"
            ));
        }
        listed += length;
        let names: Vec<UserId> = found.into_iter().map(|user| user.username).collect();
        // Who is not said to be offline is read, and so is everybody where there is no answer.
        let left_out = if names.is_empty() {
            BTreeSet::new()
        } else {
            server.offline(&names).await.unwrap_or_default()
        };
        users += names.len() as u64;
        offline += left_out.len();
        for name in names.iter().filter(|name| !left_out.contains(name)) {
            list.push(name)?;
        }
    }
    context.ui.note(format_args!(
        "{users} users in the app, {offline} of them offline"
    ));
    Ok((UserList::of(list)?, unnamed))
}

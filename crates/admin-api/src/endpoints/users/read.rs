//! Reading user accounts.

use futures_util::{Stream, StreamExt as _, TryStreamExt as _, stream};

use crate::client::Client;
use crate::endpoint::{Effect, Endpoint, Method, Path};
use crate::envelope::Envelope;
use crate::error::{BuildError, DecodeError, Error};
use crate::model::{User, UserId};
use crate::page::{Cursor, CursorTrail, EndlessListing, Page};

/// Reads one user.
///
/// ```
/// use easemob_admin_api::endpoint::Endpoint;
/// use easemob_admin_api::endpoints::users::GetUser;
/// use easemob_admin_api::UserId;
///
/// assert_eq!(GetUser { user: UserId::parse("ann")? }.path().encode()?, "/users/ann");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GetUser {
    /// Which user; the uuid may stand in place of the name.
    pub user: UserId,
}

impl Endpoint for GetUser {
    const NAME: &'static str = "users.get";
    const EFFECT: Effect = Effect::Read;
    type Output = User;

    fn method(&self) -> Method {
        Method::GET
    }

    fn path(&self) -> Path {
        Path::new(["users", self.user.as_str()])
    }

    fn target(&self) -> Option<String> {
        Some(self.user.to_string())
    }

    fn decode(&self, answer: &Envelope<'_>) -> Result<User, DecodeError> {
        first_user(answer)
    }
}

/// The only user of an answer about one user.
pub(super) fn first_user(answer: &Envelope<'_>) -> Result<User, DecodeError> {
    answer
        .entities()?
        .into_iter()
        .next()
        .ok_or_else(|| answer.problem("`entities` holds no user"))
}

/// Which users to list, and in pages of what size.
///
/// ```
/// use easemob_admin_api::UserQuery;
///
/// let banned = UserQuery::new().page_size(50).activated(false);
/// assert_ne!(banned, UserQuery::new());
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UserQuery {
    page_size: usize,
    activated: Option<bool>,
    start: Option<Cursor>,
}

impl Default for UserQuery {
    fn default() -> Self {
        Self::new()
    }
}

impl UserQuery {
    /// Lists all users, 100 to a page, which is the most the server gives.
    #[must_use]
    pub fn new() -> Self {
        Self {
            page_size: 100,
            activated: None,
            start: None,
        }
    }

    /// Sets the page size, 1 to 100.
    #[must_use]
    pub fn page_size(mut self, users: usize) -> Self {
        self.page_size = users;
        self
    }

    /// Lists only active (`true`) or only banned (`false`) users.
    ///
    /// The vendor's PHP SDK sends this filter; no page documents it, and a server may ignore it.
    #[must_use]
    pub fn activated(mut self, activated: bool) -> Self {
        self.activated = Some(activated);
        self
    }

    /// Begins a listing at a cursor that was kept, such as [`Error::cursor`]; `None` for the first page. For a single page
    /// the cursor is an argument of its own.
    #[must_use]
    pub fn starting_at(mut self, cursor: Option<Cursor>) -> Self {
        self.start = cursor;
        self
    }
}

/// Reads one page of users, oldest first.
///
/// ```
/// use easemob_admin_api::endpoint::Endpoint;
/// use easemob_admin_api::endpoints::users::ListUsers;
/// use easemob_admin_api::{AppRoot, Cursor, UserQuery};
///
/// let root = AppRoot::parse("https://im.example.com/acme/chat")?;
/// let page = ListUsers { query: UserQuery::new(), cursor: Some(Cursor::new("a=b")) };
/// assert_eq!(page.request(&root)?.url.query(), Some("limit=100&cursor=a%3Db"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListUsers {
    /// Which users.
    pub query: UserQuery,
    /// Where the page begins; `None` for the first.
    pub cursor: Option<Cursor>,
}

impl Endpoint for ListUsers {
    const NAME: &'static str = "users.list";
    const EFFECT: Effect = Effect::Read;
    type Output = Page<User>;

    fn method(&self) -> Method {
        Method::GET
    }

    fn path(&self) -> Path {
        Path::new(["users"])
    }

    fn query(&self) -> Vec<(&'static str, String)> {
        let mut query = vec![("limit", self.query.page_size.to_string())];
        if let Some(cursor) = &self.cursor {
            query.push(("cursor", cursor.to_string()));
        }
        if let Some(activated) = self.query.activated {
            query.push(("activated", u8::from(activated).to_string()));
        }
        query
    }

    fn check(&self) -> Result<(), BuildError> {
        BuildError::check_batch("users in a page", self.query.page_size, 100)
    }

    fn decode(&self, answer: &Envelope<'_>) -> Result<Page<User>, DecodeError> {
        let entries = answer.each_entity()?;
        let (sent, asked) = (self.cursor.as_ref(), self.query.page_size);
        Page::new(entries, answer.cursor(), sent, asked).map_err(|problem| answer.problem(problem))
    }
}

impl Client {
    /// Reads one user.
    ///
    /// # Errors
    /// When the user is unknown, or the call fails for any reason of [`Client::execute`].
    pub async fn get_user(&self, user: &UserId) -> Result<User, Error> {
        self.execute(&GetUser { user: user.clone() }).await
    }

    /// Reads one page of users, oldest first.
    ///
    /// # Errors
    /// When the page size is not 1 to 100, or the call fails for any reason of [`Client::execute`].
    pub async fn list_users_page(
        &self,
        query: &UserQuery,
        cursor: Option<&Cursor>,
    ) -> Result<Page<User>, Error> {
        self.execute(&ListUsers {
            query: query.clone(),
            cursor: cursor.cloned(),
        })
        .await
    }

    /// Streams all users, oldest first.
    ///
    /// Nothing is sent before the first poll, and the next page only when the last one is used up. An error
    /// is yielded once and ends the stream. An entry that cannot be read is an error too, after the other users of its
    /// page; read [`Page::odd`] of [`Client::list_users_page`] to go on behind one. The stream owns a clone of the client.
    pub fn list_users(&self, query: UserQuery) -> impl Stream<Item = Result<User, Error>> + Send + 'static {
        self.list_users_pages(query)
            .map_ok(|page| {
                let odd = page.odd.into_iter().next().map(listing_error);
                let users = page.items.into_iter().map(Ok);
                stream::iter(users.chain(odd.map(Err)))
            })
            .try_flatten()
            .scan(false, |failed, item: Result<User, Error>| {
                let item = (!*failed).then_some(item);
                *failed |= matches!(item, Some(Err(_)));
                std::future::ready(item)
            })
    }

    /// Streams all pages of users, oldest first: as [`Client::list_users`], with the entries that cannot be read.
    ///
    /// An empty page with a new cursor is followed, 99 in a row at most; a cursor that was there before is an error.
    pub fn list_users_pages(
        &self,
        query: UserQuery,
    ) -> impl Stream<Item = Result<Page<User>, Error>> + Send + 'static {
        let cursor = query.start.clone();
        let trail = CursorTrail::from(cursor.as_ref());
        let start = At::Page(Box::new((self.clone(), query, cursor, trail)));
        stream::try_unfold(start, |at| async move {
            let (client, query, cursor, mut trail) = match at {
                At::Page(here) => *here,
                At::End(None) => return Ok(None),
                At::End(Some(endless)) => return Err(listing_error(endless)),
            };
            let page = client.list_users_page(&query, cursor.as_ref()).await;
            let page = page.map_err(|error| error.at_cursor(cursor))?;
            let empty = page.items.is_empty() && page.odd.is_empty();
            let at = match (page.next.clone(), trail.follow(empty, page.next.as_ref())) {
                (_, Err(endless)) => At::End(Some(endless)),
                (None, Ok(())) => At::End(None),
                (next, Ok(())) => At::Page(Box::new((client, query, next, trail))),
            };
            Ok(Some((page, at)))
        })
    }
}

/// How far a listing has come.
enum At {
    Page(Box<(Client, UserQuery, Option<Cursor>, CursorTrail)>),
    End(Option<EndlessListing>),
}

/// The error of a listing that cannot be gone on with.
fn listing_error(problem: impl std::error::Error + Send + Sync + 'static) -> Error {
    let listing = ListUsers {
        query: UserQuery::new(),
        cursor: None,
    };
    Error::of_listing(&listing, problem)
}

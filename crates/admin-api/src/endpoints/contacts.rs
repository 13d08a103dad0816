//! Contacts and blocked users of a user (pages "add contact" to "remove from the block list").

use serde_json::{Value, json};

use crate::client::Client;
use crate::endpoint::{Bucket, Effect, Endpoint, Method, Path};
use crate::envelope::Envelope;
use crate::error::{BuildError, DecodeError, Error};
use crate::model::{User, UserId};
use crate::transport::limit::RateLimit;

/// 100 calls a second for contacts, 50 for blocked users (page of limits).
const CONTACTS: Bucket = Bucket::Own("contacts", RateLimit::per_second(100));
const BLOCKS: Bucket = Bucket::Own("blocks", RateLimit::per_second(50));

/// How many users one user may block (block list page), and so at most at a time.
pub const MOST_BLOCKED: usize = 500;

fn the_other(answer: &Envelope<'_>) -> Result<Option<User>, DecodeError> {
    Ok(answer
        .optional_entities()?
        .and_then(|users| users.into_iter().next()))
}

macro_rules! about_two {
    ($(#[$doc:meta])* $name:ident, $call:literal, $bucket:ident, $method:ident, [$list:literal]) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq)]
        pub struct $name {
            /// Whose list.
            pub user: UserId,
            /// Who is on it.
            pub other: UserId,
        }

        impl Endpoint for $name {
            const NAME: &'static str = $call;
            const EFFECT: Effect = Effect::Repeatable;
            const BUCKET: Bucket = $bucket;
            type Output = Option<User>;

            fn method(&self) -> Method {
                Method::$method
            }

            fn path(&self) -> Path {
                Path::new(["users", self.user.as_str(), $list, "users", self.other.as_str()])
            }

            fn target(&self) -> Option<String> {
                Some(format!("{} and {}", self.user, self.other))
            }

            fn decode(&self, answer: &Envelope<'_>) -> Result<Option<User>, DecodeError> {
                the_other(answer)
            }
        }
    };
}

about_two! {
    /// Makes two users contacts of each other, without asking either. `Repeatable`: they are, or they are not.
    ///
    /// ```
    /// use easemob_admin_api::UserId;
    /// use easemob_admin_api::endpoint::Endpoint;
    /// use easemob_admin_api::endpoints::contacts::AddContact;
    ///
    /// let call = AddContact { user: UserId::parse("ann")?, other: UserId::parse("bob")? };
    /// assert_eq!(call.path().encode()?, "/users/ann/contacts/users/bob");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    AddContact, "contacts.add", CONTACTS, POST, ["contacts"]
}

about_two! {
    /// Ends the contact of two users, for both. `Repeatable`: they are, or they are not.
    ///
    /// ```
    /// use easemob_admin_api::endpoint::{Effect, Endpoint};
    /// use easemob_admin_api::endpoints::contacts::RemoveContact;
    ///
    /// assert_eq!(RemoveContact::EFFECT, Effect::Repeatable);
    /// ```
    RemoveContact, "contacts.remove", CONTACTS, DELETE, ["contacts"]
}

about_two! {
    /// Takes a user off the block list of another. `Repeatable`: the user is on it, or not.
    ///
    /// ```
    /// use easemob_admin_api::UserId;
    /// use easemob_admin_api::endpoint::Endpoint;
    /// use easemob_admin_api::endpoints::contacts::UnblockUser;
    ///
    /// let call = UnblockUser { user: UserId::parse("ann")?, other: UserId::parse("bob")? };
    /// assert_eq!(call.path().encode()?, "/users/ann/blocks/users/bob");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    UnblockUser, "contacts.unblock", BLOCKS, DELETE, ["blocks"]
}

macro_rules! listing {
    ($(#[$doc:meta])* $name:ident, $call:literal, $bucket:ident, $list:literal) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq)]
        pub struct $name {
            /// Whose.
            pub user: UserId,
        }

        impl Endpoint for $name {
            const NAME: &'static str = $call;
            const EFFECT: Effect = Effect::Read;
            const BUCKET: Bucket = $bucket;
            type Output = Vec<UserId>;

            fn method(&self) -> Method {
                Method::GET
            }

            fn path(&self) -> Path {
                Path::new(["users", self.user.as_str(), $list, "users"])
            }

            fn target(&self) -> Option<String> {
                Some(self.user.to_string())
            }

            fn decode(&self, answer: &Envelope<'_>) -> Result<Vec<UserId>, DecodeError> {
                answer.data()
            }
        }
    };
}

listing! {
    /// Lists the contacts of a user, all in one answer.
    ///
    /// ```
    /// use easemob_admin_api::UserId;
    /// use easemob_admin_api::endpoint::Endpoint;
    /// use easemob_admin_api::endpoints::contacts::ListContacts;
    ///
    /// assert_eq!(ListContacts { user: UserId::parse("ann")? }.path().encode()?, "/users/ann/contacts/users");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ListContacts, "contacts.list", CONTACTS, "contacts"
}

listing! {
    /// Lists whom a user has blocked, all in one answer.
    ///
    /// ```
    /// use easemob_admin_api::UserId;
    /// use easemob_admin_api::endpoint::Endpoint;
    /// use easemob_admin_api::endpoints::contacts::ListBlocked;
    ///
    /// assert_eq!(ListBlocked { user: UserId::parse("ann")? }.path().encode()?, "/users/ann/blocks/users");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ListBlocked, "contacts.blocked", BLOCKS, "blocks"
}

/// Puts users on the block list of another, who then gets no messages from them. `Repeatable`: they are on it, or not.
///
/// ```
/// use easemob_admin_api::UserId;
/// use easemob_admin_api::endpoint::Endpoint;
/// use easemob_admin_api::endpoints::contacts::BlockUsers;
///
/// let call = BlockUsers { user: UserId::parse("ann")?, others: vec![UserId::parse("bob")?] };
/// assert_eq!(call.body().unwrap().to_string(), r#"{"usernames":["bob"]}"#);
/// # Ok::<(), easemob_admin_api::InvalidId>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BlockUsers {
    /// Whose list.
    pub user: UserId,
    /// Who is put on it, 1 to 500.
    pub others: Vec<UserId>,
}

impl Endpoint for BlockUsers {
    const NAME: &'static str = "contacts.block";
    const EFFECT: Effect = Effect::Repeatable;
    const BUCKET: Bucket = BLOCKS;
    type Output = Vec<UserId>;

    fn method(&self) -> Method {
        Method::POST
    }

    fn path(&self) -> Path {
        Path::new(["users", self.user.as_str(), "blocks", "users"])
    }

    fn body(&self) -> Option<Value> {
        Some(json!({ "usernames": self.others }))
    }

    fn check(&self) -> Result<(), BuildError> {
        BuildError::check_batch("users", self.others.len(), MOST_BLOCKED)
    }

    fn target(&self) -> Option<String> {
        Some(self.user.to_string())
    }

    fn decode(&self, answer: &Envelope<'_>) -> Result<Vec<UserId>, DecodeError> {
        answer.data()
    }
}

impl Client {
    /// Lists the contacts of `user`.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let sandbox = easemob_admin_sandbox::Sandbox::start().await?;
    /// # use easemob_admin_api::{AppRoot, Client, Credentials, UserId};
    /// # let client = Client::builder(AppRoot::parse(&sandbox.app_root())?)
    /// #     .credentials(Credentials::client_secret(sandbox.client_id(), sandbox.client_secret())).build()?;
    /// for name in ["ann", "bob"] {
    ///     sandbox.register(name);
    /// }
    /// let (ann, bob) = (UserId::parse("ann")?, UserId::parse("bob")?);
    /// client.add_contact(&ann, &bob).await?;
    /// assert_eq!(client.list_contacts(&bob).await?, [ann.clone()]);
    /// client.remove_contact(&ann, &bob).await?;
    /// assert!(client.list_contacts(&bob).await?.is_empty());
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    /// When a user is unknown, or the call fails for any reason of [`Client::execute`].
    pub async fn list_contacts(&self, user: &UserId) -> Result<Vec<UserId>, Error> {
        self.execute(&ListContacts { user: user.clone() }).await
    }

    /// Makes two users contacts of each other, and returns the other one as far as the server tells.
    ///
    /// # Errors
    /// As [`Client::list_contacts`].
    pub async fn add_contact(&self, user: &UserId, other: &UserId) -> Result<Option<User>, Error> {
        let (user, other) = (user.clone(), other.clone());
        self.execute(&AddContact { user, other }).await
    }

    /// Ends the contact of two users.
    ///
    /// # Errors
    /// As [`Client::list_contacts`].
    pub async fn remove_contact(&self, user: &UserId, other: &UserId) -> Result<Option<User>, Error> {
        let (user, other) = (user.clone(), other.clone());
        self.execute(&RemoveContact { user, other }).await
    }

    /// Lists whom `user` has blocked.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let sandbox = easemob_admin_sandbox::Sandbox::start().await?;
    /// # use easemob_admin_api::{AppRoot, Client, Credentials, UserId};
    /// # let client = Client::builder(AppRoot::parse(&sandbox.app_root())?)
    /// #     .credentials(Credentials::client_secret(sandbox.client_id(), sandbox.client_secret())).build()?;
    /// for name in ["ann", "bob"] {
    ///     sandbox.register(name);
    /// }
    /// let (ann, bob) = (UserId::parse("ann")?, UserId::parse("bob")?);
    /// client.block_users(&ann, &[bob.clone()]).await?;
    /// assert_eq!(client.list_blocked(&ann).await?, [bob.clone()]);
    /// client.unblock_user(&ann, &bob).await?;
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    /// As [`Client::list_contacts`].
    pub async fn list_blocked(&self, user: &UserId) -> Result<Vec<UserId>, Error> {
        self.execute(&ListBlocked { user: user.clone() }).await
    }

    /// Puts up to 500 users on the block list of `user`, and returns those that the server says it took.
    ///
    /// # Errors
    /// When there are no or more than 500 users, and as [`Client::list_contacts`].
    pub async fn block_users(&self, user: &UserId, others: &[UserId]) -> Result<Vec<UserId>, Error> {
        let (user, others) = (user.clone(), others.to_vec());
        self.execute(&BlockUsers { user, others }).await
    }

    /// Takes a user off the block list of `user`.
    ///
    /// # Errors
    /// As [`Client::list_contacts`].
    pub async fn unblock_user(&self, user: &UserId, other: &UserId) -> Result<Option<User>, Error> {
        let (user, other) = (user.clone(), other.clone());
        self.execute(&UnblockUser { user, other }).await
    }
}

//! Deleting users.

use super::read::first_user;
use crate::client::Client;
use crate::endpoint::{Bucket, Effect, Endpoint, Method, Path};
use crate::envelope::Envelope;
use crate::error::{BuildError, DecodeError, Error};
use crate::model::{User, UserId};
use crate::page::{Cursor, Page};

/// Deletes one user with friends, messages and attributes; groups and rooms the user owns go too.
///
/// `Once`: an account registered anew in between would be deleted as well.
///
/// ```
/// use easemob_admin_api::endpoint::{Endpoint, Method};
/// use easemob_admin_api::endpoints::users::DeleteUser;
/// use easemob_admin_api::UserId;
///
/// assert_eq!(DeleteUser { user: UserId::parse("ann")? }.method(), Method::DELETE);
/// # Ok::<(), easemob_admin_api::InvalidId>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeleteUser {
    /// Which user.
    pub user: UserId,
}

impl Endpoint for DeleteUser {
    const NAME: &'static str = "users.delete";
    const EFFECT: Effect = Effect::Once;
    type Output = User;

    fn method(&self) -> Method {
        Method::DELETE
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

/// Deletes the oldest users of the app without naming them. Dangerous; `Once`.
///
/// ```
/// use easemob_admin_api::endpoint::{Bucket, Endpoint};
/// use easemob_admin_api::endpoints::users::DeleteOldestUsers;
///
/// assert_eq!(DeleteOldestUsers::BUCKET, Bucket::BatchDelete);
/// assert!(DeleteOldestUsers { count: 101, cursor: None }.check().is_err());
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeleteOldestUsers {
    /// How many, 1 to 100.
    pub count: usize,
    /// Where the page begins; `None` for the oldest.
    pub cursor: Option<Cursor>,
}

impl Endpoint for DeleteOldestUsers {
    const NAME: &'static str = "users.delete_batch";
    const EFFECT: Effect = Effect::Once;
    const BUCKET: Bucket = Bucket::BatchDelete;
    type Output = Page<User>;

    fn method(&self) -> Method {
        Method::DELETE
    }

    fn path(&self) -> Path {
        Path::new(["users"])
    }

    fn query(&self) -> Vec<(&'static str, String)> {
        let mut query = vec![("limit", self.count.to_string())];
        if let Some(cursor) = &self.cursor {
            query.push(("cursor", cursor.to_string()));
        }
        query
    }

    fn check(&self) -> Result<(), BuildError> {
        BuildError::check_batch("users", self.count, 100)
    }

    fn decode(&self, answer: &Envelope<'_>) -> Result<Page<User>, DecodeError> {
        let entries = answer.each_entity()?;
        // They are deleted whatever the cursor says.
        let asked = usize::MAX;
        Page::new(entries, answer.cursor(), self.cursor.as_ref(), asked)
            .map_err(|problem| answer.problem(problem))
    }
}

impl Client {
    /// Deletes one user and all that belongs to it. It cannot be undone.
    ///
    /// # Errors
    /// When the user is unknown, or the call fails for any reason of [`Client::execute`].
    pub async fn delete_user(&self, user: &UserId) -> Result<User, Error> {
        self.execute(&DeleteUser { user: user.clone() }).await
    }

    /// Deletes the `count` oldest users of the app, and returns them. It cannot be undone.
    ///
    /// # Errors
    /// When `count` is not 1 to 100, or the call fails for any reason of [`Client::execute`].
    pub async fn delete_oldest_users(
        &self,
        count: usize,
        cursor: Option<Cursor>,
    ) -> Result<Page<User>, Error> {
        self.execute(&DeleteOldestUsers { count, cursor }).await
    }
}

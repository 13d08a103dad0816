//! Registering users.

use std::collections::HashMap;

use serde::Deserialize;
use serde_json::Value;

use super::read::first_user;
use crate::client::Client;
use crate::endpoint::{Authority, Effect, Endpoint, Method, Path};
use crate::envelope::Envelope;
use crate::error::{BuildError, DecodeError, Error};
use crate::model::{NewUser, User, UserId};

/// How many users one batch takes (registration page). A body above 5 KB may be refused with 413:
/// [`Client::register_users`] cuts a batch then.
pub const REGISTER_BATCH: usize = 60;

/// Registers one user. `Once`: a repetition cannot tell "exists already" from "made just now".
///
/// ```
/// use easemob_admin_api::endpoint::Endpoint;
/// use easemob_admin_api::endpoints::users::RegisterUser;
/// use easemob_admin_api::{NewUser, UserId};
///
/// let call = RegisterUser { user: NewUser::new(UserId::parse("ann")?, "correct horse") };
/// assert_eq!(call.body().unwrap()["username"], "ann");
/// # Ok::<(), easemob_admin_api::InvalidId>(())
/// ```
#[derive(Clone, Debug)]
pub struct RegisterUser {
    /// Whom to register.
    pub user: NewUser,
}

impl Endpoint for RegisterUser {
    const NAME: &'static str = "users.register";
    const EFFECT: Effect = Effect::Once;
    const SECRET: bool = true;
    type Output = User;

    fn method(&self) -> Method {
        Method::POST
    }

    fn path(&self) -> Path {
        Path::new(["users"])
    }

    fn body(&self) -> Option<Value> {
        Some(self.user.to_body())
    }

    fn target(&self) -> Option<String> {
        Some(self.user.username.to_string())
    }

    fn decode(&self, answer: &Envelope<'_>) -> Result<User, DecodeError> {
        first_user(answer)
    }
}

/// Registers one user without a token, where the console allows that (page "open registration"): for demos and tests, since
/// anybody may. `Once`, as [`RegisterUser`].
///
/// ```
/// use easemob_admin_api::endpoint::{Authority, Endpoint};
/// use easemob_admin_api::endpoints::users::RegisterOpenly;
///
/// assert_eq!(RegisterOpenly::AUTHORITY, Authority::Anonymous);
/// ```
#[derive(Clone, Debug)]
pub struct RegisterOpenly {
    /// Whom to register.
    pub user: NewUser,
}

impl Endpoint for RegisterOpenly {
    const NAME: &'static str = "users.register_openly";
    const EFFECT: Effect = Effect::Once;
    const SECRET: bool = true;
    const AUTHORITY: Authority = Authority::Anonymous;
    type Output = User;

    fn method(&self) -> Method {
        Method::POST
    }

    fn path(&self) -> Path {
        Path::new(["users"])
    }

    fn body(&self) -> Option<Value> {
        Some(self.user.to_body())
    }

    fn target(&self) -> Option<String> {
        Some(self.user.username.to_string())
    }

    fn decode(&self, answer: &Envelope<'_>) -> Result<User, DecodeError> {
        first_user(answer)
    }
}

/// What became of one user of a batch.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let sandbox = easemob_admin_sandbox::Sandbox::start().await?;
/// # use easemob_admin_api::{AppRoot, Client, Credentials, NewUser, RegisterOutcome, UserId};
/// # let client = Client::builder(AppRoot::parse(&sandbox.app_root())?)
/// #     .credentials(Credentials::client_secret(sandbox.client_id(), sandbox.client_secret())).build()?;
/// sandbox.register("ann");
/// let batch = ["ann", "bob"].map(|name| Ok(NewUser::new(UserId::parse(name)?, "pw")));
/// let batch = batch.into_iter().collect::<Result<Vec<_>, easemob_admin_api::InvalidId>>()?;
/// let outcomes = client.register_users(batch).await?;
/// assert!(matches!(outcomes[0].1, RegisterOutcome::Refused { .. }));
/// assert!(matches!(outcomes[1].1, RegisterOutcome::Registered(_)));
/// # Ok(()) }
/// ```
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum RegisterOutcome {
    /// The account was made.
    Registered(User),
    /// The account was not made; the others of the batch may have been.
    Refused {
        /// The server's reason.
        reason: String,
    },
    /// The answer does not mention the user: read the account to find out.
    Unreported,
    /// The batch was cut into several calls, and the one about this user failed.
    Failed(Error),
}

/// Registers up to 60 users; some may fail while the others succeed. `Once`, as [`RegisterUser`].
///
/// ```
/// use easemob_admin_api::endpoint::Endpoint;
/// use easemob_admin_api::endpoints::users::RegisterUsers;
///
/// assert!(RegisterUsers { users: vec![] }.check().is_err());
/// ```
#[derive(Clone, Debug)]
pub struct RegisterUsers {
    /// Whom to register, 1 to 60.
    pub users: Vec<NewUser>,
}

#[derive(Deserialize)]
#[serde(expecting = "an object")]
struct Failure {
    username: String,
    #[serde(default, rename = "registerUserFailReason")]
    reason: String,
}

impl Endpoint for RegisterUsers {
    const NAME: &'static str = "users.register_batch";
    const EFFECT: Effect = Effect::Once;
    const SECRET: bool = true;
    type Output = Vec<(UserId, RegisterOutcome)>;

    fn method(&self) -> Method {
        Method::POST
    }

    fn path(&self) -> Path {
        Path::new(["users"])
    }

    fn body(&self) -> Option<Value> {
        Some(self.users.iter().map(NewUser::to_body).collect())
    }

    fn check(&self) -> Result<(), BuildError> {
        BuildError::check_batch("users", self.users.len(), REGISTER_BATCH)
    }

    fn decode(&self, answer: &Envelope<'_>) -> Result<Self::Output, DecodeError> {
        let made = answer.optional_entities::<User>()?;
        let failures = answer.optional_data::<Vec<Failure>>()?;
        if made.is_none() && failures.is_none() {
            return Err(answer.problem("there is neither `entities` nor `data`"));
        }
        let mut registered: HashMap<String, User> = made
            .unwrap_or_default()
            .into_iter()
            .map(|user| (user.username.folded(), user))
            .collect();
        let mut refused: HashMap<String, String> = failures
            .unwrap_or_default()
            .into_iter()
            .map(|failure| (failure.username.to_lowercase(), failure.reason))
            .collect();
        let mut outcome_of = |user: &UserId| {
            let key = user.folded();
            if let Some(user) = registered.remove(&key) {
                RegisterOutcome::Registered(user)
            } else if let Some(reason) = refused.remove(&key) {
                RegisterOutcome::Refused { reason }
            } else {
                RegisterOutcome::Unreported
            }
        };
        Ok(self
            .users
            .iter()
            .map(|new| (new.username.clone(), outcome_of(&new.username)))
            .collect())
    }
}

impl Client {
    /// Registers one user.
    ///
    /// # Errors
    /// When the name exists (400 `duplicate_unique_property_exists`) or is not legal, a quota is used up
    /// ([`Error::is_quota`]), or the call fails for any reason of [`Client::execute`].
    pub async fn register_user(&self, user: NewUser) -> Result<User, Error> {
        self.execute(&RegisterUser { user }).await
    }

    /// Registers one user without a token, where the console allows it.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # use easemob_admin_api::{AppRoot, Client, Credentials, NewUser, UserId};
    /// # use easemob_admin_sandbox::Sandbox;
    /// let sandbox = Sandbox::builder().open_registration(true).start().await?;
    /// # let client = Client::builder(AppRoot::parse(&sandbox.app_root())?)
    /// #     .credentials(Credentials::client_secret(sandbox.client_id(), sandbox.client_secret())).build()?;
    /// let ann = client.register_openly(NewUser::new(UserId::parse("ann")?, "correct horse")).await?;
    /// assert_eq!(ann.username.as_str(), "ann");
    /// assert_eq!(sandbox.call_count("token"), 0);
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    /// When the console does not allow it (401 `unauthorized`), and as [`Client::register_user`].
    pub async fn register_openly(&self, user: NewUser) -> Result<User, Error> {
        self.execute(&RegisterOpenly { user }).await
    }

    /// Registers up to 60 users, and tells for each what became of it, in the order given.
    ///
    /// Users whose body is larger than [`LARGEST_BODY`](crate::LARGEST_BODY), or than the server takes, are registered by
    /// more than one call.
    ///
    /// # Errors
    /// When there are no or more than 60 users, or every call fails for any reason of
    /// [`Client::execute`]. A user that was refused while others were made is not an error.
    pub async fn register_users(&self, users: Vec<NewUser>) -> Result<Vec<(UserId, RegisterOutcome)>, Error> {
        let whole = RegisterUsers { users };
        if whole.check().is_err() {
            return self.execute(&whole).await;
        }
        let users = &whole.users;
        let call_about = |users: &[NewUser]| RegisterUsers {
            users: users.to_vec(),
        };
        let mut parts = self.in_parts(users, REGISTER_BATCH, call_about).await;
        if parts.iter().all(|(_, outcome)| outcome.is_err())
            && let Some((_, Err(error))) = parts.pop()
        {
            return Err(error);
        }
        let mut outcomes = Vec::with_capacity(users.len());
        for (part, outcome) in parts {
            match outcome {
                Ok(told) => outcomes.extend(told),
                Err(error) => {
                    let failed = users[part].iter().map(|new| new.username.clone());
                    outcomes.extend(failed.map(|user| (user, RegisterOutcome::Failed(error.clone()))));
                }
            }
        }
        Ok(outcomes)
    }
}

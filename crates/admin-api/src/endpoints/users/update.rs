//! Changing what push notifications of a user look like (pages "push nickname", "push display" and "do not disturb").

use serde_json::{Value, json};

use super::read::first_user;
use crate::client::Client;
use crate::endpoint::{Effect, Endpoint, Method, Path};
use crate::envelope::Envelope;
use crate::error::{BuildError, DecodeError, Error};
use crate::model::{User, UserId};

/// What a push notification tells.
///
/// ```
/// use easemob_admin_api::endpoints::users::{PushDisplay, UserChanges};
///
/// assert_ne!(UserChanges::new().push_display(PushDisplay::Content), UserChanges::new());
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum PushDisplay {
    /// That there is a message.
    Notice,
    /// Also who sent it, and what it says.
    Content,
}

/// What to change of a user; nothing else is touched.
///
/// ```
/// use easemob_admin_api::endpoints::users::UserChanges;
///
/// let night = UserChanges::new().nickname("Ann").quiet(22, 6);
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[must_use = "changes do nothing until they are sent"]
pub struct UserChanges {
    nickname: Option<String>,
    display: Option<PushDisplay>,
    quiet: Option<bool>,
    hours: Option<(u8, u8)>,
}

impl UserChanges {
    /// Changes nothing yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets the name shown in push notifications (at most 100 characters).
    pub fn nickname(mut self, nickname: impl Into<String>) -> Self {
        self.nickname = Some(nickname.into());
        self
    }

    /// Sets what a push notification tells.
    pub fn push_display(mut self, display: PushDisplay) -> Self {
        self.display = Some(display);
        self
    }

    /// Has no push notifications from one hour of the day to another, each 0 to 23: 22 to 6 is over night, and an hour to
    /// itself the whole day.
    pub fn quiet(mut self, from: u8, until: u8) -> Self {
        self.quiet = Some(true);
        self.hours = Some((from, until));
        self
    }

    /// Has push notifications at any hour.
    pub fn not_quiet(mut self) -> Self {
        self.quiet = Some(false);
        self.hours = None;
        self
    }
}

/// Changes what push notifications of a user look like. `Repeatable`: all of it is absolute.
///
/// ```
/// use easemob_admin_api::UserId;
/// use easemob_admin_api::endpoint::Endpoint;
/// use easemob_admin_api::endpoints::users::{UpdateUser, UserChanges};
///
/// let changes = UserChanges::new().nickname("Ann");
/// let call = UpdateUser { user: UserId::parse("ann")?, changes };
/// assert_eq!(call.path().encode()?, "/users/ann");
/// assert_eq!(call.body().unwrap().to_string(), r#"{"nickname":"Ann"}"#);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UpdateUser {
    /// Which user.
    pub user: UserId,
    /// What to change.
    pub changes: UserChanges,
}

impl Endpoint for UpdateUser {
    const NAME: &'static str = "users.update";
    const EFFECT: Effect = Effect::Repeatable;
    type Output = User;

    fn method(&self) -> Method {
        Method::PUT
    }

    fn path(&self) -> Path {
        Path::new(["users", self.user.as_str()])
    }

    fn body(&self) -> Option<Value> {
        let UserChanges {
            nickname,
            display,
            quiet,
            hours,
        } = &self.changes;
        let mut body = json!({});
        if let Some(nickname) = nickname {
            body["nickname"] = json!(nickname);
        }
        if let Some(display) = display {
            body["notification_display_style"] = json!(i32::from(*display == PushDisplay::Content));
        }
        if let Some(quiet) = quiet {
            body["notification_no_disturbing"] = json!(quiet);
        }
        if let Some((start, end)) = hours {
            // As the page writes them.
            body["notification_no_disturbing_start"] = json!(start.to_string());
            body["notification_no_disturbing_end"] = json!(end.to_string());
        }
        Some(body)
    }

    fn check(&self) -> Result<(), BuildError> {
        if let Some((start, end)) = self.changes.hours
            && start.max(end) > 23
        {
            return Err(BuildError::OutOfRange {
                what: "an hour of the day",
                given: u64::from(start.max(end)),
                range: "0 to 23",
            });
        }
        Ok(())
    }

    fn target(&self) -> Option<String> {
        Some(self.user.to_string())
    }

    fn decode(&self, answer: &Envelope<'_>) -> Result<User, DecodeError> {
        first_user(answer)
    }
}

impl Client {
    /// Changes the nickname of `user`, and what push notifications look like. One call.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let sandbox = easemob_admin_sandbox::Sandbox::start().await?;
    /// # use easemob_admin_api::{AppRoot, Client, Credentials, UserId};
    /// use easemob_admin_api::endpoints::users::UserChanges;
    /// # let client = Client::builder(AppRoot::parse(&sandbox.app_root())?)
    /// #     .credentials(Credentials::client_secret(sandbox.client_id(), sandbox.client_secret())).build()?;
    /// sandbox.register("ann");
    /// let changes = UserChanges::new().nickname("Ann").quiet(22, 6);
    /// let user = client.update_user(&UserId::parse("ann")?, changes).await?;
    /// assert_eq!(user.nickname.as_deref(), Some("Ann"));
    /// assert_eq!(user.extra["notification_no_disturbing_start"], 22);
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    /// When an hour is above 23, the nickname is too long, the user is unknown, or the call fails for any reason of
    /// [`Client::execute`].
    pub async fn update_user(&self, user: &UserId, changes: UserChanges) -> Result<User, Error> {
        self.execute(&UpdateUser {
            user: user.clone(),
            changes,
        })
        .await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_named_is_sent_and_hours_are_checked() {
        let update = |changes| UpdateUser {
            user: UserId::parse("ann").unwrap(),
            changes,
        };
        let all = UserChanges::new().push_display(PushDisplay::Content).quiet(22, 6);
        assert_eq!(
            update(all.clone()).body().unwrap(),
            json!({
                "notification_display_style": 1,
                "notification_no_disturbing": true,
                "notification_no_disturbing_start": "22",
                "notification_no_disturbing_end": "6",
            })
        );
        let loud = update(all.not_quiet()).body().unwrap();
        assert_eq!(
            loud,
            json!({"notification_display_style": 1, "notification_no_disturbing": false})
        );
        assert!(update(UserChanges::new().quiet(8, 24)).check().is_err());
        assert!(update(UserChanges::new().quiet(0, 23)).check().is_ok());
    }
}

//! Files of past messages (page "message history").

use std::fmt;

use secrecy::SecretString;
use serde::Deserialize;

use crate::client::Client;
use crate::endpoint::{Bucket, Effect, Endpoint, Method, Path};
use crate::envelope::Envelope;
use crate::error::{DecodeError, Error};
use crate::transport::limit::RateLimit;

/// 10 calls a minute. A refusal (429) pauses these calls, not others.
const EXPORTS: Bucket = Bucket::Own("messages.history", RateLimit::per_second(1));

/// An hour of messages, by its beginning: in Beijing time on clusters in China, in UTC on others.
///
/// ```
/// use easemob_admin_api::endpoints::messages::MessageHour;
///
/// let hour = MessageHour::new(2018, 11, 27, 17)?;
/// assert_eq!(hour.to_string(), "2018112717");
/// assert!(MessageHour::new(2018, 11, 27, 24).is_err());
/// # Ok::<(), easemob_admin_api::endpoints::messages::InvalidHour>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct MessageHour {
    year: u16,
    month: u8,
    day: u8,
    hour: u8,
}

/// An hour that is none.
///
/// ```
/// use easemob_admin_api::endpoints::messages::MessageHour;
///
/// assert!(MessageHour::new(2018, 2, 32, 0).unwrap_err().to_string().contains("hour"));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("there is no such hour; expected a month 1 to 12, a day 1 to 31 and an hour 0 to 23")]
#[non_exhaustive]
pub struct InvalidHour;

impl MessageHour {
    /// Names an hour.
    ///
    /// # Errors
    /// When a part is out of range. That a month has so many days is left to the server.
    pub fn new(year: u16, month: u8, day: u8, hour: u8) -> Result<Self, InvalidHour> {
        let in_range = (1970..=9999).contains(&year)
            && (1..=12).contains(&month)
            && (1..=31).contains(&day)
            && hour < 24;
        in_range
            .then_some(Self {
                year,
                month,
                day,
                hour,
            })
            .ok_or(InvalidHour)
    }
}

impl fmt::Display for MessageHour {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            year,
            month,
            day,
            hour,
        } = self;
        write!(f, "{year:04}{month:02}{day:02}{hour:02}")
    }
}

/// Asks where the files of an hour's messages are.
///
/// ```
/// use easemob_admin_api::endpoint::Endpoint;
/// use easemob_admin_api::endpoints::messages::{ExportMessages, MessageHour};
///
/// let call = ExportMessages { hour: MessageHour::new(2018, 11, 27, 17)? };
/// assert_eq!(call.path().encode()?, "/chatmessages/2018112717");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ExportMessages {
    /// Which hour.
    pub hour: MessageHour,
}

#[derive(Deserialize)]
#[serde(expecting = "an object")]
struct WireFile {
    url: String,
}

impl Endpoint for ExportMessages {
    const NAME: &'static str = "messages.history";
    const EFFECT: Effect = Effect::Read;
    const BUCKET: Bucket = EXPORTS;
    // Whoever has the address has the messages.
    const SECRET: bool = true;
    type Output = Vec<SecretString>;

    fn method(&self) -> Method {
        Method::GET
    }

    fn path(&self) -> Path {
        Path::new(["chatmessages".to_owned(), self.hour.to_string()])
    }

    fn target(&self) -> Option<String> {
        Some(self.hour.to_string())
    }

    fn decode(&self, answer: &Envelope<'_>) -> Result<Vec<SecretString>, DecodeError> {
        let files: Vec<WireFile> = answer.data()?;
        Ok(files.into_iter().map(|file| file.url.into()).collect())
    }
}

impl Client {
    /// Asks where the files of an hour's messages are. They are good for a while, and for whoever has them.
    ///
    /// The service keeps three days, and needs up to a day to write an hour. This client does not fetch the files: they are
    /// on a store of others, which must get no token.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # use easemob_admin_api::{AppRoot, Client, Credentials, UserId};
    /// # use easemob_admin_sandbox::{Sandbox, SandboxClock};
    /// use easemob_admin_api::endpoints::messages::{Message, MessageHour};
    /// // The clock of this one is at 22:13 UTC on 14 November 2023.
    /// let sandbox = Sandbox::builder().clock(SandboxClock::manual(1_700_000_000_000)).start().await?;
    /// # let client = Client::builder(AppRoot::parse(&sandbox.app_root())?)
    /// #     .credentials(Credentials::client_secret(sandbox.client_id(), sandbox.client_secret())).build()?;
    /// sandbox.register("ann");
    /// client.send_to_users(&[UserId::parse("ann")?], &Message::text("hi")).await;
    /// let files = client.export_messages(MessageHour::new(2023, 11, 14, 22)?).await?;
    /// assert_eq!(files.len(), 1);
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    /// When there are no messages of that hour (404), it is too long ago (400), or the call fails for any reason of
    /// [`Client::execute`].
    pub async fn export_messages(&self, hour: MessageHour) -> Result<Vec<SecretString>, Error> {
        self.execute(&ExportMessages { hour }).await
    }
}

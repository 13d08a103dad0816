//! Posts to webhooks that the receiver did not take (page "callback exception storage"; a paid feature).

use serde::Deserialize;
use serde_json::{Value, json};

use crate::client::Client;
use crate::endpoint::{Bucket, Effect, Endpoint, Method, Path};
use crate::envelope::Envelope;
use crate::error::{DecodeError, Error};
use crate::model::Integer;
use crate::transport::limit::RateLimit;

/// 100 calls a second (page of limits).
const CALLBACKS: Bucket = Bucket::Own("callbacks", RateLimit::per_second(100));

/// The posts of ten minutes that are stored.
///
/// ```
/// use easemob_admin_api::endpoint::Endpoint;
/// use easemob_admin_api::endpoints::callbacks::ListStoredCallbacks;
/// use easemob_admin_api::envelope::Envelope;
///
/// let body = br#"{"data":[{"date":"202109091440","size":15,"retry":0}]}"#;
/// let stored = Envelope::decode(&ListStoredCallbacks, body)?;
/// assert_eq!((stored[0].date.as_str(), stored[0].posts), ("202109091440", 15));
/// # Ok::<(), easemob_admin_api::DecodeError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct StoredCallbacks {
    /// When they begin, as `yyyyMMddHHmm` in the time zone of the cluster: the key to send them again.
    pub date: String,
    /// How many there are.
    pub posts: u64,
    /// How often they were sent again. The page advises against more than 10 times.
    pub retries: u64,
}

#[derive(Deserialize)]
#[serde(expecting = "an object")]
struct WireStored {
    date: String,
    size: Integer,
    #[serde(default)]
    retry: Option<Integer>,
}

/// Lists what is stored, at most three days.
///
/// ```
/// use easemob_admin_api::endpoint::Endpoint;
/// use easemob_admin_api::endpoints::callbacks::ListStoredCallbacks;
///
/// assert_eq!(ListStoredCallbacks.path().encode()?, "/callbacks/storage/info");
/// # Ok::<(), easemob_admin_api::BuildError>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ListStoredCallbacks;

impl Endpoint for ListStoredCallbacks {
    const NAME: &'static str = "callbacks.stored";
    const EFFECT: Effect = Effect::Read;
    const BUCKET: Bucket = CALLBACKS;
    type Output = Vec<StoredCallbacks>;

    fn method(&self) -> Method {
        Method::GET
    }

    fn path(&self) -> Path {
        Path::new(["callbacks", "storage", "info"])
    }

    fn decode(&self, answer: &Envelope<'_>) -> Result<Vec<StoredCallbacks>, DecodeError> {
        let rows: Vec<WireStored> = answer.data()?;
        let number = |Integer(number): Integer| {
            u64::try_from(number).map_err(|_| answer.problem("a number of posts is negative"))
        };
        rows.into_iter()
            .map(|row| {
                Ok(StoredCallbacks {
                    date: row.date,
                    posts: number(row.size)?,
                    retries: row.retry.map_or(Ok(0), number)?,
                })
            })
            .collect()
    }
}

/// Has the posts of ten minutes sent again.
///
/// `Once`: the receiver gets each post again, and one that acts on posts would act twice.
///
/// ```
/// use easemob_admin_api::endpoint::Endpoint;
/// use easemob_admin_api::endpoints::callbacks::RetryCallbacks;
///
/// let call = RetryCallbacks::new("202109091440");
/// assert_eq!(call.body().unwrap().to_string(), r#"{"date":"202109091440"}"#);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct RetryCallbacks {
    /// Which ten minutes.
    pub date: String,
    /// Where they are sent instead of where they were to go. They name users and say what these wrote.
    pub target: Option<String>,
    /// How often they were sent again before, which the service asks its callers to count.
    pub retries: Option<u64>,
}

impl RetryCallbacks {
    /// Names the ten minutes, of which everything goes where it was to go.
    pub fn new(date: impl Into<String>) -> Self {
        Self {
            date: date.into(),
            target: None,
            retries: None,
        }
    }
}

impl Endpoint for RetryCallbacks {
    const NAME: &'static str = "callbacks.retry";
    const EFFECT: Effect = Effect::Once;
    const BUCKET: Bucket = CALLBACKS;
    type Output = ();

    fn method(&self) -> Method {
        Method::POST
    }

    fn path(&self) -> Path {
        Path::new(["callbacks", "storage", "retry"])
    }

    fn body(&self) -> Option<Value> {
        let mut body = json!({ "date": self.date });
        if let Some(target) = &self.target {
            body["targetUrl"] = json!(target);
        }
        if let Some(retries) = self.retries {
            body["retry"] = json!(retries);
        }
        Some(body)
    }

    fn target(&self) -> Option<String> {
        Some(self.date.clone())
    }

    fn decode(&self, answer: &Envelope<'_>) -> Result<(), DecodeError> {
        match answer.data::<Value>()? {
            Value::String(text) if text == "success" => Ok(()),
            Value::Bool(true) => Ok(()),
            _ => Err(answer.problem("`data` does not say that they are sent again")),
        }
    }
}

impl Client {
    /// Lists the posts to webhooks that are stored because the receiver did not take them, by ten minutes.
    ///
    /// ```
    /// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// # let sandbox = easemob_admin_sandbox::Sandbox::start().await?;
    /// # use easemob_admin_api::{AppRoot, Client, Credentials};
    /// # let client = Client::builder(AppRoot::parse(&sandbox.app_root())?)
    /// #     .credentials(Credentials::client_secret(sandbox.client_id(), sandbox.client_secret())).build()?;
    /// for stored in client.stored_callbacks().await? {
    ///     client.retry_callbacks(stored.date).await?;
    /// }
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    /// When the feature is off (403), or the call fails for any reason of [`Client::execute`].
    pub async fn stored_callbacks(&self) -> Result<Vec<StoredCallbacks>, Error> {
        self.execute(&ListStoredCallbacks).await
    }

    /// Has the stored posts of ten minutes sent again, to where they were to go; [`RetryCallbacks`] sends them elsewhere.
    ///
    /// # Errors
    /// When nothing is stored under that date (400), and as [`Client::stored_callbacks`]. If
    /// [`Error::is_outcome_unknown`], they may be under way.
    pub async fn retry_callbacks(&self, date: impl Into<String>) -> Result<(), Error> {
        self.execute(&RetryCallbacks::new(date)).await
    }
}

//! Why a call failed, as a value to match on.

/// Why a call failed: one word for each kind of cause, without a downcast.
///
/// Where there was no token, this is [`Reason::Credentials`], and [`Error::token_error`](crate::Error::token_error) has
/// the failed call for one.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let sandbox = easemob_admin_sandbox::Sandbox::start().await?;
/// # use easemob_admin_api::{AppRoot, Client, Credentials, UserId};
/// # let client = Client::builder(AppRoot::parse(&sandbox.app_root())?)
/// #     .credentials(Credentials::client_secret(sandbox.client_id(), sandbox.client_secret())).build()?;
/// use easemob_admin_api::Reason;
///
/// let error = client.get_user(&UserId::parse("nobody")?).await.unwrap_err();
/// assert_eq!(error.reason(), Reason::Refused);
/// # Ok(()) }
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Reason {
    /// The call cannot be sent as it is.
    InvalidCall,
    /// No token could be obtained or signed.
    Credentials,
    /// The service refused the call.
    Refused,
    /// Something other than the service answered, such as a gateway.
    ForeignAnswer,
    /// No connection could be made.
    NoConnection,
    /// No TLS connection could be made: the certificate is not trusted, or both sides do not agree.
    Tls,
    /// This process has as many open files as it may.
    TooManyOpenFiles,
    /// A request was sent, and no answer came in time.
    NoAnswerInTime,
    /// The connection broke before the end of the answer.
    ConnectionLost,
    /// The deadline of the call has passed.
    DeadlinePassed,
    /// [`Client::stop_waiting`](crate::Client::stop_waiting) was called before the request was sent, or it will have no leave
    /// ([`Client::with_leave`](crate::Client::with_leave)).
    GivenUp,
    /// The request would have waited for its turn for longer than it may
    /// ([`Client::with_patience`](crate::Client::with_patience)).
    NoTurn,
    /// The rate budget that clients share ([`ClientBuilder::budget`](crate::ClientBuilder::budget)) cannot be reached.
    BudgetAway,
    /// The answer is not of the documented form.
    Undecodable,
    /// All pages of a listing arrived, and they do not make up the whole.
    IncompleteListing,
}

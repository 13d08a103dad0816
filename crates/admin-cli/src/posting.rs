//! A client that posts to an address of the operator's choice, such as a webhook.

use std::time::Duration;

use easemob_admin_api::{Client, Credentials, RateLimit, RetryPolicy, Timeouts};

use crate::config::heads::server_of;

/// Why nothing can be posted to an address.
type Unusable = Box<dyn std::error::Error + Send + Sync>;

/// Makes a client for the server of an address, which repeats nothing by itself, and trusts the certificates of a PEM text
/// besides those of the system.
///
/// # Errors
/// When the address is not a URL, or TLS cannot be set up.
pub(crate) fn client_for(
    address: &str,
    timeout: Duration,
    authorities: Option<&[u8]>,
) -> Result<Client, Unusable> {
    let server = server_of(address).ok_or("its address is not a URL")?;
    let client = Client::builder(server)
        .credentials(Credentials::fixed_token("none"))
        .rate(RateLimit::unlimited())
        .retry(RetryPolicy::none())
        .timeouts(Timeouts::default().connect(timeout).read(timeout).total(timeout))
        .user_agent(concat!("easemob-admin/", env!("CARGO_PKG_VERSION")));
    let client = match authorities {
        Some(pem) => client.trust_certificates(pem),
        None => client,
    };
    Ok(client.build()?)
}

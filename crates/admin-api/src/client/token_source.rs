//! Where the tokens of a client come from, by its credentials.

use std::sync::Arc;
use std::time::Duration;

use secrecy::SecretString;

use super::ExpiresIn;
use super::pipeline::Pipeline;
use crate::credentials::{Credentials, Fetch, FetchError, FetchFuture, Fetched, JwtSigner, Method};
use crate::endpoints::token::AppToken;
use crate::transport::clock::Clock;

pub(super) fn of(
    credentials: Credentials,
    pipeline: Arc<Pipeline>,
    unit: ExpiresIn,
    clock: &Arc<dyn Clock>,
) -> Box<dyn Fetch> {
    match credentials.0 {
        Method::ClientSecret { id, secret } => Box::new(FromServer {
            pipeline,
            endpoint: AppToken {
                client_id: id,
                client_secret: secret,
                ttl: None,
            },
            unit,
        }),
        Method::FixedToken(token) => Box::new(Fixed(token)),
        Method::SignedJwt(signer) => Box::new(Signed {
            signer,
            clock: Arc::clone(clock),
        }),
    }
}

struct FromServer {
    pipeline: Arc<Pipeline>,
    endpoint: AppToken,
    unit: ExpiresIn,
}

impl Fetch for FromServer {
    fn fetch(&self) -> FetchFuture {
        let (pipeline, endpoint, unit) = (Arc::clone(&self.pipeline), self.endpoint.clone(), self.unit);
        Box::pin(async move {
            let token = pipeline
                .execute(&endpoint, None)
                .await
                .map_err(FetchError::Call)?;
            Ok(Fetched {
                lifetime: lifetime(token.expires_in, unit),
                token: token.access_token,
            })
        })
    }

    fn is_renewable(&self) -> bool {
        true
    }
}

/// 0 means "never" where the request asked for that; absent means unknown, so that only a 401 tells.
pub(super) fn lifetime(expires_in: Option<u64>, unit: ExpiresIn) -> Option<Duration> {
    expires_in.filter(|number| *number > 0).map(|number| match unit {
        ExpiresIn::Seconds => Duration::from_secs(number.min(u64::from(u32::MAX))),
        ExpiresIn::Milliseconds => Duration::from_millis(number.min(u64::from(u32::MAX) * 1000)),
    })
}

struct Fixed(SecretString);

impl Fetch for Fixed {
    fn fetch(&self) -> FetchFuture {
        let token = self.0.clone();
        Box::pin(async {
            Ok(Fetched {
                token,
                lifetime: None,
            })
        })
    }

    fn is_renewable(&self) -> bool {
        false
    }
}

struct Signed {
    signer: Box<JwtSigner>,
    clock: Arc<dyn Clock>,
}

impl Fetch for Signed {
    fn fetch(&self) -> FetchFuture {
        let signed = self
            .signer
            .sign(self.clock.system_time())
            .map_err(FetchError::Sign);
        let lifetime = Some(self.signer.token_lifetime());
        Box::pin(async move {
            Ok(Fetched {
                token: signed?,
                lifetime,
            })
        })
    }

    fn is_renewable(&self) -> bool {
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn expiry_is_in_the_configured_unit() {
        assert_eq!(
            lifetime(Some(7200), ExpiresIn::Seconds),
            Some(Duration::from_hours(2))
        );
        assert_eq!(
            lifetime(Some(7_200_000), ExpiresIn::Milliseconds),
            Some(Duration::from_hours(2))
        );
        assert_eq!(lifetime(Some(0), ExpiresIn::Seconds), None);
        assert_eq!(lifetime(None, ExpiresIn::Seconds), None);
        assert!(lifetime(Some(u64::MAX), ExpiresIn::Seconds).is_some());
    }
}

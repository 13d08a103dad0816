//! Where the tokens of a client come from, by its credentials.

use std::sync::Arc;

use secrecy::{ExposeSecret, SecretString};

use super::ExpiresIn;
use super::pipeline::Pipeline;
#[cfg(feature = "jwt")]
use crate::credentials::JwtSigner;
use crate::credentials::{Credentials, Fetch, FetchError, FetchFuture, Fetched, Method};
use crate::endpoints::token::AppToken;

pub(super) fn of(credentials: Credentials, pipeline: Arc<Pipeline>, unit: ExpiresIn) -> Box<dyn Fetch> {
    match credentials.0 {
        Method::ClientSecret { id, secret } => {
            pipeline.secrets().client_secret(&id, secret.expose_secret());
            Box::new(FromServer {
                pipeline,
                endpoint: AppToken {
                    unit,
                    ..AppToken::new(id, secret)
                },
            })
        }
        Method::FixedToken(token) => {
            pipeline.secrets().fixed_token(token.expose_secret());
            Box::new(Fixed(token))
        }
        #[cfg(feature = "jwt")]
        Method::SignedJwt(signer) => Box::new(Signed { signer, pipeline }),
    }
}

struct FromServer {
    pipeline: Arc<Pipeline>,
    endpoint: AppToken,
}

impl Fetch for FromServer {
    fn fetch(&self) -> FetchFuture {
        let (pipeline, endpoint) = (Arc::clone(&self.pipeline), self.endpoint.clone());
        Box::pin(async move {
            let token = pipeline
                .execute(&endpoint, None, pipeline.manner())
                .await
                .map_err(FetchError::Call)?;
            pipeline.secrets().token(token.access_token.expose_secret());
            Ok(Fetched {
                lifetime: token.lifetime,
                token: token.access_token,
            })
        })
    }

    fn is_renewable(&self) -> bool {
        true
    }
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

#[cfg(feature = "jwt")]
struct Signed {
    signer: Box<JwtSigner>,
    pipeline: Arc<Pipeline>,
}

#[cfg(feature = "jwt")]
impl Fetch for Signed {
    fn fetch(&self) -> FetchFuture {
        let signed = self
            .signer
            .sign(self.pipeline.clock().system_time())
            .map_err(FetchError::Sign);
        if let Ok(token) = &signed {
            self.pipeline.secrets().token(token.expose_secret());
        }
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

//! Where the tokens of a client come from, by its credentials.

use std::sync::Arc;

use secrecy::{ExposeSecret, SecretString};

use super::builder::Setup;
use super::pipeline::Pipeline;
#[cfg(feature = "jwt")]
use crate::credentials::JwtSigner;
use crate::credentials::{Bring, Credentials, Fetch, FetchError, FetchFuture, Fetched, KeptToken, Method};
use crate::endpoints::token::AppToken;

pub(super) fn of(credentials: Credentials, pipeline: Arc<Pipeline>, setup: &Setup) -> Box<dyn Fetch> {
    let unit = setup.expires_in;
    match credentials.0 {
        Method::ClientSecret { id, secret } => {
            pipeline.secrets().client_secret(&id, secret.expose_secret());
            let kept = setup.token_cache.as_ref().map(|directory| {
                KeptToken::new(directory, pipeline.root(), &id, &secret, Arc::clone(&setup.clock))
            });
            Box::new(FromServer {
                kept,
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
        Method::Brought(bring) => Box::new(Brought { bring, pipeline }),
        #[cfg(feature = "jwt")]
        Method::SignedJwt(signer) => Box::new(Signed { signer, pipeline }),
    }
}

struct FromServer {
    /// What other processes have fetched.
    kept: Option<KeptToken>,
    pipeline: Arc<Pipeline>,
    endpoint: AppToken,
}

impl Fetch for FromServer {
    fn fetch(&self, refused: Option<SecretString>) -> FetchFuture {
        let (kept, pipeline, endpoint) = (
            self.kept.clone(),
            Arc::clone(&self.pipeline),
            self.endpoint.clone(),
        );
        Box::pin(async move {
            let asked = async {
                let token = pipeline.execute(&endpoint, None, pipeline.manner()).await;
                let token = token.map_err(FetchError::Call)?;
                Ok(Fetched {
                    lifetime: token.lifetime,
                    token: token.access_token,
                })
            };
            let fetched = match &kept {
                Some(kept) => kept.or_fetch(refused.as_ref(), asked).await?,
                None => asked.await?,
            };
            pipeline.secrets().token(fetched.token.expose_secret());
            Ok(fetched)
        })
    }

    fn is_renewable(&self) -> bool {
        true
    }
}

struct Fixed(SecretString);

impl Fetch for Fixed {
    fn fetch(&self, _: Option<SecretString>) -> FetchFuture {
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

struct Brought {
    bring: Bring,
    pipeline: Arc<Pipeline>,
}

impl Fetch for Brought {
    fn fetch(&self, refused: Option<SecretString>) -> FetchFuture {
        let (brought, pipeline) = ((self.bring)(refused), Arc::clone(&self.pipeline));
        Box::pin(async move {
            let brought = brought.await.map_err(FetchError::Brought)?;
            pipeline.secrets().token(brought.token.expose_secret());
            Ok(Fetched {
                token: brought.token,
                lifetime: brought.lives,
            })
        })
    }

    fn is_renewable(&self) -> bool {
        true
    }
}

#[cfg(feature = "jwt")]
struct Signed {
    signer: Box<JwtSigner>,
    pipeline: Arc<Pipeline>,
}

#[cfg(feature = "jwt")]
impl Fetch for Signed {
    fn fetch(&self, _: Option<SecretString>) -> FetchFuture {
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

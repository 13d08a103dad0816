//! Where an issuer answers, and the requests to it.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use easemob_admin_ops::causes::with_causes;
use easemob_admin_remote::api::SignIn;
use secrecy::{ExposeSecret as _, SecretString};
use serde::Deserialize;
use serde_json::Value;

use super::SignInError;
use crate::config::heads::server_of;
use crate::posting::client_for;

/// How long an answer may take.
const TIMEOUT: Duration = Duration::from_secs(15);

/// How an issuer describes itself.
#[derive(Debug, Clone, Deserialize)]
pub struct Provider {
    issuer: String,
    /// Where tokens are given.
    pub token_endpoint: String,
    /// Where browsers go.
    #[serde(default)]
    pub authorization_endpoint: Option<String>,
    /// Where a device gets its code.
    #[serde(default)]
    pub device_authorization_endpoint: Option<String>,
    /// Where tokens are given back.
    #[serde(default)]
    pub revocation_endpoint: Option<String>,
    /// Whether browsers come back with the name of the issuer.
    #[serde(default, rename = "authorization_response_iss_parameter_supported")]
    pub says_issuer: bool,
    #[serde(skip)]
    authorities: Authorities,
}

/// What an issuer answers to whoever has signed in.
#[derive(Deserialize)]
struct Given {
    access_token: String,
    #[serde(default)]
    id_token: Option<String>,
    #[serde(default)]
    refresh_token: Option<String>,
    #[serde(default)]
    expires_in: Option<u64>,
}

/// A token for the service.
#[derive(Debug)]
pub struct Tokens {
    /// The token.
    pub token: SecretString,
    /// How long it lives, if that is known.
    pub lives: Option<Duration>,
    /// With what another one is got.
    pub refresh: Option<SecretString>,
}

/// An answer of the issuer.
pub struct Answer {
    /// The status.
    pub status: u16,
    /// The body, or nothing if it is not JSON.
    pub body: Value,
}

impl Answer {
    /// Returns the word for what went wrong.
    #[must_use]
    pub fn error(&self) -> &str {
        self.body["error"].as_str().unwrap_or_default()
    }

    /// Returns what went wrong, for people.
    #[must_use]
    pub fn said(&self) -> String {
        let description = self.body["error_description"].as_str().unwrap_or_default();
        match (self.error(), description) {
            ("", _) => format!("HTTP {}", self.status),
            (word, "") => word.to_owned(),
            (word, description) => format!("{word}: {description}"),
        }
    }
}

/// Refuses an address to which secrets would go in clear text.
fn safe(address: &str) -> Result<(), SignInError> {
    let server = server_of(address);
    let is_safe =
        server.is_some_and(|server| server.origin().starts_with("https://") || server.is_loopback());
    if is_safe {
        Ok(())
    } else {
        Err(SignInError::Unsafe(address.to_owned()))
    }
}

/// With which certificates issuers are reached, besides those that the system trusts (PEM).
#[derive(Debug, Clone, Default)]
pub struct Authorities(pub Option<Vec<u8>>);

impl Authorities {
    /// Gets what is at an address, or posts a form to it.
    ///
    /// # Errors
    /// When it is not safe, or no answer comes.
    async fn ask(&self, address: &str, form: Option<&[(&str, &str)]>) -> Result<Answer, SignInError> {
        safe(address)?;
        let unusable = |why: String| SignInError::Unusable {
            address: address.to_owned(),
            why,
        };
        let client = client_for(address, TIMEOUT, self.0.as_deref());
        let client = client.map_err(|error| unusable(error.to_string()))?;
        let answer = client.ask(address, form).await;
        let (status, body) = answer.map_err(|error| unusable(with_causes(&error)))?;
        Ok(Answer {
            status,
            body: serde_json::from_slice(&body).unwrap_or_default(),
        })
    }
}

impl Provider {
    /// Asks an issuer to describe itself. All that follows is asked with the same certificates.
    ///
    /// # Errors
    /// When it cannot be reached, or describes another one.
    pub async fn discover(issuer: &str, authorities: &Authorities) -> Result<Self, SignInError> {
        let address = format!(
            "{}/.well-known/openid-configuration",
            issuer.trim_end_matches('/')
        );
        let answer = authorities.ask(&address, None).await?;
        let unusable = |why: String| SignInError::Unusable {
            address: address.clone(),
            why,
        };
        if answer.status != 200 {
            return Err(unusable(answer.said()));
        }
        let mut found: Self =
            serde_json::from_value(answer.body).map_err(|error| unusable(error.to_string()))?;
        found.authorities = authorities.clone();
        if found.issuer != issuer {
            return Err(unusable("it describes another issuer".into()));
        }
        Ok(found)
    }

    /// Posts a form to an address of the issuer.
    ///
    /// # Errors
    /// When it is not safe, or no answer comes.
    pub async fn ask(&self, address: &str, form: &[(&str, &str)]) -> Result<Answer, SignInError> {
        self.authorities.ask(address, Some(form)).await
    }

    /// Asks for tokens.
    ///
    /// # Errors
    /// When no answer comes, or there is no token for the service.
    pub async fn tokens(&self, client: &SignIn, form: &[(&str, &str)]) -> Result<Tokens, SignInError> {
        let answer = self.ask(&self.token_endpoint, form).await?;
        of_answer(answer, client)
    }

    /// Gets new tokens for those that end. An issuer may give another token for the next time, too.
    ///
    /// # Errors
    /// When no answer comes, or the sign-in has ended.
    pub async fn refreshed(&self, client: &SignIn, refresh: &SecretString) -> Result<Tokens, SignInError> {
        let form = [
            ("grant_type", "refresh_token"),
            ("refresh_token", refresh.expose_secret()),
            ("client_id", client.client_id.as_str()),
        ];
        self.tokens(client, &form).await
    }

    /// Gives a token back.
    ///
    /// # Errors
    /// When the issuer cannot be reached, or refuses.
    pub async fn revoke(&self, client: &SignIn, token: &SecretString, kind: &str) -> Result<(), SignInError> {
        let Some(address) = &self.revocation_endpoint else {
            return Err(SignInError::NotOffered(self.issuer.clone()));
        };
        let form = [
            ("token", token.expose_secret()),
            ("token_type_hint", kind),
            ("client_id", client.client_id.as_str()),
        ];
        let answer = self.ask(address, &form).await?;
        if answer.status == 200 {
            Ok(())
        } else {
            Err(SignInError::Refused(answer.said()))
        }
    }
}

/// Picks the token for the service.
///
/// # Errors
/// When the issuer refused, or gave no such token.
pub fn of_answer(answer: Answer, client: &SignIn) -> Result<Tokens, SignInError> {
    if answer.status != 200 {
        return Err(SignInError::Refused(answer.said()));
    }
    let given: Given = serde_json::from_value(answer.body)
        .map_err(|_| SignInError::Refused("an answer without an access token".into()))?;
    let fits = |token: &String| claims(token).is_some_and(|claims| is_for(&claims, &client.audience));
    let token = [Some(given.access_token), given.id_token]
        .into_iter()
        .flatten()
        .find(fits);
    let token = token.ok_or_else(|| SignInError::OtherAudience(client.audience.clone()))?;
    let lives = claims(&token).and_then(|claims| lifetime(&claims));
    Ok(Tokens {
        lives: lives.or(given.expires_in).map(Duration::from_secs),
        token: token.into(),
        refresh: given.refresh_token.map(SecretString::from),
    })
}

/// Reads what a token says, without believing it: the service verifies it.
fn claims(token: &str) -> Option<Value> {
    let mut parts = token.split('.');
    let (_, payload, _) = (parts.next()?, parts.next()?, parts.next()?);
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(payload).ok()?).ok()
}

fn is_for(claims: &Value, audience: &str) -> bool {
    match &claims["aud"] {
        Value::String(one) => one == audience,
        Value::Array(many) => many.iter().any(|one| one == audience),
        _ => false,
    }
}

fn lifetime(claims: &Value) -> Option<u64> {
    claims["exp"].as_u64()?.checked_sub(claims["iat"].as_u64()?)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn token(claims: &Value) -> String {
        format!("e30.{}.c2ln", URL_SAFE_NO_PAD.encode(claims.to_string()))
    }

    fn client() -> SignIn {
        SignIn {
            issuer: "https://login.example.com".into(),
            client_id: "cli".into(),
            audience: "easemob-admin".into(),
            scope: "openid".into(),
        }
    }

    #[test]
    fn the_token_that_is_meant_for_the_service_is_used() {
        let ours = token(&json!({"aud": ["other", "easemob-admin"], "iat": 100, "exp": 400}));
        let other = token(&json!({"aud": "other"}));
        let of = |access: &str, id: Option<&str>| {
            let body =
                json!({"access_token": access, "id_token": id, "expires_in": 60, "refresh_token": "r"});
            of_answer(Answer { status: 200, body }, &client())
        };
        for (access, id) in [
            (ours.as_str(), None),
            ("opaque", Some(ours.as_str())),
            (other.as_str(), Some(ours.as_str())),
        ] {
            let found = of(access, id).unwrap();
            assert_eq!(
                (found.token.expose_secret(), found.lives),
                (ours.as_str(), Some(Duration::from_secs(300)))
            );
        }
        for (access, id) in [
            ("opaque", None),
            (other.as_str(), Some(other.as_str())),
            ("a.b", None),
        ] {
            assert!(matches!(of(access, id), Err(SignInError::OtherAudience(_))));
        }
    }

    #[test]
    fn secrets_go_to_safe_addresses_only() {
        for (address, is_safe) in [
            ("https://login.example.com/token", true),
            ("http://127.0.0.1:8080/token", true),
            ("http://login.example.com/token", false),
            ("http://127.0.0.1.evil.example.com/", false),
            ("login.example.com", false),
        ] {
            assert_eq!(safe(address).is_ok(), is_safe, "{address}");
        }
    }
}

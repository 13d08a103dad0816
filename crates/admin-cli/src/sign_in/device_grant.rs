//! Signing in with a code that is entered in a browser anywhere (RFC 8628).

use std::time::Duration;

use easemob_admin_remote::api::SignIn;
use serde::Deserialize;
use tokio::time::{Instant, sleep};

use super::SignInError;
use super::provider::{Answer, Provider, Tokens, of_answer};

/// How often to ask if the issuer does not say.
const USUAL: u64 = 5;

/// How much longer to wait between two questions when there are too many.
const SLOWER: Duration = Duration::from_secs(5);

/// The longest wait between two questions while the issuer gives no answer.
const LONGEST: Duration = Duration::from_secs(60);

/// A code, and where it is entered.
#[derive(Deserialize)]
pub struct DeviceCode {
    #[serde(rename = "device_code")]
    code: String,
    /// What is entered.
    pub user_code: String,
    /// Where.
    pub verification_uri: String,
    /// The same, with the code.
    #[serde(default)]
    pub verification_uri_complete: Option<String>,
    expires_in: u64,
    #[serde(default = "usual")]
    interval: u64,
}

fn usual() -> u64 {
    USUAL
}

/// What comes after an answer.
#[derive(Debug, PartialEq, Eq)]
enum Next {
    /// Ask again after this time.
    Again(Duration),
    /// It has the tokens.
    Signed,
    Denied,
    Expired,
    Refused,
}

/// Decides what comes after an answer, if one came. Pure.
fn next(answer: Option<&Answer>, interval: Duration) -> Next {
    let Some(answer) = answer else {
        return Next::Again((interval * 2).clamp(Duration::from_secs(1), LONGEST));
    };
    match (answer.status, answer.error()) {
        (200, _) => Next::Signed,
        (_, "authorization_pending") => Next::Again(interval),
        (_, "slow_down") => Next::Again(interval + SLOWER),
        (_, "access_denied") => Next::Denied,
        (_, "expired_token") => Next::Expired,
        (500.., "") => Next::Again((interval * 2).clamp(Duration::from_secs(1), LONGEST)),
        _ => Next::Refused,
    }
}

/// Gets a code.
///
/// # Errors
/// When the issuer does not offer this, cannot be reached, or refuses.
pub async fn begin(provider: &Provider, client: &SignIn) -> Result<DeviceCode, SignInError> {
    let Some(address) = &provider.device_authorization_endpoint else {
        return Err(SignInError::NotOffered(client.issuer.clone()));
    };
    let form = [
        ("client_id", client.client_id.as_str()),
        ("scope", client.scope.as_str()),
    ];
    let answer = provider.ask(address, &form).await?;
    if answer.status != 200 {
        return Err(SignInError::Refused(answer.said()));
    }
    serde_json::from_value(answer.body).map_err(|error| SignInError::Unusable {
        address: address.clone(),
        why: error.to_string(),
    })
}

/// Asks for the tokens until somebody has entered the code.
///
/// # Errors
/// When that person says no, nobody enters it in time, or the issuer refuses.
pub async fn finish(provider: &Provider, client: &SignIn, code: &DeviceCode) -> Result<Tokens, SignInError> {
    let end = Instant::now() + Duration::from_secs(code.expires_in);
    let mut interval = Duration::from_secs(code.interval);
    let form = [
        ("grant_type", "urn:ietf:params:oauth:grant-type:device_code"),
        ("device_code", code.code.as_str()),
        ("client_id", client.client_id.as_str()),
    ];
    loop {
        sleep(interval).await;
        if Instant::now() >= end {
            return Err(SignInError::Expired);
        }
        let answer = provider.ask(&provider.token_endpoint, &form).await.ok();
        match (next(answer.as_ref(), interval), answer) {
            (Next::Again(wait), _) => interval = wait,
            (Next::Denied, _) => return Err(SignInError::Denied),
            (Next::Expired, _) => return Err(SignInError::Expired),
            (Next::Signed | Next::Refused, Some(answer)) => return of_answer(answer, client),
            (Next::Signed | Next::Refused, None) => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn it_asks_as_often_as_the_issuer_wants() {
        let second = Duration::from_secs(1);
        let after = |status, error: &str| {
            let body = if error.is_empty() {
                json!(null)
            } else {
                json!({"error": error})
            };
            next(Some(&Answer { status, body }), 5 * second)
        };
        assert_eq!(after(400, "authorization_pending"), Next::Again(5 * second));
        assert_eq!(after(400, "slow_down"), Next::Again(10 * second));
        assert_eq!(after(502, ""), Next::Again(10 * second));
        assert_eq!(after(400, "access_denied"), Next::Denied);
        assert_eq!(after(400, "expired_token"), Next::Expired);
        assert_eq!(after(400, "invalid_grant"), Next::Refused);
        assert_eq!(after(400, ""), Next::Refused);
        assert_eq!(after(200, ""), Next::Signed);
        assert_eq!(next(None, 5 * second), Next::Again(10 * second));
        assert_eq!(next(None, 50 * second), Next::Again(LONGEST));
    }
}

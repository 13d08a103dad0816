//! User tokens that are made locally, without a call (user token page, on dynamic tokens).

use std::fmt::{self, Write as _};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE;
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::json;
use sha2::{Digest as _, Sha256};

use crate::app_root::AppKey;
use crate::model::UserId;

/// Makes tokens with which users sign in, for a backend that knows the client secret.
///
/// Such a token costs no call and needs no account yet, is good for signing in and for nothing else, and cannot be taken
/// back: keep its life short. The server checks it when a device signs in, so that the user must be registered by then.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use std::time::Duration;
/// use easemob_admin_api::endpoints::token::DynamicTokenSigner;
/// use easemob_admin_api::{AppKey, UserId};
/// use easemob_admin_api::ExposeSecret as _;
/// use easemob_admin_sandbox::{DeviceLogin, Sandbox, SimulatedDevice};
///
/// let sandbox = Sandbox::start().await?;
/// sandbox.register("ann");
/// let key = AppKey::parse(sandbox.app_key())?;
/// let signer = DynamicTokenSigner::new(sandbox.client_id(), sandbox.client_secret(), key);
/// let token = signer.sign(&UserId::parse("ann")?, Duration::from_secs(10 * 60));
///
/// let token = token.expose_secret();
/// let login = DeviceLogin::new(&sandbox.ws_url(), sandbox.app_key(), "ann", token);
/// SimulatedDevice::connect(&login).await?;
/// # Ok(()) }
/// ```
#[derive(Clone)]
pub struct DynamicTokenSigner {
    client_id: String,
    client_secret: SecretString,
    app_key: AppKey,
}

impl DynamicTokenSigner {
    /// Names the app, with the id and secret of the console.
    pub fn new(
        client_id: impl Into<String>,
        client_secret: impl Into<SecretString>,
        app_key: AppKey,
    ) -> Self {
        Self {
            client_id: client_id.into(),
            client_secret: client_secret.into(),
            app_key,
        }
    }

    /// Makes a token that is good from now on, for `ttl` in whole seconds, at least one.
    #[must_use]
    pub fn sign(&self, user: &UserId, ttl: Duration) -> SecretString {
        self.sign_at(user, ttl, SystemTime::now())
    }

    /// Makes a token that is good from `now` on. Pure.
    #[must_use]
    pub fn sign_at(&self, user: &UserId, ttl: Duration, now: SystemTime) -> SecretString {
        let now = now.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
        let ttl = ttl.as_secs().max(1);
        let Self {
            client_id, app_key, ..
        } = self;
        let signed = format!(
            "{client_id}{app_key}{}{now}{ttl}{}",
            user.as_str(),
            self.client_secret.expose_secret()
        );
        let digest = Sha256::digest(signed.as_bytes());
        let signature = digest.iter().fold(String::new(), |mut text, byte| {
            let _ = write!(text, "{byte:02x}");
            text
        });
        let claims = json!({
            "signature": signature,
            "appkey": app_key.to_string(),
            "userId": user,
            "curTime": now,
            "ttl": ttl,
        });
        URL_SAFE.encode(format!("dt-{claims}")).into()
    }
}

impl fmt::Debug for DynamicTokenSigner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DynamicTokenSigner")
            .field("client_id", &self.client_id)
            .field("app_key", &self.app_key)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn signer() -> DynamicTokenSigner {
        DynamicTokenSigner::new("YXA6id", "YXA6secret", AppKey::parse("o#a").unwrap())
    }

    #[test]
    fn a_token_says_who_and_for_how_long_under_the_signature_of_the_page() {
        let now = UNIX_EPOCH + Duration::from_secs(1_686_207_557);
        let ann = UserId::parse("ann").unwrap();
        let token = signer().sign_at(&ann, Duration::from_secs(10 * 60), now);
        let text = URL_SAFE.decode(token.expose_secret()).unwrap();
        let claims: serde_json::Value = serde_json::from_slice(text.strip_prefix(b"dt-").unwrap()).unwrap();
        let expected = json!({
            // printf 'YXA6ido#aann1686207557600YXA6secret' | sha256sum
            "signature": "15800001ed150432fee2fbc1f58c9aa79e05dad6843ecac638a029f10a837c58",
            "appkey": "o#a", "userId": "ann", "curTime": 1_686_207_557, "ttl": 600,
        });
        assert_eq!(claims, expected);
    }

    #[test]
    fn a_life_is_never_nothing_and_the_secret_is_not_shown() {
        let ann = UserId::parse("ann").unwrap();
        let token = signer().sign_at(&ann, Duration::ZERO, UNIX_EPOCH);
        let text = URL_SAFE.decode(token.expose_secret()).unwrap();
        assert!(String::from_utf8(text).unwrap().contains(r#""ttl":1"#));
        assert!(!format!("{:?}", signer()).contains("YXA6secret"));
    }
}

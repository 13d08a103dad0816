//! Tokens of Agora's kind, `AccessToken2`: made locally, and exchanged for the service's own (token pages of Agora Chat; the
//! vendor's Java library, `AccessToken2` and `ExchangeTokenResponse`).

use std::fmt;
use std::io::Write as _;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use flate2::Compression;
use flate2::write::ZlibEncoder;
use hmac::{Hmac, Mac as _};
use secrecy::{ExposeSecret as _, SecretString};
use serde::Deserialize;
use serde_json::{Value, json};
use sha2::Sha256;

use crate::client::Client;
use crate::endpoint::{Authority, Bucket, Effect, Endpoint, Method, Path};
use crate::envelope::Envelope;
use crate::error::{DecodeError, Error};
use crate::model::{Integer, UnixMillis};

const VERSION: &str = "007";
const SERVICE_CHAT: u16 = 5;
const PRIVILEGE_USER: u16 = 1;
const PRIVILEGE_APP: u16 = 2;

/// Makes tokens of Agora's kind for one project, for a backend that knows its certificate.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let sandbox = easemob_admin_sandbox::Sandbox::start().await?;
/// # use easemob_admin_api::{AppRoot, Client, Credentials};
/// use std::time::Duration;
/// use easemob_admin_api::endpoints::token::AgoraTokenSigner;
/// # let client = Client::builder(AppRoot::parse(&sandbox.app_id_root())?)
/// #     .credentials(Credentials::client_secret(sandbox.client_id(), sandbox.client_secret())).build()?;
/// let signer = AgoraTokenSigner::new(sandbox.app_id(), sandbox.app_certificate());
/// let token = client.exchange_agora_token(signer.app_token(Duration::from_secs(60 * 60))).await?;
/// assert!(token.expires.is_some());
/// # Ok(()) }
/// ```
#[derive(Clone)]
pub struct AgoraTokenSigner {
    app_id: String,
    certificate: SecretString,
}

impl AgoraTokenSigner {
    /// Names the project by its app id and primary certificate, from Agora's console.
    pub fn new(app_id: impl Into<String>, certificate: impl Into<SecretString>) -> Self {
        Self {
            app_id: app_id.into(),
            certificate: certificate.into(),
        }
    }

    /// Makes a token that stands for the app, good from now on for `lifetime` in whole seconds, at least one and at most a
    /// day (the vendor's limit).
    #[must_use]
    pub fn app_token(&self, lifetime: Duration) -> SecretString {
        self.sign_at(None, lifetime, SystemTime::now(), fastrand::u32(1..))
    }

    /// Makes a token that stands for a user, good as [`app_token`](Self::app_token).
    ///
    /// The vendor's Java library names the user by the uuid, its PHP library by the name; the service takes either.
    #[must_use]
    pub fn user_token(&self, user: &str, lifetime: Duration) -> SecretString {
        self.sign_at(Some(user), lifetime, SystemTime::now(), fastrand::u32(1..))
    }

    /// Makes a token for a user, or for the app, that is good from `now` on. `salt` makes it differ from others of the same
    /// second. Pure.
    #[must_use]
    pub fn sign_at(
        &self,
        user: Option<&str>,
        lifetime: Duration,
        now: SystemTime,
        salt: u32,
    ) -> SecretString {
        let seconds = |time: Duration| u32::try_from(time.as_secs()).unwrap_or(u32::MAX);
        let issued = seconds(now.duration_since(UNIX_EPOCH).unwrap_or_default());
        let lives = seconds(lifetime).max(1);
        let privilege = if user.is_some() {
            PRIVILEGE_USER
        } else {
            PRIVILEGE_APP
        };
        let mut signed = Vec::new();
        put_text(&mut signed, self.app_id.as_bytes());
        for number in [issued, lives, salt] {
            signed.extend(number.to_le_bytes());
        }
        // One service, with one privilege.
        for number in [1, SERVICE_CHAT, 1, privilege] {
            signed.extend(number.to_le_bytes());
        }
        signed.extend(lives.to_le_bytes());
        put_text(&mut signed, user.unwrap_or_default().as_bytes());

        let by_time = hmac(&issued.to_le_bytes(), self.certificate.expose_secret().as_bytes());
        let by_salt = hmac(&salt.to_le_bytes(), &by_time);
        let mut token = Vec::new();
        put_text(&mut token, &hmac(&by_salt, &signed));
        token.extend(signed);
        format!("{VERSION}{}", STANDARD.encode(packed(&token))).into()
    }
}

fn hmac(key: &[u8], text: &[u8]) -> Vec<u8> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).unwrap_or_else(|_| unreachable!("HMAC takes any key"));
    mac.update(text);
    mac.finalize().into_bytes().to_vec()
}

fn put_text(bytes: &mut Vec<u8>, text: &[u8]) {
    let length = u16::try_from(text.len()).unwrap_or(u16::MAX);
    bytes.extend(length.to_le_bytes());
    bytes.extend(&text[..usize::from(length)]);
}

fn packed(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::default());
    // Memory takes whatever is written.
    let _ = encoder.write_all(bytes);
    encoder.finish().unwrap_or_default()
}

impl fmt::Debug for AgoraTokenSigner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AgoraTokenSigner")
            .field("app_id", &self.app_id)
            .finish_non_exhaustive()
    }
}

/// A token of the service that one of Agora's kind was exchanged for.
///
/// ```
/// use easemob_admin_api::endpoint::Endpoint;
/// use easemob_admin_api::endpoints::token::ExchangeAgoraToken;
/// use easemob_admin_api::envelope::Envelope;
///
/// let body = br#"{"access_token":"YWMtabc","expire_timestamp":1712345678901}"#;
/// let token = Envelope::decode(&ExchangeAgoraToken::new("007eJxT"), body)?;
/// assert_eq!(token.expires.unwrap().0, 1_712_345_678_901);
/// assert!(!format!("{token:?}").contains("YWMtabc"));
/// # Ok::<(), easemob_admin_api::DecodeError>(())
/// ```
#[derive(Clone)]
#[non_exhaustive]
pub struct ExchangedToken {
    /// The token itself, which `Debug` does not show.
    pub access_token: SecretString,
    /// When it ends, by the clock of the server; nothing if the answer does not tell.
    pub expires: Option<UnixMillis>,
}

impl fmt::Debug for ExchangedToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ExchangedToken")
            .field("access_token", &"[redacted]")
            .field("expires", &self.expires)
            .finish()
    }
}

#[derive(Deserialize)]
#[serde(expecting = "an object")]
struct WireExchanged {
    access_token: String,
    #[serde(default)]
    expire_timestamp: Option<Integer>,
}

/// Exchanges a token of Agora's kind for one of the service.
///
/// `Repeatable`: a second token does no harm beyond the call itself.
///
/// ```
/// use easemob_admin_api::endpoint::{Authority, Endpoint};
/// use easemob_admin_api::endpoints::token::ExchangeAgoraToken;
///
/// let call = ExchangeAgoraToken::new("007eJxT");
/// assert_eq!(call.body().unwrap().to_string(), r#"{"grant_type":"agora"}"#);
/// assert_eq!(ExchangeAgoraToken::AUTHORITY, Authority::Anonymous);
/// assert!(!format!("{call:?}").contains("007eJxT"));
/// ```
#[derive(Clone)]
pub struct ExchangeAgoraToken {
    token: SecretString,
}

impl ExchangeAgoraToken {
    /// Names the token to be exchanged, which the call is sent with.
    pub fn new(token: impl Into<SecretString>) -> Self {
        Self { token: token.into() }
    }
}

impl fmt::Debug for ExchangeAgoraToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ExchangeAgoraToken").finish_non_exhaustive()
    }
}

impl Endpoint for ExchangeAgoraToken {
    const NAME: &'static str = "token.agora";
    const EFFECT: Effect = Effect::Repeatable;
    const BUCKET: Bucket = Bucket::Token;
    const SECRET: bool = true;
    const AUTHORITY: Authority = Authority::Anonymous;
    type Output = ExchangedToken;

    fn method(&self) -> Method {
        Method::POST
    }

    fn path(&self) -> Path {
        Path::new(["token"])
    }

    fn body(&self) -> Option<Value> {
        Some(json!({ "grant_type": "agora" }))
    }

    fn own_token(&self) -> Option<&SecretString> {
        Some(&self.token)
    }

    fn decode(&self, answer: &Envelope<'_>) -> Result<ExchangedToken, DecodeError> {
        let wire: WireExchanged = answer.whole()?;
        if wire.access_token.is_empty() {
            return Err(answer.problem("`access_token` is empty"));
        }
        let expires = wire.expire_timestamp.map(|Integer(millis)| millis);
        Ok(ExchangedToken {
            access_token: wire.access_token.into(),
            expires: expires
                .and_then(|millis| u64::try_from(millis).ok())
                .map(UnixMillis),
        })
    }
}

impl Client {
    /// Exchanges a token of Agora's kind for one of the service, which stands for the same app or user.
    ///
    /// # Errors
    /// When the token is not good (401), its user is unknown (404), or the call fails for any reason of
    /// [`Client::execute`].
    pub async fn exchange_agora_token(
        &self,
        token: impl Into<SecretString>,
    ) -> Result<ExchangedToken, Error> {
        self.execute(&ExchangeAgoraToken::new(token)).await
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read as _;

    use flate2::read::ZlibDecoder;

    use super::*;

    fn unpacked(token: &str) -> Vec<u8> {
        let packed = STANDARD.decode(token.strip_prefix(VERSION).unwrap()).unwrap();
        let mut bytes = Vec::new();
        ZlibDecoder::new(packed.as_slice())
            .read_to_end(&mut bytes)
            .unwrap();
        bytes
    }

    fn signer() -> AgoraTokenSigner {
        AgoraTokenSigner::new(
            "970CA35de60c44645bbae8a215061b33",
            "5CFd2fd1755d40ecb72977518be15d3b",
        )
    }

    /// Made with a script in another language, which also makes the tokens that Agora publishes for tests; how zlib packs
    /// bytes is not said, so they are compared unpacked.
    #[test]
    fn a_token_is_what_others_make_of_the_same_parts() {
        let now = UNIX_EPOCH + Duration::from_secs(1_111_111);
        let life = Duration::from_secs(10 * 60);
        for (user, expected) in [(Some("2882341273"), USER_TOKEN), (None, APP_TOKEN)] {
            let token = signer().sign_at(user, life, now, 1);
            assert_eq!(unpacked(token.expose_secret()), unpacked(expected), "{user:?}");
        }
    }

    #[test]
    fn two_tokens_of_a_second_differ_and_show_no_certificate() {
        let (one, other) = (
            signer().app_token(Duration::ZERO),
            signer().app_token(Duration::ZERO),
        );
        assert_ne!(one.expose_secret(), other.expose_secret());
        assert!(!format!("{:?}", signer()).contains("5CFd2fd1"));
    }

    const USER_TOKEN: &str = "007eJxTYNAIsnbS3v/A5t2TC6feR15r+6cq8bqAvfaW+tk/Vzz+p6xTYLA0N3B2NDZNSTUzSDYxMTMxTUpKTLVINDI0NTAzTDI2dv8iwBDBxMDAyADCrEDMCOZzMRhZWBgZmxgamRsDAB+lHrg=";
    const APP_TOKEN: &str = "007eJxTYNDNaz3snC8huEfHWdz6s98qltq4zqy9fl99Uh0FDvy6F6DAYGlu4OxobJqSamaQbGJiZmKalJSYapFoZGhqYGaYZGzs/kWAIYKJgYGRAYRZgZgJzGdgAACt8hhr";
}

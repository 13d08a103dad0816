//! Tokens that a backend makes by itself, without a call (page "user token", on dynamic tokens). They are good for signing
//! in, and for nothing else.

use base64::Engine as _;
use base64::alphabet::URL_SAFE;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use serde::Deserialize;
use sha2::{Digest as _, Sha256};

use super::App;
use super::tokens::TokenError;
use crate::hex::hex;

/// What the text of such a token begins with, once decoded.
const MARK: &[u8] = b"dt-";

/// The page does not say whether the end is padded.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &URL_SAFE,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Claims {
    signature: String,
    appkey: String,
    user_id: String,
    /// In seconds since 1970.
    cur_time: u64,
    /// In seconds.
    ttl: u64,
}

impl App {
    /// Returns whose token it is, and when it ends in milliseconds since 1970; nothing if it is of another kind.
    pub(crate) fn check_dynamic_token(
        &self,
        token: &str,
        now_ms: u64,
    ) -> Option<Result<(String, u64), TokenError>> {
        let text = BASE64.decode(token).ok()?;
        let claims: Result<Claims, _> = serde_json::from_slice(text.strip_prefix(MARK)?);
        Some(claims.map_err(|_| TokenError::Malformed).and_then(|claims| {
            let signed = signature(&self.client_id, &self.client_secret, &claims);
            if claims.appkey != self.key || !claims.signature.eq_ignore_ascii_case(&signed) {
                return Err(TokenError::Foreign);
            }
            let end_ms = claims.cur_time.saturating_add(claims.ttl).saturating_mul(1_000);
            if end_ms <= now_ms {
                return Err(TokenError::Expired);
            }
            Ok((claims.user_id, end_ms))
        }))
    }
}

fn signature(client_id: &str, client_secret: &str, claims: &Claims) -> String {
    let Claims {
        appkey,
        user_id,
        cur_time,
        ttl,
        ..
    } = claims;
    let signed = format!("{client_id}{appkey}{user_id}{cur_time}{ttl}{client_secret}");
    let digest = Sha256::digest(signed.as_bytes());
    hex(&digest)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Made by a script of another language, of the id `YXA6id`, the secret `YXA6secret`, the app `o#a`, the user `ann`,
    /// the time 1686207557 and the life 600.
    const TOKEN: &str = "ZHQteyJzaWduYXR1cmUiOiIxNTgwMDAwMWVkMTUwNDMyZmVlMmZiYzFmNThjOWFhNzllMDVkYWQ2ODQzZWNhYzYzOGEwMjlmMTBhODM3YzU4IiwiYXBwa2V5IjoibyNhIiwidXNlcklkIjoiYW5uIiwiY3VyVGltZSI6MTY4NjIwNzU1NywidHRsIjo2MDB9";

    fn app() -> App {
        App::new("o#a", Some(("YXA6id".into(), "YXA6secret".into())))
    }

    #[test]
    fn a_token_made_elsewhere_is_good_until_its_end() {
        let app = app();
        let end_ms = 1_686_208_157_000;
        for token in [TOKEN.to_owned(), TOKEN.trim_end_matches('=').to_owned()] {
            let checked = app.check_dynamic_token(&token, end_ms - 1).unwrap();
            assert_eq!(checked, Ok(("ann".to_owned(), end_ms)));
            assert_eq!(
                app.check_dynamic_token(&token, end_ms),
                Some(Err(TokenError::Expired))
            );
        }
    }

    #[test]
    fn whoever_does_not_know_the_secret_or_means_another_app_is_refused() {
        let other_secret = App::new("o#a", Some(("YXA6id".into(), "YXA6other".into())));
        assert_eq!(
            other_secret.check_dynamic_token(TOKEN, 0),
            Some(Err(TokenError::Foreign))
        );
        let other_app = App::new("o#b", Some(("YXA6id".into(), "YXA6secret".into())));
        assert_eq!(
            other_app.check_dynamic_token(TOKEN, 0),
            Some(Err(TokenError::Foreign))
        );
        let damaged = BASE64.encode("dt-{}");
        assert_eq!(
            app().check_dynamic_token(&damaged, 0),
            Some(Err(TokenError::Malformed))
        );
        for other_kind in ["YWMtabc", "", "007eJxT", "a.b.c"] {
            assert!(app().check_dynamic_token(other_kind, 0).is_none(), "{other_kind}");
        }
    }
}

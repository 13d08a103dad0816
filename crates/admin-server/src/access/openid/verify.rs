//! Reads and verifies one token. Pure: key and time are passed in.

use std::collections::BTreeSet;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::Timestamp;
use jsonwebtoken::jwk::{Jwk, KeyAlgorithm, PublicKeyUse};
use jsonwebtoken::{Algorithm, DecodingKey, Validation, decode};
use serde::Deserialize;
use serde_json::{Map, Value};

use super::settings::Issuer;

/// The longest token.
const LONGEST: usize = 8 * 1024;

/// How far clocks may differ, in seconds.
pub(super) const LEEWAY: i64 = 30;

/// The longest name and the most groups of a person.
const LONGEST_NAME: usize = 200;
const MOST_GROUPS: usize = 500;

/// Why a token is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Why {
    TooLong,
    Malformed,
    Algorithm,
    OtherIssuer,
    UnknownKey,
    Signature,
    OtherAudience,
    Expired,
    NotYetValid,
    NoName,
    NoRole,
    /// It was given to another client.
    OtherClient,
    /// It belongs to another sign-in.
    OtherSignIn,
    /// It came with another access token than it says.
    OtherAccessToken,
}

impl Why {
    /// Returns what is wrong, for whoever sent it.
    pub(crate) fn words(self) -> &'static str {
        match self {
            Self::TooLong => "the token is too long",
            Self::Malformed => "the token cannot be read",
            Self::Algorithm => "the token is not signed with EdDSA, ES256 or RS256",
            Self::OtherIssuer => "the service does not accept tokens of this issuer",
            Self::UnknownKey => "the issuer has no key with this id, or cannot be asked",
            Self::Signature => "the signature of the token does not hold",
            Self::OtherAudience => "the token is meant for another service",
            Self::Expired => "the token has expired",
            Self::NotYetValid => "the token is not valid yet",
            Self::NoName => "the token does not say whose it is",
            Self::NoRole => "no group of yours may do anything here",
            Self::OtherClient => "the token was given to another client",
            Self::OtherSignIn => "the token belongs to another sign-in",
            Self::OtherAccessToken => "the token does not belong to what came with it",
        }
    }
}

/// Returns true if a text could be a token: three parts with dots between them.
pub(crate) fn looks_like_a_token(text: &str) -> bool {
    text.split('.').count() == 3
}

#[derive(Deserialize)]
struct Head {
    alg: String,
    kid: Option<String>,
    /// What a reader must understand; this one understands nothing more.
    crit: Option<Value>,
}

/// What a token says before its signature is verified: only whom to ask for the key.
#[derive(Debug)]
pub(super) struct Unsigned {
    pub(super) issuer: String,
    pub(super) key_id: String,
    pub(super) algorithm: Algorithm,
    audience: Value,
}

impl Unsigned {
    /// Reads what is needed to find the key.
    ///
    /// # Errors
    /// When it is no token of a kind that is accepted.
    pub(super) fn read(token: &str) -> Result<Self, Why> {
        if token.len() > LONGEST {
            return Err(Why::TooLong);
        }
        let mut parts = token.split('.');
        let (Some(head), Some(body), Some(_), None) =
            (parts.next(), parts.next(), parts.next(), parts.next())
        else {
            return Err(Why::Malformed);
        };
        let part = |text: &str| URL_SAFE_NO_PAD.decode(text).map_err(|_| Why::Malformed);
        let head: Head = serde_json::from_slice(&part(head)?).map_err(|_| Why::Malformed)?;
        let body: Map<String, Value> = serde_json::from_slice(&part(body)?).map_err(|_| Why::Malformed)?;
        if head.crit.is_some() {
            return Err(Why::Malformed);
        }
        // Never what a token says about itself, but one of those that cannot be made with a public key.
        let algorithm = match head.alg.as_str() {
            "EdDSA" => Algorithm::EdDSA,
            "ES256" => Algorithm::ES256,
            "RS256" => Algorithm::RS256,
            _ => return Err(Why::Algorithm),
        };
        Ok(Self {
            issuer: body
                .get("iss")
                .and_then(Value::as_str)
                .ok_or(Why::OtherIssuer)?
                .to_owned(),
            key_id: head.kid.ok_or(Why::UnknownKey)?,
            algorithm,
            audience: body.get("aud").cloned().unwrap_or_default(),
        })
    }

    /// Refuses a token that is meant for others, before anybody is asked about it.
    pub(super) fn fits(&self, audience: &str) -> Result<(), Why> {
        is_for(&self.audience, audience)
            .then_some(())
            .ok_or(Why::OtherAudience)
    }
}

fn is_for(audience: &Value, wanted: &str) -> bool {
    match audience {
        Value::String(one) => one == wanted,
        Value::Array(several) => several.iter().any(|one| one == wanted),
        _ => false,
    }
}

/// Who somebody is, by a token whose signature holds.
#[derive(Debug)]
pub(super) struct Claims {
    pub(super) name: String,
    pub(super) groups: BTreeSet<String>,
    /// Everything that it says.
    pub(super) body: Map<String, Value>,
    pub(super) ends: Timestamp,
}

/// Verifies a token, and returns what it says.
///
/// # Errors
/// When the key is of another kind, the signature does not hold, or it is not its time.
pub(super) fn claims(
    token: &str,
    unsigned: &Unsigned,
    issuer: &Issuer,
    audience: &str,
    key: &Jwk,
    now: Timestamp,
) -> Result<Claims, Why> {
    if !is_for_signatures(key, unsigned.algorithm) {
        return Err(Why::Algorithm);
    }
    let decoding = DecodingKey::from_jwk(key).map_err(|_| Why::Algorithm)?;
    let mut validation = Validation::new(unsigned.algorithm);
    validation.set_audience(&[audience]);
    validation.set_issuer(&[&issuer.issuer]);
    // Times are compared with the clock of the service, below.
    validation.required_spec_claims = ["aud", "iss"].map(str::to_owned).into();
    validation.validate_exp = false;
    validation.validate_nbf = false;
    let body = decode::<Map<String, Value>>(token, &decoding, &validation)
        .map_err(|_| Why::Signature)?
        .claims;
    let time = |name: &str| body.get(name).and_then(Value::as_f64);
    let now = now.as_second();
    #[expect(
        clippy::cast_precision_loss,
        reason = "seconds since 1970 are exact in a float"
    )]
    let [earliest, latest] = [(now - LEEWAY) as f64, (now + LEEWAY) as f64];
    let exp = time("exp").filter(|end| *end > earliest).ok_or(Why::Expired)?;
    #[expect(
        clippy::cast_possible_truncation,
        reason = "a later time than there is counts as the last one"
    )]
    let ends = Timestamp::from_second((exp as i64).saturating_add(LEEWAY)).unwrap_or(Timestamp::MAX);
    if ["nbf", "iat"]
        .iter()
        .any(|name| time(name).is_some_and(|start| start > latest))
    {
        return Err(Why::NotYetValid);
    }
    let name = body
        .get(&issuer.name_claim)
        .and_then(Value::as_str)
        .unwrap_or_default()
        .trim();
    let is_plain = name.chars().count() <= LONGEST_NAME && !name.chars().any(char::is_control);
    if name.is_empty() || !is_plain {
        return Err(Why::NoName);
    }
    let groups = match body.get(&issuer.groups_claim) {
        Some(Value::String(one)) => [one.clone()].into(),
        Some(Value::Array(several)) => several
            .iter()
            .take(MOST_GROUPS)
            .filter_map(|one| one.as_str().map(str::to_owned))
            .collect(),
        _ => BTreeSet::new(),
    };
    Ok(Claims {
        name: name.to_owned(),
        groups,
        body,
        ends,
    })
}

/// Returns true if a key is meant for this algorithm.
fn is_for_signatures(key: &Jwk, algorithm: Algorithm) -> bool {
    let named = match key.common.key_algorithm {
        None => true,
        Some(KeyAlgorithm::EdDSA) => algorithm == Algorithm::EdDSA,
        Some(KeyAlgorithm::ES256) => algorithm == Algorithm::ES256,
        Some(KeyAlgorithm::RS256) => algorithm == Algorithm::RS256,
        Some(_) => false,
    };
    named && !matches!(key.common.public_key_use, Some(PublicKeyUse::Encryption))
}

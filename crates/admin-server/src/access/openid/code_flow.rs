//! Signing in with a browser that is sent to an issuer and comes back with a code: what is sent along, and what may come back.
//! Pure.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::Timestamp;
use jsonwebtoken::Algorithm;
use serde_json::{Map, Value};
use sha2::{Digest as _, Sha256, Sha512};
use subtle::ConstantTimeEq as _;

use super::verify::{LEEWAY, Why};

/// Before how many seconds people must have signed in at the issuer: as long as a session lasts. Who asks gets told when it was.
const LONGEST_AGO: &str = "43200";

/// The same for those who are sent because they signed in too long ago.
const JUST_NOW: &str = "60";

/// What only the browser knows that was sent, and what follows from it. Each is for one issuer.
#[derive(Clone)]
pub(super) struct Secrets {
    /// What the browser comes back with.
    state: String,
    /// What the token has to say.
    pub(super) nonce: String,
    /// What shows the issuer that the one who brings the code is the one who sent the browser (RFC 7636).
    pub(super) verifier: String,
}

impl Secrets {
    /// Returns what follows from the secret of a browser.
    pub(super) fn of(secret: &str, place: &str) -> Self {
        let derived = |what: &str| {
            URL_SAFE_NO_PAD.encode(Sha256::digest(format!("{what} {} {place} {secret}", place.len())))
        };
        Self {
            state: derived("state"),
            nonce: derived("nonce"),
            verifier: derived("verifier"),
        }
    }
}

/// Where a browser is sent, and with what.
pub(super) struct Sent<'s> {
    pub(super) authorization_endpoint: &'s str,
    pub(super) client_id: &'s str,
    pub(super) comes_back_to: &'s str,
    pub(super) scope: &'s str,
    pub(super) secrets: &'s Secrets,
    /// Whether the person has to show again who it is.
    pub(super) again: bool,
}

impl Sent<'_> {
    /// Returns the address for the browser; `None` if the endpoint is no address.
    pub(super) fn address(&self) -> Option<String> {
        let mut address = url::Url::parse(self.authorization_endpoint).ok()?;
        address.set_fragment(None);
        let challenge = URL_SAFE_NO_PAD.encode(Sha256::digest(self.secrets.verifier.as_bytes()));
        let mut query = address.query_pairs_mut();
        query.extend_pairs([
            ("response_type", "code"),
            ("client_id", self.client_id),
            ("redirect_uri", self.comes_back_to),
            ("scope", self.scope),
            ("state", &self.secrets.state),
            ("nonce", &self.secrets.nonce),
            ("code_challenge", &challenge),
            ("code_challenge_method", "S256"),
            ("max_age", if self.again { JUST_NOW } else { LONGEST_AGO }),
        ]);
        if self.again {
            // Not every issuer keeps to `max_age`.
            query.append_pair("prompt", "login");
        }
        drop(query);
        Some(address.into())
    }
}

/// What a browser came back with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Came {
    Code(String),
    /// The issuer did not let the person in, for this reason.
    Refused(String),
    /// Somebody else was sent, or nobody.
    NotSent,
    /// It comes from another issuer, or does not say from which.
    OtherIssuer,
    /// It is not an answer.
    Unreadable,
}

/// Reads what a browser came back with.
pub(super) fn came(query: &str, secrets: &Secrets, issuer: &str, says_issuer: bool) -> Came {
    let mut found = BTreeMap::new();
    for (name, value) in url::form_urlencoded::parse(query.as_bytes()) {
        // What is there twice is nobody's answer.
        if found.insert(name.into_owned(), value.into_owned()).is_some() {
            return Came::Unreadable;
        }
    }
    let state = found.get("state").map(String::as_str).unwrap_or_default();
    if !bool::from(state.as_bytes().ct_eq(secrets.state.as_bytes())) {
        return Came::NotSent;
    }
    let of_issuer = found.get("iss").map_or(!says_issuer, |said| said == issuer);
    if !of_issuer {
        return Came::OtherIssuer;
    }
    match (found.remove("code"), found.remove("error")) {
        (_, Some(error)) => Came::Refused(error),
        (Some(code), None) if !code.is_empty() => Came::Code(code),
        _ => Came::Unreadable,
    }
}

/// What the ID token of a sign-in must fit, beyond what every token must.
pub(super) struct Expected<'e> {
    pub(super) client_id: &'e str,
    pub(super) nonce: &'e str,
    pub(super) access_token: &'e str,
}

impl Expected<'_> {
    /// Checks what an ID token says whose signature holds, and returns when the person showed the issuer who it is, if the token
    /// says so.
    ///
    /// # Errors
    /// When it was given to another client, or in another sign-in.
    pub(super) fn check(
        &self,
        body: &Map<String, Value>,
        algorithm: Algorithm,
        now: Timestamp,
    ) -> Result<Option<Timestamp>, Why> {
        let text = |name: &str| body.get(name).map(|value| value.as_str().unwrap_or_default());
        let has_several = body
            .get("aud")
            .and_then(Value::as_array)
            .is_some_and(|several| several.len() > 1);
        let is_ours = text("azp").map_or(!has_several, |party| party == self.client_id);
        if !is_ours {
            return Err(Why::OtherClient);
        }
        let nonce = text("nonce").unwrap_or_default();
        if !bool::from(nonce.as_bytes().ct_eq(self.nonce.as_bytes())) {
            return Err(Why::OtherSignIn);
        }
        if text("at_hash").is_some_and(|hash| hash != half_of_digest(self.access_token, algorithm)) {
            return Err(Why::OtherAccessToken);
        }
        // Without the time of its making, nobody knows how old what it says is.
        if !body.get("iat").is_some_and(Value::is_number) {
            return Err(Why::Malformed);
        }
        let Some(said) = body.get("auth_time").filter(|said| !said.is_null()) else {
            return Ok(None);
        };
        let at = said
            .as_i64()
            .and_then(|second| Timestamp::from_second(second).ok());
        let at = at.ok_or(Why::Malformed)?;
        if at.as_second() > now.as_second() + LEEWAY {
            return Err(Why::NotYetValid);
        }
        Ok(Some(at.min(now)))
    }
}

/// Returns what an ID token says of the access token that comes with it (OpenID Connect Core, 3.1.3.6).
fn half_of_digest(token: &str, algorithm: Algorithm) -> String {
    match algorithm {
        // Ed25519 signs with this digest.
        Algorithm::EdDSA => URL_SAFE_NO_PAD.encode(&Sha512::digest(token)[..32]),
        _ => URL_SAFE_NO_PAD.encode(&Sha256::digest(token)[..16]),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const ISSUER: &str = "https://login.example.com";

    #[test]
    fn a_browser_is_sent_with_what_only_it_can_bring_back() {
        let secrets = Secrets::of("secret", "login.example.com");
        let sent = |again| {
            let sent = Sent {
                authorization_endpoint: "https://login.example.com/authorize?tenant=1#x",
                client_id: "console",
                comes_back_to: "https://ops.example.com/console/openid/login.example.com",
                scope: "openid email",
                secrets: &secrets,
                again,
            };
            url::Url::parse(&sent.address().unwrap()).unwrap()
        };
        let pairs: BTreeMap<_, _> = sent(false).query_pairs().into_owned().collect();
        assert_eq!(pairs["tenant"], "1", "what is there already stays");
        assert_eq!(pairs["max_age"], LONGEST_AGO);
        assert!(!pairs.contains_key("prompt"));
        assert_eq!(
            pairs["redirect_uri"],
            "https://ops.example.com/console/openid/login.example.com"
        );
        assert_eq!(pairs["code_challenge_method"], "S256");
        assert!(secrets.verifier.len() >= 43, "RFC 7636, section 4.1");
        let secret: [&str; 2] = ["secret", &secrets.verifier];
        assert!(
            !secret
                .iter()
                .any(|one| sent(true).as_str().contains(&format!("={one}")))
        );
        let again: BTreeMap<_, _> = sent(true).query_pairs().into_owned().collect();
        assert_eq!(
            (again["max_age"].as_str(), again["prompt"].as_str()),
            (JUST_NOW, "login")
        );
        // What is derived for one issuer is of no use with another.
        let other = Secrets::of("secret", "evil.example.com");
        assert!(other.state != secrets.state && other.verifier != secrets.verifier);
        assert!(secrets.state != secrets.nonce && secrets.nonce != secrets.verifier);
    }

    #[test]
    fn only_the_browser_that_was_sent_comes_back_to_the_console() {
        let secrets = Secrets::of("secret", "place");
        let good = format!("state={}", secrets.state);
        let of = |query: &str, says_issuer| came(query, &secrets, ISSUER, says_issuer);
        let code = |code: &str| Came::Code(code.to_owned());
        let iss = "iss=https%3A%2F%2Flogin.example.com";
        assert_eq!(of(&format!("{good}&code=c%2B1"), false), code("c+1"));
        assert_eq!(of(&format!("{good}&code=c&{iss}"), true), code("c"));
        assert_eq!(of(&format!("{good}&code=c&{iss}"), false), code("c"));
        assert_eq!(
            of(&format!("{good}&error=access_denied"), false),
            Came::Refused("access_denied".into())
        );
        // An error beside a code is no code.
        assert!(matches!(
            of(&format!("{good}&code=c&error=x"), false),
            Came::Refused(_)
        ));
        let other = Secrets::of("other", "place").state;
        for (query, says_issuer, wanted) in [
            ("code=c".to_owned(), false, Came::NotSent),
            ("code=c&state=".to_owned(), false, Came::NotSent),
            (format!("code=c&state={other}"), false, Came::NotSent),
            (format!("{good}&code=c&code=d"), false, Came::Unreadable),
            (format!("{good}&{good}&code=c"), false, Came::Unreadable),
            (good.clone(), false, Came::Unreadable),
            (format!("{good}&code="), false, Came::Unreadable),
            (String::new(), false, Came::NotSent),
            (format!("{good}&code=c"), true, Came::OtherIssuer),
            (
                format!("{good}&code=c&iss=https%3A%2F%2Fevil.example.com"),
                false,
                Came::OtherIssuer,
            ),
            (format!("{good}&code=c&{iss}%2F"), true, Came::OtherIssuer),
        ] {
            assert_eq!(of(&query, says_issuer), wanted, "{query}");
        }
    }

    #[test]
    fn what_came_with_a_token_has_the_digest_that_the_token_says() {
        // OpenID Connect Core, appendix A.4.
        assert_eq!(
            half_of_digest("jHkWEdUXMU1BwAsC4vtUsZwnNvTIxEl0z9K3vx5KF0Y", Algorithm::RS256),
            "77QmUPtjPfzWtF2AnpK9RQ"
        );
    }

    #[test]
    fn an_id_token_is_of_this_client_and_this_sign_in() {
        let now = Timestamp::from_second(1_800_000_000).unwrap();
        let expected = Expected {
            client_id: "console",
            nonce: "n1",
            access_token: "at",
        };
        let good = json!({"aud": "console", "nonce": "n1", "iat": 1_800_000_000, "auth_time": 1_799_999_000});
        let check = |body: &Value| expected.check(body.as_object().unwrap(), Algorithm::ES256, now);
        let at = |second| Timestamp::from_second(second).ok();
        assert_eq!(check(&good), Ok(at(1_799_999_000)));
        let with = |name: &str, value: Value| {
            let mut body = good.clone();
            body[name] = value;
            check(&body)
        };
        let hash = half_of_digest("at", Algorithm::ES256);
        assert!(with("at_hash", hash.into()).is_ok());
        assert_eq!(with("auth_time", Value::Null), Ok(None));
        assert_eq!(
            with("auth_time", json!(1_800_000_010)),
            Ok(Some(now)),
            "clocks differ a little"
        );
        let mut several = good.clone();
        several["aud"] = json!(["console", "other"]);
        assert_eq!(check(&several), Err(Why::OtherClient), "nobody says whose it is");
        several["azp"] = json!("console");
        assert!(check(&several).is_ok());
        for (name, value, why) in [
            ("azp", json!("other"), Why::OtherClient),
            ("azp", json!(["console"]), Why::OtherClient),
            ("nonce", json!("n2"), Why::OtherSignIn),
            ("nonce", Value::Null, Why::OtherSignIn),
            ("nonce", json!(1), Why::OtherSignIn),
            ("at_hash", json!("AAAA"), Why::OtherAccessToken),
            ("at_hash", json!(7), Why::OtherAccessToken),
            ("iat", Value::Null, Why::Malformed),
            ("auth_time", json!("now"), Why::Malformed),
            ("auth_time", json!(1_800_000_031), Why::NotYetValid),
            ("auth_time", json!(i64::MAX), Why::Malformed),
        ] {
            assert_eq!(with(name, value.clone()), Err(why), "{name}: {value}");
        }
    }
}

//! An issuer that rotates keys and goes away, and the attacks on its tokens.

use std::collections::BTreeSet;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU32, Ordering};

use aws_lc_rs::encoding::{AsDer as _, Pkcs8V1Der};
use aws_lc_rs::rsa::{KeyPair as RsaKeyPair, KeySize};
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair as _};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use easemob_admin_remote::api::Scope;
use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use jsonwebtoken::jwk::{Jwk, JwkSet};
use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use serde_json::{Value, json};

use super::*;

const ISSUER: &str = "https://login.example.com/realm";
const NOW: i64 = 1_800_000_000;

fn now() -> Timestamp {
    Timestamp::from_second(NOW).unwrap()
}

/// A key of an issuer.
struct Key {
    id: &'static str,
    algorithm: Algorithm,
    signs: EncodingKey,
    published: Value,
}

impl Key {
    fn new(id: &'static str, algorithm: Algorithm) -> Self {
        let (signs, published) = match algorithm {
            Algorithm::EdDSA => {
                let pair = Ed25519KeyPair::generate().unwrap();
                let x = URL_SAFE_NO_PAD.encode(pair.public_key().as_ref());
                let signs = EncodingKey::from_ed_der(pair.to_pkcs8v1().unwrap().as_ref());
                (signs, json!({"kty": "OKP", "crv": "Ed25519", "x": x}))
            }
            Algorithm::ES256 => {
                let pair = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap();
                let point = pair.public_key().as_ref();
                let [x, y] = [&point[1..33], &point[33..]].map(|half| URL_SAFE_NO_PAD.encode(half));
                let signs = EncodingKey::from_ec_der(pair.to_pkcs8v1().unwrap().as_ref());
                (signs, json!({"kty": "EC", "crv": "P-256", "x": x, "y": y}))
            }
            _ => {
                let pair = RsaKeyPair::generate(KeySize::Rsa2048).unwrap();
                let der: Pkcs8V1Der<'_> = pair.as_der().unwrap();
                let text = STANDARD.encode(der.as_ref());
                let pem = format!("-----BEGIN PRIVATE KEY-----\n{text}\n-----END PRIVATE KEY-----\n");
                let signs = EncodingKey::from_rsa_pem(pem.as_bytes()).unwrap();
                let published = Jwk::from_encoding_key(&signs, algorithm).unwrap();
                (signs, serde_json::to_value(published).unwrap())
            }
        };
        Self {
            id,
            algorithm,
            signs,
            published,
        }
    }

    fn jwk(&self) -> Jwk {
        let mut published = self.published.clone();
        published["kid"] = self.id.into();
        serde_json::from_value(published).unwrap()
    }

    fn token(&self, claims: &Value) -> String {
        let mut header = Header::new(self.algorithm);
        header.kid = Some(self.id.into());
        encode(&header, claims, &self.signs).unwrap()
    }
}

fn claims() -> Value {
    json!({
        "iss": ISSUER, "aud": "easemob-admin", "sub": "ann", "exp": NOW + 300, "iat": NOW, "groups": ["support", "other"]
    })
}

fn with(name: &str, value: Value) -> Value {
    let mut claims = claims();
    claims[name] = value;
    claims
}

/// What the issuer publishes, and how often it was asked.
#[derive(Debug, Default)]
struct Published {
    keys: Mutex<Option<Vec<Jwk>>>,
    asked: AtomicU32,
}

impl Published {
    fn set(&self, keys: Option<Vec<Jwk>>) {
        *self.keys.lock().unwrap() = keys;
    }

    fn asked(&self) -> u32 {
        self.asked.load(Ordering::Relaxed)
    }
}

impl Fetch for Published {
    fn get<'a>(&'a self, address: &'a str) -> BoxFuture<'a, Result<Vec<u8>, String>> {
        self.asked.fetch_add(1, Ordering::Relaxed);
        let body = match &*self.keys.lock().unwrap() {
            None => Err("the issuer is down".to_owned()),
            Some(_) if address.ends_with("openid-configuration") => Ok(
                json!({"issuer": ISSUER, "jwks_uri": "https://login.example.com/keys"})
                    .to_string()
                    .into_bytes(),
            ),
            Some(keys) => Ok(serde_json::to_vec(&JwkSet { keys: keys.clone() }).unwrap()),
        };
        async move { body }.boxed()
    }

    fn post<'a>(&'a self, _: Form<'a>) -> BoxFuture<'a, Result<(u16, Vec<u8>), String>> {
        async { Err("nobody is signed in here".to_owned()) }.boxed()
    }
}

fn openid(published: &Arc<Published>) -> OpenId {
    let role = Role {
        group: "support".into(),
        scopes: [Scope::DevicesRead].into(),
        apps: ["prod".to_owned()].into(),
    };
    let issuer = Issuer {
        issuer: ISSUER.into(),
        audience: "easemob-admin".into(),
        jwks_uri: None,
        ca_file: None,
        name_claim: "sub".into(),
        groups_claim: "groups".into(),
        keys_last_minutes: 60,
        client_id: None,
        login_scope: "openid".into(),
        console: None,
        roles: vec![role],
    };
    let settings = OpenIdSettings {
        issuers: vec![issuer],
    };
    let fetch = |_: &Issuer| Ok(Arc::clone(published) as Arc<dyn Fetch>);
    OpenId::new(settings, fetch).unwrap()
}

fn published(keys: &[&Key]) -> Arc<Published> {
    let published = Arc::new(Published::default());
    published.set(Some(keys.iter().map(|key| key.jwk()).collect()));
    published
}

#[tokio::test]
async fn people_may_do_what_the_roles_of_their_groups_say() {
    for algorithm in [Algorithm::EdDSA, Algorithm::ES256, Algorithm::RS256] {
        let key = Key::new("a", algorithm);
        let caller = openid(&published(&[&key]))
            .caller(&key.token(&claims()), now())
            .await;
        let caller = caller.unwrap_or_else(|why| panic!("{algorithm:?}: {why:?}"));
        assert_eq!(caller.owner, "ann");
        assert!(caller.may(Scope::DevicesRead, "prod") && !caller.may(Scope::SessionsApply, "prod"));
        assert_eq!(
            caller.groups,
            BTreeSet::from(["support".to_owned(), "other".to_owned()])
        );
    }
}

/// Joins the parts of a token that nobody signed.
fn unsigned(head: &Value, body: &Value, signature: &str) -> String {
    let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    format!("{}.{}.{signature}", part(head), part(body))
}

#[tokio::test]
#[expect(clippy::too_many_lines, reason = "a table")]
async fn attacks_fail() {
    let key = Key::new("a", Algorithm::RS256);
    let stranger = Key::new("a", Algorithm::RS256);
    let other_kind = Key::new("a", Algorithm::ES256);
    let good = key.token(&claims());
    let [head, body, signature] = good.split('.').collect::<Vec<_>>()[..] else {
        panic!("{good}");
    };
    // The public key, which everybody has, as the secret of an HMAC.
    let public = serde_json::to_vec(&key.jwk()).unwrap();
    let confused = {
        let mut header = Header::new(Algorithm::HS256);
        header.kid = Some("a".into());
        encode(&header, &claims(), &EncodingKey::from_secret(&public)).unwrap()
    };
    let edited = unsigned(
        &json!({"alg": "RS256", "kid": "a"}),
        &with("groups", json!(["admins"])),
        signature,
    );
    let attacks = [
        (
            "no algorithm",
            unsigned(&json!({"alg": "none", "kid": "a"}), &claims(), ""),
            Why::Algorithm,
        ),
        (
            "no algorithm, in capitals",
            unsigned(&json!({"alg": "NONE", "kid": "a"}), &claims(), ""),
            Why::Algorithm,
        ),
        ("HMAC with the public key", confused, Why::Algorithm),
        (
            "a key of its own",
            unsigned(
                &json!({"alg": "RS256", "kid": "a", "jwk": stranger.jwk()}),
                &claims(),
                signature,
            ),
            Why::Signature,
        ),
        ("signed by a stranger", stranger.token(&claims()), Why::Signature),
        (
            "signed with another kind of key",
            other_kind.token(&claims()),
            Why::Algorithm,
        ),
        ("edited claims", edited, Why::Signature),
        ("no signature", format!("{head}.{body}."), Why::Signature),
        (
            "half a signature",
            format!("{head}.{body}.{}", &signature[..20]),
            Why::Signature,
        ),
        (
            "another audience",
            key.token(&with("aud", json!("other"))),
            Why::OtherAudience,
        ),
        (
            "no audience",
            key.token(&with("aud", Value::Null)),
            Why::OtherAudience,
        ),
        (
            "another issuer",
            key.token(&with("iss", json!("https://evil.example.com"))),
            Why::OtherIssuer,
        ),
        (
            "the issuer with a slash",
            key.token(&with("iss", json!(format!("{ISSUER}/")))),
            Why::OtherIssuer,
        ),
        (
            "several issuers",
            key.token(&with("iss", json!([ISSUER]))),
            Why::OtherIssuer,
        ),
        ("expired", key.token(&with("exp", json!(NOW - 31))), Why::Expired),
        (
            "without an end",
            key.token(&with("exp", Value::Null)),
            Why::Expired,
        ),
        (
            "an end in words",
            key.token(&with("exp", json!("tomorrow"))),
            Why::Expired,
        ),
        (
            "not yet valid",
            key.token(&with("nbf", json!(NOW + 31))),
            Why::NotYetValid,
        ),
        (
            "issued in the future",
            key.token(&with("iat", json!(NOW + 3_600))),
            Why::NotYetValid,
        ),
        ("nobody", key.token(&with("sub", json!("  "))), Why::NoName),
        (
            "a name with control characters",
            key.token(&with("sub", json!("ann\u{0}\nbob"))),
            Why::NoName,
        ),
        (
            "no group with a role",
            key.token(&with("groups", json!(["other"]))),
            Why::NoRole,
        ),
        (
            "groups of another form",
            key.token(&with("groups", json!({"support": true}))),
            Why::NoRole,
        ),
        (
            "what a reader must understand",
            unsigned(
                &json!({"alg": "RS256", "kid": "a", "crit": ["b64"]}),
                &claims(),
                signature,
            ),
            Why::Malformed,
        ),
        (
            "without the id of a key",
            unsigned(&json!({"alg": "RS256"}), &claims(), signature),
            Why::UnknownKey,
        ),
        (
            "an unknown key",
            unsigned(
                &json!({"alg": "RS256", "kid": "../../etc/passwd"}),
                &claims(),
                signature,
            ),
            Why::UnknownKey,
        ),
        (
            "huge",
            key.token(&with("more", json!("x".repeat(20_000)))),
            Why::TooLong,
        ),
        ("no JSON", "bm90.bm90.bm90".to_owned(), Why::Malformed),
        ("two parts", "a.b".to_owned(), Why::Malformed),
    ];
    let openid = openid(&published(&[&key]));
    for (name, token, why) in attacks {
        assert_eq!(openid.caller(&token, now()).await.map(|_| ()), Err(why), "{name}");
    }
    assert!(openid.caller(&good, now()).await.is_ok());
}

#[tokio::test]
async fn keys_rotate_and_made_up_ids_are_not_passed_on() {
    let (old, new) = (
        Key::new("old", Algorithm::EdDSA),
        Key::new("new", Algorithm::EdDSA),
    );
    let published = published(&[&old]);
    let openid = openid(&published);
    let at = |seconds: i64| Timestamp::from_second(NOW + seconds).unwrap();
    assert!(openid.caller(&old.token(&claims()), at(0)).await.is_ok());
    let asked = published.asked();
    for number in 0..100 {
        let head = json!({"alg": "EdDSA", "kid": format!("made-up-{number}")});
        let refused = openid.caller(&unsigned(&head, &claims(), "eA"), at(1)).await;
        assert_eq!(refused.map(|_| ()), Err(Why::UnknownKey));
    }
    assert_eq!(
        published.asked(),
        asked,
        "no request within seconds of the last one"
    );
    published.set(Some(vec![new.jwk()]));
    assert!(
        openid.caller(&new.token(&claims()), at(11)).await.is_ok(),
        "an unknown id is asked for"
    );
    assert_eq!(
        openid.caller(&old.token(&claims()), at(30)).await.map(|_| ()),
        Err(Why::UnknownKey),
        "the old key is gone"
    );
    // The same name for another key.
    let same_name = Key::new("new", Algorithm::EdDSA);
    published.set(Some(vec![same_name.jwk()]));
    assert!(openid.caller(&same_name.token(&claims()), at(60)).await.is_ok());
    assert_eq!(
        openid.caller(&new.token(&claims()), at(80)).await.map(|_| ()),
        Err(Why::Signature)
    );
}

#[tokio::test]
async fn known_keys_work_for_a_while_when_the_issuer_is_down() {
    let key = Key::new("a", Algorithm::ES256);
    let published = published(&[&key]);
    let openid = openid(&published);
    let at = |minutes: i64| Timestamp::from_second(NOW + minutes * 60).unwrap();
    let token = key.token(&with("exp", json!(NOW + 3 * 3_600)));
    assert!(openid.caller(&token, at(0)).await.is_ok());
    published.set(None);
    assert!(openid.caller(&token, at(30)).await.is_ok());
    assert!(openid.caller(&token, at(59)).await.is_ok());
    assert_eq!(
        openid.caller(&token, at(61)).await.map(|_| ()),
        Err(Why::UnknownKey),
        "an hour is over"
    );
    published.set(Some(vec![key.jwk()]));
    assert!(openid.caller(&token, at(62)).await.is_ok(), "the issuer is back");
}

//! An issuer of `OpenID` Connect in this process, with the browser's visit to it. It can be told to lie.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard};

use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair as _};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use easemob_admin_server::access::openid::{Fetch, Form, OpenId, OpenIdSettings};
use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use jiff::Timestamp;
use secrecy::ExposeSecret;
use serde_json::{Map, Value, json};
use sha2::{Digest as _, Sha256};

/// The secret of its client.
const SECRET: &str = "the secret of the client";

/// An issuer.
#[derive(Debug)]
pub(crate) struct Issuer {
    /// Its name, a URL.
    pub(crate) url: String,
    key: Ed25519KeyPair,
    inner: Mutex<Inner>,
}

/// Where an issuer does not tell the truth, or does not do what it should.
#[derive(Debug, Default, Clone)]
pub(crate) struct Lies {
    /// Its description has these fields.
    pub(crate) description: Map<String, Value>,
    /// Everything about it is answered in this way.
    pub(crate) down: bool,
    /// Its tokens have these claims; what is null is left out.
    pub(crate) claims: Map<String, Value>,
    /// The heads of its tokens have these fields.
    pub(crate) head: Map<String, Value>,
    /// Its tokens have this signature.
    pub(crate) signature: Option<&'static str>,
    /// Codes are answered with this.
    pub(crate) answer: Option<(u16, &'static str)>,
    /// What is added to its answer for a code.
    pub(crate) given: Map<String, Value>,
}

#[derive(Debug, Default)]
struct Inner {
    lies: Lies,
    person: (String, Vec<String>),
    /// When the person showed who it is.
    proved: Option<i64>,
    codes: BTreeMap<String, BTreeMap<String, String>>,
    issued: u32,
    /// The parameters of the visits.
    visits: Vec<BTreeMap<String, String>>,
    asked: u32,
}

impl Issuer {
    pub(crate) fn new(url: &str) -> Arc<Self> {
        let inner = Inner {
            person: ("ann@example.com".into(), vec!["support".into()]),
            proved: Some(Timestamp::now().as_second()),
            ..Inner::default()
        };
        Arc::new(Self {
            url: url.to_owned(),
            key: Ed25519KeyPair::generate().unwrap(),
            inner: Mutex::new(inner),
        })
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap()
    }

    pub(crate) fn lies(&self, lies: Lies) {
        self.inner().lies = lies;
    }

    /// Says who signs in from now on.
    pub(crate) fn person(&self, name: &str, groups: &[&str]) {
        let groups = groups.iter().map(|group| (*group).to_owned());
        self.inner().person = (name.into(), groups.collect());
    }

    /// Says when people showed who they are; nothing says nothing.
    pub(crate) fn proved(&self, at: Option<Timestamp>) {
        self.inner().proved = at.map(Timestamp::as_second);
    }

    /// Returns the parameters of the last visit.
    pub(crate) fn visited(&self) -> BTreeMap<String, String> {
        self.inner().visits.last().unwrap().clone()
    }

    /// Returns how often it was asked for something.
    pub(crate) fn asked(&self) -> u32 {
        self.inner().asked
    }

    /// Does what a person does in a browser that was sent there, and returns the path with which it comes back.
    pub(crate) fn visit(&self, address: &str) -> String {
        let address = url::Url::parse(address).unwrap();
        assert!(address.as_str().starts_with(&format!("{}/authorize?", self.url)));
        let asked: BTreeMap<String, String> = address.query_pairs().into_owned().collect();
        let mut inner = self.inner();
        inner.issued += 1;
        let code = format!("code-{}", inner.issued);
        let mut back = url::Url::parse(&asked["redirect_uri"]).unwrap();
        assert_eq!(back.origin().ascii_serialization(), "http://127.0.0.1:7300");
        back.query_pairs_mut()
            .append_pair("code", &code)
            .append_pair("state", &asked["state"])
            .append_pair("iss", &self.url);
        inner.visits.push(asked.clone());
        inner.codes.insert(code, asked);
        format!("{}?{}", back.path(), back.query().unwrap())
    }

    fn description(&self) -> Value {
        let url = &self.url;
        let mut description = json!({
            "issuer": url, "jwks_uri": format!("{url}/jwks"), "authorization_endpoint": format!("{url}/authorize"),
            "token_endpoint": format!("{url}/token"), "authorization_response_iss_parameter_supported": true,
        });
        overlay(&mut description, &self.inner().lies.description);
        description
    }

    fn token(&self, form: &Form<'_>) -> (u16, String) {
        let sent: BTreeMap<String, String> =
            url::form_urlencoded::parse(form.body.expose_secret().as_bytes())
                .into_owned()
                .collect();
        let mut inner = self.inner();
        if let Some((status, answer)) = inner.lies.answer {
            return (status, answer.to_owned());
        }
        let refused = |why: &str| (400, json!({"error": why}).to_string());
        let encoded: String = url::form_urlencoded::byte_serialize(SECRET.as_bytes()).collect();
        let client = format!("Basic {}", STANDARD.encode(format!("console:{encoded}")));
        if form.authorization.map(ExposeSecret::expose_secret) != Some(client.as_str()) {
            return (401, json!({"error": "invalid_client"}).to_string());
        }
        let Some(asked) = sent.get("code").and_then(|code| inner.codes.remove(code)) else {
            return refused("invalid_grant");
        };
        let challenge = URL_SAFE_NO_PAD.encode(Sha256::digest(&sent["code_verifier"]));
        if challenge != asked["code_challenge"] || sent["redirect_uri"] != asked["redirect_uri"] {
            return refused("invalid_grant");
        }
        let now = Timestamp::now().as_second();
        let (name, groups) = &inner.person;
        let access_token = "an access token";
        let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA512, access_token.as_bytes());
        let mut claims = json!({
            "iss": self.url, "aud": "console", "sub": "1", "email": name, "groups": groups, "iat": now, "exp": now + 300,
            "nonce": asked["nonce"], "at_hash": URL_SAFE_NO_PAD.encode(&digest.as_ref()[..32]), "auth_time": inner.proved,
        });
        overlay(&mut claims, &inner.lies.claims);
        let mut head = json!({"alg": "EdDSA", "kid": "1"});
        overlay(&mut head, &inner.lies.head);
        let text = [head, claims]
            .map(|part| URL_SAFE_NO_PAD.encode(part.to_string()))
            .join(".");
        let signature = URL_SAFE_NO_PAD.encode(self.key.sign(text.as_bytes()));
        let signature = inner.lies.signature.unwrap_or(&signature);
        let mut given = json!({"access_token": access_token, "token_type": "Bearer", "id_token": format!("{text}.{signature}")});
        overlay(&mut given, &inner.lies.given);
        (200, given.to_string())
    }
}

fn overlay(value: &mut Value, other: &Map<String, Value>) {
    let fields = value.as_object_mut().unwrap();
    for (name, value) in other {
        fields.insert(name.clone(), value.clone());
    }
    fields.retain(|_, value| !value.is_null());
}

/// The issuers that can be reached.
#[derive(Debug)]
struct Net(Vec<Arc<Issuer>>);

impl Net {
    fn of(&self, address: &str) -> Result<&Issuer, String> {
        let found = self
            .0
            .iter()
            .find(|issuer| address.starts_with(&format!("{}/", issuer.url)));
        let issuer = found.ok_or_else(|| format!("{address} cannot be reached"))?;
        let mut inner = issuer.inner();
        inner.asked += 1;
        if inner.lies.down {
            return Err(format!("{address} did not answer in time"));
        }
        drop(inner);
        Ok(issuer)
    }
}

impl Fetch for Net {
    fn get<'a>(&'a self, address: &'a str) -> BoxFuture<'a, Result<Vec<u8>, String>> {
        let answer = self.of(address).map(|issuer| {
            let x = URL_SAFE_NO_PAD.encode(issuer.key.public_key().as_ref());
            let key =
                json!({"kty": "OKP", "crv": "Ed25519", "alg": "EdDSA", "use": "sig", "kid": "1", "x": x});
            let answer = if address.ends_with("/jwks") {
                json!({"keys": [key]})
            } else {
                issuer.description()
            };
            answer.to_string().into_bytes()
        });
        async move { answer }.boxed()
    }

    fn post<'a>(&'a self, form: Form<'a>) -> BoxFuture<'a, Result<(u16, Vec<u8>), String>> {
        let answer = self.of(form.address).map(|issuer| {
            let (status, body) = issuer.token(&form);
            (status, body.into_bytes())
        });
        async move { answer }.boxed()
    }
}

/// Returns a service's settings for issuers, whose people may do this.
pub(crate) fn openid(issuers: &[Arc<Issuer>], roles: &Value, console: &Value) -> Arc<OpenId> {
    let settings = issuers.iter().map(|issuer| {
        let mut console = console.clone();
        console["client_id"] = "console".into();
        json!({"issuer": issuer.url, "audience": "easemob-admin", "name_claim": "email", "role": roles, "console": console})
    });
    let settings = json!({"issuer": settings.collect::<Vec<_>>()});
    let mut settings: OpenIdSettings = serde_json::from_value(settings).unwrap();
    settings.check().unwrap();
    for issuer in &mut settings.issuers {
        issuer.console.as_mut().unwrap().secret = Some(SECRET.into());
    }
    let net: Arc<dyn Fetch> = Arc::new(Net(issuers.to_vec()));
    Arc::new(OpenId::new(settings, |_| Ok(Arc::clone(&net))).unwrap())
}

/// The role of those who may act in the app `chat`.
pub(crate) fn support() -> Value {
    let scopes = [
        "devices:read",
        "sessions:plan",
        "sessions:apply",
        "users:write",
        "audit:read",
    ];
    json!([{"group": "support", "scopes": scopes, "apps": ["chat"]}])
}

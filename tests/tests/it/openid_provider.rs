//! An issuer of `OpenID` Connect, as far as signing in needs one: it rotates refresh tokens and keys, asks people in a browser who
//! they are, and can be told to fail.

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader, Read, Write};
use std::net::TcpListener;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{SystemTime, UNIX_EPOCH};

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use rcgen::{KeyPair, PKCS_ED25519, PublicKeyData as _, SigningKey as _};
use rustls::ServerConfig;
use rustls::pki_types::PrivateKeyDer;
use serde_json::{Value, json};

/// Whom its tokens are meant for.
pub(crate) const AUDIENCE: &str = "easemob-admin";

/// The client of the command line.
const CLIENT: &str = "easemob-admin-cli";

/// The client of the console, and its secret.
const CONSOLE: [&str; 2] = ["easemob-admin-console", "a-secret-of-the-console"];

/// An answer as it goes over the wire.
#[derive(Debug, Clone)]
pub(crate) struct Raw {
    pub(crate) bytes: String,
    /// Whether the connection stays open, as if more was to come.
    pub(crate) stays_open: bool,
}

pub(crate) struct Provider {
    pub(crate) issuer: String,
    inner: Arc<Mutex<Inner>>,
}

struct Inner {
    key: KeyPair,
    key_id: u32,
    /// The person who enters codes, and their groups.
    person: (String, Vec<String>),
    /// What the next questions for tokens are answered, before anything else.
    answers: Vec<(u16, Value)>,
    lives_seconds: u64,
    /// The refresh token that is good; an earlier one ends the sign-in, as a theft does.
    refresh: Option<String>,
    count: u32,
    revoked: Vec<String>,
    /// The codes, each with what the browser brought that it was given to.
    codes: BTreeMap<String, BTreeMap<String, String>>,
    asked: Vec<String>,
    /// When the person in the browser showed who it is; nothing if the browser is not known.
    proved: Option<u64>,
    /// What codes of the console are answered, as it goes over the wire.
    raw: Option<Raw>,
}

/// Returns the time in seconds.
fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs()
}

impl Provider {
    pub(crate) fn start() -> Self {
        Self::listen("127.0.0.1", None)
    }

    /// Starts one under this name: for browsers, `localhost` is another site than 127.0.0.1.
    pub(crate) fn start_at(host: &str) -> Self {
        Self::listen(host, None)
    }

    /// Starts one that has a certificate of its own; returns that, too (PEM).
    pub(crate) fn start_with_tls() -> (Self, String) {
        let certificate = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
        let key = PrivateKeyDer::try_from(certificate.signing_key.serialize_der()).unwrap();
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![certificate.cert.der().clone()], key)
            .unwrap();
        (
            Self::listen("localhost", Some(Arc::new(config))),
            certificate.cert.pem(),
        )
    }

    fn listen(host: &str, tls: Option<Arc<ServerConfig>>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let scheme = if tls.is_some() { "https" } else { "http" };
        let issuer = format!("{scheme}://{host}:{}", listener.local_addr().unwrap().port());
        let inner = Inner {
            key: KeyPair::generate_for(&PKCS_ED25519).unwrap(),
            key_id: 1,
            person: ("ann@example.com".into(), vec!["support".into()]),
            answers: Vec::new(),
            lives_seconds: 3600,
            refresh: None,
            count: 0,
            revoked: Vec::new(),
            codes: BTreeMap::new(),
            asked: Vec::new(),
            proved: None,
            raw: None,
        };
        let inner = Arc::new(Mutex::new(inner));
        let (known, name) = (Arc::clone(&inner), issuer.clone());
        std::thread::spawn(move || {
            for client in listener.incoming() {
                let client = client.unwrap();
                let _ = match &tls {
                    Some(config) => {
                        let connection = rustls::ServerConnection::new(Arc::clone(config)).unwrap();
                        answer(rustls::StreamOwned::new(connection, client), &name, &known)
                    }
                    None => answer(client, &name, &known),
                };
            }
        });
        Self { issuer, inner }
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap()
    }

    /// Says who signs in from now on.
    pub(crate) fn person(&self, name: &str, groups: &[&str]) {
        self.inner().person = (
            name.into(),
            groups.iter().map(|group| (*group).to_owned()).collect(),
        );
    }

    /// Answers the next questions for tokens in this way.
    pub(crate) fn answer_next(&self, answers: &[(u16, Value)]) {
        self.inner().answers = answers.to_vec();
    }

    /// Gives tokens that live for so long.
    pub(crate) fn tokens_live(&self, seconds: u64) {
        self.inner().lives_seconds = seconds;
    }

    /// Signs with another key from now on, under another name.
    pub(crate) fn rotate_keys(&self) {
        let mut inner = self.inner();
        inner.key = KeyPair::generate_for(&PKCS_ED25519).unwrap();
        inner.key_id += 1;
    }

    /// Returns a token that ended an hour ago, and is good otherwise.
    pub(crate) fn ended_token(&self) -> String {
        let inner = self.inner();
        let ended = json!({"iat": now() - 7_200, "exp": now() - 3_600});
        inner.signed(&self.issuer, AUDIENCE, &ended)
    }

    pub(crate) fn revoked(&self) -> Vec<String> {
        self.inner().revoked.clone()
    }

    /// The grants that were asked for, in their order.
    pub(crate) fn asked(&self) -> Vec<String> {
        self.inner().asked.clone()
    }

    /// Knows the person in the browser since so many seconds.
    pub(crate) fn knows_the_browser_for(&self, seconds: u64) {
        self.inner().proved = Some(now() - seconds);
    }

    /// Answers codes of the console with these bytes; nothing answers as usual.
    pub(crate) fn answer_codes_with(&self, raw: Option<Raw>) {
        self.inner().raw = raw;
    }

    /// The settings with which a service trusts it, and lets people sign in to its console.
    pub(crate) fn settings_with_console(&self, secret_file: &str) -> String {
        format!(
            "{}[issuer.console]\nclient_id = \"{}\"\nclient_secret_file = \"{secret_file}\"\nname = \"Acme 员工\"\n",
            self.settings(),
            CONSOLE[0]
        )
    }

    /// The secret of the client of the console.
    pub(crate) fn secret() -> &'static str {
        CONSOLE[1]
    }

    /// The settings with which a service trusts it.
    pub(crate) fn settings(&self) -> String {
        format!(
            "[[issuer]]\nissuer = \"{}\"\naudience = \"{AUDIENCE}\"\nname_claim = \"email\"\nclient_id = \"{CLIENT}\"\n\
             [[issuer.role]]\ngroup = \"support\"\n\
             scopes = [\"devices:read\", \"sessions:plan\", \"sessions:apply\", \"sessions:approve\", \"users:write\", \"audit:read\"]\napps = [\"*\"]\n\
             [[issuer.role]]\ngroup = \"leads\"\nscopes = [\"sessions:plan\", \"sessions:approve\", \"audit:read\"]\napps = [\"*\"]\n",
            self.issuer
        )
    }
}

impl Inner {
    /// Signs a token about the person.
    fn signed(&self, issuer: &str, audience: &str, more: &Value) -> String {
        let now = now();
        let head = json!({"alg": "EdDSA", "kid": self.key_id.to_string(), "typ": "JWT"});
        let mut claims = json!({
            "iss": issuer, "aud": audience, "sub": "1", "email": self.person.0, "groups": self.person.1,
            "iat": now, "exp": now + self.lives_seconds,
        });
        for (name, value) in more.as_object().unwrap() {
            claims[name] = value.clone();
        }
        let text = [head, claims]
            .map(|part| URL_SAFE_NO_PAD.encode(part.to_string()))
            .join(".");
        let signature = URL_SAFE_NO_PAD.encode(self.key.sign(text.as_bytes()).unwrap());
        format!("{text}.{signature}")
    }

    fn tokens(&mut self, issuer: &str) -> Value {
        self.count += 1;
        let refresh = format!("refresh-{}", self.count);
        self.refresh = Some(refresh.clone());
        json!({
            "access_token": self.signed(issuer, AUDIENCE, &json!({})),
            "expires_in": self.lives_seconds, "token_type": "Bearer", "refresh_token": refresh,
        })
    }

    /// Gives a code to a browser, and returns where that goes with it.
    fn send_back(&mut self, issuer: &str, asked: &BTreeMap<String, String>) -> String {
        self.count += 1;
        let code = format!("code-{}", self.count);
        self.codes.insert(code.clone(), asked.clone());
        let issuer = issuer.replace(':', "%3A").replace('/', "%2F");
        format!(
            "{}?code={code}&state={}&iss={issuer}",
            asked["redirect_uri"], asked["state"]
        )
    }

    /// Returns what a browser gets that was sent: the person has to say who it is, or is known.
    fn visited(&mut self, issuer: &str, query: &str) -> (u16, String, Value) {
        let asked = pairs(query);
        assert_eq!(asked["code_challenge_method"], "S256");
        let must_show = asked["client_id"] == CONSOLE[0]
            && (self.proved.is_none() || asked.get("prompt").is_some_and(|prompt| prompt == "login"));
        if must_show {
            // A page of the issuer, of which this is all that matters.
            let name = &self.person.0;
            let page =
                format!("<!doctype html><title>Issuer</title><a href=\"/enter?{query}\">I am {name}</a>");
            return (200, String::new(), Value::String(page));
        }
        let place = self.send_back(issuer, &asked);
        (302, format!("location: {place}\r\n"), Value::Null)
    }

    /// Returns the tokens for a code of the console.
    fn of_console(&mut self, issuer: &str, form: &BTreeMap<String, String>) -> (u16, Value) {
        let code = form.get("code").and_then(|code| self.codes.remove(code));
        let fits = |asked: &BTreeMap<String, String>| {
            challenge_of(&form["code_verifier"]) == asked["code_challenge"]
                && form["redirect_uri"] == asked["redirect_uri"]
        };
        let Some(asked) = code.filter(fits) else {
            return (400, json!({"error": "invalid_grant"}));
        };
        let more = json!({"nonce": asked["nonce"], "auth_time": self.proved});
        let id_token = self.signed(issuer, CONSOLE[0], &more);
        let given = json!({"access_token": "opaque", "token_type": "Bearer", "id_token": id_token});
        (200, given)
    }

    fn token(&mut self, issuer: &str, form: &BTreeMap<String, String>) -> (u16, Value) {
        let word = |name: &str| form.get(name).map(String::as_str).unwrap_or_default();
        let grant = word("grant_type")
            .rsplit(':')
            .next()
            .unwrap_or_default()
            .to_owned();
        self.asked.push(grant.clone());
        let refused = |why: &str| (400, json!({"error": why}));
        if !self.answers.is_empty() {
            return self.answers.remove(0);
        }
        if word("client_id") != CLIENT {
            return refused("invalid_client");
        }
        match grant.as_str() {
            "device_code" if word("device_code") == "device" => (200, self.tokens(issuer)),
            "refresh_token" if self.refresh.as_deref() == Some(word("refresh_token")) => {
                (200, self.tokens(issuer))
            }
            "refresh_token" => {
                self.refresh = None;
                refused("invalid_grant")
            }
            "authorization_code" => match self.codes.remove(word("code")) {
                // The challenge is the digest of what only the program knows that began.
                Some(asked) if challenge_of(word("code_verifier")) == asked["code_challenge"] => {
                    (200, self.tokens(issuer))
                }
                _ => refused("invalid_grant"),
            },
            _ => refused("invalid_grant"),
        }
    }
}

/// The challenge of RFC 7636, by the program `openssl`: this crate has no digest of its own.
fn challenge_of(verifier: &str) -> String {
    let mut digest = std::process::Command::new("openssl")
        .args(["dgst", "-sha256", "-binary"])
        .stdin(std::process::Stdio::piped())
        .stdout(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    digest
        .stdin
        .take()
        .unwrap()
        .write_all(verifier.as_bytes())
        .unwrap();
    URL_SAFE_NO_PAD.encode(digest.wait_with_output().unwrap().stdout)
}

fn pairs(text: &str) -> BTreeMap<String, String> {
    let pair = |pair: &str| {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        (decoded(name), decoded(value))
    };
    text.split('&')
        .filter(|text| !text.is_empty())
        .map(pair)
        .collect()
}

fn decoded(text: &str) -> String {
    let (mut bytes, mut out) = (text.bytes(), Vec::new());
    while let Some(byte) = bytes.next() {
        out.push(match byte {
            b'+' => b' ',
            b'%' => {
                let digits = [bytes.next().unwrap(), bytes.next().unwrap()];
                u8::from_str_radix(std::str::from_utf8(&digits).unwrap(), 16).unwrap()
            }
            other => other,
        });
    }
    String::from_utf8(out).unwrap()
}

fn answer(client: impl Read + Write, issuer: &str, inner: &Mutex<Inner>) -> Option<()> {
    let mut reader = BufReader::new(client);
    let mut first = String::new();
    reader.read_line(&mut first).ok()?;
    let (mut length, mut shown) = (0, String::new());
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).ok()?;
        if let Some(value) = line.to_lowercase().strip_prefix("content-length:") {
            length = value.trim().parse().ok()?;
        }
        if line.to_lowercase().starts_with("authorization:") {
            line.split_once(':')?.1.trim().clone_into(&mut shown);
        }
        if line.trim().is_empty() {
            break;
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    let form = pairs(&String::from_utf8(body).ok()?);
    let target = first.split(' ').nth(1)?;
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let mut inner = inner.lock().unwrap();
    let mut more = String::new();
    let (status, said) = match path {
        "/.well-known/openid-configuration" => (
            200,
            json!({
                "issuer": issuer, "jwks_uri": format!("{issuer}/jwks"), "token_endpoint": format!("{issuer}/token"),
                "authorization_endpoint": format!("{issuer}/authorize"),
                "authorization_response_iss_parameter_supported": true,
                "device_authorization_endpoint": format!("{issuer}/device"),
                "revocation_endpoint": format!("{issuer}/revoke"),
            }),
        ),
        "/jwks" => {
            let x = URL_SAFE_NO_PAD.encode(inner.key.der_bytes());
            let key = json!({"kty": "OKP", "crv": "Ed25519", "alg": "EdDSA", "use": "sig", "kid": inner.key_id.to_string(), "x": x});
            (200, json!({"keys": [key]}))
        }
        "/device" => (
            200,
            json!({
                "device_code": "device", "user_code": "WDJB-MJHT", "verification_uri": format!("{issuer}/enter"),
                "verification_uri_complete": format!("{issuer}/enter?code=WDJB-MJHT"), "expires_in": 600, "interval": 0,
            }),
        ),
        "/authorize" => {
            let (status, place, page) = inner.visited(issuer, query);
            more = place;
            (status, page)
        }
        "/enter" => {
            inner.proved = Some(now());
            let place = inner.send_back(issuer, &pairs(query));
            more = format!("location: {place}\r\n");
            (302, Value::Null)
        }
        "/token" if shown == format!("Basic {}", STANDARD.encode(CONSOLE.join(":"))) => {
            if let Some(raw) = inner.raw.clone() {
                // Whoever has heard enough goes away.
                let _ = reader.get_mut().write_all(raw.bytes.as_bytes());
                if raw.stays_open {
                    std::mem::forget(reader);
                }
                return Some(());
            }
            inner.of_console(issuer, &form)
        }
        "/token" => inner.token(issuer, &form),
        "/revoke" => {
            inner.revoked.push(form["token_type_hint"].clone());
            inner.refresh = None;
            (200, json!({}))
        }
        _ => (404, json!({"error": "not_found"})),
    };
    drop(inner);
    let (kind, said) = match said {
        Value::String(page) => ("text/html", page),
        said => ("application/json", said.to_string()),
    };
    let answer = format!(
        "HTTP/1.1 {status} X\r\ncontent-type: {kind}\r\n{more}content-length: {}\r\nconnection: close\r\n\r\n{said}",
        said.len()
    );
    let mut client = reader.into_inner();
    client.write_all(answer.as_bytes()).ok()?;
    client.flush().ok()
}

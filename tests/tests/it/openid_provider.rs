//! An issuer of `OpenID` Connect, as far as signing in needs one: it rotates refresh tokens and keys, and can be told to fail.

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{SystemTime, UNIX_EPOCH};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use rcgen::{KeyPair, PKCS_ED25519, PublicKeyData as _, SigningKey as _};
use serde_json::{Value, json};

/// Whom its tokens are meant for.
pub(crate) const AUDIENCE: &str = "easemob-admin";

/// The client of the command line.
const CLIENT: &str = "easemob-admin-cli";

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
    codes: BTreeMap<String, String>,
    asked: Vec<String>,
}

impl Provider {
    pub(crate) fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let issuer = format!("http://{}", listener.local_addr().unwrap());
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
        };
        let inner = Arc::new(Mutex::new(inner));
        let (known, name) = (Arc::clone(&inner), issuer.clone());
        std::thread::spawn(move || {
            for client in listener.incoming() {
                let _ = answer(&client.unwrap(), &name, &known);
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

    pub(crate) fn revoked(&self) -> Vec<String> {
        self.inner().revoked.clone()
    }

    /// The grants that were asked for, in their order.
    pub(crate) fn asked(&self) -> Vec<String> {
        self.inner().asked.clone()
    }

    /// The settings with which a service trusts it.
    pub(crate) fn settings(&self) -> String {
        format!(
            "[[issuer]]\nissuer = \"{}\"\naudience = \"{AUDIENCE}\"\nname_claim = \"email\"\nclient_id = \"{CLIENT}\"\n\
             [[issuer.role]]\ngroup = \"support\"\n\
             scopes = [\"devices:read\", \"sessions:plan\", \"sessions:apply\", \"sessions:approve\", \"audit:read\"]\napps = [\"*\"]\n\
             [[issuer.role]]\ngroup = \"leads\"\nscopes = [\"sessions:plan\", \"sessions:approve\", \"audit:read\"]\napps = [\"*\"]\n",
            self.issuer
        )
    }
}

impl Inner {
    fn tokens(&mut self, issuer: &str) -> Value {
        self.count += 1;
        let refresh = format!("refresh-{}", self.count);
        self.refresh = Some(refresh.clone());
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
        let head = json!({"alg": "EdDSA", "kid": self.key_id.to_string(), "typ": "JWT"});
        let claims = json!({
            "iss": issuer, "aud": AUDIENCE, "sub": "1", "email": self.person.0, "groups": self.person.1,
            "iat": now, "exp": now + self.lives_seconds,
        });
        let text = [head, claims]
            .map(|part| URL_SAFE_NO_PAD.encode(part.to_string()))
            .join(".");
        let signature = URL_SAFE_NO_PAD.encode(self.key.sign(text.as_bytes()).unwrap());
        json!({
            "access_token": format!("{text}.{signature}"),
            "expires_in": self.lives_seconds, "token_type": "Bearer", "refresh_token": refresh,
        })
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
                Some(challenge) if challenge_of(word("code_verifier")) == challenge => {
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

fn answer(mut client: &TcpStream, issuer: &str, inner: &Mutex<Inner>) -> Option<()> {
    let mut reader = BufReader::new(client);
    let mut first = String::new();
    reader.read_line(&mut first).ok()?;
    let mut length = 0;
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).ok()?;
        if let Some(value) = line.to_lowercase().strip_prefix("content-length:") {
            length = value.trim().parse().ok()?;
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
            let asked = pairs(query);
            assert_eq!(asked["code_challenge_method"], "S256");
            let code = format!("code-{}", inner.codes.len());
            inner.codes.insert(code.clone(), asked["code_challenge"].clone());
            more = format!(
                "location: {}?code={code}&state={}\r\n",
                asked["redirect_uri"], asked["state"]
            );
            (302, Value::Null)
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
    let said = said.to_string();
    let answer = format!(
        "HTTP/1.1 {status} X\r\ncontent-type: application/json\r\n{more}content-length: {}\r\nconnection: close\r\n\r\n{said}",
        said.len()
    );
    client.write_all(answer.as_bytes()).ok()
}

//! Signing in with a browser on this machine: the code flow with PKCE, which comes back to a port of this machine (RFC 8252).

use std::process::{Command, Stdio};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use easemob_admin_remote::api::SignIn;
use sha2::{Digest as _, Sha256};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::timeout;

use super::SignInError;
use super::provider::{Provider, Tokens};

/// How long somebody has to sign in.
const PATIENCE: Duration = Duration::from_secs(10 * 60);

/// How long a browser may take to send its request.
const TO_SEND: Duration = Duration::from_secs(5);

/// The most bytes of a request.
const LARGEST: usize = 16 * 1024;

/// A sign-in that waits for the browser.
pub struct Waiting {
    listener: TcpListener,
    /// Where the browser goes.
    pub address: String,
    comes_back_to: String,
    state: String,
    verifier: String,
}

/// What a request to the port says. Pure.
#[derive(Debug, PartialEq, Eq)]
enum Came {
    Code(String),
    Denied(String),
    /// Something else asked, or somebody who does not know the state.
    Other,
}

fn random() -> std::io::Result<String> {
    let mut bytes = [0; 32];
    getrandom::fill(&mut bytes).map_err(std::io::Error::other)?;
    Ok(URL_SAFE_NO_PAD.encode(bytes))
}

/// Returns what an issuer needs to recognise who comes back.
fn challenge(verifier: &str) -> String {
    URL_SAFE_NO_PAD.encode(Sha256::digest(verifier.as_bytes()))
}

fn came(request: &str, state: &str, issuer: &str, says_issuer: bool) -> Came {
    let mut words = request.lines().next().unwrap_or_default().split(' ');
    let (Some("GET"), Some(path)) = (words.next(), words.next()) else {
        return Came::Other;
    };
    let Some(("/", query)) = path.split_once('?') else {
        return Came::Other;
    };
    let pairs = url::form_urlencoded::parse(query.as_bytes());
    let mut found = std::collections::BTreeMap::new();
    for (name, value) in pairs {
        // What is there twice is nobody's answer.
        if found.insert(name.into_owned(), value.into_owned()).is_some() {
            return Came::Other;
        }
    }
    let is = |name: &str, wanted: &str| found.get(name).is_some_and(|value| value == wanted);
    let of_issuer = match found.get("iss") {
        Some(said) => said == issuer,
        None => !says_issuer,
    };
    if !is("state", state) || !of_issuer {
        return Came::Other;
    }
    match (found.get("code"), found.get("error")) {
        (Some(code), None) => Came::Code(code.clone()),
        (_, Some(error)) => Came::Denied(error.clone()),
        (None, None) => Came::Other,
    }
}

/// Opens the port, and makes the address for the browser.
///
/// # Errors
/// When the issuer does not offer this, or there is no port.
pub async fn begin(provider: &Provider, client: &SignIn) -> Result<Waiting, SignInError> {
    let Some(at) = &provider.authorization_endpoint else {
        return Err(SignInError::NotOffered(client.issuer.clone()));
    };
    let no_port = |error: std::io::Error| SignInError::Unusable {
        address: "127.0.0.1".into(),
        why: error.to_string(),
    };
    let listener = TcpListener::bind("127.0.0.1:0").await.map_err(no_port)?;
    let comes_back_to = format!("http://{}/", listener.local_addr().map_err(no_port)?);
    let (state, verifier) = (random().map_err(no_port)?, random().map_err(no_port)?);
    let mut address: url::Url = at.parse().map_err(|_| SignInError::Unsafe(at.clone()))?;
    if !["https", "http"].contains(&address.scheme()) {
        return Err(SignInError::Unsafe(at.clone()));
    }
    address.query_pairs_mut().extend_pairs([
        ("response_type", "code"),
        ("client_id", &client.client_id),
        ("redirect_uri", &comes_back_to),
        ("scope", &client.scope),
        ("state", &state),
        ("code_challenge", &challenge(&verifier)),
        ("code_challenge_method", "S256"),
    ]);
    Ok(Waiting {
        listener,
        address: address.into(),
        comes_back_to,
        state,
        verifier,
    })
}

impl Waiting {
    /// Waits until the browser comes back, and gets the tokens.
    ///
    /// # Errors
    /// When somebody says no, nobody comes in time, or the issuer refuses.
    pub async fn finish(self, provider: &Provider, client: &SignIn) -> Result<Tokens, SignInError> {
        let code = timeout(PATIENCE, self.code(provider, client)).await;
        let code = code.map_err(|_| SignInError::Expired)??;
        let form = [
            ("grant_type", "authorization_code"),
            ("code", &code),
            ("redirect_uri", &self.comes_back_to),
            ("client_id", &client.client_id),
            ("code_verifier", &self.verifier),
        ];
        provider.tokens(client, &form).await
    }

    async fn code(&self, provider: &Provider, client: &SignIn) -> Result<String, SignInError> {
        loop {
            let Ok((mut connection, _)) = self.listener.accept().await else {
                continue;
            };
            let request = timeout(TO_SEND, head(&mut connection)).await.unwrap_or_default();
            let came = came(&request, &self.state, &client.issuer, provider.says_issuer);
            let (status, text) = match &came {
                Came::Code(_) => ("200 OK", "Signed in. You can close this page."),
                Came::Denied(_) => ("200 OK", "Not signed in. You can close this page."),
                Came::Other => ("404 Not Found", "There is nothing here."),
            };
            // A browser that does not read this has said what it had to say.
            let _ = timeout(TO_SEND, answer(&mut connection, status, text)).await;
            match came {
                Came::Code(code) => return Ok(code),
                Came::Denied(error) if error == "access_denied" => return Err(SignInError::Denied),
                Came::Denied(error) => return Err(SignInError::Refused(error)),
                Came::Other => {}
            }
        }
    }
}

/// Reads the head of a request.
async fn head(connection: &mut TcpStream) -> String {
    let mut head = Vec::new();
    let mut piece = [0; 1024];
    while head.len() < LARGEST && !head.windows(4).any(|end| end == b"\r\n\r\n") {
        match connection.read(&mut piece).await {
            Ok(read @ 1..) => head.extend_from_slice(&piece[..read]),
            _ => break,
        }
    }
    String::from_utf8_lossy(&head).into_owned()
}

async fn answer(connection: &mut TcpStream, status: &str, text: &str) -> std::io::Result<()> {
    let answer = format!(
        "HTTP/1.1 {status}\r\ncontent-type: text/plain\r\ncontent-length: {}\r\nconnection: close\r\n\
         cache-control: no-store\r\n\r\n{text}",
        text.len()
    );
    connection.write_all(answer.as_bytes()).await?;
    connection.shutdown().await
}

/// Opens an address in the browser of `BROWSER`, or of the desktop; returns false if that cannot be started.
#[must_use]
pub fn open_browser(browser: Option<&str>, address: &str) -> bool {
    let usual = if cfg!(target_os = "macos") {
        "open"
    } else {
        "xdg-open"
    };
    let program = browser.unwrap_or(usual);
    let quiet = Command::new(program)
        .arg(address)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn();
    // It is left alone, whenever it ends.
    quiet.is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_browser_that_was_sent_comes_back() {
        let issuer = "https://login.example.com";
        let of = |path: &str, says_issuer| {
            came(
                &format!("GET {path} HTTP/1.1\r\nhost: x\r\n\r\n"),
                "s1",
                issuer,
                says_issuer,
            )
        };
        assert_eq!(of("/?code=c%2B1&state=s1", false), Came::Code("c+1".into()));
        assert_eq!(
            of("/?code=c&state=s1&iss=https%3A%2F%2Flogin.example.com", true),
            Came::Code("c".into())
        );
        assert_eq!(
            of("/?error=access_denied&state=s1", false),
            Came::Denied("access_denied".into())
        );
        for other in [
            "/?code=c&state=s2",
            "/?code=c",
            "/?code=c&code=d&state=s1",
            "/?state=s1",
            "/favicon.ico",
            "/other?code=c&state=s1",
            "/?code=c&state=s1&iss=https%3A%2F%2Fevil.example.com",
        ] {
            assert_eq!(of(other, false), Came::Other, "{other}");
        }
        assert_eq!(
            of("/?code=c&state=s1", true),
            Came::Other,
            "the issuer is missing"
        );
        assert_eq!(
            came("POST /?code=c&state=s1 HTTP/1.1", "s1", issuer, false),
            Came::Other
        );
        assert_eq!(came("", "s1", issuer, false), Came::Other);
    }

    #[test]
    fn the_challenge_is_that_of_the_standard() {
        // RFC 7636, appendix B.
        assert_eq!(
            challenge("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"),
            "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"
        );
    }
}

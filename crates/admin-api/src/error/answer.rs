//! Answers that could not be understood.

use std::error::Error as StdError;
use std::fmt;

/// The beginning of an answer that is not of the documented form.
///
/// ```
/// # use easemob_admin_api::Excerpt;
/// let excerpt = Excerpt::new(Some("text/html"), b"<h1>Bad Gateway</h1>");
/// assert_eq!(excerpt.to_string(), "text/html, 20 bytes: <h1>Bad Gateway</h1>");
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Excerpt {
    /// The content type of the answer, if it named one.
    pub content_type: Option<String>,
    /// The first KiB of the body; bytes that are not UTF-8 are replaced.
    pub text: String,
    /// The length of the whole body, in bytes.
    pub length: usize,
}

/// What stands in place of an answer that may hold a secret.
const WITHHELD: &str = "[withheld: may hold a secret]";

impl Excerpt {
    /// How much of a body is kept, in bytes.
    pub const KEPT: usize = 1024;

    /// Keeps the first KiB of a body.
    #[must_use]
    pub fn new(content_type: Option<&str>, body: &[u8]) -> Self {
        let kept = &body[..body.len().min(Self::KEPT)];
        Self {
            content_type: content_type.map(str::to_owned),
            text: String::from_utf8_lossy(kept).into_owned(),
            length: body.len(),
        }
    }
}

impl Excerpt {
    /// The same without anything of the body, which may hold a secret.
    pub(crate) fn withheld(self) -> Self {
        let kind = |content_type: String| content_type.split(';').next().map(str::to_owned);
        Self {
            content_type: self.content_type.and_then(kind),
            text: WITHHELD.into(),
            ..self
        }
    }
}

impl fmt::Display for Excerpt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let content_type = self.content_type.as_deref().unwrap_or("no content type");
        if self.length == 0 {
            return write!(f, "{content_type}, empty body");
        }
        let shown: String = self.text.split_whitespace().collect::<Vec<_>>().join(" ");
        let short: String = shown.chars().take(160).collect();
        let dots = if short.len() < shown.len() || self.text.len() < self.length {
            "…"
        } else {
            ""
        };
        write!(
            f,
            "{content_type}, {} bytes: {}{dots}",
            self.length,
            short.escape_debug()
        )
    }
}

/// An answer that the server meant as success and that could not be understood.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")] async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use easemob_admin_api::{AppRoot, Client, Credentials, UserId};
/// use easemob_admin_sandbox::{Fault, Sandbox};
///
/// let sandbox = Sandbox::start().await?;
/// sandbox.inject(Fault::raw_body("devices.list", "text/html", "<html>captive portal</html>"));
/// let client = Client::builder(AppRoot::parse(&sandbox.app_root())?)
///     .credentials(Credentials::client_secret(sandbox.client_id(), sandbox.client_secret()))
///     .build()?;
/// let error = client.list_devices(&UserId::parse("ann")?).await.unwrap_err();
/// assert_eq!(error.undecoded().unwrap().answer.content_type.as_deref(), Some("text/html"));
/// # Ok(()) }
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct DecodeError {
    /// What was expected and is not there.
    pub problem: String,
    /// The HTTP status.
    pub status: u16,
    /// The beginning of the answer.
    pub answer: Excerpt,
    /// True if the service cannot have written the answer: it is not JSON, or no field of it is the service's.
    pub foreign: bool,
}

impl fmt::Display for DecodeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} (status {}; {})", self.problem, self.status, self.answer)
    }
}

impl StdError for DecodeError {}

impl DecodeError {
    /// The same without anything of the answer, which may hold a secret: even what was expected may be told by way of
    /// what was there.
    pub(crate) fn withheld(self) -> Self {
        Self {
            problem: "the answer is not of the documented form".into(),
            status: self.status,
            answer: self.answer.withheld(),
            foreign: self.foreign,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_excerpt_keeps_a_kib_and_shows_one_line() {
        let body = format!("<html>\n{}</html>\u{1b}[2J", "x".repeat(4000));
        let excerpt = Excerpt::new(Some("text/html"), body.as_bytes());
        assert_eq!(excerpt.text.len(), Excerpt::KEPT);
        let shown = excerpt.to_string();
        assert!(
            shown.ends_with('…') && shown.len() < 250 && !shown.contains('\n'),
            "{shown}"
        );
    }
}

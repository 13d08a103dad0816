//! Headers of the caller's own, such as `traceparent` or the key of a gateway.

use http::header::{self, HeaderMap, HeaderName, HeaderValue};

/// Headers that the client sets itself, or whose meaning it relies on.
const RESERVED: [HeaderName; 14] = [
    header::ACCEPT,
    header::ACCEPT_ENCODING,
    header::AUTHORIZATION,
    header::CONNECTION,
    header::CONTENT_ENCODING,
    header::CONTENT_LENGTH,
    header::CONTENT_TYPE,
    header::EXPECT,
    header::HOST,
    // Through a tunnel it would reach the server, and not the proxy.
    header::PROXY_AUTHORIZATION,
    header::TE,
    header::TRANSFER_ENCODING,
    header::UPGRADE,
    header::USER_AGENT,
];

/// Headers that are no secret: those that follow a request through many systems, and those that say why it is sent.
const NO_SECRETS: [&str; 8] = [
    "traceparent",
    "tracestate",
    "baggage",
    "b3",
    "x-request-id",
    "x-correlation-id",
    "x-reason",
    "x-ticket",
];

/// The shortest value that is looked for in answers; a shorter one would be found in the names of users.
const SHORTEST_SECRET: usize = 8;

/// A header that a client cannot send.
///
/// ```
/// use easemob_admin_api::{AppRoot, Client, Credentials};
///
/// let client = Client::builder(AppRoot::parse("https://im.example.com/acme/chat")?)
///     .credentials(Credentials::fixed_token("YWMtx"))
///     .build()?;
/// let error = client.with_header("Authorization", "Bearer other").unwrap_err();
/// assert_eq!(error.to_string(), "cannot send the header `authorization`: the client sets it itself");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("cannot send the header `{}`: {problem}", name.escape_debug())]
pub struct InvalidHeader {
    name: String,
    problem: &'static str,
}

/// Adds a header, or replaces the one of that name. `Debug` does not show its value.
pub(super) fn add(headers: &mut HeaderMap, name: &str, value: &str) -> Result<(), InvalidHeader> {
    let invalid = |problem| InvalidHeader {
        name: name.to_ascii_lowercase(),
        problem,
    };
    let key: HeaderName = name
        .parse()
        .map_err(|_| invalid("the name is not a header name"))?;
    if RESERVED.contains(&key) {
        return Err(invalid("the client sets it itself"));
    }
    let mut value: HeaderValue = value
        .parse()
        .map_err(|_| invalid("the value holds characters that no header may hold"))?;
    value.set_sensitive(true);
    headers.insert(key, value);
    Ok(())
}

/// Returns the values that may be keys, which no answer may show.
pub(super) fn secrets(headers: &HeaderMap) -> impl Iterator<Item = &str> {
    headers
        .iter()
        .filter(|(name, _)| !NO_SECRETS.contains(&name.as_str()))
        // One with letters beyond ASCII is sent as it is, and comes back as it is.
        .filter_map(|(_, value)| std::str::from_utf8(value.as_bytes()).ok())
        .filter(|value| value.len() >= SHORTEST_SECRET)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_of_the_client_and_unusable_ones_are_refused() {
        let mut headers = HeaderMap::new();
        for (name, value, good) in [
            ("traceparent", "00-1-2-01", true),
            ("X-Gateway-Key", "k3y", true),
            ("x-empty", "", true),
            ("HOST", "elsewhere", false),
            ("proxy-authorization", "Basic eDp5", false),
            ("content-length", "5", false),
            ("Transfer-Encoding", "chunked", false),
            ("x y", "1", false),
            ("", "1", false),
            ("x-y", "1\r\nhost: evil", false),
            ("x-y", "\u{0}", false),
        ] {
            assert_eq!(add(&mut headers, name, value).is_ok(), good, "{name}: {value}");
        }
        assert_eq!(headers.len(), 3);
    }

    #[test]
    fn keys_are_secrets_and_traces_are_not() {
        let mut headers = HeaderMap::new();
        for (name, value) in [
            ("traceparent", "00-11111111-2-01"),
            ("x-key", "0123456789"),
            ("x-zone", "eu"),
            ("x-word", "Schlüssel"),
        ] {
            add(&mut headers, name, value).unwrap();
        }
        assert_eq!(secrets(&headers).collect::<Vec<_>>(), ["0123456789", "Schlüssel"]);
        assert!(!format!("{headers:?}").contains("0123456789"));
    }
}

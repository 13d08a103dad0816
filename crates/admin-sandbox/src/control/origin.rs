//! Whether a control call comes from this machine, and from no web page of another. Pure.
//!
//! The address of the caller does not tell: a browser on this machine calls for any page that it shows, and a page's
//! host name can be made to lead here.

use std::net::IpAddr;

use http::header::{HOST, ORIGIN};
use http::uri::Authority;
use http::{HeaderMap, HeaderValue};

/// Returns whether all that a call says of where it comes from and goes to is this machine.
pub(super) fn is_local(headers: &HeaderMap) -> bool {
    let text = |value: &HeaderValue| value.to_str().unwrap_or_default().to_owned();
    let host = headers.get(HOST).map(text);
    let origin = headers.get(ORIGIN).map(text);
    host.is_none_or(|host| is_here(&host, |address| address.is_loopback() || address.is_unspecified()))
        && origin.is_none_or(|origin| {
            origin
                .split_once("://")
                .is_some_and(|(_, host)| is_here(host, |address| address.is_loopback()))
        })
}

/// A sandbox that listens on all addresses says `0.0.0.0` of itself, which names this machine and no other.
fn is_here(authority: &str, accepted: impl FnOnce(IpAddr) -> bool) -> bool {
    let Ok(authority) = authority.parse::<Authority>() else {
        return false;
    };
    let host = authority.host().trim_matches(['[', ']']);
    let address = host.parse::<IpAddr>();
    host.eq_ignore_ascii_case("localhost") || address.is_ok_and(|address| accepted(address.to_canonical()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_of_other_hosts_and_names_that_lead_here_are_strangers() {
        for (host, origin, local) in [
            ("127.0.0.1:8080", None, true),
            ("localhost", None, true),
            ("[::1]:8080", Some("http://localhost:3000"), true),
            ("127.0.0.1:8080", Some("http://127.0.0.1:1"), true),
            ("127.0.0.1:8080", Some("https://example.com"), false),
            ("0.0.0.0:8080", None, true),
            ("[::]:8080", None, true),
            ("0.0.0.0:8080", Some("http://0.0.0.0:1"), false),
            ("127.0.0.1:8080", Some("null"), false),
            ("127.0.0.1:8080", Some("http://127.0.0.1.example.com"), false),
            ("127.0.0.1:8080", Some("http://127.0.0.1@example.com"), false),
            ("rebound.example.com:8080", None, false),
            ("", None, false),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(HOST, host.parse().unwrap());
            if let Some(origin) = origin {
                headers.insert(ORIGIN, origin.parse().unwrap());
            }
            assert_eq!(is_local(&headers), local, "{host} {origin:?}");
        }
        assert!(is_local(&HeaderMap::new()));
    }
}

//! A proxy that the program names itself.

use std::fmt;

use hyper_util::client::proxy::matcher::Matcher;
use secrecy::{ExposeSecret as _, SecretString};

use super::SetupError;

/// What is said of an address that is none.
const UNUSABLE: &str = "the address of the proxy is not a URL such as `http://proxy.example.com:3128`";

/// The address of a proxy; it may hold a password, which nothing shows.
#[derive(Clone)]
pub(crate) struct ProxyAddress(SecretString);

impl ProxyAddress {
    pub(crate) fn new(address: String) -> Self {
        Self(address.into())
    }

    pub(super) fn proxy(&self) -> Result<reqwest::Proxy, SetupError> {
        Ok(reqwest::Proxy::all(self.checked()?).map_err(|_| UNUSABLE)?)
    }

    /// Returns what says that every server is reached by the proxy.
    pub(super) fn matcher(&self) -> Result<Matcher, SetupError> {
        self.checked()?;
        Ok(Matcher::builder().all(self.0.expose_secret()).build())
    }

    fn checked(&self) -> Result<url::Url, SetupError> {
        // The library's own error repeats the address, and with it the password.
        let address = url::Url::parse(self.0.expose_secret()).map_err(|_| UNUSABLE)?;
        let is_known = matches!(
            address.scheme(),
            "http" | "https" | "socks4" | "socks4a" | "socks5" | "socks5h"
        );
        if is_known && address.has_host() {
            Ok(address)
        } else {
            Err(UNUSABLE.into())
        }
    }
}

impl fmt::Debug for ProxyAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ProxyAddress([redacted])")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_of_proxies_are_checked_and_never_shown() {
        for (address, good) in [
            ("http://proxy:3128", true),
            ("socks5h://ann:hunter22@proxy:1080", true),
            ("proxy:3128", false),
            ("ftp://ann:hunter22@proxy", false),
            ("hunter22", false),
            ("", false),
        ] {
            let proxy = ProxyAddress::new(address.into());
            assert_eq!(proxy.proxy().is_ok(), good, "{address}");
            let shown = format!("{proxy:?} {:?}", proxy.proxy().err());
            assert!(!shown.contains("hunter22"), "{shown}");
        }
    }
}

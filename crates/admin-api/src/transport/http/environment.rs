//! What the environment says of proxies.

use super::no_proxy;
use crate::app_root::AppRoot;

/// Returns true if the environment names a proxy for any server, in one of the spellings that are in use.
pub(super) fn names_a_proxy<V: AsRef<std::ffi::OsStr>>(variable: impl Fn(&str) -> Option<V>) -> bool {
    ["HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"].iter().any(|name| {
        [name.to_string(), name.to_lowercase()]
            .iter()
            .filter_map(|name| variable(name))
            .any(|value| !value.as_ref().is_empty())
    })
}

/// Returns true if the environment exempts a server from the proxy, in either spelling: an exception that was meant and
/// not heeded shows a token to the proxy.
pub(super) fn names_an_exception<V: AsRef<std::ffi::OsStr>>(
    variable: impl Fn(&str) -> Option<V>,
    root: &AppRoot,
) -> bool {
    ["NO_PROXY", "no_proxy"]
        .into_iter()
        .filter_map(variable)
        .any(|list| no_proxy::exempts(&list.as_ref().to_string_lossy(), root.host(), root.port()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_proxy_is_noticed_in_every_spelling() {
        let among = |set: &'static str, value: &'static str| move |name: &str| (name == set).then_some(value);
        for name in [
            "HTTP_PROXY",
            "http_proxy",
            "HTTPS_PROXY",
            "https_proxy",
            "ALL_PROXY",
            "all_proxy",
        ] {
            assert!(names_a_proxy(among(name, "http://proxy:3128")), "{name}");
            assert!(!names_a_proxy(among(name, "")), "{name}");
        }
        assert!(!names_a_proxy(among("NO_PROXY", "*")));
    }

    #[test]
    fn an_exception_is_noticed_in_every_spelling() {
        let root = AppRoot::parse("http://192.0.2.7/acme/chat").unwrap();
        for (name, value, exempt) in [
            ("NO_PROXY", "*", true),
            ("no_proxy", "*", true),
            ("NO_PROXY", "192.0.2.7:80", true),
            ("no_proxy", "192.0.2.7:443", false),
            ("NO_PROXY", "", false),
            ("HTTP_PROXY", "*", false),
        ] {
            let among = |asked: &str| (asked == name).then_some(value);
            assert_eq!(names_an_exception(among, &root), exempt, "{name}={value}");
        }
    }
}

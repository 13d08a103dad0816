//! `NO_PROXY`, as far as the HTTP library reads it otherwise than curl and Go do.
//!
//! The library takes `*` for names only, so that a server given by its address was still asked through the proxy; and it
//! knows no ports. Ranges such as `10.0.0.0/8` are left to it.

use crate::app_root::AppRoot;

/// Returns true if an entry of `list` names the server, or every server.
pub(super) fn excepts(list: &str, root: &AppRoot) -> bool {
    let authority = root.authority().to_ascii_lowercase();
    let host = root.host().to_ascii_lowercase();
    list.split(',')
        .map(|entry| entry.trim().to_ascii_lowercase())
        .any(|entry| entry == "*" || names(&entry, &host, &authority))
}

fn names(entry: &str, host: &str, authority: &str) -> bool {
    // The part of the authority behind the host is its port.
    let port = authority.strip_prefix(host).unwrap_or_default();
    let entry = match entry.strip_suffix(port) {
        Some(name) if !port.is_empty() => name,
        _ => entry,
    };
    let bare = |text: &str| text.trim_start_matches('[').trim_end_matches(']').to_owned();
    if entry.is_empty() {
        return false;
    }
    if bare(entry) == bare(host) {
        return true;
    }
    let domain = entry
        .strip_prefix("*.")
        .or(entry.strip_prefix('.'))
        .unwrap_or(entry);
    let is_address = host.starts_with('[') || host.parse::<std::net::Ipv4Addr>().is_ok();
    !is_address && (host == domain || host.strip_suffix(domain).is_some_and(|rest| rest.ends_with('.')))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_is_excepted_by_every_customary_spelling() {
        let name = "https://im.example.com/o/a";
        let address = "http://10.1.2.3:8080/o/a";
        let six = "http://[2001:db8::7]:8080/o/a";
        for (list, root, excepted) in [
            ("*", name, true),
            ("*", address, true),
            ("*", six, true),
            (" * ", address, true),
            ("other, *", address, true),
            ("im.example.com", name, true),
            ("IM.Example.Com", name, true),
            ("example.com", name, true),
            (".example.com", name, true),
            ("*.example.com", name, true),
            ("ample.com", name, false),
            ("other.com,im.example.com", name, true),
            ("im.example.com.evil", name, false),
            ("10.1.2.3", address, true),
            ("10.1.2.3:8080", address, true),
            ("10.1.2.3:9090", address, false),
            ("10.1.2.30", address, false),
            ("2.3", address, false),
            ("2001:db8::7", six, true),
            ("[2001:db8::7]", six, true),
            ("[2001:db8::7]:8080", six, true),
            ("2001:db8::8", six, false),
            ("", name, false),
            (",,", name, false),
            (".", name, false),
        ] {
            let root = AppRoot::parse(root).unwrap();
            assert_eq!(excepts(list, &root), excepted, "{list:?} for {root}");
        }
    }
}

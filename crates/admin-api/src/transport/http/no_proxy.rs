//! Which servers are asked without a proxy: `NO_PROXY`. Pure.
//!
//! The forms are those that curl, Go and the HTTP library know, taken together: one that only some of them know would
//! otherwise send a token to a proxy that the operator has ruled out.

use std::net::IpAddr;

/// Returns true if `list` exempts the server at `host` and `port`.
///
/// An entry is `*`, a name (which means the names below it too, with or without a leading dot or `*.`), an address, a
/// range of addresses such as `10.0.0.0/8`, each with a port or without. Entries are separated by commas or blanks.
pub(super) fn exempts(list: &str, host: &str, port: u16) -> bool {
    let host = bare(host);
    list.split(|char: char| char == ',' || char.is_whitespace())
        .filter(|entry| !entry.is_empty())
        .any(|entry| matches(entry, &host, port))
}

fn matches(entry: &str, host: &str, port: u16) -> bool {
    let (name, only) = split_port(entry);
    if only.is_some_and(|only| only != port) {
        return false;
    }
    if name == "*" {
        return true;
    }
    if let Ok(address) = host.parse::<IpAddr>() {
        return in_range(name, address);
    }
    let name = name.strip_prefix('*').unwrap_or(name);
    let name = bare(name.strip_prefix('.').unwrap_or(name));
    let rest = host.strip_suffix(name.as_str());
    !name.is_empty() && rest.is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
}

/// Splits `name:port`, where what follows the last colon is no part of an IPv6 address.
fn split_port(entry: &str) -> (&str, Option<u16>) {
    let Some((name, port)) = entry.rsplit_once(':') else {
        return (entry, None);
    };
    let is_name = name.ends_with(']') || !name.contains(':');
    match port.parse() {
        Ok(port) if is_name => (name, Some(port)),
        _ => (entry, None),
    }
}

/// A host in one spelling: without brackets, zone and final dot, in lower case.
fn bare(host: &str) -> String {
    let host = host.trim_start_matches('[').trim_end_matches(']');
    let host = host.split('%').next().unwrap_or(host);
    host.strip_suffix('.').unwrap_or(host).to_ascii_lowercase()
}

/// Returns true if `range` is the address or has it in it.
fn in_range(range: &str, address: IpAddr) -> bool {
    let (network, length) = match range.rsplit_once('/') {
        Some((network, length)) => (network, Some(length)),
        None => (range, None),
    };
    let Ok(network) = bare(network).parse::<IpAddr>() else {
        return false;
    };
    let (network, address) = (network.to_canonical(), address.to_canonical());
    let bits = |address| match address {
        IpAddr::V4(address) => (u128::from(u32::from(address)), 32),
        IpAddr::V6(address) => (u128::from(address), 128_u32),
    };
    let ((network, size), (address, other)) = (bits(network), bits(address));
    let length = length.map_or(Some(size), |length| {
        length.parse().ok().filter(|length| *length <= size)
    });
    length.is_some_and(|length| {
        size == other && (network ^ address).checked_shr(size - length).unwrap_or(0) == 0
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_form_of_an_entry_is_understood() {
        for (list, host, exempt) in [
            ("*", "im.example.com", true),
            ("*", "192.0.2.7", true),
            ("*", "[2001:db8::7]", true),
            ("internal,*", "192.0.2.7", true),
            (" * ", "192.0.2.7", true),
            ("*:8443", "192.0.2.7", true),
            ("*:443", "192.0.2.7", false),
            ("", "192.0.2.7", false),
            (" , ,", "im.example.com", false),
            ("example.com", "im.example.com", true),
            ("example.com", "example.com", true),
            (".example.com", "im.example.com", true),
            (".example.com", "example.com", true),
            ("*.example.com", "im.example.com", true),
            ("EXAMPLE.com", "im.Example.COM", true),
            ("example.com.", "im.example.com", true),
            ("example.com", "im.example.com.", true),
            ("ample.com", "im.example.com", false),
            ("im.example.com", "example.com", false),
            ("example.com.evil.org", "example.com", false),
            ("a.org, example.com", "im.example.com", true),
            ("a.org example.com", "im.example.com", true),
            ("a.org\texample.com\n", "im.example.com", true),
            ("im.example.com:8443", "im.example.com", true),
            ("im.example.com:443", "im.example.com", false),
            (".", "im.example.com", false),
            ("192.0.2.7", "192.0.2.7", true),
            ("192.0.2.7:8443", "192.0.2.7", true),
            ("192.0.2.7:80", "192.0.2.7", false),
            ("192.0.2.70", "192.0.2.7", false),
            ("0.2.7", "192.0.2.7", false),
            (".2.7", "192.0.2.7", false),
            ("192.0.2.0/24", "192.0.2.7", true),
            ("192.0.2.8/29", "192.0.2.7", false),
            ("0.0.0.0/0", "192.0.2.7", true),
            ("192.0.2.7/32", "192.0.2.7", true),
            ("192.0.2.7/33", "192.0.2.7", false),
            ("192.0.2.7/x", "192.0.2.7", false),
            ("::/0", "192.0.2.7", false),
            ("2001:db8::7", "[2001:db8::7]", true),
            ("[2001:db8::7]", "[2001:db8::7]", true),
            ("[2001:db8::7]:8443", "[2001:db8::7]", true),
            ("[2001:db8::7]:443", "[2001:db8::7]", false),
            ("2001:DB8:0::7", "2001:db8::7", true),
            ("2001:db8::/32", "[2001:db8::7]", true),
            ("[2001:db8::]/32", "[2001:db8::7]", true),
            ("2001:db9::/32", "[2001:db8::7]", false),
            ("::ffff:192.0.2.7", "192.0.2.7", true),
        ] {
            assert_eq!(exempts(list, host, 8443), exempt, "{list} for {host}");
        }
    }
}

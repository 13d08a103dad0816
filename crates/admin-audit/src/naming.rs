//! The names of a trail's directory and of its files.

use std::fmt::Write as _;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use crate::tree::line_hash;

/// The signed heads.
pub(super) const HEADS: &str = "checkpoints.jws";
/// The key that signs, and its public half.
pub(super) const PRIVATE_KEY: &str = "key.pem";
pub(super) const PUBLIC_KEY: &str = "key.pub.pem";
const SEGMENT_PREFIX: &str = "entries-";
const SEGMENT_SUFFIX: &str = ".jsonl";
const INDEX_SUFFIX: &str = ".index";

const SANDBOX: &str = "sandbox";
/// The characters that a name keeps. `+` and `%` are escaped, because they distinguish the names of apps.
const ESCAPED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.');
/// File systems accept 255 bytes.
const LONGEST: usize = 200;

/// Returns the name of the segment that starts with entry `first`.
pub(super) fn segment_name(first: u64) -> String {
    format!("{SEGMENT_PREFIX}{first:012}{SEGMENT_SUFFIX}")
}

/// Returns the name of the index of the segment that starts with entry `first`.
pub(super) fn index_name(first: u64) -> String {
    format!("{SEGMENT_PREFIX}{first:012}{INDEX_SUFFIX}")
}

/// Returns the number of the first entry of a segment, given its file name; `None` if it is not a segment.
pub(super) fn first_of_segment(name: &str) -> Option<u64> {
    let first = name
        .strip_prefix(SEGMENT_PREFIX)?
        .strip_suffix(SEGMENT_SUFFIX)?
        .parse()
        .ok()?;
    (segment_name(first) == name).then_some(first)
}

/// Returns the name of the trail's directory, below `audit` in the data directory.
///
/// It is `sandbox`, or the name of the profile, or without a profile derived from the app root:
/// `https://a1.easemob.com/acme/chat` becomes `https+a1.easemob.com+acme+chat`. Different trails have
/// different names, and every name is valid for a file.
#[must_use]
pub fn directory_name(sandbox: bool, profile: Option<&str>, app_root: &str) -> String {
    if sandbox {
        return SANDBOX.to_owned();
    }
    let name = if let Some(profile) = profile {
        escaped(profile)
    } else {
        let (scheme, rest) = app_root.split_once("://").unwrap_or(("https", app_root));
        let parts = std::iter::once(scheme).chain(rest.split('/').filter(|part| !part.is_empty()));
        parts.map(escaped).collect::<Vec<_>>().join("+")
    };
    bounded(name)
}

fn escaped(text: &str) -> String {
    let mut name = utf8_percent_encode(text, ESCAPED).to_string();
    // A profile may be called `sandbox` without being the sandbox, and `..` is not a name.
    if name == SANDBOX || name.starts_with('.') || name.is_empty() {
        let first = name.bytes().next().unwrap_or_default();
        name.replace_range(..usize::from(!name.is_empty()), &format!("%{first:02X}"));
    }
    name
}

fn bounded(mut name: String) -> String {
    if name.len() <= LONGEST {
        return name;
    }
    let digest = line_hash(name.as_bytes());
    name.truncate(LONGEST - 33);
    name.push('~');
    for byte in &digest.0[..16] {
        let _ = write!(name, "{byte:02x}");
    }
    name
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn names_are_readable() {
        let root = "https://a1.easemob.com/acme/chat";
        for (sandbox, profile, expected) in [
            (true, Some("prod"), "sandbox"),
            (false, Some("prod"), "prod"),
            (false, Some("sandbox"), "%73andbox"),
            (false, Some("../x"), "%2E.%2Fx"),
            (false, Some("批"), "%E6%89%B9"),
            (false, None, "https+a1.easemob.com+acme+chat"),
        ] {
            assert_eq!(directory_name(sandbox, profile, root), expected);
        }
        let local = directory_name(false, None, "http://127.0.0.1:80/app-id/x/");
        assert_eq!(local, "http+127.0.0.1%3A80+app-id+x");
    }

    proptest! {
        #[test]
        fn different_trails_have_different_names(one in ".{0,300}", other in ".{0,300}") {
            let names = [
                directory_name(true, None, &one),
                directory_name(false, Some(&one), &one),
                directory_name(false, Some(&other), &one),
                directory_name(false, None, &format!("https://{one}/x")),
            ];
            for (index, name) in names.iter().enumerate() {
                prop_assert!(!name.is_empty() && name.len() <= LONGEST);
                prop_assert!(!name.starts_with('.') && !name.contains(['/', '\\', '\0', ':']));
                let same = names.iter().filter(|other| *other == name).count();
                prop_assert!(same == 1 || one == other && (index == 1 || index == 2));
            }
        }
    }
}

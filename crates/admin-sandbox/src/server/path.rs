//! Paths and queries as they arrived, decoded exactly once.

use std::collections::BTreeMap;

use percent_encoding::percent_decode_str;

/// Splits a raw path into its segments and decodes each; `None` if one is not UTF-8.
///
/// Splitting comes first, so that a user called `a/b` (`a%2Fb`) stays one segment; dots mean nothing.
pub(crate) fn segments(raw: &str) -> Option<Vec<String>> {
    raw.strip_prefix('/')
        .unwrap_or(raw)
        .split('/')
        .map(decode)
        .collect()
}

/// The parameters of a query; of a repeated one the last counts.
pub(crate) fn query(raw: Option<&str>) -> BTreeMap<String, String> {
    let pairs = raw.unwrap_or_default().split('&').filter(|pair| !pair.is_empty());
    pairs
        .filter_map(|pair| {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            Some((
                decode(&name.replace('+', " "))?,
                decode(&value.replace('+', " "))?,
            ))
        })
        .collect()
}

fn decode(text: &str) -> Option<String> {
    percent_decode_str(text).decode_utf8().ok().map(Into::into)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn segments_are_decoded_once() {
        for (raw, name) in [
            ("/o/a/users/%2E%2E", ".."),
            ("/o/a/users/..", ".."),
            ("/o/a/users/a%2Fb", "a/b"),
            ("/o/a/users/a%252fb", "a%2fb"),
            ("/o/a/users/%E6%89%B9%E9%87%8F", "批量"),
            ("/o/a/users/a+b", "a+b"),
        ] {
            let segments = segments(raw).unwrap();
            assert_eq!((segments.len(), segments[3].as_str()), (4, name), "{raw}");
        }
        assert_eq!(segments("/o/%FF"), None);
    }

    #[test]
    fn the_last_parameter_counts() {
        let query = query(Some("limit=1&cursor=a%3D&limit=2&flag&x=a+b"));
        assert_eq!(query["limit"], "2");
        assert_eq!(query["cursor"], "a=");
        assert_eq!(query["flag"], "");
        assert_eq!(query["x"], "a b");
    }
}

//! Paths below the app root: lists of segments, percent-encoded here and nowhere else.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use crate::error::BuildError;

/// Everything but the unreserved characters of RFC 3986 is encoded.
const SEGMENT: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'.')
    .remove(b'_')
    .remove(b'~');

/// A list of path segments below the app root.
///
/// A segment is data, never structure: a user called `a/b`, `a%2fb` or `批量` stays one segment.
///
/// ```
/// use easemob_admin_api::endpoint::Path;
///
/// let path = Path::new(["users", "a/b", "resources"]);
/// assert_eq!(path.encode()?, "/users/a%2Fb/resources");
/// assert!(Path::new(["users", ".."]).encode().is_err());
/// # Ok::<(), easemob_admin_api::BuildError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Path {
    segments: Vec<String>,
}

impl Path {
    /// Makes a path of segments that are not encoded yet.
    pub fn new<S: Into<String>>(segments: impl IntoIterator<Item = S>) -> Self {
        Self {
            segments: segments.into_iter().map(Into::into).collect(),
        }
    }

    /// Returns the percent-encoded path, with a leading `/`.
    ///
    /// # Errors
    /// When a segment is empty, `.` or `..`. URL parsers and proxies collapse those even when they are
    /// percent-encoded, so the call would reach another route: it is refused here instead.
    pub fn encode(&self) -> Result<String, BuildError> {
        self.encode_below("")
    }

    /// Returns the percent-encoded path behind another one that is encoded already.
    pub(crate) fn encode_below(&self, root: &str) -> Result<String, BuildError> {
        let mut encoded = String::with_capacity(root.len() + 64);
        encoded.push_str(root);
        for segment in &self.segments {
            if matches!(segment.as_str(), "" | "." | "..") {
                return Err(BuildError::UnaddressableName(segment.clone()));
            }
            encoded.push('/');
            encoded.extend(utf8_percent_encode(segment, SEGMENT));
        }
        Ok(encoded)
    }
}

/// Percent-encodes a value of the query string.
pub(crate) fn encode_query_value(value: &str) -> String {
    utf8_percent_encode(value, SEGMENT).to_string()
}

#[cfg(test)]
mod tests {
    use percent_encoding::percent_decode_str;
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn odd_names_stay_one_segment() {
        for (name, encoded) in [
            ("a/b", "a%2Fb"),
            ("a%2fb", "a%252fb"),
            ("批量", "%E6%89%B9%E9%87%8F"),
            ("a?b#c", "a%3Fb%23c"),
            ("...", "..."),
            ("x y", "x%20y"),
        ] {
            assert_eq!(
                Path::new(["users", name]).encode().unwrap(),
                format!("/users/{encoded}")
            );
        }
    }

    #[test]
    fn names_that_proxies_collapse_are_refused() {
        for name in ["", ".", ".."] {
            assert!(matches!(
                Path::new(["users", name]).encode(),
                Err(BuildError::UnaddressableName(refused)) if refused == name
            ));
        }
    }

    proptest! {
        #[test]
        fn decoding_gives_the_name_back(name in ".{1,64}") {
            prop_assume!(name != "." && name != "..");
            let encoded = Path::new(["users", &name]).encode().unwrap();
            let segments: Vec<&str> = encoded.split('/').collect();
            prop_assert_eq!(segments.len(), 3);
            prop_assert_eq!(percent_decode_str(segments[2]).decode_utf8().unwrap(), name.as_str());
            let url = url::Url::parse(&format!("http://h{encoded}")).unwrap();
            prop_assert_eq!(url.path(), encoded);
        }
    }
}

//! The environment variables that this program reads, as a value, so that tests need not change the process.

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};

/// The environment of one run.
#[derive(Clone, Default)]
pub struct Environment {
    variables: BTreeMap<String, String>,
}

impl Environment {
    /// Copies the variables of the process, except values that are not UTF-8.
    #[must_use]
    pub fn of_process() -> Self {
        let text = |(name, value): (std::ffi::OsString, std::ffi::OsString)| {
            Some((name.into_string().ok()?, value.into_string().ok()?))
        };
        Self {
            variables: std::env::vars_os().filter_map(text).collect(),
        }
    }

    /// Returns the value of a variable that is set and not empty.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        self.variables
            .get(name)
            .map(String::as_str)
            .filter(|value| !value.is_empty())
    }

    /// Returns `path` with a leading `~/` replaced by the home directory, as no shell expands it in a file.
    #[must_use]
    pub fn at_home(&self, path: &Path) -> PathBuf {
        match (path.strip_prefix("~"), self.get("HOME")) {
            (Ok(below), Some(home)) => Path::new(home).join(below),
            _ => path.to_owned(),
        }
    }
}

impl<K: Into<String>, V: Into<String>> FromIterator<(K, V)> for Environment {
    fn from_iter<I: IntoIterator<Item = (K, V)>>(pairs: I) -> Self {
        Self {
            variables: pairs
                .into_iter()
                .map(|(name, value)| (name.into(), value.into()))
                .collect(),
        }
    }
}

impl fmt::Debug for Environment {
    /// Shows names only: some values are secrets.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.variables.keys()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_shows_no_values() {
        let environment = Environment::from_iter([("EASEMOB_CLIENT_SECRET", "s3cret")]);
        assert_eq!(format!("{environment:?}"), r#"{"EASEMOB_CLIENT_SECRET"}"#);
    }

    #[test]
    fn a_tilde_is_the_home_directory() {
        let environment = Environment::from_iter([("HOME", "/home/ann")]);
        for (written, meant) in [
            ("~/secret", "/home/ann/secret"),
            ("/etc/~/secret", "/etc/~/secret"),
            ("~bob/secret", "~bob/secret"),
            ("secret", "secret"),
        ] {
            assert_eq!(environment.at_home(Path::new(written)), Path::new(meant));
        }
        assert_eq!(Environment::default().at_home(Path::new("~/a")), Path::new("~/a"));
    }

    #[test]
    fn an_empty_variable_counts_as_unset() {
        assert_eq!(Environment::from_iter([("A", "")]).get("A"), None);
    }
}

//! Where files are stored.

use std::path::{Path, PathBuf};

use easemob_admin_words::t;
use etcetera::BaseStrategy;

use super::environment::Environment;

/// The directories of one run.
#[derive(Debug, Clone)]
pub struct Places {
    config: PathBuf,
    data: PathBuf,
}

/// No home directory is known.
#[derive(Debug, thiserror::Error)]
#[error("{}", t!("no home directory is known; set EASEMOB_CONFIG_DIR and EASEMOB_DATA_DIR"))]
pub struct NoHome;

impl Places {
    /// Finds the directories: `EASEMOB_CONFIG_DIR` and `EASEMOB_DATA_DIR`, or the platform's usual ones.
    ///
    /// # Errors
    /// When a directory is not set and no home directory is known.
    pub fn find(environment: &Environment) -> Result<Self, NoHome> {
        let place = |own: &str, xdg: &str, customary: fn(&etcetera::base_strategy::Xdg) -> PathBuf| {
            if let Some(directory) = environment.get(own) {
                return Ok(PathBuf::from(directory));
            }
            if let Some(directory) = environment
                .get(xdg)
                .map(PathBuf::from)
                .filter(|path| path.is_absolute())
            {
                return Ok(directory.join("easemob-admin"));
            }
            if let Some(home) = environment.get("HOME") {
                let below = if xdg == "XDG_CONFIG_HOME" {
                    ".config"
                } else {
                    ".local/share"
                };
                return Ok(PathBuf::from(home).join(below).join("easemob-admin"));
            }
            let strategy = etcetera::base_strategy::Xdg::new().map_err(|_| NoHome)?;
            Ok(customary(&strategy).join("easemob-admin"))
        };
        Ok(Self {
            config: place("EASEMOB_CONFIG_DIR", "XDG_CONFIG_HOME", BaseStrategy::config_dir)?,
            data: place("EASEMOB_DATA_DIR", "XDG_DATA_HOME", BaseStrategy::data_dir)?,
        })
    }

    /// Returns the path of the profile file.
    #[must_use]
    pub fn profile_file(&self) -> PathBuf {
        self.config.join("config.toml")
    }

    /// Returns the path where `profile add` stores a secret read from stdin.
    #[must_use]
    pub fn secret_file(&self, profile: &str) -> PathBuf {
        self.config.join("secrets").join(profile)
    }

    /// Returns the data directory.
    #[must_use]
    pub fn data(&self) -> &Path {
        &self.data
    }

    /// Returns the directory of the rate budgets that processes share.
    #[must_use]
    pub fn rate_budgets(&self) -> PathBuf {
        self.data.join("rate")
    }

    /// Returns the directory of the tokens that processes share.
    #[must_use]
    pub fn tokens(&self) -> PathBuf {
        self.data.join("tokens")
    }

    /// Returns the directory of the sign-ins of `login`.
    #[must_use]
    pub fn sign_ins(&self) -> PathBuf {
        self.data.join("sign-ins")
    }

    /// Returns the directory of what servers were found to do.
    #[must_use]
    pub fn capabilities(&self) -> PathBuf {
        self.data.join("capabilities")
    }

    /// Returns the file with the keys and settings of the service.
    #[cfg(feature = "serve")]
    #[must_use]
    pub fn service(&self) -> PathBuf {
        self.data.join("service").join("service.db")
    }

    /// Returns the path of the embedded sandbox's state.
    #[must_use]
    pub fn sandbox_state(&self) -> PathBuf {
        self.data.join("sandbox").join("state.json")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn own_variables_win_over_customary_ones() {
        let environment = Environment::from_iter([
            ("EASEMOB_CONFIG_DIR", "/c"),
            ("XDG_DATA_HOME", "/d"),
            ("HOME", "/home/ann"),
        ]);
        let places = Places::find(&environment).unwrap();
        assert_eq!(places.profile_file(), PathBuf::from("/c/config.toml"));
        assert_eq!(
            places.sandbox_state(),
            PathBuf::from("/d/easemob-admin/sandbox/state.json")
        );
        let places = Places::find(&Environment::from_iter([("HOME", "/home/ann")])).unwrap();
        assert_eq!(
            places.profile_file(),
            PathBuf::from("/home/ann/.config/easemob-admin/config.toml")
        );
    }
}

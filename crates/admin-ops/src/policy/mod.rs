//! Policies: how many devices each user may have online, written in a file and compared with what is online.
//!
//! `file` reads the TOML, [`surplus`] computes by how much a user exceeds the limits, and
//! [`Policy::selection`] converts the policy to a selection, so that the devices are chosen by the rules of
//! every other logout.

pub mod because;
pub mod compared;
mod file;
pub mod surplus;
pub mod toml_words;

use std::io;
use std::path::{Path, PathBuf};

use easemob_admin_api::{DeviceLimits, Platform, UserId};

use crate::files::bounded;
use crate::files::digest;
use crate::files::encoding::{self, Foreign};
use crate::select::exemptions::Exemptions;
use crate::select::limits::Limits;
use crate::select::selection::{Keep, Selection, UnknownAge};

/// How many devices each user may have online at once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Policy {
    /// The limits, by user and platform.
    pub limits: Limits,
    /// Users and devices that are neither counted nor logged out.
    pub exempt: Exemptions,
    /// The fewest devices that every user keeps.
    pub min_surviving: usize,
    /// How to treat surplus devices of unknown age.
    pub unknown_age: UnknownAge,
}

/// A policy with the digest of the file that it was read from.
#[derive(Debug, Clone)]
pub struct PolicyOnDisk {
    /// The policy in the file.
    pub policy: Policy,
    /// SHA-256 of the file, in lower-case hexadecimal.
    pub sha256: String,
}

/// Why a policy cannot be used; nothing was sent.
#[derive(Debug, thiserror::Error)]
pub enum PolicyError {
    /// The file cannot be read.
    #[error("cannot read the policy {}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// The cause.
        source: io::Error,
    },
    /// The file is not UTF-8 text.
    #[error("{}, line {line} is {}", path.display(), foreign.words())]
    NotText {
        /// The file.
        path: PathBuf,
        /// The line, counted from 1.
        line: usize,
        /// What the bytes seem to be.
        foreign: Foreign,
    },
    /// Its content is wrong.
    #[error("{}, line {line}: {message}", path.display())]
    Content {
        /// The file.
        path: PathBuf,
        /// The line, counted from 1.
        line: usize,
        /// The problem.
        message: String,
    },
}

impl PolicyOnDisk {
    /// Reads a policy file.
    ///
    /// # Errors
    /// When the file cannot be read, contains unknown keys, or contradicts itself.
    pub fn load(path: &Path) -> Result<Self, PolicyError> {
        let unreadable = |source| PolicyError::Read {
            path: path.to_owned(),
            source,
        };
        let bytes = bounded::whole(path, bounded::WRITTEN_BY_HAND).map_err(unreadable)?;
        Self::read(&bytes, path)
    }

    /// Reads the content of a policy file with this name.
    ///
    /// # Errors
    /// When it contains unknown keys, or contradicts itself.
    pub fn read(bytes: &[u8], path: &Path) -> Result<Self, PolicyError> {
        let text = encoding::text(bytes).map_err(|(line, foreign)| PolicyError::NotText {
            path: path.to_owned(),
            line,
            foreign,
        })?;
        let policy = file::parse(text).map_err(|wrong| PolicyError::Content {
            path: path.to_owned(),
            line: wrong.line,
            message: wrong.message,
        })?;
        let sha256 = digest::of(bytes).map_err(|source| PolicyError::Read {
            path: path.to_owned(),
            source,
        })?;
        Ok(Self { policy, sha256 })
    }
}

impl Policy {
    /// Returns how many devices `user` may have online.
    #[must_use]
    pub fn allowed(&self, user: &UserId) -> &DeviceLimits {
        self.limits.of(user)
    }

    /// Returns a selection, usable for any logout, of the devices that exceed the limits.
    #[must_use]
    pub fn selection(&self) -> Selection {
        Selection {
            keep_newest: Some(Keep::Limits(self.limits.clone())),
            unknown_age: self.unknown_age,
            min_surviving: self.min_surviving,
            exempt: self.exempt.clone(),
            ..Selection::default()
        }
    }

    /// Returns the platforms that have limits by name, without duplicates.
    pub fn platforms(&self) -> impl Iterator<Item = &Platform> {
        let of_users = self.limits.users.iter().map(|own| &own.limits);
        let all = std::iter::once(&self.limits.app).chain(of_users);
        let unique: std::collections::BTreeSet<&Platform> =
            all.flat_map(|limits| limits.platforms.keys()).collect();
        unique.into_iter()
    }
}

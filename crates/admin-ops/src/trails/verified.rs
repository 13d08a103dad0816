//! What verifying a trail found, as reports show it.

use easemob_admin_audit::{Against, Problem, Verification};
use serde::{Deserialize, Serialize};

use super::{ArchiveBeside, ArchiveFound, Trail, TrailError};

/// What verifying found.
#[derive(Debug, Clone)]
pub struct Verified {
    /// What was found in the trail.
    pub trail: Verification,
    /// Archives of entries that the trail does not have, with what was found of each.
    pub archives: Vec<(ArchiveBeside, ArchiveFound)>,
}

/// A problem of a line, or of an archive as a whole.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct VerifyProblem {
    /// The file, or the directory of the archive.
    pub file: String,
    /// The line in the file, from 1; 0 for an archive.
    pub line: u64,
    /// The number of the first bad entry, if an entry is bad.
    pub seq: Option<u64>,
    /// The problem.
    pub problem: String,
}

/// The figures.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct VerifySummary {
    /// Whether nothing is wrong.
    pub ok: bool,
    /// The name of the trail.
    pub origin: Option<String>,
    /// How many files, or segments, were read.
    pub files: u64,
    /// The number of the first entry that is there.
    pub first_entry: u64,
    /// How many entries were verified.
    pub entries: u64,
    /// How many checkpoints match them.
    pub checkpoints: u64,
    /// How many entries could be removed unnoticed.
    pub entries_not_covered_by_a_checkpoint: u64,
    /// The id of the key.
    pub key_id: String,
    /// Whether the key was stored elsewhere.
    pub key_was_kept: bool,
    /// How many of the matching checkpoints were stored elsewhere.
    pub kept_checkpoints: u64,
    /// The last matching checkpoint, as signed.
    pub head: Option<String>,
    /// The same as the three lines of a C2SP checkpoint.
    pub head_note: Option<String>,
    /// The archives of entries that are not there.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub archives: Vec<ArchiveSummary>,
}

/// An archive of entries that the trail does not have.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ArchiveSummary {
    /// The name of its trail.
    pub origin: String,
    /// The machine that sealed it.
    pub host: String,
    /// Its directory.
    pub directory: String,
    /// The number of its first entry.
    pub first_entry: u64,
    /// How many entries it has.
    pub entries: u64,
    /// Whether it is as it was sealed; nothing if it is not on this machine.
    pub ok: Option<bool>,
}

impl Verified {
    /// Verifies a trail and the archives beside it.
    ///
    /// # Errors
    /// When the trail or the evidence cannot be read.
    pub fn find(trail: &dyn Trail, against: &Against) -> Result<Self, TrailError> {
        Ok(Self {
            trail: trail.verify(against)?,
            archives: trail.verify_archives()?,
        })
    }

    /// Returns true if nothing is wrong.
    #[must_use]
    pub fn holds(&self) -> bool {
        let is_bad = |(_, found): &(_, ArchiveFound)| matches!(found, ArchiveFound::Problem(_));
        self.trail.holds() && !self.archives.iter().any(is_bad)
    }

    /// Returns all problems, those of archives with the words that `worded` makes of them.
    #[must_use]
    pub fn problems(&self, worded: impl Fn(&str) -> String) -> Vec<VerifyProblem> {
        let of_archives = self.archives.iter().filter_map(|(archive, found)| match found {
            ArchiveFound::Problem(problem) => Some(VerifyProblem {
                file: archive.directory.clone(),
                line: 0,
                seq: None,
                problem: worded(problem),
            }),
            ArchiveFound::Holds | ArchiveFound::NotHere => None,
        });
        self.trail
            .problems
            .iter()
            .map(of_line)
            .chain(of_archives)
            .collect()
    }

    /// Returns the figures.
    #[must_use]
    pub fn summary(&self) -> VerifySummary {
        let found = &self.trail;
        let archives = self.archives.iter().map(|(archive, found)| ArchiveSummary {
            origin: archive.origin.clone(),
            host: archive.host.clone(),
            directory: archive.directory.clone(),
            first_entry: archive.first,
            entries: archive.size.saturating_sub(archive.first),
            ok: (*found != ArchiveFound::NotHere).then_some(*found == ArchiveFound::Holds),
        });
        VerifySummary {
            ok: self.holds(),
            origin: found.origin.clone(),
            files: found.files,
            first_entry: found.first,
            entries: found.size - found.first.min(found.size),
            checkpoints: found.checkpoints,
            entries_not_covered_by_a_checkpoint: found.unsigned(),
            key_id: found.key_id.clone(),
            key_was_kept: found.key_was_kept,
            kept_checkpoints: found.kept,
            head: found.head.as_ref().map(|head| head.jws.clone()),
            head_note: found.head.as_ref().map(|head| head.checkpoint.note()),
            archives: archives.collect(),
        }
    }
}

fn of_line(problem: &Problem) -> VerifyProblem {
    VerifyProblem {
        file: problem.file.display().to_string(),
        line: problem.line,
        seq: problem.seq,
        problem: problem.what.clone(),
    }
}

//! Entries in the formats of log systems, one line each.

use std::io::{self, Write};

use easemob_admin_audit::Entry;
use easemob_admin_audit::export::{cef, ecs, ocsf};
use serde::{Deserialize, Serialize};

use crate::names::harmless::{harmless_cef, harmless_json};

/// A format.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Format {
    /// The entries themselves.
    Jsonl,
    /// Open Cybersecurity Schema Framework 1.1.
    Ocsf,
    /// Elastic Common Schema 8.
    Ecs,
    /// `ArcSight` Common Event Format.
    Cef,
}

impl Format {
    /// Returns true if the format has one event per act, and so neither intents nor the start and end of runs.
    #[must_use]
    pub fn is_of_acts_only(self) -> bool {
        self != Self::Jsonl
    }

    /// Writes an entry as a line. Characters that would change how a terminal shows it are escaped.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn write(self, out: &mut impl Write, entry: &Entry, id: &str) -> io::Result<()> {
        let json = match self {
            Self::Cef => {
                let line = cef::line(&entry.event, id);
                out.write_all(harmless_cef(&line).as_bytes())?;
                return out.write_all(b"\n");
            }
            Self::Ocsf => ocsf::line(&entry.event, id).to_string(),
            Self::Ecs => ecs::line(&entry.event, id).to_string(),
            Self::Jsonl => serde_json::to_string(entry)?,
        };
        out.write_all(harmless_json(&json).as_bytes())?;
        out.write_all(b"\n")
    }
}

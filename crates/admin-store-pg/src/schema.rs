//! The versions of the tables, and which programs may use them.
//!
//! Tables change by [`Database::migrate`](crate::database::Database::migrate) only. Each version names the oldest program
//! that works with it: a release first adds what the next one needs, and a later release removes what nobody uses any
//! more. So workers are upgraded one by one, before or after the tables.

#[cfg(test)]
mod older_program;

use std::fmt;
use std::str::FromStr;

use tokio_postgres::Client;

/// The number of an advisory lock that is held during a migration: `EAPG` and the number of this use.
const MIGRATION_LOCK: i64 = 0x4541_5047_0000_0001;

/// The version of a program: `0.2.0`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct ProgramVersion(u64, u64, u64);

impl ProgramVersion {
    /// Returns the version of this program.
    #[must_use]
    pub fn this() -> Self {
        env!("CARGO_PKG_VERSION")
            .parse()
            .expect("a version of three numbers")
    }
}

impl FromStr for ProgramVersion {
    type Err = NotAVersion;

    fn from_str(text: &str) -> Result<Self, NotAVersion> {
        // What follows `-` names a preliminary version, which has the tables of the final one.
        let numbers = text.split('-').next().unwrap_or_default();
        let numbers: Result<Vec<u64>, _> = numbers.split('.').map(str::parse).collect();
        match numbers.as_deref() {
            Ok(&[major, minor, patch]) => Ok(Self(major, minor, patch)),
            _ => Err(NotAVersion(text.to_owned())),
        }
    }
}

impl fmt::Display for ProgramVersion {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}.{}.{}", self.0, self.1, self.2)
    }
}

/// A text is not the version of a program.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not a version of easemob-admin")]
pub struct NotAVersion(String);

/// A step from one version of the tables to the next.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Migration {
    /// The oldest program that works with the tables afterwards.
    pub(crate) oldest_program: &'static str,
    pub(crate) sql: &'static str,
}

/// The steps, the first one to version 1.
pub(crate) const MIGRATIONS: &[Migration] = &[
    Migration {
        oldest_program: "0.2.0",
        sql: include_str!("../migrations/0001_locks.sql"),
    },
    Migration {
        oldest_program: "0.2.0",
        sql: include_str!("../migrations/0002_runs.sql"),
    },
    Migration {
        oldest_program: "0.2.0",
        sql: include_str!("../migrations/0003_logins.sql"),
    },
    Migration {
        oldest_program: "0.2.0",
        sql: include_str!("../migrations/0004_budget.sql"),
    },
    Migration {
        oldest_program: "0.2.0",
        sql: include_str!("../migrations/0005_workers.sql"),
    },
    Migration {
        oldest_program: "0.2.0",
        sql: include_str!("../migrations/0006_retention.sql"),
    },
    Migration {
        oldest_program: "0.2.0",
        sql: include_str!("../migrations/0007_documents.sql"),
    },
    Migration {
        oldest_program: "0.2.0",
        sql: include_str!("../migrations/0008_directory.sql"),
    },
];

/// The version from which on lines of trails are in parts.
const WITH_PARTS: i32 = 6;

/// What the database says about its tables.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SchemaState {
    /// The version of the tables; 0 if there are none.
    pub version: i32,
    /// The oldest program that works with them.
    pub oldest_program: ProgramVersion,
}

/// Why a program may not use the tables. Nothing has changed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SchemaRefusal {
    /// There are no tables.
    #[error("the database has no tables of easemob-admin yet")]
    NotMade,
    /// There are older tables.
    #[error(
        "the tables have version {found}, and this program needs version {needed}; nothing was changed. Run the migration \
         first: older programs continue to work meanwhile"
    )]
    NotMigrated {
        /// The version of the tables.
        found: i32,
        /// The version that this program needs.
        needed: i32,
    },
    /// The tables need a newer program.
    #[error(
        "the tables have version {found} and need easemob-admin {oldest} or newer, but this is {program}; nothing was \
         changed. Upgrade this program"
    )]
    ProgramTooOld {
        /// The version of the tables.
        found: i32,
        /// The oldest program that works with them.
        oldest: ProgramVersion,
        /// This program.
        program: ProgramVersion,
    },
    /// The session is not as this program needs it.
    #[error(
        "the connection goes through a pool, such as pgbouncer, that drops the settings of a session, and would drop the \
         guards of locks; nothing was changed. Connect to the server itself"
    )]
    Pooled,
    /// The version of the tables cannot be understood.
    #[error(
        "the tables say nothing sensible about their version; nothing was changed. Upgrade this program, or restore a backup"
    )]
    Damaged,
}

/// Decides whether a program that knows the tables as this one does may use them.
///
/// # Errors
/// When it must not.
pub fn check(state: SchemaState, program: ProgramVersion) -> Result<(), SchemaRefusal> {
    check_for(state, program, needed())
}

/// Decides whether a program that knows the tables up to version `known` may use them.
fn check_for(state: SchemaState, program: ProgramVersion, known: i32) -> Result<(), SchemaRefusal> {
    if program < state.oldest_program {
        return Err(SchemaRefusal::ProgramTooOld {
            found: state.version,
            oldest: state.oldest_program,
            program,
        });
    }
    if state.version == 0 {
        return Err(SchemaRefusal::NotMade);
    }
    if state.version < known {
        return Err(SchemaRefusal::NotMigrated {
            found: state.version,
            needed: known,
        });
    }
    Ok(())
}

/// Returns the version of the tables that this program needs.
#[must_use]
pub fn needed() -> i32 {
    newest(MIGRATIONS)
}

/// Returns the number of the newest version in a list of steps.
pub(crate) fn newest(migrations: &[Migration]) -> i32 {
    i32::try_from(migrations.len()).unwrap_or(i32::MAX)
}

/// A migration that failed, or was refused.
#[derive(Debug)]
pub(crate) enum SchemaFailure {
    Refused(SchemaRefusal),
    Database(tokio_postgres::Error),
}

impl From<tokio_postgres::Error> for SchemaFailure {
    fn from(error: tokio_postgres::Error) -> Self {
        Self::Database(error)
    }
}

impl From<SchemaRefusal> for SchemaFailure {
    fn from(refusal: SchemaRefusal) -> Self {
        Self::Refused(refusal)
    }
}

/// Refuses a pool that gives the sessions of one client to others.
pub(crate) async fn check_session(client: &Client) -> Result<(), SchemaFailure> {
    let wanted = "SELECT count(*) FROM pg_settings WHERE name = 'lock_timeout' AND source = 'client'";
    let ours: i64 = client.query_one(wanted, &[]).await?.try_get(0)?;
    if ours == 0 {
        return Err(SchemaRefusal::Pooled.into());
    }
    Ok(())
}

/// Reads what the database says about its tables.
pub(crate) async fn state(client: &Client) -> Result<SchemaState, SchemaFailure> {
    let nothing = SchemaState {
        version: 0,
        oldest_program: ProgramVersion(0, 0, 0),
    };
    let there = client
        .query_one(
            "SELECT to_regclass('easemob_admin.schema_version') IS NOT NULL",
            &[],
        )
        .await?;
    if !there.get::<_, bool>(0) {
        return Ok(nothing);
    }
    let newest = client
        .query_opt(
            "SELECT version, oldest_program FROM easemob_admin.schema_version ORDER BY version DESC LIMIT 1",
            &[],
        )
        .await?;
    let Some(newest) = newest else {
        return Ok(nothing);
    };
    let oldest: &str = newest.get(1);
    Ok(SchemaState {
        version: newest.get(0),
        oldest_program: oldest.parse().map_err(|_| SchemaRefusal::Damaged)?,
    })
}

/// Brings the tables to the newest version of `migrations`, in one transaction, and returns what they had before. Two
/// programs do so one after the other.
pub(crate) async fn migrate(
    client: &mut Client,
    program: ProgramVersion,
    migrations: &[Migration],
) -> Result<SchemaState, SchemaFailure> {
    let transaction = client.transaction().await?;
    transaction
        .execute("SELECT pg_advisory_xact_lock($1)", &[&MIGRATION_LOCK])
        .await?;
    let before = state(transaction.client()).await?;
    if program < before.oldest_program {
        check_for(before, program, newest(migrations))?;
    }
    transaction
        .batch_execute(
            "CREATE SCHEMA IF NOT EXISTS easemob_admin; \
             CREATE TABLE IF NOT EXISTS easemob_admin.schema_version (version INTEGER PRIMARY KEY, \
             oldest_program TEXT NOT NULL, program TEXT NOT NULL, at TIMESTAMPTZ NOT NULL DEFAULT clock_timestamp())",
        )
        .await?;
    let program = program.to_string();
    for (version, migration) in (1_i32..).zip(migrations) {
        if version <= before.version {
            continue;
        }
        transaction.batch_execute(migration.sql).await?;
        transaction
            .execute(
                "INSERT INTO easemob_admin.schema_version (version, oldest_program, program) VALUES ($1, $2, $3)",
                &[&version, &migration.oldest_program, &program],
            )
            .await?;
    }
    if before.version == newest(migrations) && before.version >= WITH_PARTS {
        // Nobody else may add them.
        transaction
            .batch_execute(crate::trail::archive::MAKE_ROOM)
            .await?;
    }
    transaction.commit().await?;
    Ok(before)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn version(text: &str) -> ProgramVersion {
        text.parse().unwrap()
    }

    #[test]
    fn versions_are_compared_by_number() {
        assert!(version("0.2.0") < version("0.10.0"));
        assert!(version("0.2.9") < version("1.0.0-rc.1"));
        for text in ["", "1", "1.2", "1.2.x", "1.2.3.4"] {
            assert!(text.parse::<ProgramVersion>().is_err(), "{text}");
        }
    }

    #[test]
    fn every_step_names_a_program_that_exists() {
        let oldest: Vec<_> = MIGRATIONS
            .iter()
            .map(|step| version(step.oldest_program))
            .collect();
        assert!(
            oldest.is_sorted(),
            "a later step never works with an older program"
        );
        assert!(oldest.last() <= Some(&ProgramVersion::this()));
    }

    #[test]
    fn tables_are_used_by_programs_that_know_them() {
        for (found, oldest, program, known, allowed) in [
            (2, "0.2.0", "0.3.0", 2, true),
            // The tables were migrated first, and this worker is upgraded later.
            (3, "0.2.0", "0.2.0", 2, true),
            (3, "0.3.0", "0.2.0", 2, false),
            (1, "0.2.0", "0.3.0", 2, false),
            (0, "0.0.0", "0.2.0", 1, false),
        ] {
            let state = SchemaState {
                version: found,
                oldest_program: version(oldest),
            };
            let checked = check_for(state, version(program), known);
            assert_eq!(checked.is_ok(), allowed, "{found} {oldest} {program} {known}");
        }
    }
}

//! The tables of the lock database.

use std::time::Duration;

use crate::files::database::Layout;

/// Uses a rollback journal, not a write-ahead log. A write-ahead log needs memory that processes share, so it
/// does not work in a home directory on a network file system, and a copy of the file alone lacks what is
/// still in the log. `extra` is `full` and also makes the removal of the journal durable: otherwise a power
/// failure could undo the last change, and a lost lock is a ban without end.
pub(super) const LAYOUT: Layout = Layout {
    what: "database of locks",
    // `EALK`
    application_id: 0x4541_4C4B,
    migrations: MIGRATIONS,
    settings: "PRAGMA synchronous = extra;",
    // Whoever settles the locks of a million users reads a run of a million users meanwhile.
    patience: Duration::from_secs(60),
};

const MIGRATIONS: &[&str] = &["
-- Times are of one width, so that they can be compared as texts.
CREATE TABLE locks (
    -- In lower case, as the server compares names.
    user TEXT NOT NULL,
    -- Empty for the embedded sandbox, and for locks of versions that knew one server per profile.
    app_root TEXT NOT NULL,
    name TEXT NOT NULL,
    state TEXT NOT NULL,
    since TEXT NOT NULL,
    until TEXT NOT NULL,
    changed TEXT,
    run TEXT NOT NULL,
    -- A JSON array of runs.
    earlier TEXT NOT NULL,
    operator TEXT NOT NULL,
    reason TEXT,
    ticket TEXT,
    PRIMARY KEY (user, app_root)
) WITHOUT ROWID;
CREATE INDEX locks_by_end ON locks (until);
CREATE INDEX locks_pending ON locks (user) WHERE state = 'pending';
CREATE TABLE lifted (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    at TEXT
);
-- The files of earlier versions that are in here.
CREATE TABLE imported (
    sha256 TEXT PRIMARY KEY
) WITHOUT ROWID;
"];

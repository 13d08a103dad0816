//! The tables, and how an older file becomes a newer one.

use std::time::Duration;

use crate::files::database::Layout;

pub(super) const LAYOUT: Layout = Layout {
    what: "database of logins",
    // `EALG`
    application_id: 0x4541_4C47,
    migrations: MIGRATIONS,
    // A write is on disk before it is acknowledged: the collector promises that to the service.
    settings: "PRAGMA foreign_keys = on; PRAGMA journal_mode = wal; PRAGMA synchronous = full;",
    // A collector commits within milliseconds.
    patience: Duration::from_secs(10),
};

const MIGRATIONS: &[&str] = &[
    "
CREATE TABLE snapshots (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    source TEXT NOT NULL,
    started_ms INTEGER NOT NULL,
    finished_ms INTEGER,
    cursor TEXT,
    done INTEGER NOT NULL DEFAULT 0,
    users INTEGER NOT NULL DEFAULT 0,
    online INTEGER NOT NULL DEFAULT 0,
    offline INTEGER NOT NULL DEFAULT 0,
    changed INTEGER NOT NULL DEFAULT 0,
    unknown INTEGER NOT NULL DEFAULT 0,
    failed INTEGER NOT NULL DEFAULT 0,
    devices INTEGER NOT NULL DEFAULT 0,
    limits TEXT
);
-- Users who are offline are counted only: they are most of a million.
CREATE TABLE snapshot_devices (
    snapshot INTEGER NOT NULL REFERENCES snapshots (id) ON DELETE CASCADE,
    user TEXT NOT NULL,
    resource TEXT NOT NULL,
    platform TEXT NOT NULL,
    name TEXT,
    signed_in_ms INTEGER,
    PRIMARY KEY (snapshot, user, resource)
) WITHOUT ROWID;
CREATE TABLE snapshot_not_known (
    snapshot INTEGER NOT NULL REFERENCES snapshots (id) ON DELETE CASCADE,
    user TEXT NOT NULL,
    state TEXT NOT NULL,
    why TEXT NOT NULL,
    PRIMARY KEY (snapshot, user)
) WITHOUT ROWID;
CREATE TABLE devices (
    user TEXT NOT NULL,
    resource TEXT NOT NULL,
    platform TEXT NOT NULL,
    name TEXT,
    first_seen_ms INTEGER NOT NULL,
    last_seen_ms INTEGER NOT NULL,
    PRIMARY KEY (user, resource)
) WITHOUT ROWID;
CREATE TABLE events (
    call_id TEXT PRIMARY KEY,
    user TEXT NOT NULL,
    resource TEXT NOT NULL,
    platform TEXT NOT NULL,
    kind TEXT NOT NULL,
    at_ms INTEGER NOT NULL,
    received_ms INTEGER NOT NULL,
    reason TEXT NOT NULL
) WITHOUT ROWID;
CREATE INDEX events_of_user ON events (user, at_ms);
CREATE INDEX events_by_time ON events (at_ms);
CREATE INDEX events_by_arrival ON events (received_ms);
CREATE TABLE gaps (
    since_ms INTEGER NOT NULL,
    until_ms INTEGER NOT NULL,
    why TEXT NOT NULL,
    PRIMARY KEY (since_ms, until_ms, why)
) WITHOUT ROWID;
CREATE TABLE collector (
    id INTEGER PRIMARY KEY CHECK (id = 1),
    alive_ms INTEGER NOT NULL
);
",
    "
-- When it came again; a post that the service sends once more proves that it arrived.
ALTER TABLE events ADD COLUMN again_ms INTEGER;
CREATE INDEX events_by_later_arrival ON events (again_ms) WHERE again_ms IS NOT NULL;
CREATE TABLE asked_again (
    date TEXT PRIMARY KEY,
    posts INTEGER NOT NULL,
    asked_ms INTEGER NOT NULL,
    times INTEGER NOT NULL,
    accepted INTEGER NOT NULL
) WITHOUT ROWID;
-- Of the program that began it; none in snapshots of version 0.2.0 and earlier.
ALTER TABLE snapshots ADD COLUMN program TEXT;
",
    "
-- Who is known, and what is online by the newest word about each device.
CREATE TABLE users (
    user TEXT PRIMARY KEY,
    read_ms INTEGER NOT NULL,
    -- Minus the time when a device was last seen, so that one order is by this column and the name.
    minus_seen_ms INTEGER NOT NULL,
    sessions TEXT NOT NULL,
    shape TEXT NOT NULL
) WITHOUT ROWID;
CREATE INDEX users_by_shape ON users (shape, user);
CREATE INDEX users_by_sight ON users (shape, minus_seen_ms, user);
CREATE TABLE shapes (
    shape TEXT PRIMARY KEY,
    users INTEGER NOT NULL
) WITHOUT ROWID;
WITH
complete AS (SELECT max(id) AS id FROM snapshots WHERE finished_ms IS NOT NULL AND source = 'all'),
began AS (SELECT coalesce(max(started_ms), 0) AS ms FROM snapshots JOIN complete USING (id)),
heard AS (
    SELECT user, resource, platform, last_seen_ms AS at_ms, 1 AS is_online FROM complete
        JOIN snapshot_devices ON snapshot = complete.id JOIN devices USING (user, resource, platform)
    UNION ALL
    SELECT user, resource, platform, at_ms, kind = 'login' FROM events, began WHERE at_ms >= began.ms
),
last AS (
    SELECT *, row_number() OVER (PARTITION BY user, resource ORDER BY at_ms DESC, is_online) AS rank FROM heard
),
sighted AS (
    SELECT user, max(ms) AS ms FROM (
        SELECT user, last_seen_ms AS ms FROM devices UNION ALL SELECT user, at_ms FROM events) GROUP BY user
),
listed AS (
    SELECT user, '{' || group_concat(json_quote(resource) || ':' || json_array(platform, at_ms,
        json(iif(is_online, 'true', 'false'))), ',') || '}' AS sessions
    FROM (SELECT * FROM last WHERE rank = 1 ORDER BY user, resource) GROUP BY user
),
shaped AS (
    SELECT user, '{' || group_concat(json_quote(platform) || ':' || number, ',') || '}' AS shape
    FROM (SELECT user, platform, count(*) AS number FROM last WHERE rank = 1 AND is_online GROUP BY user, platform
        ORDER BY user, platform) GROUP BY user
)
INSERT INTO users (user, read_ms, minus_seen_ms, sessions, shape)
    SELECT user, began.ms, -sighted.ms, coalesce(sessions, '{}'), coalesce(shape, '{}')
    FROM sighted JOIN began LEFT JOIN listed USING (user) LEFT JOIN shaped USING (user);
INSERT INTO shapes SELECT shape, count(*) FROM users GROUP BY shape;
-- Finds parts of names of three signs and more.
CREATE VIRTUAL TABLE user_parts USING fts5 (user, tokenize = 'trigram case_sensitive 1');
INSERT INTO user_parts (user) SELECT user FROM users;
",
];

/// Created by the first watch. It is not a format of its own: versions that have no watches read the rest of the file.
pub(super) const WATCHES: &str = "
CREATE TABLE IF NOT EXISTS watches (
    name TEXT PRIMARY KEY,
    position TEXT NOT NULL
) WITHOUT ROWID;
";

CREATE TABLE easemob_admin.login_place (
    id INTEGER GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    place TEXT COLLATE "C" NOT NULL UNIQUE,
    -- When a collector was last there.
    alive_ms BIGINT
);

CREATE SEQUENCE easemob_admin.login_snapshot_number;
CREATE TABLE easemob_admin.login_snapshot (
    number BIGINT PRIMARY KEY,
    place INTEGER NOT NULL,
    source TEXT NOT NULL,
    started_ms BIGINT NOT NULL,
    finished_ms BIGINT,
    position TEXT,
    done BIGINT NOT NULL DEFAULT 0,
    users BIGINT NOT NULL DEFAULT 0,
    online BIGINT NOT NULL DEFAULT 0,
    offline BIGINT NOT NULL DEFAULT 0,
    changed BIGINT NOT NULL DEFAULT 0,
    unknown BIGINT NOT NULL DEFAULT 0,
    failed BIGINT NOT NULL DEFAULT 0,
    devices BIGINT NOT NULL DEFAULT 0,
    limits TEXT,
    program TEXT
);
CREATE INDEX login_snapshot_by_source ON easemob_admin.login_snapshot (place, source, number);
-- Users who are offline are counted only: they are most of a million.
CREATE TABLE easemob_admin.login_snapshot_device (
    snapshot BIGINT NOT NULL,
    who TEXT COLLATE "C" NOT NULL,
    resource TEXT COLLATE "C" NOT NULL,
    platform TEXT NOT NULL,
    name TEXT,
    signed_in_ms BIGINT,
    PRIMARY KEY (snapshot, who, resource)
);
CREATE TABLE easemob_admin.login_not_known (
    snapshot BIGINT NOT NULL,
    who TEXT COLLATE "C" NOT NULL,
    state TEXT NOT NULL,
    why TEXT NOT NULL,
    PRIMARY KEY (snapshot, who)
);
CREATE TABLE easemob_admin.login_device (
    place INTEGER NOT NULL,
    who TEXT COLLATE "C" NOT NULL,
    resource TEXT COLLATE "C" NOT NULL,
    platform TEXT NOT NULL,
    name TEXT,
    first_seen_ms BIGINT NOT NULL,
    last_seen_ms BIGINT NOT NULL,
    PRIMARY KEY (place, who, resource)
);

CREATE TABLE easemob_admin.login_event (
    place INTEGER NOT NULL,
    call_id TEXT COLLATE "C" NOT NULL,
    who TEXT COLLATE "C" NOT NULL,
    resource TEXT COLLATE "C" NOT NULL,
    platform TEXT NOT NULL,
    kind TEXT NOT NULL,
    at_ms BIGINT NOT NULL,
    received_ms BIGINT NOT NULL,
    -- When it came again: a post that the service sends once more proves that it arrived.
    again_ms BIGINT,
    reason TEXT NOT NULL,
    PRIMARY KEY (place, call_id)
);
CREATE INDEX login_event_of_user ON easemob_admin.login_event (place, who, at_ms);
CREATE INDEX login_event_by_time ON easemob_admin.login_event (place, at_ms);
CREATE INDEX login_event_by_arrival ON easemob_admin.login_event (place, received_ms);
CREATE INDEX login_event_by_later_arrival ON easemob_admin.login_event (place, again_ms) WHERE again_ms IS NOT NULL;
CREATE TABLE easemob_admin.login_gap (
    place INTEGER NOT NULL,
    since_ms BIGINT NOT NULL,
    until_ms BIGINT NOT NULL,
    why TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (place, since_ms, until_ms, why)
);
CREATE TABLE easemob_admin.login_asked_again (
    place INTEGER NOT NULL,
    date TEXT COLLATE "C" NOT NULL,
    posts BIGINT NOT NULL,
    asked_ms BIGINT NOT NULL,
    times BIGINT NOT NULL,
    accepted BOOLEAN NOT NULL,
    PRIMARY KEY (place, date)
);
CREATE TABLE easemob_admin.login_watch (
    place INTEGER NOT NULL,
    name TEXT COLLATE "C" NOT NULL,
    position TEXT NOT NULL,
    PRIMARY KEY (place, name)
);

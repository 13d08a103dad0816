-- Small documents that services share: keys, schedules, and who does what at the moment. Id and body may have any characters, so
-- both are bytes of UTF-8, and ids are in the order of their bytes.
CREATE TABLE easemob_admin.document (
    kind TEXT COLLATE "C" NOT NULL,
    id BYTEA NOT NULL,
    revision BIGINT NOT NULL,
    -- JSON.
    body BYTEA NOT NULL,
    changed TIMESTAMPTZ NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (kind, id)
);

-- Tells this database from any other: the origin of its trails ends with it.
CREATE TABLE easemob_admin.store (
    one BOOLEAN PRIMARY KEY DEFAULT true CHECK (one),
    id UUID NOT NULL DEFAULT gen_random_uuid()
);
INSERT INTO easemob_admin.store DEFAULT VALUES;

-- Who works on what, by the clock of the database. A new owner has a new epoch, and a write with another epoch is refused.
CREATE TABLE easemob_admin.lease (
    what TEXT COLLATE "C" NOT NULL,
    -- The range of items; the whole has all of them.
    from_seq BIGINT NOT NULL,
    to_seq BIGINT NOT NULL,
    worker TEXT NOT NULL,
    epoch BIGINT NOT NULL,
    until TIMESTAMPTZ NOT NULL,
    PRIMARY KEY (what, from_seq)
);
CREATE SEQUENCE easemob_admin.lease_epoch;

CREATE TABLE easemob_admin.run (
    number BIGINT GENERATED ALWAYS AS IDENTITY UNIQUE,
    id TEXT COLLATE "C" PRIMARY KEY,
    -- JSON, as the first line of a journal.
    header TEXT NOT NULL
);
CREATE TABLE easemob_admin.run_item (
    run BIGINT NOT NULL,
    seq BIGINT NOT NULL,
    -- JSON, as a line of the input; its digest is in the header of the run.
    item TEXT NOT NULL,
    -- Nothing, `intended`, or the state of the last outcome.
    state TEXT,
    PRIMARY KEY (run, seq)
);
CREATE TABLE easemob_admin.run_record (
    run BIGINT NOT NULL,
    number BIGINT GENERATED ALWAYS AS IDENTITY,
    -- JSON, as a line of a journal.
    record TEXT NOT NULL,
    PRIMARY KEY (run, number)
);

-- Whoever appends holds the row, so the lines of all writers have one order.
CREATE TABLE easemob_admin.trail (
    id INTEGER GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    place TEXT COLLATE "C" NOT NULL UNIQUE,
    origin TEXT NOT NULL,
    -- The state after the last line. It proves nothing: signers compute it from the lines.
    chain TEXT NOT NULL,
    -- The number of the first entry of the last segment, and its bytes.
    segment BIGINT NOT NULL,
    segment_bytes BIGINT NOT NULL,
    lines BIGINT NOT NULL
);
CREATE TABLE easemob_admin.trail_line (
    trail INTEGER NOT NULL,
    number BIGINT NOT NULL,
    segment BIGINT NOT NULL,
    at_ms BIGINT,
    -- The user in lower case; the others are copies of the line too.
    folded TEXT COLLATE "C",
    run TEXT COLLATE "C",
    started BOOLEAN NOT NULL,
    -- The bytes that were hashed.
    line BYTEA NOT NULL,
    PRIMARY KEY (trail, number)
);
CREATE INDEX trail_line_by_user ON easemob_admin.trail_line (trail, folded, number) WHERE folded IS NOT NULL;
CREATE INDEX trail_line_by_start ON easemob_admin.trail_line (trail, run, number) WHERE started;
CREATE INDEX trail_line_by_time ON easemob_admin.trail_line USING brin (at_ms);

-- The public keys of the machines that sign.
CREATE TABLE easemob_admin.trail_signer (
    trail INTEGER NOT NULL,
    key TEXT COLLATE "C" NOT NULL,
    pem TEXT NOT NULL,
    PRIMARY KEY (trail, key)
);
-- The signed heads, each with the state of the chain there and the place of the last line that it covers.
CREATE TABLE easemob_admin.trail_head (
    trail INTEGER NOT NULL,
    key TEXT COLLATE "C" NOT NULL,
    size BIGINT NOT NULL,
    jws TEXT NOT NULL,
    chain TEXT NOT NULL,
    lines BIGINT NOT NULL,
    segment BIGINT NOT NULL,
    segment_lines BIGINT NOT NULL,
    PRIMARY KEY (trail, key, size)
);

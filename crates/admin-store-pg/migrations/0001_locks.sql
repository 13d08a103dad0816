-- One row per target: whoever changes locks of the target holds it.
CREATE TABLE easemob_admin.lock_place (
    place TEXT COLLATE "C" PRIMARY KEY,
    lifted_last TEXT COLLATE "C"
);

-- Times are of one width, so that they can be compared as texts, and keep their nanoseconds.
CREATE TABLE easemob_admin.lock (
    place TEXT COLLATE "C" NOT NULL,
    -- In lower case, as the server compares names.
    folded TEXT COLLATE "C" NOT NULL,
    -- Empty for the embedded sandbox.
    app_root TEXT COLLATE "C" NOT NULL,
    name TEXT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('pending', 'locked')),
    since TEXT COLLATE "C" NOT NULL,
    until TEXT COLLATE "C" NOT NULL,
    changed TEXT COLLATE "C",
    run TEXT NOT NULL,
    -- A JSON array of runs.
    earlier TEXT NOT NULL,
    operator TEXT NOT NULL,
    reason TEXT,
    ticket TEXT,
    PRIMARY KEY (place, folded, app_root)
);
CREATE INDEX lock_by_end ON easemob_admin.lock (place, until);
CREATE INDEX lock_pending ON easemob_admin.lock (place, folded) WHERE state = 'pending';

-- One row per app and pool of the vendor's table: the schedule of its slots. Whoever reserves some holds the row. Times are
-- microseconds since 1970 by the clock of the database.
CREATE TABLE easemob_admin.budget (
    id INTEGER GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    -- The root of all calls.
    app TEXT COLLATE "C" NOT NULL,
    pool TEXT COLLATE "C" NOT NULL,
    -- Calls a second, of all machines together.
    rate INTEGER NOT NULL CHECK (rate BETWEEN 1 AND 1000000),
    -- Where the schedule continues after the last slot that was given out.
    tat_us BIGINT NOT NULL DEFAULT 0,
    -- Until when the server asked for a pause, and the part of the rate that was left at a time.
    slow_until_us BIGINT NOT NULL DEFAULT 0,
    factor DOUBLE PRECISION NOT NULL DEFAULT 1,
    factor_us BIGINT NOT NULL DEFAULT 0,
    -- When the server of the last reservation was started: another one has another clock, and may have lost reservations.
    server_us BIGINT NOT NULL,
    used_us BIGINT NOT NULL DEFAULT 0,
    -- Slots given out so far.
    given BIGINT NOT NULL DEFAULT 0,
    UNIQUE (app, pool)
) WITH (fillfactor = 50);

-- Who reserves slots for bulk calls, for which run.
CREATE TABLE easemob_admin.budget_worker (
    budget INTEGER NOT NULL,
    worker TEXT COLLATE "C" NOT NULL,
    run TEXT COLLATE "C" NOT NULL,
    weight INTEGER NOT NULL CHECK (weight > 0),
    seen_us BIGINT NOT NULL,
    -- What it is owed, in parts of a slot.
    credit DOUBLE PRECISION NOT NULL DEFAULT 0,
    PRIMARY KEY (budget, worker)
) WITH (fillfactor = 50);

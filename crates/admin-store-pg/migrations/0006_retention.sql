-- Lines of all trails are in parts by their numbers, so that old ones leave with a whole part. What no part has room for is in
-- the rest. Programs use the table by its name as before.
ALTER TABLE easemob_admin.trail_line RENAME TO trail_line_first;
ALTER INDEX easemob_admin.trail_line_by_user RENAME TO trail_line_first_by_user;
ALTER INDEX easemob_admin.trail_line_by_start RENAME TO trail_line_first_by_start;
ALTER INDEX easemob_admin.trail_line_by_time RENAME TO trail_line_first_by_time;
CREATE TABLE easemob_admin.trail_line (
    trail INTEGER NOT NULL,
    number BIGINT NOT NULL,
    segment BIGINT NOT NULL,
    at_ms BIGINT,
    folded TEXT COLLATE "C",
    run TEXT COLLATE "C",
    started BOOLEAN NOT NULL,
    line BYTEA NOT NULL,
    PRIMARY KEY (trail, number)
) PARTITION BY RANGE (number);
CREATE INDEX trail_line_by_user ON easemob_admin.trail_line (trail, folded, number) WHERE folded IS NOT NULL;
CREATE INDEX trail_line_by_start ON easemob_admin.trail_line (trail, run, number) WHERE started;
CREATE INDEX trail_line_by_time ON easemob_admin.trail_line USING brin (at_ms);
-- Whoever may use the table may go on.
DO $$
DECLARE given RECORD;
BEGIN
    FOR given IN
        SELECT grantee::regrole AS role, privilege_type AS right FROM pg_class, aclexplode(relacl)
        WHERE oid = 'easemob_admin.trail_line_first'::regclass AND grantee NOT IN (relowner, 0)
    LOOP
        EXECUTE format('GRANT %s ON easemob_admin.trail_line TO %s', given.right, given.role);
        EXECUTE format('REVOKE ALL ON easemob_admin.trail_line_first FROM %s', given.role);
    END LOOP;
    -- Five million lines are a part; the first one has what is there.
    EXECUTE format(
        'ALTER TABLE easemob_admin.trail_line ATTACH PARTITION easemob_admin.trail_line_first FOR VALUES FROM (MINVALUE) TO (%s)',
        (SELECT coalesce(max(lines), 0) / 5000000 * 5000000 + 5000000 FROM easemob_admin.trail));
END $$;
CREATE TABLE easemob_admin.trail_line_rest PARTITION OF easemob_admin.trail_line DEFAULT;

-- The parts, each with the number after its last line.
CREATE VIEW easemob_admin.trail_part AS
    SELECT relname::text AS name,
        (regexp_match(pg_get_expr(relpartbound, oid), 'TO \(''?(\d+)''?\)'))[1]::bigint AS behind
    FROM pg_class JOIN pg_inherits ON inhrelid = oid
    WHERE inhparent = 'easemob_admin.trail_line'::regclass AND relname <> 'trail_line_rest';

-- Adds parts of some lines each, until there is room for `room` more in the longest trail.
CREATE FUNCTION easemob_admin.add_trail_parts(size BIGINT, room BIGINT) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    behind BIGINT := (SELECT max(p.behind) FROM easemob_admin.trail_part p);
    wanted BIGINT := (SELECT coalesce(max(lines), 0) FROM easemob_admin.trail) + room;
BEGIN
    WHILE behind < wanted LOOP
        -- Lines that the rest has already stay there.
        IF NOT EXISTS (SELECT FROM easemob_admin.trail_line_rest WHERE number >= behind AND number < behind + size) THEN
            EXECUTE format(
                'CREATE TABLE easemob_admin.trail_line_to_%1$s PARTITION OF easemob_admin.trail_line FOR VALUES FROM (%2$s) TO (%1$s)',
                behind + size, behind);
        END IF;
        behind := behind + size;
    END LOOP;
END $$;
SELECT easemob_admin.add_trail_parts(5000000, 20000000);

-- Archives: parts of a trail that were sealed and may have been removed here, and trails that machines had in files before they
-- used the database.
CREATE TABLE easemob_admin.trail_archive (
    number BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    place TEXT COLLATE "C" NOT NULL,
    origin TEXT COLLATE "C" NOT NULL,
    -- The first entry, and the number of entries up to its end.
    first BIGINT NOT NULL,
    size BIGINT NOT NULL,
    -- The head that seals it, and the key that checks that.
    head TEXT NOT NULL,
    key TEXT NOT NULL,
    host TEXT COLLATE "C" NOT NULL,
    directory TEXT COLLATE "C" NOT NULL,
    at TIMESTAMPTZ NOT NULL DEFAULT clock_timestamp()
);
CREATE INDEX trail_archive_by_place ON easemob_admin.trail_archive (place, number);

-- Who is known, and what is online by the newest word about each device. An older program that writes logins leaves it as it is:
-- the next scan of a newer one says what is true.
CREATE TABLE easemob_admin.login_user (
    place INTEGER NOT NULL,
    who TEXT COLLATE "C" NOT NULL,
    -- When a scan last read the devices.
    read_ms BIGINT NOT NULL,
    -- Minus the time when a device was last seen, so that one order is by this column and the name.
    minus_seen_ms BIGINT NOT NULL,
    sessions TEXT NOT NULL,
    -- What is online, by platform.
    shape TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (place, who)
);
CREATE INDEX login_user_by_shape ON easemob_admin.login_user (place, shape, who);
CREATE INDEX login_user_by_sight ON easemob_admin.login_user (place, shape, minus_seen_ms, who);
CREATE TABLE easemob_admin.login_shape (
    place INTEGER NOT NULL,
    shape TEXT COLLATE "C" NOT NULL,
    users BIGINT NOT NULL,
    PRIMARY KEY (place, shape)
);
-- Makes the rows of a place anew, from what is kept of its snapshots and events.
CREATE FUNCTION easemob_admin.know_login_users(wanted INTEGER) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    complete BIGINT := (SELECT max(number) FROM easemob_admin.login_snapshot
        WHERE place = wanted AND finished_ms IS NOT NULL AND source = 'all');
    began BIGINT := coalesce((SELECT started_ms FROM easemob_admin.login_snapshot WHERE number = complete), 0);
BEGIN
    DELETE FROM easemob_admin.login_user WHERE place = wanted;
    DELETE FROM easemob_admin.login_shape WHERE place = wanted;
    INSERT INTO easemob_admin.login_user (place, who, read_ms, minus_seen_ms, sessions, shape)
    WITH heard AS (
        SELECT who, resource, online.platform, known.last_seen_ms AS at_ms, true AS is_online
            FROM easemob_admin.login_snapshot_device AS online JOIN easemob_admin.login_device AS known USING (who, resource)
            WHERE online.snapshot = complete AND known.place = wanted
        UNION ALL
        SELECT who, resource, platform, at_ms, kind = 'login' FROM easemob_admin.login_event
            WHERE place = wanted AND at_ms >= began
    ),
    last AS (SELECT DISTINCT ON (who, resource) * FROM heard ORDER BY who, resource, at_ms DESC, is_online),
    sighted AS (
        SELECT who, max(ms) AS ms FROM (
            SELECT who, last_seen_ms AS ms FROM easemob_admin.login_device WHERE place = wanted
            UNION ALL SELECT who, at_ms FROM easemob_admin.login_event WHERE place = wanted) AS all_sights
        GROUP BY who
    ),
    listed AS (
        SELECT who, json_object_agg(resource, json_build_array(platform, at_ms, is_online))::text AS sessions
        FROM last GROUP BY who
    ),
    shaped AS (
        SELECT who, '{' || string_agg(to_json(platform)::text || ':' || number, ',' ORDER BY platform COLLATE "C") || '}' AS shape
        FROM (SELECT who, platform, count(*) AS number FROM last WHERE is_online GROUP BY who, platform) AS by_platform
        GROUP BY who
    )
    SELECT wanted, who, began, -ms, coalesce(sessions, '{}'), coalesce(shape, '{}')
    FROM sighted LEFT JOIN listed USING (who) LEFT JOIN shaped USING (who);
    INSERT INTO easemob_admin.login_shape SELECT wanted, shape, count(*) FROM easemob_admin.login_user
        WHERE place = wanted GROUP BY shape;
END $$;
SELECT easemob_admin.know_login_users(id) FROM easemob_admin.login_place;

-- Names are searched for a part of them by an index where the extension is available, and one by one where it is not.
DO $$
DECLARE home TEXT;
BEGIN
    BEGIN
        CREATE EXTENSION IF NOT EXISTS pg_trgm SCHEMA easemob_admin;
    EXCEPTION WHEN OTHERS THEN
        RAISE NOTICE 'without pg_trgm: %', SQLERRM;
    END;
    SELECT nspname INTO home FROM pg_extension JOIN pg_namespace ON pg_namespace.oid = extnamespace WHERE extname = 'pg_trgm';
    IF home IS NOT NULL THEN
        EXECUTE format('CREATE INDEX login_user_by_part ON easemob_admin.login_user USING gin (who %I.gin_trgm_ops)', home);
    END IF;
END $$;

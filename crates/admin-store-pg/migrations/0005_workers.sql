-- The leases of a run divide its items among workers, and together have every item that is not finished: a worker splits
-- its range off, and a range that is finished goes away. A request of the owner may be under way for `grace_ms` after the
-- end of its lease.
ALTER TABLE easemob_admin.lease ADD COLUMN grace_ms BIGINT NOT NULL DEFAULT 0;

ALTER TABLE easemob_admin.run
    -- Who may work on it.
    ADD COLUMN state TEXT COLLATE "C" NOT NULL DEFAULT 'alone' CHECK (state IN ('alone', 'open', 'paused', 'stopped')),
    ADD COLUMN priority TEXT COLLATE "C" NOT NULL DEFAULT 'normal' CHECK (priority IN ('incident', 'normal', 'nightly')),
    -- How many items are in each state, so that a list reads no items; written in the transaction that changes them.
    ADD COLUMN done BIGINT NOT NULL DEFAULT 0,
    ADD COLUMN nothing BIGINT NOT NULL DEFAULT 0,
    ADD COLUMN skipped BIGINT NOT NULL DEFAULT 0,
    ADD COLUMN failed_retry BIGINT NOT NULL DEFAULT 0,
    ADD COLUMN failed_final BIGINT NOT NULL DEFAULT 0,
    ADD COLUMN in_vain BIGINT NOT NULL DEFAULT 0,
    ADD COLUMN devices_ended BIGINT NOT NULL DEFAULT 0;

-- The item that a record is about, if it is about one.
ALTER TABLE easemob_admin.run_record ADD COLUMN item BIGINT;
UPDATE easemob_admin.run_record
    SET item = coalesce(record::json #>> '{intent,n}', record::json #>> '{outcome,n}')::bigint;
CREATE INDEX run_record_by_item ON easemob_admin.run_record (run, item, number) WHERE item IS NOT NULL;

UPDATE easemob_admin.run SET
    done = counted.done,
    nothing = counted.nothing,
    skipped = counted.skipped,
    failed_retry = counted.failed_retry,
    failed_final = counted.failed_final,
    in_vain = counted.in_vain
FROM (
    SELECT run,
        count(*) FILTER (WHERE state = 'done') AS done,
        count(*) FILTER (WHERE state = 'nothing') AS nothing,
        count(*) FILTER (WHERE state = 'skipped') AS skipped,
        count(*) FILTER (WHERE state = 'failed_retry') AS failed_retry,
        count(*) FILTER (WHERE state = 'failed_final') AS failed_final,
        count(*) FILTER (WHERE state IN ('unreached', 'unknown')) AS in_vain
    FROM easemob_admin.run_item GROUP BY run
) AS counted
WHERE run.number = counted.run;
UPDATE easemob_admin.run SET devices_ended = counted.ended
FROM (
    SELECT run, sum(json_array_length(record::json #> '{outcome,ended}')) AS ended
    FROM easemob_admin.run_record WHERE record::json #> '{outcome,ended}' IS NOT NULL GROUP BY run
) AS counted
WHERE run.number = counted.run;

//! The statements of the budget, each of them one round trip.

use easemob_admin_api::transport::limit::adaptive::{BACK_OFF, FLOOR, RECOVERY_PER_SECOND, ROUND};
use easemob_admin_api::transport::limit::schedule::HORIZON;
use easemob_admin_api::transport::limit::{HEADROOM, LONGEST_PAUSE, SLACK};

use super::{INTERACTIVE_HORIZON_US, LIVELY_US};

/// Microseconds of the clock of the database.
const NOW: &str = "(extract(epoch FROM clock_timestamp()) * 1000000)::bigint";
/// When this server was started.
const SERVER: &str = "(extract(epoch FROM pg_postmaster_start_time()) * 1000000)::bigint";

/// Enters a pool that is not there yet; returns its number, and the time.
pub(super) fn enter() -> String {
    format!(
        "WITH entered AS (INSERT INTO easemob_admin.budget (app, pool, rate, server_us) VALUES ($1, $2, $3, {SERVER}) \
         ON CONFLICT DO NOTHING RETURNING id) \
         SELECT id, {NOW} FROM entered UNION ALL SELECT id, {NOW} FROM easemob_admin.budget WHERE app = $1 AND pool = $2 LIMIT 1"
    )
}

/// Makes the name of a worker, which nobody else has, and forgets workers who are long gone.
pub(super) fn begin() -> String {
    format!(
        "WITH gone AS (DELETE FROM easemob_admin.budget_worker WHERE seen_us < {NOW} - 3600000000) \
         SELECT format('process %s%s (%s)', $1::bigint, ' at ' || host(inet_client_addr()), left(gen_random_uuid()::text, 13))"
    )
}

/// Reserves slots: pool, number of slots, whether for bulk calls, worker, run, weight, and for how many
/// microseconds the answer is on its way. The rules are those of
/// [`rules`](super::rules).
pub(super) fn reserve() -> String {
    let (horizon, slack, longest) = (HORIZON.as_micros(), SLACK.as_micros(), LONGEST_PAUSE.as_micros());
    let factor = factor_at("held.");
    format!(
        "WITH locked AS MATERIALIZED (SELECT * FROM easemob_admin.budget WHERE id = $1 FOR UPDATE), \
         held AS MATERIALIZED (SELECT *, {NOW} AS now FROM locked), \
         live AS MATERIALIZED (SELECT run, weight FROM easemob_admin.budget_worker, held \
           WHERE budget = $1 AND worker <> $4 AND seen_us BETWEEN now - {LIVELY_US} AND now + {LIVELY_US} \
           UNION ALL SELECT $5::text, $6::int4), \
         state AS (SELECT *, {factor} AS left_now, \
           now + {INTERACTIVE_HORIZON_US} + floor(2 * {HEADROOM} * 1e6 / (rate * {FLOOR}::float8))::bigint AS furthest, \
           CASE WHEN $3 THEN {horizon} ELSE {INTERACTIVE_HORIZON_US} END AS horizon, \
           ($6::int4)::float8 / (SELECT count(*) FROM live WHERE run = $5) \
             / (SELECT sum(heaviest) FROM (SELECT max(weight) AS heaviest FROM live GROUP BY run) AS runs) AS part, \
           coalesce((SELECT credit FROM easemob_admin.budget_worker WHERE budget = $1 AND worker = $4), 0) AS credit FROM held), \
         continued AS (SELECT *, {HEADROOM}::float8 * 1e6 / (rate * left_now) AS every, \
           CASE WHEN server_us <> {SERVER} THEN least(greatest(tat_us, now + {INTERACTIVE_HORIZON_US}), furthest) \
             WHEN tat_us > furthest THEN now + {INTERACTIVE_HORIZON_US} ELSE tat_us END AS continues FROM state), \
         placed AS (SELECT *, greatest(continues, now + $7::bigint - {slack} / 2) AS first, \
           slow_until_us > now AND slow_until_us <= now + {longest} AS paused FROM continued), \
         wanted AS (SELECT *, horizon / every * part + credit AS fair, \
           least($2::bigint, floor((now + greatest(horizon, $7) - first) / every)::bigint + 1) AS wanted, \
           first > now + greatest(horizon, $7) AS later FROM placed), \
         shared AS (SELECT *, greatest(1, floor(fair)::bigint) AS whole, \
           $3 AND NOT paused AND NOT later AND fair < 1 AND first > now + horizon / 2 AND every * 2 <= horizon AS waits FROM wanted), \
         given AS (SELECT *, CASE WHEN paused OR later OR waits THEN 0 WHEN $3 THEN least(wanted, whole) ELSE wanted END AS count, \
           CASE WHEN paused OR later THEN credit WHEN waits THEN fair WHEN wanted < whole THEN 0 \
             ELSE greatest(0, fair - whole) END AS owed FROM shared), \
         worker AS (INSERT INTO easemob_admin.budget_worker (budget, worker, run, weight, seen_us, credit) \
           SELECT id, $4::text, $5::text, $6::int4, now, owed FROM given WHERE $3 \
           ON CONFLICT (budget, worker) DO UPDATE SET run = excluded.run, weight = excluded.weight, seen_us = excluded.seen_us, \
             credit = excluded.credit) \
         UPDATE easemob_admin.budget SET server_us = {SERVER}, used_us = given.now, given = budget.given + given.count, \
           tat_us = CASE WHEN given.count > 0 THEN given.first + ceil(given.count * given.every)::bigint ELSE given.continues END \
         FROM given WHERE budget.id = given.id \
         RETURNING given.now, given.count, given.first, given.every, budget.tat_us, \
           CASE WHEN given.paused THEN given.slow_until_us WHEN given.waits THEN given.now + given.horizon \
             ELSE given.first - given.horizon END, \
           budget.rate, budget.factor, budget.factor_us, CASE WHEN given.paused THEN given.slow_until_us ELSE 0 END"
    )
}

/// Gives slots back: pool, where the unused ones begin, where they end, and how many there are.
pub(super) fn give_back() -> &'static str {
    "UPDATE easemob_admin.budget SET tat_us = $2, given = given - $4 WHERE id = $1 AND tat_us = $3"
}

/// Takes note that the server found the rate too high: pool, microseconds of the pause.
pub(super) fn limited() -> String {
    let (longest, round) = (LONGEST_PAUSE.as_micros(), ROUND.as_micros());
    let factor = factor_at("at.");
    // Refusals of one round count once.
    let counted = format!("at.factor < 1 AND at.now - at.factor_us BETWEEN 0 AND {round} - 1");
    format!(
        "WITH locked AS MATERIALIZED (SELECT * FROM easemob_admin.budget WHERE id = $1 FOR UPDATE), \
         at AS MATERIALIZED (SELECT *, {NOW} AS now FROM locked) \
         UPDATE easemob_admin.budget SET \
           slow_until_us = greatest(CASE WHEN at.slow_until_us <= at.now + {longest} THEN at.slow_until_us ELSE 0 END, at.now + $2), \
           factor = CASE WHEN {counted} THEN at.factor ELSE greatest({FLOOR}, {factor} * {BACK_OFF}::float8) END, \
           factor_us = CASE WHEN {counted} THEN at.factor_us ELSE at.now END \
         FROM at WHERE budget.id = at.id"
    )
}

/// The part of the rate that is left of a row at its `now`.
fn factor_at(row: &str) -> String {
    format!(
        "CASE WHEN {row}factor_us > {row}now OR {row}factor >= 1 OR {row}factor < {FLOOR} THEN 1 ELSE least(1, greatest({FLOOR}, \
         {row}factor + ({row}now - {row}factor_us) * ({RECOVERY_PER_SECOND}::float8 / 1e6))) END::float8"
    )
}

/// Reads what is in use: a row for each worker of each pool, or one for a pool without workers.
pub(super) fn states() -> String {
    let factor = factor_at("at.");
    format!(
        "WITH at AS MATERIALIZED (SELECT *, {NOW} AS now FROM easemob_admin.budget) \
         SELECT at.app, at.pool, at.rate, at.rate * {factor}, greatest(0, at.slow_until_us - at.now) / 1e6::float8, at.given, \
           at.now, w.worker, w.run, w.weight FROM at LEFT JOIN easemob_admin.budget_worker w \
           ON w.budget = at.id AND w.seen_us BETWEEN at.now - {LIVELY_US} AND at.now + {LIVELY_US} \
         ORDER BY at.app, at.pool, w.worker"
    )
}

/// Sets the rate of a pool.
pub(super) fn set_rate() -> String {
    format!(
        "INSERT INTO easemob_admin.budget (app, pool, rate, server_us) VALUES ($1, $2, $3, {SERVER}) \
         ON CONFLICT (app, pool) DO UPDATE SET rate = excluded.rate"
    )
}

//! Leases: who works on what, such as which items of a run, until when, by the clock of the database.
//!
//! A lease is a row and not a lock of a session, so it outlives a cut connection. Its owner renews it until it is dropped.
//! Each owner has an epoch of its own: a write that names an epoch which is no longer that of the row is refused. That
//! protects the record, and not the server that requests are sent to: therefore the owner sends nothing that may still be
//! under way when the lease ends, and a new owner waits for as long as a request may take beyond that end.
//!
//! The leases of a run never overlap, and together have every item that is not finished.

mod deadline;

use std::fmt;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use deadpool_postgres::Object;
use easemob_admin_api::{Leave, LeaveNow};
use easemob_admin_ops::run::direction::RunState;
use easemob_admin_ops::run::store::CallOff;
use easemob_admin_ops::schedule::pipeline::Cause;
use easemob_admin_ops::store_error::StoreError;
use tokio::task::AbortHandle;

use self::deadline::Deadline;
pub(crate) use self::deadline::now;
use crate::database::Database;
use crate::statement::{Values, column, execute, field, query_opt};
use crate::transaction::Transaction;

/// How long a lease lasts after its owner was last heard of.
pub(crate) const LENGTH: Duration = Duration::from_secs(30);

/// How long to wait for the database when a lease is given up; after that, it runs out by itself.
const GIVING_UP: Duration = Duration::from_secs(5);

/// The condition that a lease is free: it ended, and so did every request of its owner.
const FREE: &str = "until + grace_ms * interval '1 ms' < clock_timestamp()";

/// Holds the row of a lease if it is still one's own, so that nobody takes it before the transaction ends: `$1` is what it is
/// about, `$2` where it begins, `$3` its epoch. Whoever takes a lease waits for this, and a renewal does not.
pub(crate) const FENCE: &str = "WITH fence AS MATERIALIZED (SELECT epoch FROM easemob_admin.lease WHERE what = $1 AND \
                                from_seq = $2 AND epoch = $3 FOR KEY SHARE)";

/// The condition that an item is not finished.
const UNFINISHED: &str = "(state IS NULL OR state IN ('intended', 'unreached', 'not_tried', 'unknown'))";

/// How leases are taken.
#[derive(Debug, Clone)]
pub(crate) struct Terms {
    /// The name of the process, for people.
    pub(crate) worker: String,
    /// How long a lease lasts after its owner was last heard of.
    pub(crate) length: Duration,
    /// How long a request may take.
    pub(crate) longest_request: Duration,
}

/// The items of a run that a lease is about: from the first one to before the last.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Span {
    pub(crate) run: i64,
    pub(crate) from: i64,
    pub(crate) to: i64,
}

/// A lease that was entered, and is kept up once the transaction is committed.
#[derive(Debug)]
pub(crate) struct Taken {
    what: String,
    pub(crate) span: Span,
    epoch: i64,
    since: Duration,
}

/// What came of taking all items of a run.
#[derive(Debug)]
pub(crate) enum Whole {
    Taken(Taken),
    /// Somebody works on some of them; after this time they are free, unless the leases are renewed.
    Busy(Duration),
}

/// A lease that is kept up, and given up when it is dropped.
pub(crate) struct Lease {
    database: Database,
    term: Arc<Term>,
    renewing: AbortHandle,
}

/// What a write needs to prove that the lease is still its own.
pub(crate) struct Term {
    what: String,
    span: Span,
    epoch: i64,
    terms: Terms,
    deadline: Deadline,
    /// When it was last renewed, in milliseconds of [`now`].
    renewed: AtomicU64,
    call_off: OnceLock<CallOff>,
    finished: AtomicBool,
    /// Whether requests may be under way.
    sends: AtomicBool,
}

/// The number of no run.
const NO_RUN: i64 = 0;

/// Returns the name of a process that has no other.
pub(crate) fn process() -> String {
    format!("process {}", std::process::id())
}

/// Returns what the leases on a run are named.
pub(crate) fn leased(id: &impl fmt::Display) -> String {
    format!("run {id}")
}

/// Takes all items of a run, within a transaction, unless somebody works on any of them.
pub(crate) async fn take_all(
    connection: &Object,
    what: String,
    run: i64,
    terms: &Terms,
) -> Result<Whole, StoreError> {
    // Infinity cannot be subtracted.
    let busy = "SELECT ceil(extract(epoch FROM max(until + grace_ms * interval '1 ms') FILTER (WHERE until > '-infinity') \
                - clock_timestamp()) * 1000)::bigint \
                FROM (SELECT until, grace_ms FROM easemob_admin.lease WHERE what = $1 ORDER BY from_seq FOR UPDATE) AS held";
    let left: Option<i64> = match query_opt(connection, busy, &[&what]).await? {
        Some(row) => field(&row, 0)?,
        None => None,
    };
    if let Some(left) = left.filter(|left| *left > 0) {
        return Ok(Whole::Busy(Duration::from_millis(left.unsigned_abs())));
    }
    let clear = format!("DELETE FROM easemob_admin.lease WHERE what = $1 AND {FREE}");
    execute(connection, &clear, &[&what]).await?;
    let since = now();
    let enter = "INSERT INTO easemob_admin.lease (what, from_seq, to_seq, worker, epoch, until, grace_ms) VALUES ($1, 0, $2, \
                 $3 || coalesce(' at ' || host(inet_client_addr()), ''), nextval('easemob_admin.lease_epoch'), \
                 clock_timestamp() + $4::bigint * interval '1 ms', $5) ON CONFLICT DO NOTHING RETURNING epoch";
    let span = Span {
        run,
        from: 0,
        to: i64::MAX,
    };
    let (length, grace) = (milliseconds(terms.length), milliseconds(terms.longest_request));
    let values: Values<'_> = &[&what, &span.to, &terms.worker, &length, &grace];
    Ok(match query_opt(connection, enter, values).await? {
        Some(row) => Whole::Taken(Taken {
            epoch: field(&row, 0)?,
            what,
            span,
            since,
        }),
        // Somebody took it a moment ago.
        None => Whole::Busy(terms.length + terms.longest_request),
    })
}

/// Splits a range of at most `size` items off those that nobody works on, within a transaction; it begins with the first item
/// that is not finished. `None` if there is nothing to take now.
pub(crate) async fn take_range(
    connection: &Object,
    what: String,
    (run, items, size): (i64, i64, i64),
    terms: &Terms,
) -> Result<Option<Taken>, StoreError> {
    let free = format!(
        "SELECT from_seq, to_seq FROM easemob_admin.lease WHERE what = $1 AND {FREE} ORDER BY from_seq LIMIT 1 \
         FOR UPDATE SKIP LOCKED"
    );
    let begin = format!(
        "SELECT seq FROM easemob_admin.run_item WHERE run = $1 AND seq >= $2 AND seq < $3 AND {UNFINISHED} ORDER BY seq LIMIT 1"
    );
    while let Some(row) = query_opt(connection, &free, &[&what]).await? {
        let (from, to): (i64, i64) = (field(&row, 0)?, field(&row, 1)?);
        let to = to.min(items);
        let Some(row) = query_opt(connection, &begin, &[&run, &from, &to]).await? else {
            let done = "DELETE FROM easemob_admin.lease WHERE what = $1 AND from_seq = $2";
            execute(connection, done, &[&what, &from]).await?;
            continue;
        };
        let first: i64 = field(&row, 0)?;
        let end = first.saturating_add(size).min(to);
        if end < to {
            let rest = "INSERT INTO easemob_admin.lease (what, from_seq, to_seq, worker, epoch, until) \
                        VALUES ($1, $2, $3, '', 0, '-infinity')";
            execute(connection, rest, &[&what, &end, &to]).await?;
        }
        let since = now();
        let take = "UPDATE easemob_admin.lease SET from_seq = $3, to_seq = $4, \
                    worker = $5 || coalesce(' at ' || host(inet_client_addr()), ''), \
                    epoch = nextval('easemob_admin.lease_epoch'), until = clock_timestamp() + $6::bigint * interval '1 ms', \
                    grace_ms = $7 WHERE what = $1 AND from_seq = $2 RETURNING epoch";
        let (length, grace) = (milliseconds(terms.length), milliseconds(terms.longest_request));
        let values: Values<'_> = &[&what, &from, &first, &end, &terms.worker, &length, &grace];
        let taken = query_opt(connection, take, values).await?;
        return taken
            .map(|row| {
                Ok(Taken {
                    epoch: field(&row, 0)?,
                    what,
                    span: Span {
                        run,
                        from: first,
                        to: end,
                    },
                    since,
                })
            })
            .transpose();
    }
    Ok(None)
}

/// Leaves all items of a run to workers, within a transaction, unless there are leases already.
pub(crate) async fn leave_all(connection: &Object, what: &str) -> Result<(), StoreError> {
    let leave = "INSERT INTO easemob_admin.lease (what, from_seq, to_seq, worker, epoch, until) \
                 SELECT $1, 0, $2, '', 0, '-infinity' WHERE NOT EXISTS (SELECT FROM easemob_admin.lease WHERE what = $1) \
                 ON CONFLICT DO NOTHING";
    execute(connection, leave, &[&what, &i64::MAX]).await?;
    Ok(())
}

impl Taken {
    /// Keeps the lease up from now on.
    pub(crate) fn keep(self, database: &Database, terms: &Terms) -> Lease {
        let term = Arc::new(Term {
            what: self.what,
            span: self.span,
            epoch: self.epoch,
            terms: terms.clone(),
            deadline: Deadline::at(self.since + terms.length),
            renewed: AtomicU64::new(milliseconds(self.since).unsigned_abs()),
            call_off: OnceLock::new(),
            finished: AtomicBool::new(false),
            sends: AtomicBool::new(false),
        });
        let renewing = renew(database.clone(), Arc::clone(&term));
        Lease {
            renewing: database.calling().handle().spawn(renewing).abort_handle(),
            database: database.clone(),
            term,
        }
    }
}

impl Lease {
    /// Takes the lease on something that is no run, unless somebody else has it. Blocks the thread.
    pub(crate) fn take(
        database: &Database,
        what: &str,
        length: Duration,
    ) -> Result<Option<Self>, StoreError> {
        let terms = Terms {
            worker: process(),
            length,
            longest_request: Duration::ZERO,
        };
        let transaction = Transaction::begin(database)?;
        let (wanted, asked) = (what.to_owned(), terms.clone());
        let taken = transaction
            .ask(move |connection| async move { take_all(&connection, wanted, NO_RUN, &asked).await })?;
        transaction.commit()?;
        Ok(match taken {
            Whole::Taken(taken) => Some(taken.keep(database, &terms)),
            Whole::Busy(_) => None,
        })
    }

    /// Returns what a write needs to prove that the lease is still its own.
    pub(crate) fn term(&self) -> &Arc<Term> {
        &self.term
    }

    /// Calls `call_off` once the process must stop working, and returns what says whether a request may be sent.
    pub(crate) fn begin_work(&self, call_off: CallOff) -> Leave {
        // Work begins once.
        let _ = self.term.call_off.set(call_off);
        let term = Arc::clone(&self.term);
        Leave::new(move || term.leave())
    }
}

impl Term {
    pub(crate) fn span(&self) -> Span {
        self.span
    }

    /// Returns how long the lease lasts.
    pub(crate) fn length(&self) -> Duration {
        self.terms.length
    }

    /// Renews the lease; false if somebody else has it. In a transaction, nobody can take it until the end, and it is
    /// [heard](Self::heard) once the transaction is committed.
    pub(crate) async fn renew(&self, connection: &Object) -> Result<bool, StoreError> {
        let renew = "UPDATE easemob_admin.lease SET until = clock_timestamp() + $4::bigint * interval '1 ms' \
                     WHERE what = $1 AND from_seq = $2 AND epoch = $3 \
                     RETURNING (SELECT state FROM easemob_admin.run WHERE number = $5)";
        let length = milliseconds(self.terms.length);
        let values: Values<'_> = &[&self.what, &self.span.from, &self.epoch, &length, &self.span.run];
        let Some(row) = query_opt(connection, renew, values).await? else {
            self.lost();
            return Ok(false);
        };
        let state: Option<&str> = field(&row, 0)?;
        match state.and_then(RunState::of_word) {
            Some(RunState::Paused) => self.call_off(Cause::Paused),
            Some(RunState::Stopped) => self.call_off(Cause::Stopped),
            Some(RunState::Alone | RunState::Open) | None => {}
        }
        Ok(true)
    }

    /// Returns what the lease is about, where it begins and its epoch, for a statement that writes only while the lease is
    /// still its own: [`FENCE`].
    pub(crate) fn fence(&self) -> (&String, i64, i64) {
        (&self.what, self.span.from, self.epoch)
    }

    /// Returns true if the lease was not renewed for longer than it should have been.
    pub(crate) fn is_renewal_due(&self) -> bool {
        let renewed = Duration::from_millis(self.renewed.load(Ordering::Acquire));
        now().saturating_sub(renewed) >= self.every()
    }

    /// Returns how often it is renewed: three times before a request could no longer be sent.
    fn every(&self) -> Duration {
        self.terms.length.saturating_sub(self.terms.longest_request) / 3
    }

    /// Notes that the lease was renewed at or after a time.
    pub(crate) fn heard(&self, since: Duration) {
        self.renewed
            .fetch_max(milliseconds(since).unsigned_abs(), Ordering::AcqRel);
        self.deadline.extend(since + self.terms.length);
    }

    /// Notes that somebody else has it.
    pub(crate) fn lost(&self) {
        self.deadline.lose();
        self.call_off(Cause::TakenOver);
    }

    fn call_off(&self, cause: Cause) {
        if let Some(call_off) = self.call_off.get() {
            call_off(cause);
        }
    }

    /// Returns whether a request that is sent now ends before the lease does.
    fn leave(&self) -> LeaveNow {
        self.deadline.leave(now(), self.terms.longest_request)
    }

    /// Notes that every item has had its turn, so that nobody needs to take them once more.
    pub(crate) fn finish(&self) {
        self.finished.store(true, Ordering::Release);
    }

    /// Notes whether requests may be under way, which others wait for when the lease is given up.
    pub(crate) fn sends(&self, sends: bool) {
        self.sends.store(sends, Ordering::Release);
    }

    async fn give_up(&self, connection: &Object) -> Result<(), StoreError> {
        let Span { run, from, to } = self.span;
        let finished = format!(
            "DELETE FROM easemob_admin.lease WHERE what = $1 AND from_seq = $2 AND epoch = $3 AND ($6 OR NOT EXISTS \
             (SELECT FROM easemob_admin.run_item WHERE run = $4 AND seq >= $2 AND seq < $5 AND {UNFINISHED}))"
        );
        let has_turned = self.finished.load(Ordering::Acquire);
        let values: Values<'_> = &[&self.what, &from, &self.epoch, &run, &to, &has_turned];
        if execute(connection, &finished, values).await? > 0 {
            // Whoever gives the last one up sees that there is none; what is left is left to people.
            let close = "UPDATE easemob_admin.run SET state = 'alone' WHERE number = $1 AND state = 'open' AND NOT EXISTS \
                         (SELECT FROM easemob_admin.lease WHERE what = $2)";
            execute(connection, close, &[&run, &self.what]).await?;
        } else {
            // Without an epoch, a renewal that is on its way does nothing.
            let give_up = "UPDATE easemob_admin.lease SET until = CASE WHEN $4 THEN clock_timestamp() ELSE '-infinity' END, \
                           epoch = 0, worker = '' WHERE what = $1 AND from_seq = $2 AND epoch = $3";
            let sends = self.sends.load(Ordering::Acquire);
            execute(connection, give_up, &[&self.what, &from, &self.epoch, &sends]).await?;
        }
        Ok(())
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        self.renewing.abort();
        let (database, term) = (self.database.clone(), Arc::clone(&self.term));
        let given_up = async move {
            let connection = database.connection().await?;
            term.give_up(&connection).await
        };
        self.database.calling().wait(async move {
            // It runs out by itself.
            let _ = tokio::time::timeout(GIVING_UP, given_up).await;
        });
    }
}

impl fmt::Debug for Lease {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Lease")
            .field("what", &self.term.what)
            .field("span", &self.term.span)
            .finish_non_exhaustive()
    }
}

/// Renews the lease until somebody else has it.
async fn renew(database: Database, term: Arc<Term>) {
    loop {
        tokio::time::sleep(term.every()).await;
        let since = now();
        let renewed = async { term.renew(&database.connection().await?).await };
        // If the database is away, it may be back before the lease runs out.
        match renewed.await {
            Ok(true) => term.heard(since),
            Ok(false) => return,
            Err(_) => {}
        }
    }
}

fn milliseconds(length: Duration) -> i64 {
    column(u64::try_from(length.as_millis()).unwrap_or(u64::MAX))
}

//! The rates of all pools, and what is in use of them.

use easemob_admin_api::AppRoot;
use easemob_admin_ops::store_error::StoreError;

use super::{PgBudget, name_of, statements};
use crate::statement::{execute, field, query};

/// A pool of an app, and what is in use of it.
#[derive(Debug, Clone, PartialEq)]
pub struct PoolState {
    /// The root of all calls of the app; `sha256:` and a digest in place of a very long one.
    pub app: String,
    /// The name of the pool, such as `accounts`.
    pub pool: String,
    /// Calls a second of all machines together.
    pub rate: u32,
    /// Calls a second that are allowed at the moment: fewer after the server found the rate too high.
    pub allowed: f64,
    /// How much is left of a pause that the server asked for, in seconds; 0 if there is none.
    pub pause: f64,
    /// How many slots were given out so far.
    pub given: u64,
    /// When this was read, in microseconds since 1970 by the clock of the database.
    pub read_us: i64,
    /// Who reserved slots for bulk calls within the last second.
    pub workers: Vec<WorkerState>,
}

/// A worker that reserves slots for bulk calls.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WorkerState {
    /// Which one.
    pub worker: String,
    /// The run that it works on; the worker itself if it did not say.
    pub run: String,
    /// The weight of the run beside others.
    pub weight: i32,
}

impl PgBudget {
    /// Reads what is in use, of all apps. Blocks the thread.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn states(&self) -> Result<Vec<PoolState>, StoreError> {
        self.shared.sessions.database().read(|connection| async move {
            let rows = query(&connection, &statements::states(), &[]).await?;
            let mut states: Vec<PoolState> = Vec::new();
            for row in &rows {
                let (app, pool): (String, String) = (field(row, 0)?, field(row, 1)?);
                if states
                    .last()
                    .is_none_or(|last| (&last.app, &last.pool) != (&app, &pool))
                {
                    states.push(PoolState {
                        app,
                        pool,
                        rate: u32::try_from(field::<i32>(row, 2)?).unwrap_or_default(),
                        allowed: field(row, 3)?,
                        pause: field(row, 4)?,
                        given: u64::try_from(field::<i64>(row, 5)?).unwrap_or_default(),
                        read_us: field(row, 6)?,
                        workers: Vec::new(),
                    });
                }
                let worker: Option<String> = field(row, 7)?;
                if let (Some(worker), Some(state)) = (worker, states.last_mut()) {
                    state.workers.push(WorkerState {
                        worker,
                        run: field(row, 8)?,
                        weight: field(row, 9)?,
                    });
                }
            }
            Ok(states)
        })
    }

    /// Returns the rate of a pool of an app, if the database knows it. Blocks the thread.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub fn rate(&self, app: &AppRoot, pool: &str) -> Result<Option<u32>, StoreError> {
        let (app, pool) = (name_of(app).map_err(unnamed)?, pool.to_owned());
        self.shared.sessions.database().read(|connection| async move {
            let wanted = "SELECT rate FROM easemob_admin.budget WHERE app = $1 AND pool = $2";
            let rows = query(&connection, wanted, &[&app, &pool]).await?;
            let rate: Option<i32> = rows.first().map(|row| field(row, 0)).transpose()?;
            Ok(rate.and_then(|rate| u32::try_from(rate).ok()))
        })
    }

    /// Sets the rate of a pool of an app, 1 to 1,000,000 calls a second, for all machines: it holds from the next
    /// reservations on. Blocks the thread.
    ///
    /// # Errors
    /// When the database cannot be written, or the rate is out of range.
    pub fn set_rate(&self, app: &AppRoot, pool: &str, rate: u32) -> Result<(), StoreError> {
        let (app, pool) = (name_of(app).map_err(unnamed)?, pool.to_owned());
        let rate = i32::try_from(rate).unwrap_or(i32::MAX);
        self.shared
            .sessions
            .database()
            .read(move |connection| async move {
                execute(&connection, &statements::set_rate(), &[&app, &pool, &rate]).await?;
                Ok(())
            })
    }
}

fn unnamed(error: std::io::Error) -> StoreError {
    StoreError::Failed(error.into())
}

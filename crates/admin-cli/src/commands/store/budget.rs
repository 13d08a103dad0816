//! `store budget`: shows and sets the rate that all machines share.

use std::collections::HashMap;
use std::time::Duration;

use clap::Args;
use easemob_admin_api::{AppRoot, RateLimit, Rates};
use easemob_admin_store_pg::budget::{PgBudget, PoolState};
use easemob_admin_store_pg::database::Database;
use easemob_admin_words::t;
use serde::Serialize;

use super::database;
use crate::budget::{rates_at, rates_with};
use crate::cli::Rate;
use crate::command_error::CommandError;
use crate::config::profile::Packs;
use crate::context::Context;
use crate::exit::{self, Exit};
use crate::render::report::{Row, unwritten_rows};

/// For how long to count what is in use.
const COUNTED: Duration = Duration::from_secs(1);

/// Arguments of `store budget`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  easemob-admin store budget
  easemob-admin store budget --packs 2
  easemob-admin store budget --rate 80
  easemob-admin store budget --rate 100 --pool presence

Without a rate to set, it shows the budget of every app in the database, and counts for a second what is in use. An app is \
entered with its first request, at the rate of the `packs` of the profile. A new rate holds for every machine from its next \
reservation on, a tenth of a second later. The `--rate` and `--share` of other commands keep that command below it.")]
pub struct BudgetArgs {
    /// Set the rate to 100 requests a second, and 50 more for each of this many packs
    #[arg(long, value_name = "N", value_parser = packs)]
    packs: Option<Packs>,
    /// Set the rate of this pool. `accounts` also sets `batch_status`, which has half of it
    #[arg(long, value_name = "NAME", default_value = ACCOUNTS)]
    pool: String,
}

/// The pool of user, device and session calls.
const ACCOUNTS: &str = "accounts";

fn packs(text: &str) -> Result<Packs, String> {
    let number: u64 = text
        .parse()
        .map_err(|_| t!("give a number from 0 to 10000").to_owned())?;
    Packs::try_from(number).map_err(|_| t!("give a number from 0 to 10000").to_owned())
}

#[derive(Debug, Serialize)]
struct BudgetRow {
    app: String,
    pool: String,
    /// Requests a second, of all machines together.
    rate: u32,
    /// How many of them are allowed now.
    allowed: f64,
    /// How many slots were given out in the last second.
    in_use: f64,
    /// What is left of a pause that the server asked for.
    pause_seconds: f64,
    workers: Vec<WorkerRow>,
}

#[derive(Debug, Serialize)]
struct WorkerRow {
    worker: String,
    run: String,
    weight: i32,
}

impl Row for BudgetRow {
    const COLUMNS: &'static [&'static str] = &[
        "app",
        "pool",
        "rate",
        "allowed",
        "in_use",
        "pause_seconds",
        "workers",
    ];

    fn cells(&self) -> Vec<String> {
        vec![
            self.app.clone(),
            self.pool.clone(),
            self.rate.to_string(),
            format!("{:.0}", self.allowed),
            format!("{:.0}", self.in_use),
            format!("{:.0}", self.pause_seconds.ceil()),
            self.workers.len().to_string(),
        ]
    }
}

#[derive(Debug, Serialize)]
struct BudgetSummary {
    pools: usize,
}

/// Runs the command.
///
/// # Errors
/// When the database cannot be used, or the rate cannot be set.
pub fn run(context: &Context, args: &BudgetArgs) -> Result<Exit, CommandError> {
    context.shown(BudgetRow::COLUMNS)?;
    let wanted = wanted(context.globals.rate, args)?;
    let (address, password) = database(context)?;
    let budget = PgBudget::in_database(Database::open(&address, &password)?);
    if let Some(rates) = wanted {
        let root = context.server_root()?.ok_or_else(|| {
            usage(t!("the sandbox of --sandbox shares its budget with nobody"))
                .hint(t!("name the app with --profile, or with --server and --app"))
        })?;
        return set(context, &budget, &root, &rates);
    }
    let before = budget.states()?;
    std::thread::sleep(COUNTED);
    let rows = rows(&before, budget.states()?);
    let mut report = context.local_report::<BudgetRow>("store budget", false)?;
    for row in &rows {
        report.row(row).map_err(unwritten_rows)?;
    }
    report
        .finish(&BudgetSummary { pools: rows.len() })
        .map_err(unwritten_rows)?;
    if rows.is_empty() {
        context
            .ui
            .note(t!("no app has sent anything yet through this database"));
    }
    Ok(exit::OK)
}

/// Returns which pools get which rates; nothing to show them only.
fn wanted(rate: Option<Rate>, args: &BudgetArgs) -> Result<Option<Vec<(&'static str, u32)>>, CommandError> {
    let pools = Rates::default().pools();
    let Some((pool, _)) = pools.into_iter().find(|(name, _)| *name == args.pool) else {
        let names: Vec<&str> = pools.iter().map(|(name, _)| *name).collect();
        let what = t!("there is no pool `{}`", args.pool);
        return Err(usage(what).hint(t!("the pools are {}", names.join(", "))));
    };
    let rates = match (rate, args.packs) {
        (None, None) => return Ok(None),
        (Some(_), Some(_)) => return Err(usage(t!("--rate and --packs cannot be combined"))),
        (Some(Rate::Unlimited), None) => {
            return Err(
                usage(t!("a budget that machines share has a rate")).hint(t!("give --rate N, or --packs N"))
            );
        }
        (None, Some(_)) if pool != ACCOUNTS => {
            return Err(usage(t!("packs are for the pool `accounts`")).hint(t!("give --rate N with --pool")));
        }
        (Some(Rate::PerSecond(rate)), None) if pool != ACCOUNTS => return Ok(Some(vec![(pool, rate.get())])),
        (Some(Rate::PerSecond(rate)), None) => rates_at(RateLimit::per_second(rate.get())),
        (None, Some(packs)) => rates_with(packs),
    };
    let of_accounts = |(name, _): &(&str, _)| [ACCOUNTS, "batch_status"].contains(name);
    let set = rates.pools().into_iter().filter(of_accounts);
    Ok(Some(
        set.filter_map(|(name, rate)| Some((name, rate.calls_per_second()?)))
            .collect(),
    ))
}

fn usage(what: impl Into<String>) -> CommandError {
    CommandError::new(exit::USAGE, what)
}

fn set(
    context: &Context,
    budget: &PgBudget,
    root: &AppRoot,
    rates: &[(&str, u32)],
) -> Result<Exit, CommandError> {
    for (pool, rate) in rates {
        budget.set_rate(root, pool, *rate)?;
        context.ui.note(t!(
            "{root}: all machines together send at most {rate} requests a second from the pool {pool}"
        ));
    }
    Ok(exit::OK)
}

/// Returns the pools as they are, and what was given out of each since `before`.
fn rows(before: &[PoolState], after: Vec<PoolState>) -> Vec<BudgetRow> {
    let key = |state: &PoolState| (state.app.clone(), state.pool.clone());
    let before: HashMap<_, _> = before.iter().map(|state| (key(state), state)).collect();
    let rows = after.into_iter().map(|state| {
        let in_use = before.get(&key(&state)).map_or(0.0, |before| {
            let slots = u32::try_from(state.given.saturating_sub(before.given)).unwrap_or(u32::MAX);
            let micros = state.read_us.saturating_sub(before.read_us).max(1);
            f64::from(slots) / Duration::from_micros(micros.unsigned_abs()).as_secs_f64()
        });
        let workers = state.workers.into_iter().map(|worker| WorkerRow {
            worker: worker.worker,
            run: worker.run,
            weight: worker.weight,
        });
        BudgetRow {
            workers: workers.collect(),
            app: state.app,
            pool: state.pool,
            rate: state.rate,
            allowed: state.allowed,
            in_use,
            pause_seconds: state.pause,
        }
    });
    rows.collect()
}

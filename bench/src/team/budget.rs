//! How much of the rate is used by 1, 2, 4 and 8 workers, each a process with connections of its own, against a server that
//! counts; and while one of them is killed, or stands still for some seconds.

use std::process::Stdio;
use std::time::{Duration, Instant};

use clap::Args;
use easemob_admin_api::AppRoot;
use easemob_admin_store_pg::address::DatabaseAddress;
use easemob_admin_store_pg::budget::PgBudget;
use easemob_admin_store_pg::database::Database;
use easemob_admin_store_pg::password::PasswordSource;
use tabled::builder::Builder;
use tabled::settings::Style;
use tokio::process::{Child, Command};
use tokio_postgres::NoTls;

use crate::limited_server::{self, Limit};
use crate::measure::figures;

type Failure = Box<dyn std::error::Error>;

/// Arguments of `team budget`.
#[derive(Debug, Args)]
pub(crate) struct BudgetArgs {
    /// A database for this alone, whose account needs no password; it gets the tables
    #[arg(long, value_name = "URL")]
    database: String,
    /// How long each run takes
    #[arg(long, default_value_t = 30)]
    seconds: u64,
}

/// What happens to one of the workers half-way.
#[derive(Debug, Clone, Copy)]
enum Event {
    None,
    Killed,
    Stopped,
}

impl Event {
    fn as_str(self) -> &'static str {
        match self {
            Self::None => "",
            Self::Killed => "is killed",
            Self::Stopped => "stands still for 3 s",
        }
    }
}

const EVENTS: [(u32, Event); 7] = [
    (1, Event::None),
    (2, Event::None),
    (4, Event::None),
    (8, Event::None),
    (2, Event::Killed),
    (8, Event::Killed),
    (8, Event::Stopped),
];

async fn signal(signal: &str, child: &Child) -> Result<(), Failure> {
    let process = child.id().ok_or("the worker has ended")?.to_string();
    let sent = Command::new("kill").args([signal, &process]).status().await?;
    sent.success()
        .then_some(())
        .ok_or_else(|| "the worker cannot be stopped".into())
}

pub(crate) async fn run(args: &BudgetArgs) -> Result<(), Failure> {
    let address = DatabaseAddress::parse(&args.database)?;
    let budget = tokio::task::spawn_blocking(move || {
        Database::migrate(&address, &PasswordSource::Nothing)?;
        Database::open(&address, &PasswordSource::Nothing).map(PgBudget::in_database)
    });
    let budget = budget.await??;
    let mut table = Builder::default();
    let columns = [
        "N",
        "workers",
        "killed",
        "used",
        "429",
        "most in a second",
        "statements/s of a worker",
    ];
    table.push_record(columns);
    for rate in [100, 1000] {
        for (workers, event) in EVENTS {
            let (address, seen) = limited_server::start(Limit::Bucket, rate, Duration::ZERO).await?;
            let root = format!("http://{address}/acme/chat");
            set_rate(&budget, &root, rate).await?;
            let (before, began) = (transactions(&args.database).await?, Instant::now());
            // A second more, so that the last second measured is whole.
            let mut children = Vec::new();
            for _ in 0..workers {
                children.push(start(args, &root, rate)?);
            }
            tokio::time::sleep(Duration::from_secs(args.seconds / 2)).await;
            match event {
                Event::None => {}
                Event::Killed => children.swap_remove(0).kill().await?,
                Event::Stopped => {
                    signal("-STOP", &children[0]).await?;
                    tokio::time::sleep(Duration::from_secs(3)).await;
                    signal("-CONT", &children[0]).await?;
                }
            }
            for child in &mut children {
                let status = child.wait().await?;
                if !status.success() {
                    return Err(format!("a worker failed: {status}").into());
                }
            }
            let made = transactions(&args.database).await?.saturating_sub(before);
            let figures = figures(&seen.arrivals(), rate, args.seconds);
            table.push_record([
                rate.to_string(),
                workers.to_string(),
                event.as_str().to_owned(),
                format!("{:.2} %", figures.used * 100.0),
                figures.refused.to_string(),
                figures.most.to_string(),
                format!(
                    "{:.1}",
                    f64::from(made) / began.elapsed().as_secs_f64() / f64::from(workers)
                ),
            ]);
        }
    }
    println!("{}", table.build().with(Style::markdown()));
    Ok(())
}

fn start(args: &BudgetArgs, root: &str, rate: u32) -> Result<Child, Failure> {
    let child = Command::new(std::env::current_exe()?)
        .args(["send", "--root", root, "--rate", &rate.to_string()])
        .args([
            "--seconds",
            &(args.seconds + 1).to_string(),
            "--database",
            &args.database,
        ])
        .stdin(Stdio::null())
        .spawn()?;
    Ok(child)
}

async fn set_rate(budget: &PgBudget, root: &str, rate: u32) -> Result<(), Failure> {
    let (budget, root) = (budget.clone(), AppRoot::parse(root)?);
    Ok(tokio::task::spawn_blocking(move || budget.set_rate(&root, "accounts", rate)).await??)
}

/// How many transactions the database has committed, each of them one statement here.
async fn transactions(database: &str) -> Result<u32, Failure> {
    // Sessions report what they did after a second.
    tokio::time::sleep(Duration::from_secs(2)).await;
    let address = DatabaseAddress::parse(database)?;
    let mut config = tokio_postgres::Config::new();
    config
        .host(&address.host)
        .port(address.port)
        .user(&address.user)
        .dbname(&address.database);
    let (client, connection) = config.connect(NoTls).await?;
    tokio::spawn(connection);
    let row = client
        .query_one(
            "SELECT xact_commit FROM pg_stat_database WHERE datname = current_database()",
            &[],
        )
        .await?;
    Ok(u32::try_from(row.get::<_, i64>(0))?)
}

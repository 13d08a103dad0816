//! How fast users are filed and their outcomes recorded in PostgreSQL, what it costs to find them again among many, and the
//! same from end to end: a logout by one process and by two workers, against a server that answers at once.

use std::io;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use clap::Args;
use easemob_admin_api::{AppRoot, DeviceId, UserId};
use easemob_admin_audit::Filter;
use easemob_admin_ops::run::direction::Priority;
use easemob_admin_ops::run::id::RunId;
use easemob_admin_ops::run::item::Item;
use easemob_admin_ops::run::job::Action;
use easemob_admin_ops::run::journal::header::{Durability, FORMAT, Header, Operator};
use easemob_admin_ops::run::journal::record::{Begin, Intent, Outcome, Record, State};
use easemob_admin_ops::run::recorder::Note;
use easemob_admin_ops::run::run_record::Recorded;
use easemob_admin_ops::run::store::{OpenRun, RunStore};
use easemob_admin_ops::status_first::Reading;
use easemob_admin_ops::target::Target;
use easemob_admin_store_pg::address::DatabaseAddress;
use easemob_admin_store_pg::database::Database;
use easemob_admin_store_pg::password::PasswordSource;
use easemob_admin_store_pg::runs::PgRuns;
use easemob_admin_store_pg::trail::PgTrails;
use jiff::Timestamp;
use tabled::builder::Builder;
use tabled::settings::Style;

use crate::child::{Cost, Output, run as run_child};
use crate::record::median as middle;
use crate::throughput::Server;
use crate::throughput::ways::{tool, user as name};

type Failure = Box<dyn std::error::Error>;

/// How many notes a block has: that of the engine.
const BLOCK: usize = 500;

/// Arguments of `team records`.
#[derive(Debug, Clone, Args)]
pub(crate) struct RecordsArgs {
    /// A database for this alone, whose account needs no password; it gets the tables
    #[arg(long, value_name = "URL")]
    database: String,
    /// At how many entries of the trail to measure, in ascending order; ten million need about 8 GB
    #[arg(long, value_delimiter = ',', default_values_t = [100_000, 1_000_000, 10_000_000])]
    entries: Vec<u64>,
    /// How many users the logouts from end to end have
    #[arg(long, default_value_t = 100_000)]
    users: u64,
}

pub(crate) fn run(args: &RecordsArgs) -> Result<(), Failure> {
    let address = DatabaseAddress::parse(&args.database)?;
    Database::migrate(&address, &PasswordSource::Nothing)?;
    let home = tempfile::tempdir()?;
    end_to_end(args, home.path())?;
    let database = Database::open(&address, &PasswordSource::Nothing)?;
    let trails = PgTrails::in_database(database.clone(), home.path().join("keys"));
    grow(
        args,
        &PgRuns::in_database(database, trails.clone()),
        &trails,
        home.path(),
    )
}

/// Adds runs until the trail has as many entries as asked for, and tells at each size what its parts cost.
fn grow(args: &RecordsArgs, runs: &PgRuns, trails: &PgTrails, home: &Path) -> Result<(), Failure> {
    let mut table = Builder::default();
    table.push_record([
        "entries of the trail",
        "users filed/s",
        "outcomes/s",
        "one user's entries",
        "all runs",
        "`audit log --user`",
        "`runs list`",
    ]);
    let target = target()?;
    let (mut size, mut second) = (0, 1_767_225_600);
    for wanted in &args.entries {
        let users = wanted.saturating_sub(size) / 2;
        let id = RunId::new(Timestamp::from_second(second)?, 0);
        second += 1;
        let mut items = (0..users).map(|number| Ok(Item::new(number, number + 1, user(number)?)));
        let began = Instant::now();
        let open = runs.create(&id, header(&id, &target), &mut items)?;
        let filed = began.elapsed();
        let began = Instant::now();
        record(open, users)?;
        let recorded = began.elapsed();
        size += users * 2;
        let someone = user(users / 2)?;
        let search = median(|| {
            let of_user = Filter {
                user: Some(someone.to_string()),
                ..Filter::default()
            };
            let found = trails.of(&target.name())?.search(of_user).count();
            (found >= 2)
                .then_some(())
                .ok_or_else(|| "the user was not found".into())
        })?;
        let overview = median(|| runs.overview().map(drop).map_err(Into::into))?;
        let log = of_process(args, home, &["audit", "log", "--user", someone.as_str()])?;
        let list = of_process(args, home, &["runs", "list"])?;
        table.push_record([
            size.to_string(),
            per_second(users, filed),
            per_second(users, recorded),
            milliseconds(search),
            milliseconds(overview),
            milliseconds(log),
            milliseconds(list),
        ]);
    }
    println!("{}", table.build().with(Style::markdown()));
    Ok(())
}

/// Records intent and outcome of each user, in blocks as the engine makes them: outcomes of some users with intents of others.
fn record(open: OpenRun, users: u64) -> Result<(), Failure> {
    let OpenRun {
        header,
        mut progress,
        held,
    } = open;
    let mut record = held.into_record(&header, &mut progress)?;
    let mut write = |notes: &mut Vec<Note>| match record.record(notes)? {
        Recorded::All => {
            notes.clear();
            Ok::<(), Failure>(())
        }
        Recorded::Fenced(_) => Err("another process has the run".into()),
    };
    let mut notes = vec![Note::of_run(Record::Begin(Begin {
        at: 1,
        tool: "0".into(),
        operator: Operator::named("bench", "here"),
        pid: 1,
    }))];
    let half = u64::try_from(BLOCK / 2)?;
    for first in (0..users + half).step_by(BLOCK / 2) {
        for number in first.saturating_sub(half)..first.min(users) {
            notes.push(outcome(number)?);
        }
        for number in first..(first + half).min(users) {
            notes.push(intent(number)?);
        }
        write(&mut notes)?;
    }
    Ok(record.sync()?)
}

fn intent(number: u64) -> Result<Note, Failure> {
    let intent = Intent {
        n: number,
        at: 2,
        call: "sessions.logout_all".into(),
        devices: vec![DeviceId::parse(format!("ios_{number:08}"))?],
        kept: Vec::new(),
    };
    let item = Item::new(number, number + 1, user(number)?);
    Ok(Note::of_item(&item, Record::Intent(intent)))
}

fn outcome(number: u64) -> Result<Note, Failure> {
    let outcome = Outcome {
        n: number,
        at: 3,
        state: State::Done,
        server_at: None,
        ended: vec![DeviceId::parse(format!("ios_{number:08}"))?],
        failed: Vec::new(),
        basis: None,
    };
    let item = Item::new(number, number + 1, user(number)?);
    Ok(Note::of_item(&item, Record::Outcome(outcome)))
}

/// A logout of many users whose records are in the database: by the command itself, and by two workers.
fn end_to_end(args: &RecordsArgs, home: &Path) -> Result<(), Failure> {
    let server = Server::start(0)?;
    // What the records cost shall be seen, and not the rate.
    let mut unlimited = shared(args, home, &server.root)?;
    unlimited.args(["store", "budget", "--rate", "100000"]);
    run_child(&mut unlimited, Output::Dropped)?;
    let list = home.join("users.txt");
    let names: Result<Vec<String>, Failure> = (0..args.users)
        .map(|number| Ok(user(number)?.to_string()))
        .collect();
    std::fs::write(&list, names?.join("\n"))?;
    let logout = |store: bool, detach: bool| {
        let mut tool = if store {
            shared(args, home, &server.root)?
        } else {
            tool(home, &server.root)?
        };
        tool.args([
            "sessions",
            "logout",
            "--reason",
            "benchmark",
            "--yes",
            "--read-every-user",
        ])
        .args([
            "--rate",
            "unlimited",
            "--concurrency",
            "64",
            "-o",
            "csv",
            "--from",
        ])
        .arg(&list);
        if detach {
            tool.arg("--detach");
        }
        Ok::<_, Failure>(run_child(&mut tool, Output::Dropped)?)
    };
    let work = || {
        let mut tool = shared(args, home, &server.root)?;
        tool.args(["work", "--once"]);
        Ok::<_, Failure>(tool)
    };
    let files = logout(false, false)?;
    let store = logout(true, false)?;
    logout(true, true)?;
    let began = Instant::now();
    let (mut first, mut second) = (work()?, work()?);
    let second = std::thread::spawn(move || run_child(&mut second, Output::Dropped));
    let first = run_child(&mut first, Output::Dropped)?;
    let second = second
        .join()
        .map_err(|_| "the second worker cannot be waited for")??;
    let both = Cost {
        wall: began.elapsed(),
        cpu: first.cpu + second.cpu,
        peak: first.peak.max(second.peak),
        output: String::new(),
    };
    let mut table = Builder::default();
    table.push_record([
        "a logout of everybody",
        "users/s",
        "CPU s per 100k",
        "peak MiB of a process",
    ]);
    for (what, cost) in [
        ("files", &files),
        ("PostgreSQL", &store),
        ("PostgreSQL, two workers", &both),
    ] {
        table.push_record([
            what.to_owned(),
            per_second(args.users, cost.wall),
            format!(
                "{:.1}",
                cost.cpu.as_secs_f64() * 100_000.0 / f64::from(u32::try_from(args.users)?)
            ),
            (cost.peak / 1024 / 1024).to_string(),
        ]);
    }
    println!(
        "{} users\n\n{}\n",
        args.users,
        table.build().with(Style::markdown())
    );
    Ok(())
}

/// The tool with its records in the database.
fn shared(args: &RecordsArgs, home: &Path, root: &str) -> Result<Command, Failure> {
    let mut command = tool(home, root)?;
    command.env("EASEMOB_STORE", &args.database);
    Ok(command)
}

/// How long a command of the tool takes, from its start to its end.
fn of_process(args: &RecordsArgs, home: &Path, words: &[&str]) -> Result<Duration, Failure> {
    median(|| {
        let mut command = shared(args, home, ROOT)?;
        command.args(words);
        run_child(&mut command, Output::Dropped)?;
        Ok(())
    })
}

/// The app whose runs are recorded; nothing is sent to it.
const ROOT: &str = "http://127.0.0.1:1/acme/chat";

fn target() -> Result<Target, Failure> {
    Ok(Target::of(&AppRoot::parse(ROOT)?))
}

fn header(id: &RunId, target: &Target) -> Header {
    Header {
        format: FORMAT,
        run: id.to_string(),
        created: Timestamp::UNIX_EPOCH,
        tool: "0".into(),
        app: target.app.clone(),
        app_root: target.app_root.clone(),
        sandbox: false,
        profile: None,
        operator: Operator::named("bench", "here"),
        reason: Some("benchmark".into()),
        ticket: None,
        action: Action::LogoutUnread,
        source: "a list".into(),
        items: 0,
        input_sha256: String::new(),
        allowance: None,
        durability: Durability::Batch,
        reading: Reading::default(),
        priority: Priority::Normal,
    }
}

fn user(number: u64) -> io::Result<UserId> {
    UserId::parse(name(number)).map_err(io::Error::other)
}

/// The median of five times.
fn median(mut act: impl FnMut() -> Result<(), Failure>) -> Result<Duration, Failure> {
    let mut times = [Duration::ZERO; 5];
    for time in &mut times {
        let began = Instant::now();
        act()?;
        *time = began.elapsed();
    }
    Ok(middle(&mut times))
}

fn per_second(count: u64, time: Duration) -> String {
    #[expect(clippy::cast_precision_loss, reason = "counts far below 2^52")]
    let rate = count as f64 / time.as_secs_f64();
    format!("{rate:.0}")
}

fn milliseconds(time: Duration) -> String {
    format!("{:.1} ms", time.as_secs_f64() * 1000.0)
}

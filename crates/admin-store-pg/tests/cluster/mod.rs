//! A PostgreSQL for tests: one database per test, and nothing is left behind.
//!
//! `EASEMOB_TEST_DATABASE_URL` names a server whose account may create databases. Without it, the `initdb` and `pg_ctl` of
//! the machine make a cluster in a directory of its own, on a Unix socket only, so that any number of test programs run at
//! once. It ends with the test program, even if that is killed. As root, another account runs it, as PostgreSQL requires.
#![allow(
    clippy::unwrap_used,
    clippy::print_stderr,
    reason = "a test that cannot be prepared is a panic"
)]

use std::env;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};

use easemob_admin_store_pg::address::DatabaseAddress;
use tokio_postgres::config::Host;
use tokio_postgres::{Config, NoTls};

/// The variable that makes a missing PostgreSQL a failure.
const REQUIRED: &str = "EASEMOB_TEST_DATABASE_REQUIRED";

/// The server asks members of this role for their password.
const ASKED: &str = "easemob_test_asked";

/// The server of the tests.
struct Cluster {
    config: Config,
    /// Cleans up when its input ends, which this program holds.
    _cleaner: Option<Child>,
}

/// A server of one test, which may be restarted.
pub(crate) struct OwnServer {
    cluster: Cluster,
    home: PathBuf,
}

impl OwnServer {
    /// Starts a server; `None` if PostgreSQL is not installed, or the tests are given another one.
    pub(crate) fn start() -> Option<Self> {
        // Says what is missing, and fails where that is required.
        cluster()?;
        if env::var_os("EASEMOB_TEST_DATABASE_URL").is_some() {
            return None;
        }
        Self::of(start()?)
    }

    /// Starts a server that listens on this machine with TLS, with a certificate and its key in PEM; returns its port, too.
    pub(crate) fn start_with_tls(certificate: &str, key: &str) -> Option<(Self, u16)> {
        cluster()?;
        if env::var_os("EASEMOB_TEST_DATABASE_URL").is_some() {
            return None;
        }
        let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let port = free.local_addr().unwrap().port();
        drop(free);
        let options = format!("-c listen_addresses=127.0.0.1 -c port={port} -c ssl=on");
        let cluster = start_with(&options, |data, account| {
            for (name, pem) in [("server.crt", certificate), ("server.key", key)] {
                let path = data.join(name);
                let script = format!("umask 077; cat > {}", path.display());
                let mut child = command(account, "sh", &["-c", &script])
                    .stdin(Stdio::piped())
                    .spawn()
                    .unwrap();
                std::io::Write::write_all(&mut child.stdin.take().unwrap(), pem.as_bytes()).unwrap();
                assert!(child.wait().unwrap().success());
            }
        })?;
        Some((Self::of(cluster)?, port))
    }

    fn of(cluster: Cluster) -> Option<Self> {
        let home = match &cluster.config.get_hosts()[0] {
            Host::Unix(home) => home.clone(),
            Host::Tcp(_) => return None,
        };
        Some(Self { cluster, home })
    }

    /// Returns the address of its only database.
    pub(crate) fn address(&self) -> DatabaseAddress {
        let home = self.home.to_str().unwrap();
        DatabaseAddress::parse(&format!(
            "postgres://postgres@host/postgres?host={home}&sslmode=disable"
        ))
        .unwrap()
    }

    /// Ends it as a crash does, and starts it again.
    pub(crate) fn crash_and_restart(&self) {
        let (control, data) = (programs().unwrap().join("pg_ctl"), self.home.join("data"));
        let (control, data) = (control.to_str().unwrap(), data.to_str().unwrap());
        let log = self.home.join("log");
        let again = [
            "-D",
            data,
            "-w",
            "-m",
            "immediate",
            "-l",
            log.to_str().unwrap(),
            "restart",
        ];
        text(as_account(account(), control, &again));
    }

    /// Runs a statement, and returns the first column as text.
    pub(crate) fn run(&self, sql: &str) -> Vec<String> {
        run_with(&self.cluster.config, "postgres", sql)
    }
}

/// A database that is removed when it is dropped.
pub(crate) struct TestDatabase {
    name: String,
}

impl TestDatabase {
    /// Creates an empty database; `None` if there is no PostgreSQL, which is then said once.
    pub(crate) fn create() -> Option<Self> {
        static NUMBER: AtomicU64 = AtomicU64::new(0);
        cluster()?;
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let name = format!("easemob_test_{}_{number}", std::process::id());
        run("postgres", &format!("CREATE DATABASE {name}"));
        Some(Self { name })
    }

    /// Returns the address as people write it.
    pub(crate) fn url(&self) -> String {
        let config = &cluster().unwrap().config;
        let host = match &config.get_hosts()[0] {
            Host::Tcp(name) => name.clone(),
            Host::Unix(path) => path.to_str().unwrap().to_owned(),
        };
        let port = config.get_ports().first().copied().unwrap_or(5432);
        let user = config.get_user().unwrap_or("postgres");
        format!(
            "postgres://{user}@host:{port}/{}?host={host}&sslmode=disable",
            self.name
        )
    }

    /// Returns the address as the store reads it.
    pub(crate) fn address(&self) -> DatabaseAddress {
        DatabaseAddress::parse(&self.url()).unwrap()
    }

    /// Runs a statement, and returns the first column as text.
    pub(crate) fn run(&self, sql: &str) -> Vec<String> {
        run(&self.name, sql)
    }

    /// Returns its name.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// Returns the name of an account or of another database that a test makes; they are removed with this one.
    pub(crate) fn beside(&self, what: &str) -> String {
        format!("{}_{what}", self.name)
    }

    /// Makes an account that may do nothing yet; it is removed with the database.
    pub(crate) fn role(&self) -> String {
        let role = format!("{}_worker", self.name);
        self.run(&format!("CREATE ROLE {role} LOGIN"));
        role
    }

    /// Makes an account with a password, which the server asks for; `None` if the server is not of these tests.
    pub(crate) fn role_with_password(&self, password: &str) -> Option<String> {
        env::var_os("EASEMOB_TEST_DATABASE_URL").is_none().then(|| {
            let role = self.role();
            self.run(&format!(
                "ALTER ROLE {role} PASSWORD '{password}'; GRANT {ASKED} TO {role}"
            ));
            role
        })
    }

    /// Runs a statement as another account, and returns why it was refused.
    pub(crate) fn refused(&self, role: &str, sql: &str) -> String {
        let refused = format!(
            "SET ROLE {role}; DO $$ BEGIN EXECUTE '{}'; EXCEPTION WHEN insufficient_privilege THEN \
             PERFORM set_config('refused.why', SQLERRM, false); END $$; \
             SELECT coalesce(current_setting('refused.why', true), '')",
            sql.replace('\'', "''")
        );
        self.run(&refused).concat()
    }

    /// Cuts every connection that is within a transaction, and returns how many those were.
    pub(crate) fn cut_transactions(&self) -> usize {
        let cut = format!(
            "SELECT pg_terminate_backend(pid, 10000)::text FROM pg_stat_activity WHERE datname = '{}' AND state LIKE \
             'idle in transaction%'",
            self.name
        );
        run("postgres", &cut).len()
    }
}

impl Drop for TestDatabase {
    fn drop(&mut self) {
        run("postgres", &format!("DROP DATABASE {} WITH (FORCE)", self.name));
        // Those that a test made beside it.
        let begin = format!("{}_", self.name);
        let beside = format!("SELECT datname FROM pg_database WHERE starts_with(datname, '{begin}')");
        for database in run("postgres", &beside) {
            run("postgres", &format!("DROP DATABASE {database} WITH (FORCE)"));
        }
        let roles = format!("SELECT rolname FROM pg_roles WHERE starts_with(rolname, '{begin}')");
        for role in run("postgres", &roles) {
            run("postgres", &format!("DROP ROLE {role}"));
        }
    }
}

fn run(database: &str, sql: &str) -> Vec<String> {
    run_with(&cluster().unwrap().config, database, sql)
}

fn run_with(config: &Config, database: &str, sql: &str) -> Vec<String> {
    let mut config = config.clone();
    config.dbname(database);
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        let (client, connection) = config.connect(NoTls).await.unwrap();
        let connection = tokio::spawn(connection);
        let messages = client.simple_query(sql).await.unwrap();
        drop(client);
        let _ = connection.await;
        let rows = messages.iter().filter_map(|message| match message {
            tokio_postgres::SimpleQueryMessage::Row(row) => Some(row.get(0).unwrap_or_default().to_owned()),
            _ => None,
        });
        rows.collect()
    })
}

fn cluster() -> Option<&'static Cluster> {
    static CLUSTER: OnceLock<Option<Cluster>> = OnceLock::new();
    let found = CLUSTER.get_or_init(|| {
        if let Ok(url) = env::var("EASEMOB_TEST_DATABASE_URL") {
            return Some(Cluster {
                config: url.parse().unwrap(),
                _cleaner: None,
            });
        }
        let started = start();
        if started.is_none() {
            let missing = "the tests with PostgreSQL did not run: install its server (initdb and pg_ctl), or set \
                           EASEMOB_TEST_DATABASE_URL";
            assert!(env::var_os(REQUIRED).is_none(), "{missing}");
            eprintln!("{missing}");
        }
        started
    });
    found.as_ref()
}

/// Starts a cluster; `None` if PostgreSQL is not installed.
fn start() -> Option<Cluster> {
    start_with("-c listen_addresses=''", |_, _| ())
}

/// Starts a cluster with more options, after its files were prepared.
fn start_with(more: &str, prepare: impl FnOnce(&Path, Option<&str>)) -> Option<Cluster> {
    let programs = programs()?;
    let account = account();
    let made = as_account(account, "mktemp", &["-d", "/tmp/easemob-test-pg.XXXXXX"]);
    let home = PathBuf::from(text(made).trim());
    // Before anything else, so that nothing is left behind if the rest fails.
    let cleaner = clean_up_afterwards(&programs, account, &home);
    let data = home.join("data");
    let (data, socket) = (data.to_str().unwrap(), home.to_str().unwrap());
    let program = |name: &str| programs.join(name).to_str().unwrap().to_owned();
    text(as_account(
        account,
        &program("initdb"),
        &[
            "-D",
            data,
            "-A",
            "trust",
            "-U",
            "postgres",
            "-E",
            "UTF8",
            "--locale=C",
            "--no-sync",
        ],
    ));
    let rules = home.join("data/pg_hba.conf");
    let trusting = std::fs::read_to_string(&rules).unwrap();
    std::fs::write(&rules, format!("local all +{ASKED} scram-sha-256\n{trusting}")).unwrap();
    prepare(&home.join("data"), account);
    let options = format!("{more} -c unix_socket_directories='{socket}' -c fsync=off -c max_connections=200");
    let log = home.join("log");
    text(as_account(
        account,
        &program("pg_ctl"),
        &[
            "-D",
            data,
            "-w",
            "-l",
            log.to_str().unwrap(),
            "-o",
            &options,
            "start",
        ],
    ));
    let mut config = Config::new();
    config.host_path(&home).user("postgres");
    if let Some((_, port)) = more.split_once("port=") {
        config.port(port.split(' ').next().unwrap().parse().unwrap());
    }
    run_with(&config, "postgres", &format!("CREATE ROLE {ASKED}"));
    Some(Cluster {
        config,
        _cleaner: Some(cleaner),
    })
}

fn clean_up_afterwards(programs: &Path, account: Option<&str>, home: &Path) -> Child {
    let (stop, home) = (programs.join("pg_ctl"), home.display());
    let script = format!(
        "cat > /dev/null; {} -D {home}/data -m immediate stop; rm -rf {home}",
        stop.display()
    );
    // In a group of its own: Ctrl-C at the terminal ends the tests, and not this.
    std::os::unix::process::CommandExt::process_group(&mut command(account, "sh", &["-c", &script]), 0)
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap()
}

/// Returns the directory of the programs of the newest PostgreSQL.
fn programs() -> Option<PathBuf> {
    let path = env::var_os("PATH").unwrap_or_default();
    let mut packaged: Vec<PathBuf> = std::fs::read_dir("/usr/lib/postgresql")
        .into_iter()
        .flatten()
        .map(|entry| entry.unwrap().path().join("bin"))
        .collect();
    packaged.sort();
    // Those of the package first: they are complete, and readable for any account.
    let all = packaged.into_iter().rev().chain(env::split_paths(&path));
    all.into_iter()
        .find(|folder| folder.join("initdb").exists() && folder.join("pg_ctl").exists())
}

/// Returns the account that runs the server, if it must be another one.
fn account() -> Option<&'static str> {
    if text(Command::new("id").arg("-u").output().unwrap()).trim() != "0" {
        return None;
    }
    let has = |name: &str| Command::new("id").arg(name).output().unwrap().status.success();
    Some(if has("postgres") { "postgres" } else { "nobody" })
}

fn command(account: Option<&str>, program: &str, arguments: &[&str]) -> Command {
    let mut command = match account {
        None => Command::new(program),
        Some(account) => {
            let mut command = Command::new("runuser");
            command.args(["-u", account, "--", program]);
            command
        }
    };
    // The directory of the tests may be closed to the other account.
    command.args(arguments).current_dir("/").stdin(Stdio::null());
    command
}

fn as_account(account: Option<&str>, program: &str, arguments: &[&str]) -> Output {
    command(account, program, arguments).output().unwrap()
}

fn text(output: Output) -> String {
    assert!(
        output.status.success(),
        "{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8(output.stdout).unwrap()
}

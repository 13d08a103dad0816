//! A home of its own for every test, a sandbox, and runs of the binary.

use std::cell::Cell;
use std::fmt::Write as _;
use std::io::{BufRead as _, BufReader, Read, Write as _};
use std::ops::{Deref, DerefMut};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex, mpsc};
use std::time::{Duration, Instant};

use easemob_admin_sandbox::{Rates, Sandbox, SandboxBuilder};
use tempfile::TempDir;
use tokio::runtime::Runtime;

thread_local! {
    /// Whether environments that this test makes have a service in front of their server.
    static THROUGH_A_SERVICE: Cell<bool> = const { Cell::new(false) };
}

/// The key of services that tests start.
pub(crate) const SERVICE_KEY: &str = "ea_tests_0123456789abcdef0123456789abcdef";

/// Runs a test again, with a service that has the credentials and the records, and a command line that has neither.
pub(crate) fn through_a_service(test: impl FnOnce()) {
    THROUGH_A_SERVICE.set(true);
    test();
}

/// Whether commands of this test go through a service.
pub(crate) fn is_through_a_service() -> bool {
    THROUGH_A_SERVICE.get()
}

/// No run takes longer; one that does is killed, so that a hang fails its test and no other.
const LONGEST_RUN: Duration = Duration::from_secs(4 * 60);

/// Longer than any run: a call that is held up for so long goes on when the test says so, or never.
pub(crate) const STUCK: Duration = Duration::from_secs(10 * 60);

/// The file with the variables of the service.
const SERVICE_VARIABLES: &str = "service.json";

/// Waits for something that a running program brings about.
pub(crate) fn until(what: &str, happened: impl FnMut() -> bool) {
    until_or(what, happened, String::new);
}

/// Waits for something, or fails with an explanation.
fn until_or(what: &str, mut happened: impl FnMut() -> bool, explain: impl Fn() -> String) {
    let started = Instant::now();
    loop {
        let asked = Instant::now();
        if happened() {
            return;
        }
        assert!(
            started.elapsed() < LONGEST_RUN,
            "waited in vain: {what} {}",
            explain()
        );
        // Often enough to meet a moment, however long the question takes on a busy machine; one that costs a request is asked less
        // often, because what is waited for needs the core.
        let pause = asked.elapsed() * 4;
        std::thread::sleep(pause.clamp(Duration::from_micros(200), Duration::from_millis(20)));
    }
}

/// A run that is under way; it is killed if nobody waits for its end, as when a test fails.
pub(crate) struct Running {
    child: Child,
    /// What it has said on stderr so far.
    said: Arc<Mutex<Vec<u8>>>,
    /// Hears when it has said everything.
    silent: mpsc::Receiver<()>,
    /// Its rows, if they are read while it runs, and what hears of their end.
    printed: Option<Heard>,
}

/// What a stream has brought so far, and what hears of its end.
type Heard = (Arc<Mutex<Vec<u8>>>, mpsc::Receiver<()>);

/// Reads a stream away as it comes.
fn hear(mut stream: impl Read + Send + 'static) -> Heard {
    let text: Arc<Mutex<Vec<u8>>> = Arc::default();
    let (end, ended) = mpsc::channel();
    let heard = Arc::clone(&text);
    std::thread::spawn(move || {
        let mut some = [0; 4096];
        while let Ok(read @ 1..) = stream.read(&mut some) {
            heard.lock().unwrap().extend_from_slice(&some[..read]);
        }
        let _ = end.send(());
    });
    (text, ended)
}

impl Running {
    pub(crate) fn of(mut child: Child) -> Self {
        let (said, silent) = hear(child.stderr.take().unwrap());
        Self {
            child,
            said,
            silent,
            printed: None,
        }
    }

    /// Waits until it prints a text on stdout.
    pub(crate) fn until_it_prints(&mut self, text: &str) {
        if let Some(rows) = self.child.stdout.take() {
            self.printed = Some(hear(rows));
        }
        let printed = Arc::clone(&self.printed.as_ref().unwrap().0);
        let has_it = || String::from_utf8_lossy(&printed.lock().unwrap()).contains(text);
        self.until(&format!("stdout with: {text}"), has_it);
    }

    /// What it has said on stderr so far.
    pub(crate) fn said(&self) -> String {
        String::from_utf8_lossy(&self.said.lock().unwrap()).into_owned()
    }

    /// Waits until it says a text on stderr.
    pub(crate) fn until_it_says(&self, text: &str) {
        self.until(&format!("stderr with: {text}"), || self.said().contains(text));
    }

    /// Reads its rows away: one that writes more than a pipe holds would wait for a reader.
    pub(crate) fn drop_rows(&mut self) {
        let mut rows = self.child.stdout.take().unwrap();
        std::thread::spawn(move || std::io::copy(&mut rows, &mut std::io::sink()));
    }

    /// Waits for something that it brings about.
    pub(crate) fn until(&self, what: &str, happened: impl FnMut() -> bool) {
        until_or(what, happened, || {
            format!("from a program that said: {}", self.said())
        });
    }
}

impl Deref for Running {
    type Target = Child;

    fn deref(&self) -> &Child {
        &self.child
    }
}

impl DerefMut for Running {
    fn deref_mut(&mut self) -> &mut Child {
        &mut self.child
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // One that has ended and was waited for is left alone.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// What a run left behind.
#[must_use]
pub(crate) struct Output {
    pub(crate) stdout: String,
    pub(crate) stderr: String,
    pub(crate) code: i32,
}

impl Output {
    /// All of it, for snapshots.
    pub(crate) fn text(&self) -> String {
        let mut text = String::new();
        for (name, content) in [("stdout", &self.stdout), ("stderr", &self.stderr)] {
            let _ = write!(text, "--- {name}\n{content}");
        }
        let _ = write!(text, "--- exit {}", self.code);
        text
    }

    pub(crate) fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("{error}: {}", self.text()))
    }

    /// Asserts the exit code and shows everything if it is another.
    pub(crate) fn expect(self, code: i32) -> Self {
        assert_eq!(self.code, code, "{}", self.text());
        self
    }
}

/// A home directory and, mostly, a sandbox that plays the real server.
pub(crate) struct TestEnv {
    pub(crate) home: TempDir,
    sandbox: Option<Sandbox>,
    runtime: Runtime,
    variables: Vec<(String, String)>,
    /// The service in front of the server, if there is one.
    service: Mutex<Option<Running>>,
}

impl TestEnv {
    /// No server at all.
    pub(crate) fn bare() -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .unwrap();
        Self {
            home: tempfile::tempdir().unwrap(),
            sandbox: None,
            runtime,
            variables: Vec::new(),
            service: Mutex::default(),
        }
    }

    /// A server that is configured by the environment, as a real one would be.
    pub(crate) fn new() -> Self {
        Self::with(Sandbox::builder().rates(Rates::unlimited()))
    }

    pub(crate) fn with(builder: SandboxBuilder) -> Self {
        let mut env = Self::bare();
        env.serve(builder);
        let sandbox = env.sandbox();
        let variables = [
            ("EASEMOB_APP_ROOT", sandbox.app_root()),
            ("EASEMOB_CLIENT_ID", sandbox.client_id().to_owned()),
            ("EASEMOB_CLIENT_SECRET", sandbox.client_secret().to_owned()),
        ];
        for (name, value) in variables {
            env.set(name, &value);
        }
        if THROUGH_A_SERVICE.get() {
            env.serve_in_front();
        }
        env
    }

    /// Puts a service in front of the server: it gets the credentials and the records, and the command line only a key.
    pub(crate) fn serve_in_front(&mut self) {
        let credentials = std::mem::take(&mut self.variables);
        self.set("EASEMOB_DATA_DIR", self.path("data").to_str().unwrap());
        self.file(SERVICE_VARIABLES, serde_json::to_vec(&credentials).unwrap());
        let url = self.restart_service();
        self.variables.clear();
        self.set("EASEMOB_SERVICE", &url);
        self.set("EASEMOB_SERVICE_KEY", SERVICE_KEY);
        // What the command line keeps itself.
        let own = self.path("own");
        self.set("EASEMOB_DATA_DIR", own.to_str().unwrap());
    }

    /// Starts the service, again if it was there before, and returns its address.
    pub(crate) fn restart_service(&self) -> String {
        let before = self.service.lock().unwrap().take();
        let address = before.is_some().then(|| self.service_address());
        drop(before);
        let listen = address.as_deref().unwrap_or("127.0.0.1:0");
        let mut command = self.command_beside(&["serve", "--listen", listen, "--rate", "unlimited"]);
        command.env("EASEMOB_FIRST_KEY", SERVICE_KEY);
        let mut service = Running::of(command.spawn().unwrap());
        let mut ready = String::new();
        let said = BufReader::new(service.stdout.as_mut().unwrap()).read_line(&mut ready);
        let url = said
            .ok()
            .and_then(|_| serde_json::from_str::<serde_json::Value>(&ready).ok())
            .and_then(|ready| ready["url"].as_str().map(str::to_owned));
        let url = url.unwrap_or_else(|| panic!("the service is not ready: {}", service.said()));
        *self.service.lock().unwrap() = Some(service);
        url
    }

    /// Whether commands of this environment go through a service.
    fn has_service(&self) -> bool {
        self.service.lock().unwrap().is_some()
    }

    /// A command where the credentials and the records are: with a service, on its machine.
    pub(crate) fn command_beside(&self, args: &[&str]) -> Command {
        let mut command = self.plain_command(args);
        if let Ok(credentials) = std::fs::read(self.path(SERVICE_VARIABLES)) {
            let credentials: Vec<(String, String)> = serde_json::from_slice(&credentials).unwrap();
            command
                .env_remove("EASEMOB_SERVICE")
                .env_remove("EASEMOB_SERVICE_KEY")
                .envs(credentials)
                .env("EASEMOB_DATA_DIR", self.path("data"));
        }
        command
    }

    /// Runs a command as somebody does elsewhere, of whom the records know nothing.
    pub(crate) fn run_elsewhere(&self, args: &[&str]) -> Output {
        let mut command = self.command_beside(args);
        command.env("EASEMOB_DATA_DIR", self.path("elsewhere"));
        Self::finish(Running::of(command.spawn().unwrap()))
    }

    /// Kills a command together with what works for it: with a service, that is the service, which is started again.
    pub(crate) fn kill(&self, mut command: Running) {
        if self.has_service() {
            self.kill_service();
        }
        command.kill().unwrap();
        let _ = Self::finish(command).expect(-1);
        if self.has_service() {
            let _ = self.restart_service();
        }
    }

    /// Kills the service.
    pub(crate) fn kill_service(&self) {
        self.with_service(|service| service.kill().unwrap());
    }

    /// Does something with the service in front of the server.
    pub(crate) fn with_service<T>(&self, act: impl FnOnce(&mut Running) -> T) -> T {
        act(self.service.lock().unwrap().as_mut().unwrap())
    }

    pub(crate) fn service_address(&self) -> String {
        let url = self.variables.iter().find(|(name, _)| name == "EASEMOB_SERVICE");
        url.unwrap().1.split_once("://").unwrap().1.to_owned()
    }

    /// Starts a server that nothing is configured for.
    pub(crate) fn serve(&mut self, builder: SandboxBuilder) {
        let sandbox = self.runtime.block_on(builder.app("acme#chat").start()).unwrap();
        self.sandbox = Some(sandbox);
    }

    pub(crate) fn set(&mut self, name: &str, value: &str) {
        self.unset(name);
        self.variables.push((name.into(), value.into()));
    }

    pub(crate) fn unset(&mut self, name: &str) {
        self.variables.retain(|(known, _)| known != name);
    }

    pub(crate) fn sandbox(&self) -> &Sandbox {
        self.sandbox.as_ref().unwrap()
    }

    pub(crate) fn block_on<T>(&self, future: impl Future<Output = T>) -> T {
        self.runtime.block_on(future)
    }

    /// Runs beside the test, until the environment ends.
    pub(crate) fn spawn_task(&self, task: impl Future<Output = ()> + Send + 'static) {
        self.runtime.spawn(task);
    }

    /// Registers a user and signs in the resources named.
    pub(crate) fn online(&self, user: &str, resources: &[&str]) {
        self.sandbox().register(user);
        for resource in resources {
            self.sandbox().sign_in_as(user, resource).unwrap();
        }
    }

    pub(crate) fn devices(&self, user: &str) -> Vec<String> {
        self.sandbox()
            .devices(user)
            .into_iter()
            .map(|device| device.resource)
            .collect()
    }

    /// How often the server was asked to change something.
    pub(crate) fn writes(&self) -> usize {
        let reads = [
            "token",
            "devices.list",
            "users.get",
            "users.list",
            "status.get",
            "status.batch",
            "limits.get",
        ];
        self.sandbox()
            .calls()
            .iter()
            .filter(|call| !reads.contains(&call.endpoint))
            .count()
    }

    /// Returns a search path on which `easemob-admin` is the program that is tested, whatever else was built.
    pub(crate) fn search_path(&self) -> String {
        let bin = self.path("bin");
        if std::fs::create_dir(&bin).is_ok() {
            let program = env!("CARGO_BIN_EXE_easemob-admin-e2e");
            std::os::unix::fs::symlink(program, bin.join("easemob-admin")).unwrap();
        }
        format!("{}:{}", bin.display(), std::env::var("PATH").unwrap())
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.home.path().join(name)
    }

    pub(crate) fn file(&self, name: &str, content: impl AsRef<[u8]>) -> String {
        let path = self.path(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, content).unwrap();
        path.to_str().unwrap().to_owned()
    }

    pub(crate) fn command(&self, args: &[&str]) -> Command {
        if !self.has_service() {
            return self.plain_command(args);
        }
        if args.starts_with(&["logins", "scan"]) || args.starts_with(&["logins", "prune"]) {
            // They change what is kept, and go through no service.
            return self.command_beside(args);
        }
        // The service has its own.
        let mut args = args.to_vec();
        if let Some(rate) = args.iter().position(|arg| *arg == "--rate") {
            args.drain(rate..rate + 2);
        }
        self.plain_command(&args)
    }

    fn plain_command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_easemob-admin-e2e"));
        command
            .args(args)
            .env_clear()
            .env("HOME", self.home.path())
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("EASEMOB_CONFIG_DIR", self.path("config"))
            .env("EASEMOB_DATA_DIR", self.path("data"))
            .envs(self.variables.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        command
    }

    pub(crate) fn spawn(&self, args: &[&str]) -> Running {
        Running::of(self.command(args).spawn().unwrap())
    }

    /// Spawns with other variables than the rest of the test.
    pub(crate) fn spawn_with(&self, variables: &[(&str, &str)], args: &[&str]) -> Running {
        Running::of(
            self.command(args)
                .envs(variables.iter().copied())
                .spawn()
                .unwrap(),
        )
    }

    /// Spawns in surroundings that a shell makes first.
    #[cfg(target_os = "linux")]
    pub(crate) fn spawn_in(&self, surroundings: &str, args: &[&str]) -> Running {
        let inner = self.command(args);
        let mut command = Command::new("bash");
        command
            .args(["-c", &format!("{surroundings}; exec \"$0\" \"$@\"")])
            .arg(inner.get_program())
            .args(inner.get_args())
            .env_clear()
            .envs(inner.get_envs().filter_map(|(name, value)| Some((name, value?))))
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        Running::of(command.spawn().unwrap())
    }

    pub(crate) fn run(&self, args: &[&str]) -> Output {
        Self::finish(self.spawn(args))
    }

    /// Runs with stdout going elsewhere.
    pub(crate) fn run_to(&self, args: &[&str], stdout: Stdio) -> Output {
        Self::finish(Running::of(self.command(args).stdout(stdout).spawn().unwrap()))
    }

    pub(crate) fn run_with_stdin(&self, args: &[&str], stdin: &str) -> Output {
        let mut child = Running::of(self.command(args).stdin(Stdio::piped()).spawn().unwrap());
        // A program that refuses its arguments need not read; the pipe is then closed already.
        let _ = child.stdin.take().unwrap().write_all(stdin.as_bytes());
        Self::finish(child)
    }

    /// Runs with a terminal of its own, which shows stdout and stderr as one; `None` without `script`.
    #[cfg(target_os = "linux")]
    pub(crate) fn run_on_terminal(&self, args: &[&str], typed: &str) -> Option<Output> {
        let plain = self.command(args);
        let line: Vec<String> = std::iter::once(plain.get_program())
            .chain(plain.get_args())
            .map(|word| format!("'{}'", word.to_str().unwrap()))
            .collect();
        let mut command = Command::new("script");
        command
            .args(["--quiet", "--return", "--command", &line.join(" "), "/dev/null"])
            .env_clear()
            .envs(plain.get_envs().filter_map(|(name, value)| Some((name, value?))))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let mut child = Running::of(command.spawn().ok()?);
        child.stdin.take().unwrap().write_all(typed.as_bytes()).unwrap();
        Some(Self::finish(child))
    }

    /// Waits for the end of a run; stdout is empty here if the test has taken it.
    pub(crate) fn finish(mut child: Running) -> Output {
        let stdout = child.stdout.take().map(text_of);
        let deadline = Instant::now() + LONGEST_RUN;
        let mut stdout = stdout.map(|stream| heard(&stream, deadline)).unwrap_or_default();
        if let Some((printed, ended)) = &child.printed {
            heard(ended, deadline);
            stdout = String::from_utf8_lossy(&printed.lock().unwrap()).into_owned();
        }
        heard(&child.silent, deadline);
        Output {
            stdout,
            stderr: child.said(),
            code: child.wait().unwrap().code().unwrap_or(-1),
        }
    }

    /// All files below the home but those of the shared token, for looking into.
    pub(crate) fn files(&self) -> Vec<PathBuf> {
        let tokens = self.path("data/tokens");
        self.all_files()
            .into_iter()
            .filter(|path| !path.starts_with(&tokens))
            .collect()
    }

    /// Lets the next command ask for a token of its own.
    pub(crate) fn forget_tokens(&self) {
        let _ = std::fs::remove_dir_all(self.path("data/tokens"));
    }

    /// All files below the home.
    pub(crate) fn all_files(&self) -> Vec<PathBuf> {
        let mut folders = vec![self.home.path().to_owned()];
        let mut files = Vec::new();
        while let Some(folder) = folders.pop() {
            for entry in std::fs::read_dir(folder).unwrap() {
                let path = entry.unwrap().path();
                // A run that is being written has another name in a moment.
                if path.extension().is_some_and(|end| end == "begun") {
                    continue;
                }
                if path.is_dir() {
                    folders.push(path);
                } else {
                    files.push(path);
                }
            }
        }
        files
    }

    /// Compares a run with its snapshot; what differs from run to run is replaced.
    pub(crate) fn snapshot(&self, name: &str, output: &Output) {
        let text = if self.has_service() {
            without_a_token(name, &output.text())
        } else {
            output.text()
        };
        let mut settings = insta::Settings::clone_current();
        settings.set_prepend_module_to_snapshot(false);
        settings.set_omit_expression(true);
        settings.set_snapshot_path("../snapshots");
        settings.add_filter(&regex_literal(self.home.path().to_str().unwrap()), "[HOME]");
        settings.add_filter(r"127\.0\.0\.1:\d+", "127.0.0.1:PORT");
        settings.add_filter(r"127\.0\.0\.1%3A\d+", "127.0.0.1%3APORT");
        settings.add_filter(
            r"Z,(run\.\w+|intent|outcome),[^,]*,[^,]*,",
            "Z,$1,[OPERATOR],[HOST],",
        );
        settings.add_filter(
            r"\d+\.\d s, (\d+) (requests?)(, [\d.]+ requests/s)?",
            "[TIME] s, $1 $2",
        );
        settings.add_filter(r#""elapsed_seconds": ?[\d.]+"#, r#""elapsed_seconds":[TIME]"#);
        settings.add_filter(
            r#""requests_per_second": ?([\d.]+|null)"#,
            r#""requests_per_second":[RATE]"#,
        );
        settings.add_filter(
            r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}",
            "[UUID]",
        );
        settings.add_filter(r"\b20\d{6}-\d{6}-[0-9a-f]{6}\b", "[RUN]");
        settings.add_filter(r"attempt by \S+@\S+:", "attempt by [OPERATOR]@[HOST]:");
        settings.add_filter(r#""operator":"[^"]*""#, r#""operator":"[OPERATOR]""#);
        settings.add_filter(r#""duration_seconds":\d+"#, r#""duration_seconds":[SECONDS]"#);
        settings.add_filter(r#""host":"[^"]*""#, r#""host":"[HOST]""#);
        settings.add_filter(
            r"(at 127\.0\.0\.1:PORT)\s+\d+ s\s+\d+ s\s+\S+\s+",
            "$1  [AGE]  [DURATION]  [OPERATOR]  ",
        );
        settings.add_filter(r"YXA6[0-9a-f]{32}", "[CLIENT_ID]");
        // A column is as wide as its values.
        settings.add_filter(r"OPERATOR +RESULT", "OPERATOR  RESULT");
        settings.add_filter(
            r"this machine is [\d.]+ s (ahead of|behind) the server",
            "this machine is [SKEW] the server",
        );
        settings.add_filter(r"20(2[6-9]|[3-9]\d)-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z", "[NOW]");
        settings.add_filter(
            r"(app \S+) through the service at (http://127\.0\.0\.1:PORT) \(",
            "$1 at $2/acme/chat (",
        );
        settings.bind(|| insta::assert_snapshot!(name, text));
    }
}

/// Counts the request for a token where a snapshot of direct access counts one: a key of a service needs none. It changes no other
/// count.
fn without_a_token(name: &str, text: &str) -> String {
    let counted = |line: &str| {
        let (before, rest) = line.split_once(" s, ")?;
        let (count, _) = rest.split_once(" request")?;
        let is_time = before.ends_with("[TIME]") || before.parse::<f64>().is_ok();
        is_time.then(|| count.parse::<u64>().ok())?
    };
    let stored = std::fs::read_to_string(format!("tests/snapshots/{name}.snap")).unwrap_or_default();
    let mut stored = stored.lines().filter_map(counted);
    let mut lines = Vec::new();
    for line in text.lines() {
        let (here, there) = (counted(line), counted(line).and_then(|_| stored.next()));
        lines.push(match (here, there) {
            (Some(here), Some(there)) if there == here + 1 => {
                let words = if there == 1 { "request" } else { "requests" };
                format!("0.0 s, {there} {words}")
            }
            _ => line.to_owned(),
        });
    }
    lines.join("\n")
}

/// What a thread that reads a stream hands over at its end.
fn heard<T>(stream: &mpsc::Receiver<T>, deadline: Instant) -> T {
    let left = deadline.saturating_duration_since(Instant::now());
    let end = stream.recv_timeout(left);
    end.unwrap_or_else(|error| panic!("the run did not end within {LONGEST_RUN:?}: {error}"))
}

/// Reads to the end in a thread of its own, so that a full pipe never blocks the run.
fn text_of(mut stream: impl Read + Send + 'static) -> mpsc::Receiver<String> {
    let (sender, receiver) = mpsc::channel();
    std::thread::spawn(move || {
        let mut text = String::new();
        stream.read_to_string(&mut text).unwrap();
        let _ = sender.send(text);
    });
    receiver
}

fn regex_literal(text: &str) -> String {
    text.chars()
        .flat_map(|c| {
            if c.is_alphanumeric() || c == '/' {
                vec![c]
            } else {
                vec!['\\', c]
            }
        })
        .collect()
}

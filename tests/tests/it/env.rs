//! A home of its own for every test, a sandbox, and runs of the binary.

use std::fmt::Write as _;
use std::io::Write as _;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use easemob_admin_sandbox::{Rates, Sandbox, SandboxBuilder};
use tempfile::TempDir;
use tokio::runtime::Runtime;

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
        }
    }

    /// A server that is configured by the environment, as a real one would be.
    pub(crate) fn new() -> Self {
        Self::with(Sandbox::builder().rates(Rates::unlimited()))
    }

    pub(crate) fn with(builder: SandboxBuilder) -> Self {
        let mut env = Self::bare();
        let sandbox = env.runtime.block_on(builder.app("acme#chat").start()).unwrap();
        env.set("EASEMOB_APP_ROOT", &sandbox.app_root());
        env.set("EASEMOB_CLIENT_ID", sandbox.client_id());
        env.set("EASEMOB_CLIENT_SECRET", sandbox.client_secret());
        env.sandbox = Some(sandbox);
        env
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

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.home.path().join(name)
    }

    pub(crate) fn file(&self, name: &str, content: impl AsRef<[u8]>) -> String {
        let path = self.path(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, content).unwrap();
        path.to_str().unwrap().to_owned()
    }

    fn command(&self, args: &[&str]) -> Command {
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

    pub(crate) fn spawn(&self, args: &[&str]) -> Child {
        self.command(args).spawn().unwrap()
    }

    pub(crate) fn run(&self, args: &[&str]) -> Output {
        Self::finish(self.spawn(args))
    }

    /// Runs with stdout going elsewhere.
    pub(crate) fn run_to(&self, args: &[&str], stdout: Stdio) -> Output {
        Self::finish(self.command(args).stdout(stdout).spawn().unwrap())
    }

    pub(crate) fn run_with_stdin(&self, args: &[&str], stdin: &str) -> Output {
        let mut child = self.command(args).stdin(Stdio::piped()).spawn().unwrap();
        // A program that refuses its arguments need not read; the pipe is then closed already.
        let _ = child.stdin.take().unwrap().write_all(stdin.as_bytes());
        Self::finish(child)
    }

    pub(crate) fn finish(child: Child) -> Output {
        let output = child.wait_with_output().unwrap();
        Output {
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap(),
            code: output.status.code().unwrap_or(-1),
        }
    }

    /// Compares a run with its snapshot; what differs from run to run is replaced.
    pub(crate) fn snapshot(&self, name: &str, output: &Output) {
        let mut settings = insta::Settings::clone_current();
        settings.set_prepend_module_to_snapshot(false);
        settings.set_omit_expression(true);
        settings.set_snapshot_path("../snapshots");
        settings.add_filter(&regex_literal(self.home.path().to_str().unwrap()), "[HOME]");
        settings.add_filter(r"127\.0\.0\.1:\d+", "127.0.0.1:PORT");
        settings.add_filter(
            r"\d+\.\d s, (\d+) (requests?), [\d.]+ requests/s",
            "[TIME] s, $1 $2, [RATE] requests/s",
        );
        settings.add_filter(r#""elapsed_seconds": ?[\d.]+"#, r#""elapsed_seconds":[TIME]"#);
        settings.add_filter(
            r#""requests_per_second": ?[\d.]+"#,
            r#""requests_per_second":[RATE]"#,
        );
        settings.add_filter(
            r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}",
            "[UUID]",
        );
        settings.add_filter(r"20(2[6-9]|[3-9]\d)-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z", "[NOW]");
        settings.bind(|| insta::assert_snapshot!(name, output.text()));
    }
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

//! The programs that are compared, each as the command an operator would type.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::child::{Cost, Output, run};

type Failure = Box<dyn std::error::Error>;

/// As long as real ones are: answers are searched for it, and a short one is found in them more often.
const SECRET: &str = "YXA6MTIzNDU2Nzg5MDEyMzQ1Njc4OTAxMjM0NTY3ODkw";

/// One way to send many requests.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Way {
    /// The ceiling: it sends the same request over and over, and looks at no answer.
    Wrk,
    /// `curl --parallel` with so many transfers at a time.
    Curl(usize),
    /// A reqwest loop on one thread per core.
    Plain,
    /// A reqwest loop on one thread.
    PlainOneThread,
    /// `easemob-admin devices list`.
    List,
    /// `easemob-admin sessions logout`.
    Logout,
}

impl Way {
    /// Returns what the way is called in tables.
    pub(crate) fn name(self, concurrency: &str) -> String {
        match self {
            Self::Wrk => "wrk (the ceiling)".into(),
            Self::Curl(transfers) => format!("curl --parallel-max {transfers}"),
            Self::Plain => "plain reqwest, one thread per core".into(),
            Self::PlainOneThread => "plain reqwest, one thread".into(),
            Self::List => format!("easemob-admin devices list, {concurrency} at a time"),
            Self::Logout => format!("easemob-admin sessions logout, {concurrency} at a time"),
        }
    }
}

/// What became of a way.
#[derive(Debug, Clone)]
pub(crate) struct Sent {
    /// How many requests were answered.
    pub(crate) requests: u64,
    /// What that cost.
    pub(crate) cost: Cost,
}

/// The surroundings of all ways: server, list of users, and files.
#[derive(Debug)]
pub(crate) struct Field {
    /// `http://…/org/app`.
    pub(crate) root: String,
    /// Where lists, rows and records are kept.
    pub(crate) home: PathBuf,
    /// How many users the list has.
    pub(crate) users: u64,
    /// The connections of wrk and of the plain client.
    pub(crate) connections: usize,
    /// The value of `--concurrency` of the tool.
    pub(crate) concurrency: String,
    /// How long wrk sends, in seconds.
    pub(crate) wrk_seconds: u64,
    /// How many URLs curl is given: it keeps all of them in memory, and slows down with their number.
    pub(crate) curl_urls: u64,
}

impl Field {
    /// Writes the lists.
    pub(crate) fn prepare(&self) -> io::Result<()> {
        let mut users = BufWriter::new(File::create(self.list())?);
        let mut urls = BufWriter::new(File::create(self.urls())?);
        for number in 0..self.users {
            writeln!(users, "{}", user(number))?;
        }
        for number in 0..self.curl_urls.min(self.users) {
            let root = &self.root;
            writeln!(urls, "url = \"{root}/users/{}/resources\"", user(number))?;
            writeln!(urls, "output = \"/dev/null\"")?;
        }
        users.flush()?;
        urls.flush()
    }

    fn list(&self) -> PathBuf {
        self.home.join("users.txt")
    }

    fn urls(&self) -> PathBuf {
        self.home.join("urls.curlrc")
    }

    /// Runs one way once.
    pub(crate) fn send(&self, way: Way) -> Result<Sent, Failure> {
        match way {
            Way::Wrk => self.wrk(),
            Way::Curl(transfers) => self.curl(transfers),
            Way::Plain => self.plain(false),
            Way::PlainOneThread => self.plain(true),
            Way::List => {
                let args = ["devices", "list"];
                self.tool(&args, self.users)
            }
            Way::Logout => {
                let args = ["sessions", "logout", "--reason", "benchmark", "--yes"];
                self.tool(&args, self.users * 2)
            }
        }
    }

    fn wrk(&self) -> Result<Sent, Failure> {
        let mut command = Command::new("wrk");
        command
            .args(["-t1", "-c", &self.connections.to_string()])
            .args(["-d", &format!("{}s", self.wrk_seconds)])
            .args(["-H", "Authorization: Bearer YWMtbench"])
            .arg(format!("{}/users/{}/resources", self.root, user(0)));
        let cost = run(&mut command, Output::Kept)?;
        let requests = requests_of_wrk(&cost.output).ok_or("wrk did not tell how many requests it sent")?;
        Ok(Sent { requests, cost })
    }

    fn curl(&self, transfers: usize) -> Result<Sent, Failure> {
        let mut command = Command::new("curl");
        command
            .args(["--silent", "--fail", "--parallel", "--parallel-max"])
            .arg(transfers.to_string())
            .args(["--header", "Authorization: Bearer YWMtbench", "--config"])
            .arg(self.urls());
        let cost = run(&mut command, Output::Dropped)?;
        Ok(Sent {
            requests: self.curl_urls.min(self.users),
            cost,
        })
    }

    fn plain(&self, one_thread: bool) -> Result<Sent, Failure> {
        let mut command = Command::new(std::env::current_exe()?);
        command
            .args(["plain", "--root", &self.root, "--connections"])
            .arg(self.connections.to_string())
            .arg("--from")
            .arg(self.list());
        if one_thread {
            command.arg("--one-thread");
        }
        let cost = run(&mut command, Output::Kept)?;
        if cost.output.trim() != self.users.to_string() {
            return Err(format!("the plain client found {} devices", cost.output.trim()).into());
        }
        Ok(Sent {
            requests: self.users,
            cost,
        })
    }

    fn tool(&self, args: &[&str], requests: u64) -> Result<Sent, Failure> {
        let rows = self.home.join("rows.csv");
        let mut command = tool(&self.home, &self.root)?;
        command
            .args(args)
            .args(["-o", "csv", "--rate", "unlimited", "--concurrency"])
            .arg(&self.concurrency)
            .arg("--from")
            .arg(self.list());
        let cost = run(&mut command, Output::File(&rows))?;
        let written = io::BufRead::lines(io::BufReader::new(File::open(&rows)?)).count() as u64;
        if written != self.users + 1 {
            return Err(format!("the tool wrote {written} lines for {} users", self.users).into());
        }
        // The token is one more.
        Ok(Sent {
            requests: requests + 1,
            cost,
        })
    }
}

/// The tool, with nothing of the caller's environment or configuration.
pub(crate) fn tool(home: &Path, root: &str) -> Result<Command, Failure> {
    let binary = std::env::current_exe()?.with_file_name("easemob-admin");
    let mut command = Command::new(binary);
    command
        .env_clear()
        .env("EASEMOB_CONFIG_DIR", home.join("config"))
        .env("EASEMOB_DATA_DIR", home.join("data"))
        .env("EASEMOB_APP_ROOT", root)
        .env("EASEMOB_CLIENT_ID", "bench")
        .env("EASEMOB_CLIENT_SECRET", SECRET);
    Ok(command)
}

/// Returns a user name of the length that real ones have.
pub(crate) fn user(number: u64) -> String {
    format!("user{number:08}")
}

/// Reads `N requests in T` from the output of wrk; nothing if some were not answered well.
fn requests_of_wrk(output: &str) -> Option<u64> {
    let line = output.lines().find(|line| line.contains(" requests in "))?;
    let failed = output.contains("Non-2xx") || output.contains("Socket errors");
    line.split_whitespace().next()?.parse().ok().filter(|_| !failed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_words_of_wrk_are_understood() {
        let good =
            "Running 3s test\n  2 threads\n  303213 requests in 3.01s, 125.51MB read\nRequests/sec: 1\n";
        assert_eq!(requests_of_wrk(good), Some(303_213));
        assert_eq!(
            requests_of_wrk(&format!("{good}  Non-2xx or 3xx responses: 2\n")),
            None
        );
        assert_eq!(requests_of_wrk("unable to connect"), None);
    }
}

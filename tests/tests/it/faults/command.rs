//! What an operator does, what the tool claims of it, and what is true.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::super::env::{Output, TestEnv};

/// Something that is done to twenty users.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Command {
    List,
    Logout,
    Ban,
    Scan,
}

/// What is said of a user.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Claim {
    /// Done, or seen with these devices.
    Done(BTreeSet<String>),
    /// Not done.
    Failed,
    /// Nobody knows.
    Unknown,
}

impl Command {
    pub(super) const ALL: [Self; 4] = [Self::List, Self::Logout, Self::Ban, Self::Scan];

    /// Whether it changes something, and is on record.
    pub(super) fn acts(self) -> bool {
        matches!(self, Self::Logout | Self::Ban)
    }

    /// The part of the first line of a request by which the calls of the command are known.
    pub(super) fn call(self) -> &'static str {
        match self {
            Self::List | Self::Scan => "/resources",
            Self::Logout => "/disconnect",
            Self::Ban => "/deactivate",
        }
    }

    /// The same for the user who is struck.
    pub(super) fn call_about_user07(self) -> &'static str {
        match self {
            Self::List | Self::Scan => "/user07/resources",
            Self::Logout => "/user07/disconnect",
            Self::Ban => "/user07/deactivate",
        }
    }

    pub(super) fn args(self, list: &str) -> Vec<&str> {
        let words: &[&str] = match self {
            Self::List => &["devices", "list"],
            Self::Logout => &["sessions", "logout", "--reason", "test", "--yes"],
            Self::Ban => &["users", "ban", "--reason", "test", "--yes"],
            Self::Scan => &["logins", "scan"],
        };
        let common = [
            "--from",
            list,
            "--concurrency",
            "4",
            "--timeout",
            "2s",
            "-o",
            "json",
        ];
        [words, &common].concat()
    }

    /// What the run says of each user it was told to work on; those it did not come to are missing.
    pub(super) fn claims(self, env: &TestEnv, output: &Output) -> BTreeMap<String, Claim> {
        let mut claims = BTreeMap::new();
        let rows = if self == Self::Scan {
            let export = env.run(&["logins", "export", "-o", "json"]);
            // Without a snapshot there is nothing to export, and nothing is claimed.
            if export.code == 0 {
                export.stdout
            } else {
                String::new()
            }
        } else {
            output.stdout.clone()
        };
        for row in rows.lines().filter_map(row_of) {
            let text = |key: &str| row[key].as_str().unwrap_or_default().to_owned();
            let state = if self == Self::Scan {
                text("state")
            } else {
                text("outcome")
            };
            let device = if self == Self::Scan {
                text("resource")
            } else {
                text("device")
            };
            let claim = match state.as_str() {
                "failed" if row["outcome_unknown"] == true => Claim::Unknown,
                "failed" => Claim::Failed,
                "unknown" => Claim::Unknown,
                "not_started" => continue,
                "online" | "logged_out" | "gone" | "banned" | "already_banned" | "nothing_to_do" => {
                    Claim::Done([device].into())
                }
                other => panic!("{other} of {row}"),
            };
            match (claims.get_mut(&text("user")), claim) {
                (Some(Claim::Done(all)), Claim::Done(more)) => all.extend(more),
                (Some(known), claim) => assert_eq!(*known, claim, "{row}"),
                (None, claim) => drop(claims.insert(text("user"), claim)),
            }
        }
        claims
    }

    /// Asserts that nothing is claimed that is not so.
    pub(super) fn hold_against_truth(self, env: &TestEnv, claims: &BTreeMap<String, Claim>) {
        let banned = if self == Self::Ban {
            banned(env)
        } else {
            BTreeSet::new()
        };
        for (user, claim) in claims {
            let online: BTreeSet<String> = env.devices(user).into_iter().collect();
            match (self, claim) {
                (_, Claim::Unknown) | (Self::List | Self::Scan, Claim::Failed) => {}
                (Self::List | Self::Scan, Claim::Done(seen)) => assert_eq!(*seen, online, "{user}"),
                (Self::Logout, Claim::Done(_)) => assert!(online.is_empty(), "{user} has {online:?}"),
                (Self::Logout, Claim::Failed) => assert_eq!(online.len(), 2, "{user}"),
                (Self::Ban, Claim::Done(_)) => assert!(banned.contains(user), "{user}"),
                (Self::Ban, Claim::Failed) => assert!(!banned.contains(user), "{user}"),
            }
        }
        assert_eq!(env.devices("zoe").len(), 2, "nobody else is touched");
        assert!(!banned.contains("zoe"));
    }

    /// Returns how many of the twenty are done in truth.
    pub(super) fn done(self, env: &TestEnv, claims: &BTreeMap<String, Claim>) -> usize {
        match self {
            Self::List | Self::Scan => claims
                .values()
                .filter(|claim| matches!(claim, Claim::Done(_)))
                .count(),
            Self::Logout => users().filter(|user| env.devices(user).is_empty()).count(),
            Self::Ban => banned(env).len(),
        }
    }
}

/// The users that are worked on.
pub(super) fn users() -> impl Iterator<Item = String> {
    (1..=20).map(|number| format!("user{number:02}"))
}

/// Those who are banned, by what the server says without a line in between.
fn banned(env: &TestEnv) -> BTreeSet<String> {
    let root = env.sandbox().app_root();
    let output = env
        .run(&["users", "list", "--app-root", &root, "-o", "json"])
        .expect(0);
    output
        .stdout
        .lines()
        .filter_map(row_of)
        .filter(|row| row["active"] == false)
        .map(|row| row["user"].as_str().unwrap().to_owned())
        .collect()
}

/// Rows are lines of their own; a run that was killed leaves no whole document.
fn row_of(line: &str) -> Option<Value> {
    serde_json::from_str::<Value>(line.trim_end_matches(','))
        .ok()
        .filter(|row| row.get("user").is_some())
}

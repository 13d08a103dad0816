//! Exit codes: a contract with scripts, listed in `docs/exit-codes.md`.
//!
//! A code never changes its meaning. Gaps in the numbers are reserved for later commands.

/// One documented exit code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Exit {
    code: u8,
    name: &'static str,
    meaning: &'static str,
}

impl Exit {
    const fn new(code: u8, name: &'static str, meaning: &'static str) -> Self {
        Self { code, name, meaning }
    }

    /// Returns the number passed to the operating system.
    #[must_use]
    pub const fn code(self) -> u8 {
        self.code
    }

    /// Returns the short name used in the documentation.
    #[must_use]
    pub const fn name(self) -> &'static str {
        self.name
    }

    /// Returns a sentence that says when the code is used.
    #[must_use]
    pub const fn meaning(self) -> &'static str {
        self.meaning
    }
}

/// Everything requested was done.
pub const OK: Exit = Exit::new(
    0,
    "ok",
    "Everything that was asked for was done, or the reader of stdout closed it.",
);
/// A defect of this program, or a fault of the machine it runs on.
pub const INTERNAL: Exit = Exit::new(
    1,
    "internal",
    "A defect of this program, or a fault of the machine, such as a full disk or an unreadable directory.",
);
/// The command line or the user list cannot be used; nothing was sent.
pub const USAGE: Exit = Exit::new(
    2,
    "usage",
    "The command line or the user list cannot be used. Nothing was sent.",
);
/// The configuration cannot be used; nothing was sent.
pub const CONFIG: Exit = Exit::new(
    3,
    "config",
    "No target, no credentials, a configuration file that cannot be used, or a database of records whose tables do not fit this version. Nothing was sent.",
);
/// The server answered and refused the whole command.
pub const REFUSED: Exit = Exit::new(
    4,
    "refused",
    "The server, or the database of the records, refused: wrong credentials, missing permission, wrong app, or no such user in a command about one.",
);
/// The server did not answer, or gave no usable answer.
pub const UNREACHABLE: Exit = Exit::new(
    5,
    "unreachable",
    "The server, or the database of the records, could not be reached, or gave no usable answer; trying later may help.",
);
/// Some items failed; repeating may help for at least one of them.
pub const FAILED_RETRY: Exit = Exit::new(
    6,
    "failed-retry",
    "Some items failed, and repeating may help for at least one of them.",
);
/// Some items failed; repeating will not help for any of them.
pub const FAILED_FINAL: Exit = Exit::new(
    7,
    "failed-final",
    "Some items failed, and repeating will not help for any of them.",
);
/// The cap of `--max-logouts` would have been exceeded.
pub const CAP_HIT: Exit = Exit::new(
    8,
    "cap-hit",
    "`--max-logouts` stopped the run before the first logout beyond the cap, or `--max-users` refused a list that is too long.",
);
/// What is online differs from the plan.
pub const DRIFT: Exit = Exit::new(
    9,
    "drift",
    "`sessions apply` found that devices differ from the plan, and `--on-drift stop` was given.",
);
/// Stopped cleanly before the end.
pub const INTERRUPTED: Exit = Exit::new(
    10,
    "interrupted",
    "Stopped cleanly before the end: Ctrl-C, SIGTERM, SIGHUP, `--max-duration`, or No at the question. The rest can still be done.",
);
/// A check found something.
pub const FINDINGS: Exit = Exit::new(
    11,
    "findings",
    "A check found something: users beyond the limits of a policy, counts beyond `--over` or `--growth`, users who signed in again after `--verify`, locks that are overdue, or an audit trail that does not verify.",
);
/// The server does not have the call.
pub const UNSUPPORTED: Exit = Exit::new(
    12,
    "unsupported",
    "This server does not have the call that the command needs.",
);
/// Another process uses what the command needs.
pub const BUSY: Exit = Exit::new(
    13,
    "busy",
    "Another process works on the same run or snapshot, or holds a file that the command needs. Run the command again when that process has ended.",
);
/// Stopped at once, with requests in flight.
pub const ABORTED: Exit = Exit::new(
    130,
    "aborted",
    "Second Ctrl-C: stopped at once; users in flight are reported as unknown. Also Ctrl-C before anything started.",
);

/// All codes, in the order of the documentation.
pub const ALL: &[Exit] = &[
    OK,
    INTERNAL,
    USAGE,
    CONFIG,
    REFUSED,
    UNREACHABLE,
    FAILED_RETRY,
    FAILED_FINAL,
    CAP_HIT,
    DRIFT,
    INTERRUPTED,
    FINDINGS,
    UNSUPPORTED,
    BUSY,
    ABORTED,
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn documentation_lists_exactly_these_codes() {
        let page = include_str!("../../../docs/exit-codes.md");
        let documented: Vec<&str> = page.lines().filter(|line| line.starts_with("| `")).collect();
        let expected: Vec<String> = ALL
            .iter()
            .map(|exit| format!("| `{}` | {} | {} |", exit.code(), exit.name(), exit.meaning()))
            .collect();
        assert_eq!(
            documented, expected,
            "docs/exit-codes.md and exit.rs differ; the page should hold these rows"
        );
    }

    #[test]
    fn codes_are_distinct_and_ascending() {
        assert!(ALL.windows(2).all(|pair| pair[0].code() < pair[1].code()));
    }
}

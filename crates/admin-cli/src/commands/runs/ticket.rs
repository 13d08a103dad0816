//! What a ticket says about a run: who did what to whom, what became of it, and how to go on.

use std::fmt::Write as _;

use easemob_admin_ops::jobs::execute::Job;
use easemob_admin_ops::names::harmless::harmless;
use easemob_admin_ops::run::id::RunId;
use easemob_admin_ops::run::job::Action;
use easemob_admin_ops::run::journal::header::{Header, Operator};
use easemob_admin_ops::run::journal::progress::Counts;
use easemob_admin_ops::run::store::{ListedRun, RunError, RunStore};
use easemob_admin_ops::undo::undoable;
use easemob_admin_words::{Language, t, within};

use super::history::{AttemptView, History, history, unreadable};
use super::unsettled::{ItemRow, NOT_STARTED};
use crate::command_error::CommandError;
use crate::commands::acting::users;
use crate::commands::times::in_utc;
use crate::context::Context;
use crate::next_step::{NextStep, Rest, next_steps};
use crate::present::words::words;
use crate::render::markdown;
use crate::summary::SecondReading;

/// How many users that failed are named.
const NAMED: usize = 20;

/// What a ticket says about a run.
pub struct Ticket {
    command: &'static str,
    place: String,
    facts: Vec<(&'static str, String)>,
    counts: Vec<(&'static str, u64)>,
    failed: Vec<Failed>,
    /// How many more failed.
    more: u64,
    commands: Vec<(&'static str, String)>,
}

/// A user that failed, or the app.
#[derive(Debug)]
struct Failed {
    line: Option<u64>,
    user: String,
    error: String,
}

impl Ticket {
    /// Reads what is named `name`: a run, or all batches of a watch. `verified` is what a second reading found, if there was
    /// one.
    ///
    /// # Errors
    /// When the run cannot be read.
    pub fn read(
        context: &Context,
        name: &str,
        ids: &[RunId],
        verified: Option<SecondReading>,
    ) -> Result<Self, CommandError> {
        let stores = context.stores()?;
        let runs = stores.runs();
        let (mut listed, mut named, mut more) = (Vec::new(), Vec::new(), 0);
        let (mut attempts, mut steps) = (Vec::new(), Vec::new());
        for id in ids {
            let one = runs.glance(id)?;
            let history = history(runs, id, &one)?;
            more += failed(runs, id, &one, &history, &mut named)?;
            steps.extend(steps_of(&one, history.stopped.as_deref()));
            attempts.extend(history.attempts);
            listed.push(one);
        }
        let (Some(first), Some(last)) = (listed.first(), listed.last()) else {
            return Err(RunError::NoSuchRun(name.to_owned()).into());
        };
        let total = total(&listed);
        let facts = Facts {
            name,
            header: &first.header,
            users: total.items,
            batches: ids.len(),
            running: last.running,
            attempts: &attempts,
            verified,
        };
        Ok(Self {
            command: first.header.action.command(),
            place: place(&first.header),
            facts: facts.told(),
            counts: counts(&first.header, &total),
            failed: named,
            more,
            commands: commands(context, name, &first.header, &total, steps),
        })
    }

    /// Returns the ticket as plain lines.
    #[must_use]
    pub fn plain(&self) -> String {
        let mut text = format!("{} on {}", self.command, self.place);
        let mut line = |label: &str, value: &str| {
            // Writing to a string cannot fail.
            let _ = write!(text, "\n  {label}: {}", harmless(value));
        };
        for (label, value) in &self.facts {
            line(label, value);
        }
        let counts = self.counts.iter().map(|(what, count)| format!("{count} {what}"));
        line("Result", &counts.collect::<Vec<_>>().join(", "));
        for failed in &self.failed {
            line("Failed", &failed.to_string());
        }
        if self.more > 0 {
            line("Failed", &format!("{} more", self.more));
        }
        for (purpose, command) in &self.commands {
            line(purpose, command);
        }
        text
    }

    /// Returns the ticket as Markdown.
    #[must_use]
    pub fn markdown(&self) -> String {
        let mut out = format!(
            "# {} on {}\n\n|  |  |\n|---|---|\n",
            self.command,
            markdown::text(&self.place)
        );
        for (label, value) in &self.facts {
            let _ = writeln!(out, "| {label} | {} |", markdown::text(value));
        }
        out.push_str("\n## Result\n\n| Result | Count |\n|---|---:|\n");
        for (what, count) in &self.counts {
            let _ = writeln!(out, "| {what} | {count} |");
        }
        if !self.failed.is_empty() {
            out.push_str("\n## Failed\n\n");
            for failed in &self.failed {
                let line = failed
                    .line
                    .map(|line| format!("line {line}, "))
                    .unwrap_or_default();
                let (user, error) = (markdown::code(&failed.user), markdown::text(&failed.error));
                let _ = writeln!(out, "- {line}{user}: {error}");
            }
            if self.more > 0 {
                let _ = writeln!(out, "- {} more", self.more);
            }
        }
        if !self.commands.is_empty() {
            out.push_str("\n## Go on\n\n");
            let commands = self.commands.iter();
            let lines = commands.flat_map(|(purpose, command)| [format!("# {purpose}"), command.clone()]);
            out.push_str(&markdown::block(&lines.collect::<Vec<_>>()));
            out.push('\n');
        }
        out
    }
}

impl std::fmt::Display for Failed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if let Some(line) = self.line {
            write!(f, "line {line}, ")?;
        }
        write!(f, "{}: {}", self.user, self.error)
    }
}

fn place(header: &Header) -> String {
    let place = if header.sandbox { " (sandbox)" } else { "" };
    format!("{}{place}", header.app)
}

/// What the facts of a ticket are made of.
struct Facts<'a> {
    name: &'a str,
    header: &'a Header,
    users: u64,
    batches: usize,
    running: bool,
    attempts: &'a [AttemptView],
    verified: Option<SecondReading>,
}

impl Facts<'_> {
    fn told(&self) -> Vec<(&'static str, String)> {
        let header = self.header;
        let mut facts = vec![("Run", self.name.to_owned())];
        if !header.sandbox {
            facts.push(("Server", header.app_root.clone()));
        }
        facts.push(if header.is_about_the_app() {
            ("Users", "the app itself, no users".to_owned())
        } else {
            ("Users", format!("{} from {}", users(self.users), header.source))
        });
        match &header.action {
            Action::Lock { until } => facts.push(("Locked until", format!("{until:.0}"))),
            Action::SetLimits { limits, .. } => facts.push(("Limits", limits.clone())),
            Action::Enforce { policy, .. } => facts.push(("Policy", policy.clone())),
            _ => {}
        }
        if self.batches > 1 {
            facts.push(("Batches", self.batches.to_string()));
        }
        facts.push(("By", by(&header.operator, self.attempts)));
        facts.extend(header.reason.clone().map(|reason| ("Reason", reason)));
        facts.extend(header.ticket.clone().map(|ticket| ("Ticket", ticket)));
        facts.push(("Started", in_utc(header.created)));
        facts.push(("Ended", ended(self.running, self.attempts)));
        facts.extend(self.verified.map(|verified| ("Verified", verified.found())));
        facts
    }
}

/// Adds up what became of the users of several runs.
pub(super) fn total<'a>(runs: impl IntoIterator<Item = &'a ListedRun>) -> Counts {
    runs.into_iter()
        .fold(Counts::default(), |total, run| total + run.counts)
}

/// Names who created the run, and everybody else who worked on it.
fn by(operator: &Operator, attempts: &[AttemptView]) -> String {
    let mut named = vec![format!("{}@{}", operator.person(), operator.host)];
    for attempt in attempts {
        let name = format!("{}@{}", attempt.operator, attempt.host);
        if !named.contains(&name) {
            named.push(name);
        }
    }
    if let Some(user) = operator
        .sudo_user
        .as_ref()
        .filter(|user| **user != operator.os_user)
    {
        let _ = write!(named[0], " (sudo by {user})");
    }
    if operator.subject.is_some() {
        let _ = write!(named[0], " (account {})", operator.os_user);
    }
    named.join(", ")
}

fn ended(running: bool, attempts: &[AttemptView]) -> String {
    if running {
        return "still running".into();
    }
    let Some(last) = attempts.last() else {
        return "not begun".into();
    };
    match (&last.ended, &last.stopped) {
        (None, _) => "without a final record: killed, or the machine crashed".into(),
        (Some(ended), None) => ended.clone(),
        (Some(ended), Some(why)) => format!("{ended}, stopped: {}", why.replace('_', " ")),
    }
}

fn counts(header: &Header, counts: &Counts) -> Vec<(&'static str, u64)> {
    let job = Job::of(header.action.clone());
    let (done, devices) = job.as_ref().map_or(("done", None), |job| {
        let words = words(job, false);
        (words.done, words.devices)
    });
    let mut all = vec![(done, counts.done)];
    if devices.is_some() && counts.devices_ended > 0 {
        let noun = if counts.devices_ended == 1 {
            "device signed out"
        } else {
            "devices signed out"
        };
        all.push((noun, counts.devices_ended));
    }
    let rest = [
        ("nothing to do", counts.nothing + counts.skipped),
        ("failed", counts.failed() + counts.in_vain),
        ("left to do", counts.unfinished() - counts.in_vain),
    ];
    all.extend(rest.into_iter().filter(|(_, count)| *count > 0));
    all
}

/// Adds the first users that failed to `named`, and returns how many more there are.
fn failed(
    runs: &dyn RunStore,
    id: &RunId,
    listed: &ListedRun,
    history: &History,
    named: &mut Vec<Failed>,
) -> Result<u64, CommandError> {
    if listed.header.is_about_the_app() {
        let failures = history.failures.get(&0).into_iter().flatten();
        named.extend(failures.map(|failure| Failed {
            line: None,
            user: "the app".into(),
            error: failure.error.clone(),
        }));
        return Ok(0);
    }
    let mut more = 0;
    for item in runs.unsettled_items(id)? {
        let item = item.map_err(unreadable(id))?;
        let row = ItemRow::new(&item, &history.progress, &history.failures);
        let Some(row) = row.filter(|row| row.state != NOT_STARTED) else {
            continue;
        };
        if named.len() < NAMED {
            named.push(Failed {
                line: Some(row.line),
                error: row.error.unwrap_or_else(|| row.state.replace('_', " ")),
                user: row.user,
            });
        } else {
            more += 1;
        }
    }
    Ok(more)
}

fn commands(
    context: &Context,
    run: &str,
    header: &Header,
    counts: &Counts,
    mut steps: Vec<NextStep>,
) -> Vec<(&'static str, String)> {
    if counts.failed() + counts.in_vain > 0 && !header.is_about_the_app() {
        steps.push(NextStep {
            purpose: "to list the failed users",
            command: format!("runs show {run} --output failures"),
        });
    }
    if counts.done > 0 && undoable(&header.action).is_ok() {
        steps.push(NextStep {
            purpose: "to undo",
            command: format!("runs undo {run}"),
        });
    }
    let pasted = |step: NextStep| (step.purpose, step.pasted(context));
    steps.into_iter().map(pasted).collect()
}

/// Returns how to do what is left of a run, unless somebody works on it.
pub(super) fn steps_of(listed: &ListedRun, stopped: Option<&str>) -> Vec<NextStep> {
    let (header, counts) = (&listed.header, &listed.counts);
    if listed.running || !header.action.can_be_gone_on_with() {
        return Vec::new();
    }
    let rest = Rest {
        unfinished: listed.can_be_gone_on_with(),
        stopped,
        retry_may_help: counts.failed_retry,
        last: counts.failed_final,
    };
    next_steps(&header.run, rest)
}

/// Prints text for the ticket of a run.
///
/// # Errors
/// When the run cannot be read.
pub fn tell(context: &Context, id: &RunId, verified: Option<SecondReading>) -> Result<(), CommandError> {
    // Tickets are read by whoever comes later, in one language.
    let ticket = within(Language::English, || {
        Ok::<_, CommandError>(Ticket::read(context, id.as_str(), std::slice::from_ref(id), verified)?.plain())
    })?;
    context.ui.say(t!("for the ticket:\n{ticket}"));
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_others_stay_where_they_are() {
        let ticket = Ticket {
            command: "users ban",
            place: "acme#chat".into(),
            facts: vec![("Run", "r1".into()), ("Reason", "a|b\n# <script>`x`".into())],
            counts: vec![("banned", 3), ("failed", 2)],
            failed: vec![Failed {
                line: Some(7),
                user: "`|<b>\n- eve".into(),
                error: "no such user [x](y)".into(),
            }],
            more: 1,
            commands: vec![(
                "to retry",
                "easemob-admin --profile 'a```b' runs retry-failed r1".into(),
            )],
        };
        insta::assert_snapshot!(ticket.markdown());
        insta::assert_snapshot!(ticket.plain());
    }

    #[test]
    fn everybody_who_worked_on_a_run_is_named_once() {
        let attempt = |operator: &str| AttemptView {
            began: None,
            ended: None,
            stopped: None,
            operator: operator.into(),
            host: "here".into(),
            tool: String::new(),
            pid: 1,
            parts: None,
            is_open: false,
        };
        let operator = Operator {
            sudo_user: Some("eve".into()),
            ..Operator::named("ann", "here")
        };
        let named = by(&operator, &[attempt("ann"), attempt("bob"), attempt("bob")]);
        assert_eq!(named, "ann@here (sudo by eve), bob@here");
    }
}

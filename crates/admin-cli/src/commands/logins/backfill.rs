//! `logins backfill`: has the service send again what no collector took, and closes the gaps that this fills.

use std::collections::BTreeSet;
use std::time::Duration;

use clap::Args;
use easemob_admin_api::Error as ApiError;
use easemob_admin_ops::collector::gaps::HEARTBEAT_MS;
use easemob_admin_ops::logins::backfill::keys::{LIKELY_ZONES, MOST_TIMES, Zone};
use easemob_admin_ops::logins::backfill::proof::{Left, Open};
use easemob_admin_ops::logins::backfill::{
    CannotBackfill, Fate, GapReport, KeyReport, Report, Wanted, backfill,
};
use easemob_admin_ops::logins::store::Range;
use easemob_admin_ops::server::calls::CallError;
use easemob_admin_words::t;
use jiff::Timestamp;
use serde::Serialize;

use super::snapshot::kept;
use crate::command_error::CommandError;
use crate::commands::acting::counted;
use crate::commands::times::{lasting, moment, now_ms, rfc3339_signed, short};
use crate::context::{Context, Session};
use crate::exit::{self, Exit};
use crate::interrupt;
use crate::render::report::{Row, unwritten_rows};

/// Arguments of `logins backfill`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  easemob-admin logins backfill --dry-run
  easemob-admin logins backfill
  easemob-admin logins backfill --stored-since 2026-01-31T09:30:00Z

Needs the paid service for failed webhooks (回调异常缓存), which stores posts for three days by ten minutes, and a collector \
that runs. The posts go to the address of their webhook, so other receivers get again what they did not take. A gap, or a \
part of it, is closed only if as many events arrived as the service had posts, and ten minutes without stored posts are \
closed only if the service is known to have stored posts before. What stays open is named; the exit code is then 6, or 7 \
if running the command again cannot help.")]
pub struct BackfillArgs {
    /// Have the posts sent to this address instead, such as another address of the collector; they name users, and those
    /// of other webhooks have messages
    #[arg(long, value_name = "URL", value_parser = web_address)]
    target_url: Option<String>,
    /// The time zone of the service's keys, such as +08:00; UTC or +08:00 by default, as follows from the events
    #[arg(long, value_name = "OFFSET", value_parser = zone, allow_hyphen_values = true)]
    key_zone: Option<Zone>,
    /// The service has stored failed posts since this time: 30d, or 2026-01-31T09:30:00Z
    #[arg(long, value_name = "TIME", value_parser = moment)]
    stored_since: Option<Timestamp>,
    /// Wait this long for further events
    #[arg(long, value_name = "TIME", value_parser = lasting, default_value = "60s")]
    wait: Duration,
    /// Only report what would be asked for
    #[arg(long)]
    dry_run: bool,
}

fn web_address(text: &str) -> Result<String, String> {
    let rest = ["http://", "https://"]
        .iter()
        .find_map(|scheme| text.strip_prefix(scheme));
    let host = rest.map(|rest| rest.split(['/', '?', '#']).next().unwrap_or_default());
    match host {
        Some(host) if !host.is_empty() && !text.contains(|c: char| c.is_whitespace() || c.is_control()) => {
            Ok(text.to_owned())
        }
        _ => Err(t!("give an address such as https://collector.example.com/").to_owned()),
    }
}

fn zone(text: &str) -> Result<Zone, String> {
    Zone::parse(text)
        .ok_or_else(|| t!("give how far it is ahead of UTC, such as +08:00 or -05:00, or Z").to_owned())
}

#[derive(Debug, Serialize)]
struct KeyRow {
    key: String,
    posts: u64,
    sent_again: u64,
    outcome: Fate,
    detail: String,
}

impl KeyRow {
    fn new(report: &KeyReport) -> Self {
        let KeyReport { key, fate, error } = report;
        Self {
            key: key.date.clone(),
            posts: key.posts,
            sent_again: key.times,
            outcome: *fate,
            detail: error
                .as_ref()
                .map(|error| error.message.clone())
                .unwrap_or_default(),
        }
    }
}

impl Row for KeyRow {
    const COLUMNS: &'static [&'static str] = &["key", "posts", "sent_again", "outcome", "detail"];

    fn cells(&self) -> Vec<String> {
        vec![
            self.key.clone(),
            self.posts.to_string(),
            self.sent_again.to_string(),
            word(self.outcome).to_owned(),
            self.detail.clone(),
        ]
    }
}

fn word(fate: Fate) -> &'static str {
    match fate {
        Fate::WouldAsk => "would_ask",
        Fate::Arrived => "arrived",
        Fate::NotArrived => "not_arrived",
        Fate::Refused => "refused",
        Fate::NotOver => "not_over",
        Fate::UsedUp => "used_up",
        Fate::Empty => "empty",
        Fate::NotAsked => "not_asked",
    }
}

/// A part of a gap that stays open.
#[derive(Debug, Serialize)]
struct LeftOpen {
    since: Option<String>,
    until: Option<String>,
    gap: String,
    why: BTreeSet<Open>,
}

impl LeftOpen {
    fn new(left: &Left) -> Self {
        Self {
            since: rfc3339_signed(left.gap.since_ms),
            until: rfc3339_signed(left.gap.until_ms),
            gap: left.gap.why.clone(),
            why: left.why.clone(),
        }
    }
}

#[derive(Debug, Default, Serialize)]
struct Summary {
    dry_run: bool,
    gaps: usize,
    closed: usize,
    shortened: usize,
    open: usize,
    left: Vec<LeftOpen>,
}

impl Summary {
    fn of(report: &Report, dry_run: bool) -> Self {
        let is_whole = |gap: &&GapReport| matches!(gap.left.as_slice(), [left] if left.gap == gap.gap);
        let closed = report.gaps.iter().filter(|gap| gap.left.is_empty()).count();
        let open = report.gaps.iter().filter(is_whole).count();
        let left = report.gaps.iter().flat_map(|gap| &gap.left);
        Self {
            dry_run,
            gaps: report.gaps.len(),
            closed,
            shortened: report.gaps.len() - closed - open,
            open,
            left: left.map(LeftOpen::new).collect(),
        }
    }
}

/// Runs the command.
///
/// # Errors
/// When nothing is kept about logins, no collector runs, the stored posts cannot be listed, or the data cannot be written.
pub async fn run(context: &Context, session: &Session, args: &BackfillArgs) -> Result<Exit, CommandError> {
    context.shown(KeyRow::COLUMNS)?;
    let mut store = kept(context)?;
    let gaps = store.gaps(Range::ALL)?;
    let is_collected = store
        .alive()?
        .is_some_and(|alive| now_ms() - alive <= 2 * HEARTBEAT_MS);
    if !gaps.is_empty() && !args.dry_run && args.target_url.is_none() && !is_collected {
        return Err(CommandError::new(
            exit::USAGE,
            t!("no collector is running, so nothing would take the posts that the service sends again"),
        )
        .hint(t!(
            "start `easemob-admin logins collect` as before, and run the command again"
        )));
    }
    if let Some(url) = &args.target_url
        && !args.dry_run
    {
        context.ui.warn(t!(
            "all posts stored about these times go to {url}: they name users, and those of other webhooks have messages"
        ));
    }
    let wanted = Wanted {
        zones: args
            .key_zone
            .map_or_else(|| LIKELY_ZONES.to_vec(), |zone| vec![zone]),
        target: args.target_url.clone(),
        stored_since_ms: args.stored_since.map(Timestamp::as_millisecond),
        patience: args.wait,
        dry_run: args.dry_run,
    };
    let end = interrupt::until_told(context.deadline());
    let stop = async {
        end.await;
    };
    let mut asked = 0;
    let progress = |posts: u64, _| {
        if posts > asked {
            asked = posts;
            context
                .ui
                .note(t!("waiting for {} to arrive", counted(posts, "post")));
        }
    };
    let client = session.server.client();
    let report = backfill(client, &mut *store, &wanted, stop, now_ms, progress)
        .await
        .map_err(|error| match error {
            CannotBackfill::Store(error) => error.into(),
            CannotBackfill::Server(error) => refused(*error),
            CannotBackfill::Key(key) => CommandError::new(
                exit::UNREACHABLE,
                t!(
                    "the server names stored posts by `{}`, which is not the begin of ten minutes",
                    key.escape_debug()
                ),
            )
            .hint(t!("nothing was asked for, and every gap stays open")),
        })?;
    let mut rows = context.report::<KeyRow>(session, "logins backfill", None)?;
    for key in &report.keys {
        rows.row(&KeyRow::new(key)).map_err(unwritten_rows)?;
    }
    let summary = Summary::of(&report, args.dry_run);
    rows.finish(&summary).map_err(unwritten_rows)?;
    tell(context, &report, &summary);
    if let Some(error) = report.ended_by {
        return Err(refused(error));
    }
    Ok(exit_of(&report, args.dry_run))
}

fn exit_of(report: &Report, dry_run: bool) -> Exit {
    let mut why = report
        .gaps
        .iter()
        .flat_map(|gap| &gap.left)
        .flat_map(|left| &left.why);
    if report.stopped {
        exit::INTERRUPTED
    } else if dry_run || why.clone().next().is_none() {
        exit::OK
    } else if why.any(|why| why.may_end()) {
        exit::FAILED_RETRY
    } else {
        exit::FAILED_FINAL
    }
}

/// Says what became of the gaps, and why some stay open.
fn tell(context: &Context, report: &Report, summary: &Summary) {
    if summary.gaps == 0 {
        context
            .ui
            .note(t!("no gap is on record, so there is nothing to ask for"));
        return;
    }
    for left in report.gaps.iter().flat_map(|gap| &gap.left) {
        let time = |at_ms| short(rfc3339_signed(at_ms).as_deref());
        let why: Vec<String> = left.why.iter().map(|why| reason(*why)).collect();
        context.ui.warn(t!(
            "events may be missing from {} to {} ({}): {}",
            time(left.gap.since_ms),
            time(left.gap.until_ms),
            left.gap.why,
            why.join("; ")
        ));
    }
    let would = if summary.dry_run { t!("would be ") } else { "" };
    context.ui.say(t!(
        "{}: {} {would}closed, {} {would}shortened, {} left open",
        counted(u64::try_from(summary.gaps).unwrap_or(u64::MAX), "gap"),
        summary.closed,
        summary.shortened,
        summary.open
    ));
}

fn reason(why: Open) -> String {
    match why {
        Open::TooOld => t!("the service stores posts for three days only").to_owned(),
        Open::NotOver => {
            t!("posts about that time may still fail; run the command again in 20 minutes").to_owned()
        }
        Open::NotStored => t!(
            "nothing shows that the service stored failed posts then; if you know that it did, add \
                            --stored-since TIME"
        )
        .to_owned(),
        Open::NotArrived => t!(
            "fewer events arrived than posts were to be sent again; posts of other webhooks count \
                             among those"
        )
        .to_owned(),
        Open::NotSent => t!("posts are stored that were not sent again").to_owned(),
        Open::UsedUp => {
            t!("posts were sent again {MOST_TIMES} times already, which is the most that the service advises")
        }
        Open::ZoneUnknown => t!(
            "the time zone of the keys does not follow from the events that arrived; add --key-zone OFFSET"
        )
        .to_owned(),
    }
}

/// Returns the error for a refusal of every such call, which mostly means that the service is not paid for.
fn refused(error: CallError) -> CommandError {
    let written_by_service = error
        .origin
        .as_ref()
        .is_some_and(|origin| origin.api_error().is_some() && !origin.is_foreign_answer());
    if error.status == Some(403) && written_by_service {
        return CommandError::new(exit::REFUSED, t!("the service does not store failed posts for this app, or does not allow this account to ask for them"))
            .because(error.message)
            .hint(
                t!("the service is paid for: enable the storage of failed webhooks (回调异常缓存) in the console; it stores \
                 posts from then on"),
            );
    }
    let unsupported = error.origin.as_ref().is_some_and(ApiError::is_unsupported);
    match error.origin {
        _ if unsupported => CommandError::new(
            exit::UNSUPPORTED,
            t!("this server has no calls about failed posts"),
        )
        .because(error.message),
        Some(origin) => origin.into(),
        None => CommandError::new(exit::UNREACHABLE, error.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_addresses_of_the_web_are_targets() {
        for text in ["http://127.0.0.1:8090/", "https://c.example.com"] {
            assert_eq!(web_address(text).as_deref(), Ok(text));
        }
        for text in [
            "",
            "c.example.com",
            "ftp://c",
            "https://",
            "https:///x",
            "http://a b",
            "http://a\n",
        ] {
            assert!(web_address(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_gap_that_may_still_be_filled_is_worth_another_try() {
        let report = |why: &[Open]| Report {
            gaps: vec![GapReport {
                gap: gap(),
                left: vec![Left {
                    gap: gap(),
                    why: why.iter().copied().collect(),
                }],
            }],
            ..Report::default()
        };
        for (why, expected) in [
            (&[Open::NotArrived, Open::TooOld][..], exit::FAILED_RETRY),
            (&[Open::NotOver], exit::FAILED_RETRY),
            (&[Open::TooOld, Open::UsedUp, Open::NotStored], exit::FAILED_FINAL),
        ] {
            assert_eq!(exit_of(&report(why), false), expected, "{why:?}");
            assert_eq!(exit_of(&report(why), true), exit::OK);
        }
        assert_eq!(exit_of(&Report::default(), false), exit::OK);
    }

    fn gap() -> easemob_admin_ops::logins::store::Gap {
        easemob_admin_ops::logins::store::Gap {
            since_ms: 1,
            until_ms: 2,
            why: "test".into(),
        }
    }
}

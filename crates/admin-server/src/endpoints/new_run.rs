//! Makes a run of what a client sent.

use std::collections::HashSet;
use std::io::{self, Write as _};

use axum::body::Body;
use axum::http::HeaderMap;
use easemob_admin_api::UserId;
use easemob_admin_ops::run::direction::RunState;
use easemob_admin_ops::run::id::RunId;
use easemob_admin_ops::run::input::{self, Writer};
use easemob_admin_ops::run::item::Item;
use easemob_admin_ops::run::job::Action;
use easemob_admin_ops::run::journal::header::{Header, Operator};
use easemob_admin_ops::run::new::{self, Mandate};
use easemob_admin_ops::run::store::{OpenRun, RunError};
use easemob_admin_remote::api::{NewRun, Scope};
use futures_util::StreamExt as _;
use jiff::{SignedDuration, Timestamp};
use serde::Deserialize;
use sha2::{Digest as _, Sha256};

use crate::apps::App;
use crate::extract::{json, media_type, whole, wrong_type};
use crate::problem::{Kind, Refusal};
use crate::service::Service;

/// The longest line of a list: a user of a plan may have thousands of devices.
const LONGEST_LINE: usize = 1024 * 1024;

/// The longest first line of a list: it has the exemptions, too.
const LONGEST_FIRST: usize = 16 * 1024 * 1024;

/// How far the time in an id that a client chose may be from now.
const ID_WITHIN: SignedDuration = SignedDuration::from_hours(24);

/// The users of a request, in a file: memory does not depend on their number.
pub(super) struct List {
    file: std::fs::File,
    pub(super) users: u64,
}

impl List {
    /// Keeps the users of a request.
    pub(super) fn of(users: &[String]) -> Result<Self, Refusal> {
        let mut spool = Spool::new()?;
        users
            .iter()
            .try_for_each(|user| spool.push(Line::User(user.clone())))?;
        Ok(spool.finish()?)
    }

    /// Keeps users with the devices that are planned for them.
    pub(super) fn planned(items: Vec<Item>) -> Result<Self, Refusal> {
        let mut spool = Spool::new()?;
        items
            .into_iter()
            .try_for_each(|item| spool.push(Line::Item(item)))?;
        Ok(spool.finish()?)
    }

    /// Returns the items, from the first one.
    pub(super) fn items(&self) -> io::Result<impl Iterator<Item = io::Result<Item>> + Send + use<>> {
        input::items(self.file.try_clone()?)
    }
}

/// One line of a list: a user, or an item of a plan.
#[derive(Deserialize)]
#[serde(untagged)]
enum Line {
    User(String),
    Item(Item),
}

/// Reads what is to be done, and to whom.
pub(super) async fn read(headers: &HeaderMap, body: Body) -> Result<(NewRun, Option<List>), Refusal> {
    match media_type(headers) {
        Some("application/json") => {
            let mut new: NewRun = json(&whole(body).await?)?;
            let Some(users) = new.users.take() else {
                return Ok((new, None));
            };
            Ok((new, Some(List::of(&users)?)))
        }
        Some("application/x-ndjson") => lines(body).await,
        _ => Err(wrong_type("application/json or application/x-ndjson")),
    }
}

async fn lines(body: Body) -> Result<(NewRun, Option<List>), Refusal> {
    let mut pieces = body.into_data_stream();
    let mut rest = Vec::new();
    let mut new: Option<NewRun> = None;
    let mut spool = Spool::new()?;
    while let Some(piece) = pieces.next().await {
        let piece = piece
            .map_err(|error| Refusal::of(Kind::BadRequest).detail(format!("the body broke off: {error}")))?;
        rest.extend_from_slice(&piece);
        let mut start = 0;
        while let Some(end) = rest[start..].iter().position(|byte| *byte == b'\n') {
            take(&rest[start..start + end], &mut new, &mut spool)?;
            start += end + 1;
        }
        rest.drain(..start);
        let most = if new.is_some() {
            LONGEST_LINE
        } else {
            LONGEST_FIRST
        };
        if rest.len() > most {
            return Err(Refusal::of(Kind::TooLarge)
                .detail(format!("this line has at most {most} bytes"))
                .hint("name fewer exemptions, or fewer devices of a user"));
        }
    }
    take(&rest, &mut new, &mut spool)?;
    let new = new.ok_or_else(|| Refusal::of(Kind::BadRequest).detail("the body is empty"))?;
    Ok((new, Some(spool.finish()?)))
}

fn take(line: &[u8], new: &mut Option<NewRun>, spool: &mut Spool) -> Result<(), Refusal> {
    if line.iter().all(u8::is_ascii_whitespace) {
        return Ok(());
    }
    if new.is_none() {
        let first: NewRun = json(line)?;
        if first.users.is_some() {
            return Err(Refusal::of(Kind::BadRequest).detail("in a body of lines, each user has a line"));
        }
        *new = Some(first);
        return Ok(());
    }
    let line = serde_json::from_slice(line).map_err(|_| {
        let number = spool.lines + 2;
        Refusal::of(Kind::BadName).detail(format!(
            "line {number} is no user: write a JSON string, such as \"ann\""
        ))
    })?;
    spool.push(line)
}

struct Spool {
    writer: Writer,
    /// Digests of the names, as the server compares them.
    seen: HashSet<[u8; 16]>,
    lines: u64,
    users: u64,
}

impl Spool {
    fn new() -> io::Result<Self> {
        Ok(Self {
            writer: Writer::new(tempfile::tempfile()?),
            seen: HashSet::new(),
            lines: 0,
            users: 0,
        })
    }

    /// Adds a user, unless the list has named the same one before.
    fn push(&mut self, line: Line) -> Result<(), Refusal> {
        self.lines += 1;
        let item = match line {
            Line::User(name) => {
                let user = UserId::parse(&name).map_err(|error| {
                    Refusal::of(Kind::BadName).detail(format!("user {}: {error}", self.lines))
                })?;
                Item::new(self.users, self.lines, user)
            }
            Line::Item(item) => Item {
                number: self.users,
                ..item
            },
        };
        let mut key = [0; 16];
        key.copy_from_slice(&Sha256::digest(item.user.folded().as_bytes())[..16]);
        if self.seen.insert(key) {
            self.writer.push(&item)?;
            self.users += 1;
        }
        Ok(())
    }

    fn finish(self) -> io::Result<List> {
        let (mut file, users, _) = self.writer.finish()?;
        file.flush()?;
        Ok(List { file, users })
    }
}

/// The scopes that allow an action, any of which is enough.
pub(super) fn scopes_of(action: &Action) -> &'static [Scope] {
    match action {
        Action::Logout { .. }
        | Action::LogoutUnread
        | Action::Apply { .. }
        | Action::Lock { .. }
        | Action::Unlock { .. } => &[Scope::SessionsApply],
        Action::Enforce { .. } | Action::SetLimits { .. } => &[Scope::LimitsWrite],
        Action::Ban { .. } | Action::Unban { .. } => &[Scope::UsersWrite],
    }
}

/// Checks what of a run does not depend on the records.
pub(super) fn check(app: &App, new: &NewRun, list: Option<&List>, now: Timestamp) -> Result<(), Refusal> {
    new.action.check_names()?;
    let is_about_the_app = matches!(new.action, Action::SetLimits { .. }) && list.is_none();
    if !is_about_the_app && list.is_none_or(|list| list.users == 0) {
        return Err(Refusal::of(Kind::NoUsers)
            .detail("the request names no user")
            .hint("name users in `users`, or in a line each; an empty selection never means everybody"));
    }
    let reasoned = new
        .reason
        .as_deref()
        .is_some_and(|reason| !reason.trim().is_empty());
    if !new.dry_run && !reasoned && !app.target.sandbox {
        return Err(Refusal::of(Kind::NoReason)
            .detail("a reason is required to change anything on a server")
            .hint("add `reason`, and `ticket` if there is one"));
    }
    id_of(new, now).map(drop)
}

/// Returns the id that the client chose.
fn id_of(new: &NewRun, now: Timestamp) -> Result<Option<RunId>, Refusal> {
    let Some(text) = &new.id else {
        return Ok(None);
    };
    let bad = |why: &str| Refusal::of(Kind::BadRequest).detail(format!("the id `{text}` {why}"));
    let id = RunId::parse(text).ok_or_else(|| bad("is no run id, such as 20261123-113720-4f2a9c"))?;
    let [from, until] = [now - ID_WITHIN, now + ID_WITHIN].map(|moment| RunId::new(moment, 0));
    if id < from || id > until {
        return Err(bad("is of a time that is more than a day away"));
    }
    Ok(Some(id))
}

/// The run that a request made, or made before.
pub(crate) enum Made {
    /// It is new.
    New(Box<OpenRun>),
    /// The same request was sent before.
    Before(Box<Header>),
    /// The same request was sent before, and the process ended before the work was begun.
    NotBegun(Box<OpenRun>),
}

/// Records the run. Blocks.
pub(super) fn make(
    service: &Service,
    app: &App,
    new: NewRun,
    list: Option<&List>,
    by: Operator,
) -> Result<Made, Refusal> {
    let now = service.now();
    let id = id_of(&new, now)?;
    let run = new::NewRun {
        action: new.action,
        mandate: Mandate {
            reason: new.reason,
            ticket: new.ticket,
            durability: new.durability,
            priority: new.priority,
        },
        source: new.source.unwrap_or_else(|| "the service".into()),
        allowance: new.max_logouts,
        reading: new.reading,
        id: id.clone(),
    };
    let runs = service.stores().runs();
    let items = || -> io::Result<Box<dyn Iterator<Item = io::Result<Item>>>> {
        Ok(match list {
            Some(list) => Box::new(list.items()?),
            None => Box::new(std::iter::empty()),
        })
    };
    let mut random = [0; 4];
    getrandom::fill(&mut random).map_err(io::Error::other)?;
    let wanted = run.clone();
    let random = u32::from_ne_bytes(random);
    match run.create(runs, &app.target, by, now, random, items()?) {
        Ok(open) => Ok(Made::New(Box::new(open))),
        Err(RunError::Exists(id)) => {
            let kept = runs.see(&id)?.header;
            let same = is_same(&kept, &wanted, app) && same_items(runs.items(&id)?, items()?)?;
            if same {
                Ok(Made::Before(Box::new(kept)))
            } else {
                Err(RunError::Exists(id).into())
            }
        }
        Err(error) => Err(error.into()),
    }
}

/// Opens a run that was made before, if nobody has begun to work on it. Blocks.
pub(crate) fn open_if_not_begun(service: &Service, header: Box<Header>) -> Result<Made, Refusal> {
    let runs = service.stores().runs();
    let id = RunId::parse(&header.run).ok_or_else(|| RunError::NoSuchRun(header.run.clone()))?;
    let is_untouched = |state, ended: Option<i64>| state == RunState::Alone && ended.is_none();
    let listed = runs.glance(&id)?;
    if listed.running || !is_untouched(listed.state, listed.ended) {
        return Ok(Made::Before(header));
    }
    match runs.open(&id) {
        Ok(open) if !open.progress.has_begun() => Ok(Made::NotBegun(Box::new(open))),
        Ok(_) | Err(RunError::Busy(..)) => Ok(Made::Before(header)),
        Err(error) => Err(error.into()),
    }
}

/// Returns true if a kept run is what a request asks for. Who asks does not matter: the run has an operator already.
fn is_same(kept: &Header, wanted: &new::NewRun, app: &App) -> bool {
    let new::NewRun {
        action,
        mandate,
        source: _,
        allowance,
        reading,
        id: _,
    } = wanted;
    kept.app_root == app.target.app_root
        && kept.action == *action
        && kept.reason == mandate.reason
        && kept.ticket == mandate.ticket
        && kept.allowance == *allowance
        && kept.reading == *reading
}

fn same_items(
    mut kept: impl Iterator<Item = io::Result<Item>>,
    mut wanted: impl Iterator<Item = io::Result<Item>>,
) -> io::Result<bool> {
    loop {
        match (kept.next().transpose()?, wanted.next().transpose()?) {
            (None, None) => return Ok(true),
            (Some(kept), Some(wanted)) if kept == wanted => {}
            _ => return Ok(false),
        }
    }
}

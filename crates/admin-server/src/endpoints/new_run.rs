//! Makes a run of what a client sent.

use std::io;

use easemob_admin_ops::run::direction::RunState;
use easemob_admin_ops::run::id::RunId;
use easemob_admin_ops::run::item::Item;
use easemob_admin_ops::run::job::Action;
use easemob_admin_ops::run::journal::header::{Header, Operator};
use easemob_admin_ops::run::new::{self, Mandate};
use easemob_admin_ops::run::store::{OpenRun, RunError};
use easemob_admin_remote::api::{NewRun, Scope};
use jiff::{SignedDuration, Timestamp};

use super::list::{List, nobody};
use crate::apps::App;
use crate::problem::{Kind, Refusal};
use crate::service::Service;

/// How far the time in an id that a client chose may be from now.
const ID_WITHIN: SignedDuration = SignedDuration::from_hours(24);

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
        return Err(nobody());
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
    // A run that cannot be recorded would end before it begins, unheard.
    runs.can_record(&app.target)?;
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

//! Asks the rules before a run begins.

use easemob_admin_ops::documents::{Kept, Put};
use easemob_admin_ops::record::happened;
use easemob_admin_ops::run::job::{Action, OnDrift};
use easemob_admin_ops::run::journal::header::{Header, Operator};
use easemob_admin_ops::run::store::RunError;
use easemob_admin_ops::store_error::StoreError;
use easemob_admin_remote::api::{Approval, ApprovalRules, ApprovalState, Order, Scope, Verb};
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::rules::{Required, required};
use super::standing::state;
use super::usage;
use crate::access::Caller;
use crate::apps::App;
use crate::problem::{Kind, Refusal};
use crate::proxy::calls::{Act, Whom};
use crate::service::Service;

/// A run that needed no approval when it began: going on with it counts nobody again within a day.
#[derive(Debug, Serialize, Deserialize)]
struct Alone {
    by: String,
    users: u64,
    /// Whether somebody acted without the approval that the rules ask for.
    #[serde(default)]
    break_glass: bool,
    /// When it was counted last.
    #[serde(default)]
    at: Option<Timestamp>,
}

/// Who begins a run, and how.
pub(crate) struct Beginning<'a> {
    pub(crate) service: &'a Service,
    pub(crate) app: &'a App,
    pub(crate) caller: &'a Caller,
    /// Whether to act without approval, in an emergency.
    pub(crate) break_glass: bool,
    /// Whether the run is to begin by itself when it is approved.
    pub(crate) starts_itself: bool,
}

/// What may be done with a run.
#[derive(Debug)]
pub(crate) enum Gate {
    /// It may begin.
    Open,
    /// It waits for others.
    Waits(Box<Approval>),
}

/// The requests for approval.
pub(crate) fn approvals(service: &Service) -> Kept<'_> {
    Kept::of(service.documents(), "approval")
}

/// Returns true if work on a run can go on: it needed no approval, or the time of its approval is not over.
///
/// # Errors
/// When the request for approval cannot be read.
pub(crate) fn may_go_on(service: &Service, run: &str) -> Result<bool, StoreError> {
    let asked = approvals(service).get::<Approval>(run)?;
    Ok(asked.is_none_or(|(approval, _)| state(&approval, service.now()) == ApprovalState::Approved))
}

fn alone(service: &Service) -> Kept<'_> {
    Kept::of(service.documents(), "alone")
}

/// The rules of an app.
pub(crate) fn rules(service: &Service, app: &App) -> Result<ApprovalRules, Refusal> {
    let kept = Kept::of(service.documents(), "approval-rules").get(&app.name)?;
    Ok(kept.map(|(rules, _)| rules).unwrap_or_default())
}

/// A change of the app's own limits is about everybody.
fn size_of(header: &Header) -> u64 {
    if header.is_about_the_app() {
        u64::MAX
    } else {
        header.items
    }
}

impl Beginning<'_> {
    /// Refuses what could not be approved, before it is recorded: an act that the rules leave to others must name its devices.
    pub(crate) fn can_be_asked(&self, action: &Action, users: u64) -> Result<(), Refusal> {
        if self.break_glass || is_an_order(action) {
            return Ok(());
        }
        let rules = rules(self.service, self.app)?;
        let who = (
            self.app.target.app_root.as_str(),
            Verb::from(action),
            self.caller.owner.as_str(),
        );
        let before = usage::sum(self.service.documents(), who, self.service.now())?;
        match required(&rules, who.1, before.saturating_add(users)) {
            None => Ok(()),
            Some(_) => Err(needs_plan()),
        }
    }

    /// Decides whether a run may begin, and counts it if nobody else has to agree. Asks for approval otherwise.
    pub(crate) fn pass(&self, header: &Header) -> Result<Gate, Refusal> {
        let service = self.service;
        if let Some((approval, _)) = approvals(service).get::<Approval>(&header.run)? {
            return allowed(service, header, approval);
        }
        // After that day it is an act of another one: many runs that are small each must not go on all at once.
        let noted = alone(service).get::<Alone>(&header.run)?;
        let counted = noted.map(|(alone, _)| alone.at.unwrap_or(header.created));
        if counted.is_some_and(|at| usage::is_of_today(at, service.now())) {
            return Ok(Gate::Open);
        }
        let users = size_of(header);
        if self.break_glass {
            return self.break_the_glass(header, users);
        }
        let rules = rules(service, self.app)?;
        let verb = Verb::from(&header.action);
        let who = (
            self.app.target.app_root.as_str(),
            verb,
            self.caller.owner.as_str(),
        );
        let is_small = |sum| required(&rules, verb, sum).is_none();
        if usage::count(service.documents(), who, (service.now(), users), is_small)? {
            self.note_alone(header, users, false)?;
            return Ok(Gate::Open);
        }
        let before = usage::sum(service.documents(), who, service.now())?;
        match required(&rules, verb, before.saturating_add(users)) {
            // The day has slid on since it was counted.
            None => self.pass(header),
            Some(required) => self.ask(header, required),
        }
    }

    fn note_alone(&self, header: &Header, users: u64, break_glass: bool) -> Result<(), Refusal> {
        let noted = Alone {
            by: self.caller.owner.clone(),
            users,
            break_glass,
            at: Some(self.service.now()),
        };
        let before = alone(self.service).get::<Alone>(&header.run)?;
        // If somebody was faster, two requests began the same run at once, and one of them holds it.
        let _ = alone(self.service).put(&header.run, &noted, before.map(|(_, revision)| revision))?;
        Ok(())
    }

    fn break_the_glass(&self, header: &Header, users: u64) -> Result<Gate, Refusal> {
        self.caller.require_any(&[Scope::BreakGlass])?;
        if header
            .reason
            .as_deref()
            .is_none_or(|reason| reason.trim().is_empty())
        {
            return Err(Refusal::of(Kind::NoReason).detail("whoever acts without approval says why"));
        }
        tracing::warn!(
            run = header.run,
            by = self.caller.owner,
            users,
            "an act without the approval that the rules ask for"
        );
        // On record before anything is sent.
        self.enter(header, "approval.bypassed", json!(users))?;
        // It was done without approval, so it counts; there is nothing that it could not exceed.
        let verb = Verb::from(&header.action);
        let who = (
            self.app.target.app_root.as_str(),
            verb,
            self.caller.owner.as_str(),
        );
        let _ = usage::count(self.service.documents(), who, (self.service.now(), users), |_| {
            true
        })?;
        self.note_alone(header, users, true)?;
        Ok(Gate::Open)
    }

    fn ask(&self, header: &Header, required: Required) -> Result<Gate, Refusal> {
        if !is_an_order(&header.action) {
            return Err(needs_plan());
        }
        let service = self.service;
        let now = service.now();
        let approval = Approval {
            run: header.run.clone(),
            app: self.app.name.clone(),
            order: order_of(service, header)?,
            asked_by: self.caller.owner.clone(),
            asked_with: Some(self.caller.key.clone()),
            asked_at: now,
            reason: header.reason.clone(),
            ticket: header.ticket.clone(),
            starts_itself: self.starts_itself,
            needs: required.needs,
            decisions: Vec::new(),
            decide_by: now + SignedDuration::from_mins(i64::from(required.decide_within_minutes)),
            execute_within_minutes: required.execute_within_minutes,
            execute_by: None,
        };
        self.enter(header, "approval.requested", json!(approval.order.devices))?;
        match approvals(service).put(&header.run, &approval, None)? {
            Put::Done(_) => Ok(Gate::Waits(Box::new(approval))),
            Put::Changed => self.pass(header),
        }
    }

    fn enter(&self, header: &Header, kind: &str, size: serde_json::Value) -> Result<(), Refusal> {
        let operator = self.caller.operator(self.service);
        enter(
            self.service,
            self.app,
            &operator,
            header,
            kind,
            [("users", json!(header.items)), ("size", size)],
        )
    }
}

/// What was counted for a call of the vendor.
#[derive(Debug)]
pub(crate) struct CountedCall {
    root: String,
    owner: String,
    verbs: &'static [Verb],
    at: Timestamp,
    users: u64,
}

/// Counts a call of the vendor as what its caller does alone, if the rules let it: they count runs and calls together.
pub(crate) fn count_call(
    service: &Service,
    app: &App,
    caller: &Caller,
    act: Act,
    users: u64,
) -> Result<CountedCall, Refusal> {
    let rules = rules(service, app)?;
    let counted = CountedCall {
        root: app.target.app_root.clone(),
        owner: caller.owner.clone(),
        verbs: act.verbs,
        at: service.now(),
        users,
    };
    for (place, verb) in act.verbs.iter().enumerate() {
        let is_unnamed = act.whom == Whom::Oldest && *verb == Verb::Delete;
        let is_allowed = |sum| {
            required(&rules, *verb, sum).is_none() && (!is_unnamed || sum <= rules.mass_deletions_a_day)
        };
        let who = (counted.root.as_str(), *verb, counted.owner.as_str());
        if usage::count(service.documents(), who, (counted.at, users), is_allowed)? {
            continue;
        }
        let before = CountedCall {
            verbs: &act.verbs[..place],
            ..counted
        };
        take_back(service, &before)?;
        return Err(if is_unnamed {
            Refusal::of(Kind::NeedsApproval)
                .detail("the rules of the app do not let you delete users without naming them")
                .hint("delete them by name, or ask an administrator to set `mass_deletions_a_day` of the approval rules")
        } else {
            Refusal::of(Kind::NeedsApproval)
                .detail(format!(
                    "with this, you would act on more users within a day (`{}`) than the rules leave to one person",
                    verb.as_str()
                ))
                .hint("make a run, and ask for its approval: POST /v1/apps/APP/runs, or the command line through the service")
        });
    }
    Ok(counted)
}

/// Takes back what was counted for a call that was never sent.
pub(crate) fn take_back(service: &Service, counted: &CountedCall) -> Result<(), Refusal> {
    for verb in counted.verbs {
        let who = (counted.root.as_str(), *verb, counted.owner.as_str());
        usage::take_back(service.documents(), who, (counted.at, counted.users))?;
    }
    Ok(())
}

/// Enters in the trail what happened to a request.
pub(crate) fn enter<const N: usize>(
    service: &Service,
    app: &App,
    operator: &Operator,
    header: &Header,
    kind: &str,
    details: [(&str, serde_json::Value); N],
) -> Result<(), Refusal> {
    let mut event = happened(&app.target, operator, service.now(), kind, details);
    event.run = Some(header.run.clone());
    event.reason.clone_from(&header.reason);
    event.ticket.clone_from(&header.ticket);
    Ok(service.stores().runs().enter(&app.target, &[event])?)
}

/// Returns true if an act does no more than what its users and devices say: devices that appear later are left alone, or the
/// act ends all of a user.
fn is_an_order(action: &Action) -> bool {
    match action {
        Action::Logout { .. } | Action::LogoutUnread => false,
        Action::Apply { on_drift, .. } => *on_drift != OnDrift::Include,
        Action::Enforce { .. }
        | Action::Ban { .. }
        | Action::Unban { .. }
        | Action::Lock { .. }
        | Action::Unlock { .. }
        | Action::SetLimits { .. } => true,
    }
}

fn needs_plan() -> Refusal {
    Refusal::of(Kind::NeedsPlan)
        .detail("the rules leave this act to others, who can only approve devices that are named")
        .hint("make a plan first, and send that (sessions plan --out PLAN, then sessions apply PLAN); `on_drift: include` cannot be approved")
}

fn order_of(service: &Service, header: &Header) -> Result<Order, Refusal> {
    let id = easemob_admin_ops::run::id::RunId::parse(&header.run);
    let id = id.ok_or_else(|| RunError::NoSuchRun(header.run.clone()))?;
    let mut devices = None;
    for item in service.stores().runs().items(&id)? {
        if let Some(planned) = item?.planned {
            *devices.get_or_insert(0) += planned.end.len() as u64;
        }
    }
    Ok(Order {
        action: header.action.clone(),
        items_sha256: header.input_sha256.clone(),
        users: header.items,
        devices,
    })
}

/// Lets a run through whose order was approved, if it still is what was approved, and the time is not over.
fn allowed(service: &Service, header: &Header, approval: Approval) -> Result<Gate, Refusal> {
    let order = &approval.order;
    if order.action != header.action
        || order.items_sha256 != header.input_sha256
        || order.users != header.items
    {
        return Err(Refusal::of(Kind::NeedsApproval)
            .detail(format!("run {} is not what was approved", header.run))
            .hint("make a new run, and ask for its approval"));
    }
    let refused = |detail: &str, hint: &str| {
        Err(Refusal::of(Kind::NeedsApproval)
            .detail(format!("run {} {detail}", header.run))
            .hint(hint))
    };
    match state(&approval, service.now()) {
        ApprovalState::Approved => Ok(Gate::Open),
        ApprovalState::Pending => Ok(Gate::Waits(Box::new(approval))),
        ApprovalState::Refused => refused("was refused", "the request says by whom, and why"),
        ApprovalState::Expired => refused(
            "was not approved in time",
            "make a new run, and ask for its approval",
        ),
        ApprovalState::Over => refused(
            "was approved, but the time to carry it out is over",
            "make a new run of what is left, and ask for its approval",
        ),
    }
}

//! What waits for somebody. It comes first.

use easemob_admin_ops::locks::lock::Lock;
use easemob_admin_words::t;
use maud::{Markup, html};

use super::{Known, SOON};
use crate::icons::Icon;
use crate::numbers::grouped;
use crate::visit::Visit;
use crate::widgets::foreign::foreign;

/// Something to do.
pub(super) struct Todo {
    icon: Icon,
    /// Whether it waits for somebody; otherwise it is good to know.
    waits: bool,
    what: String,
    about: Markup,
    when: String,
    address: String,
}

/// Returns the locks that end soon and are not overdue.
pub(super) fn ending<'k>(visit: &'k Visit, known: &'k Known) -> impl Iterator<Item = &'k Lock> {
    let until = visit.now + SOON;
    let soon = known.locks.iter().filter(move |lock| lock.until <= until);
    soon.filter(|lock| !lock.is_due(visit.now))
}

pub(super) fn list(visit: &Visit, known: &Known) -> Vec<Todo> {
    let work = &known.overview.work;
    let mut todo = Vec::new();
    if work.waiting_approvals > 0 {
        todo.push(Todo {
            icon: Icon::APPROVALS,
            waits: true,
            what: t!(
                "Requests that wait for approval: {}",
                grouped(work.waiting_approvals)
            ),
            about: html! { (t!("Nothing is done before others have agreed")) },
            when: String::new(),
            address: visit.link(&["approvals"]),
        });
    }
    if work.locks_due > 0 {
        todo.push(Todo {
            icon: Icon::LOCK,
            waits: true,
            what: t!("Locks that should have ended: {}", grouped(work.locks_due)),
            about: html! { (t!("These users still cannot sign in. Lift the locks, or add a schedule that does.")) },
            when: String::new(),
            address: visit.link(&["locks"]),
        });
    }
    let mut soon: Vec<&Lock> = ending(visit, known).collect();
    soon.sort_by_key(|lock| lock.until);
    if let Some(first) = soon.first() {
        todo.push(Todo {
            icon: Icon::LOCK,
            waits: false,
            what: t!("Locks that end within the hour: {}", grouped(soon.len() as u64)),
            about: html! { (t!("The first one: ")) (foreign(first.user.as_str())) },
            when: t!("ends {}", visit.clock(first.until)),
            address: visit.link(&["locks"]),
        });
    }
    let count = |state: &str| work.runs.get(state).copied().unwrap_or_default();
    let left = count("unfinished") + count("paused");
    if left > 0 {
        todo.push(Todo {
            icon: Icon::WARNING,
            waits: true,
            what: t!("Runs that are not finished: {}", grouped(left)),
            about: html! { (t!("They can be resumed, or given up")) },
            when: String::new(),
            address: visit.link(&["runs"]),
        });
    }
    for run in known.runs.iter().flatten().filter(|run| run.failed_retry > 0) {
        todo.push(Todo {
            icon: Icon::WARNING,
            waits: true,
            what: t!(
                "Users who failed and can be tried again: {}",
                grouped(run.failed_retry)
            ),
            about: html! { (t!("Run ")) span.mono { (run.id) } },
            when: visit.clock(run.ended.unwrap_or(run.created)),
            address: visit.link(&["runs", &run.id]),
        });
    }
    if let Some(snapshot) = &known.snapshot {
        let unread = snapshot.counts.failed + snapshot.counts.unknown;
        if unread > 0 {
            todo.push(Todo {
                icon: Icon::QUESTION,
                waits: false,
                what: t!("Users whose devices could not be read: {}", grouped(unread)),
                about: html! { (t!("They are not counted as having no device")) },
                when: snapshot.finished_at.map(|at| visit.clock(at)).unwrap_or_default(),
                address: visit.link(&["logins"]),
            });
        }
    }
    let gaps = &known.overview.last_day.gaps;
    if let Some(last) = gaps.last() {
        todo.push(Todo {
            icon: Icon::QUESTION,
            waits: false,
            what: t!("Times of today without webhooks: {}", grouped(gaps.len() as u64)),
            about: html! { (t!("Sign-ins and sign-outs of this time may be missing")) },
            when: last.until.map(|at| visit.clock(at)).unwrap_or_default(),
            address: format!("{}#gaps", visit.link(&["overview"])),
        });
    }
    todo
}

pub(super) fn card(_visit: &Visit, todo: &[Todo]) -> Markup {
    let waiting = todo.iter().filter(|one| one.waits).count();
    html! {
        section.card {
            div.card-h {
                h2 { (t!("To do")) }
                @if waiting > 0 { span.count."count--attn" { (waiting) } }
            }
            @if todo.is_empty() {
                div.state { (Icon::CHECK) h3 { (t!("Nothing waits for you")) } p { (t!("No approvals, no overdue locks, no failures, no gaps.")) } }
            } @else {
                ul.todo { @for one in todo {
                    li class=[one.waits.then_some("is-attn")] {
                        a href=(one.address) {
                            (one.icon)
                            span { b { (one.what) } span.sub { (one.about) } }
                            span.when { (one.when) }
                            (Icon::NEXT)
                        }
                    }
                } }
            }
        }
    }
}

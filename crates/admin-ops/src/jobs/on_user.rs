//! The work on one user, whatever kind of job it is.
//!
//! The loops around it are large, and would be compiled for each kind by itself.

use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;

use crate::report::Report;
use crate::run::item::{Item, Task};
use crate::schedule::run_loop::Done;

type Work<'w> = Box<dyn Fn(Task) -> BoxFuture<'w, Done<Report>> + Send + Sync + 'w>;

type CutOff = Box<dyn Fn(&Task) -> Vec<Report> + Send + Sync>;

/// What a job does to one user.
pub(crate) struct OnUser<'w> {
    /// Works on the user.
    pub(crate) work: Work<'w>,
    /// Makes the report of a user whose job was interrupted.
    pub(crate) cut_off: CutOff,
}

/// Makes what a job of one kind does that of any kind.
pub(crate) fn on_user<'w, R: 'static, Fut>(
    work: impl Fn(Task) -> Fut + Send + Sync + 'w,
    cut_off: fn(&Item) -> R,
) -> OnUser<'w>
where
    Report: From<R>,
    Fut: Future<Output = Done<R>> + Send + 'w,
{
    OnUser {
        work: Box::new(move |task| work(task).map(Done::into_reports).boxed()),
        cut_off: Box::new(move |task| vec![cut_off(&task.item).into()]),
    }
}

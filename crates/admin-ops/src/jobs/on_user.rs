//! The work on one user, whatever kind of job it is.
//!
//! The loops around it are large, and would be compiled for each kind by itself.

use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;

use crate::report::Report;
use crate::run::item::Task;
use crate::schedule::run_loop::Done;

/// Works on one user.
pub(crate) type OnUser<'w> = Box<dyn Fn(Task) -> BoxFuture<'w, Done<Report>> + Send + Sync + 'w>;

/// Makes the report of a user whose job was interrupted.
pub(crate) type CutOff = fn(&Task) -> Vec<Report>;

/// Makes the work of one kind that of any kind.
pub(crate) fn on_user<'w, R: 'w, Fut>(work: impl Fn(Task) -> Fut + Send + Sync + 'w) -> OnUser<'w>
where
    Report: From<R>,
    Fut: Future<Output = Done<R>> + Send + 'w,
{
    Box::new(move |task| work(task).map(Done::into_reports).boxed())
}

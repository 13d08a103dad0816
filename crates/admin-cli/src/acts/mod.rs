//! What changes something on a server. Every such act is a run: with an id, a journal, an audit trail, and a way
//! to go on with it later.
//!
//! [`begin`] puts a new run on disk, [`attempt`] is the work of one process on it, [`perform`] chooses the work
//! by the action that the journal names, [`read_first`] is what some acts have to know before they begin. The rules are in
//! [`easemob_admin_ops`]; here they meet the terminal.

pub mod attempt;
pub mod begin;
pub mod drift_check;
pub mod dry_run;
pub mod locks_elsewhere;
pub mod open_locks;
pub mod operator;
pub mod overdue;
pub mod perform;
pub mod read_first;
pub mod verify;

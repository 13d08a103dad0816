//! Commands that change something on a server. Every such act is a run: it has an id, a journal and an audit
//! trail, and can be resumed.
//!
//! [`begin`] writes a new run to disk, [`attempt`] checks what it needs, [`perform`] works on it as the action in the
//! journal says, alone or in [`parts`] beside other workers, whose rows are the `rest`, and [`read_first`] reads what some
//! acts have to know before they start. The rules live in [`easemob_admin_ops`]; this module connects them to the terminal.

pub mod at_service;
pub mod attempt;
pub mod begin;
pub mod drift_check;
pub mod dry_run;
pub mod locks_elsewhere;
pub mod open_locks;
pub mod operator;
pub mod overdue;
pub mod parts;
pub mod perform;
pub mod read_first;
mod rest;
pub mod verify;

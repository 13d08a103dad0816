//! Approval: which acts need others to agree, who has, and whether an act may begin.
//!
//! [`rules`] and [`standing`] decide, without I/O; [`usage`] counts what one person did alone within a day; [`gate`] asks them
//! before anything begins.

pub(crate) mod gate;
pub(crate) mod rules;
pub(crate) mod standing;
pub(crate) mod usage;

//! Decides what to sign out before a run enforces a policy, and when: [`choose`] while all users are read,
//! [`watch`] while users sign in. The run itself signs out devices like any other logout.

pub mod choose;
pub mod hourly_cap;
pub mod position;
mod waiting;
pub mod watch;

//! What is chosen before a run enforces a policy, and when: [`choose`] while everybody is read, [`watch`] while people
//! sign in. The run itself ends devices as every logout does.

pub mod choose;
pub mod hourly_cap;
mod waiting;
pub mod watch;

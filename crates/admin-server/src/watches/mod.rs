//! Watches: a policy is enforced while users sign in, by one process at a time.

mod kept;
mod pass;
mod work;

pub(crate) use self::kept::{find, of_app, open, put, remove, stop};
pub(crate) use self::work::work;

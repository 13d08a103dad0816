//! What the service does by itself, and when: each turn once, whichever process dies.

mod due;
mod jobs;
mod keeper;
mod kept;

pub(crate) use self::keeper::keep;
pub(crate) use self::kept::{check_name, find, of_app, put, remove, shared_now};

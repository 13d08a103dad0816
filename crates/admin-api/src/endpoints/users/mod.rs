//! User accounts: registering, reading, deleting.

mod delete;
mod read;
mod register;

pub use delete::{DeleteOldestUsers, DeleteUser};
pub use read::{GetUser, ListUsers, UserQuery};
pub use register::{REGISTER_BATCH, RegisterOutcome, RegisterUser, RegisterUsers};

//! User accounts: registering, reading, changing, deleting.

mod delete;
mod read;
mod register;
mod update;

pub use delete::{DeleteOldestUsers, DeleteUser};
pub use read::{GetUser, ListUsers, UserQuery};
pub use register::{REGISTER_BATCH, RegisterOpenly, RegisterOutcome, RegisterUser, RegisterUsers};
pub use update::{PushDisplay, UpdateUser, UserChanges};

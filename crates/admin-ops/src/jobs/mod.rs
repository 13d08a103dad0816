//! The work on each user of a run, which [`execute`] chooses by the journal. [`logout`] takes a user from
//! reading the device list to a final result, [`logout_unread`] signs out everything without reading, [`end_devices`] records that, [`enforce`] chooses the devices
//! over a limit, [`ban`], [`lock`] and [`unlock`] change who may sign in, and [`verify`] and
//! [`verify_locks`] read again afterwards.

pub mod ban;
pub mod end_devices;
pub mod enforce;
pub mod execute;
#[cfg(test)]
mod kept_notes;
pub mod lock;
pub mod logout;
pub mod logout_unread;
pub(crate) mod on_user;
pub mod set_limits;
pub mod unlock;
pub mod verify;
pub mod verify_locks;

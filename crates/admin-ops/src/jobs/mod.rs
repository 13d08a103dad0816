//! What is done with the users of a run, as [`execute`] chooses by its journal: [`logout`] carries one from reading the device list to a settled result, [`end_devices`] has that
//! on record, [`enforce`] chooses the devices beyond a limit, [`ban`], [`lock`] and [`unlock`] change who may sign in,
//! [`verify`] reads again afterwards.

pub mod ban;
pub mod end_devices;
pub mod enforce;
pub mod execute;
pub mod lock;
pub mod logout;
pub mod set_limits;
pub mod unlock;
pub mod verify;

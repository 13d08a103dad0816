//! What is done with one user: [`logout`] carries one from reading the device list to a settled result, [`verify`] reads again
//! afterwards.

pub mod logout;
pub mod verify;

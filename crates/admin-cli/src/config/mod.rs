//! Which server, as whom: profiles, environment, flags and where secrets come from.
//!
//! [`precedence`] and [`origin`] decide purely, [`profile_file`] reads and writes the file, [`credentials`] fetches
//! secrets only when a command is about to talk to a server.

pub mod credentials;
pub mod environment;
pub mod origin;
pub mod places;
pub mod precedence;
pub mod profile;
pub mod profile_file;
mod secret_command;
pub mod secret_file;

//! Which server to use, and with which credentials: profiles, environment, flags and the sources of secrets.
//!
//! [`precedence`] and [`origin`] make pure decisions, [`profile_file`] reads the file, [`profile_edit`] changes it, and
//! [`credentials`] fetches secrets only when a command is about to contact a server.

pub mod credentials;
pub mod environment;
pub mod heads;
pub mod origin;
pub mod places;
pub mod precedence;
pub mod private_file;
pub mod profile;
pub mod profile_edit;
pub mod profile_file;
pub mod secret_command;
pub mod secret_file;
pub mod service;
pub mod store;

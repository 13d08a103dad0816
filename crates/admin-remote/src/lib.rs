//! The HTTP API of the easemob-admin service.

pub mod api;

//! The commands. This folder mirrors the help: one file per command, with its arguments, its work and its
//! rows.

pub mod acting;
pub mod aim;
mod allowance;
pub mod approvals;
#[cfg(any(feature = "postgres", feature = "serve"))]
mod apps;
pub mod audit;
pub mod completions;
pub mod devices;
pub mod dispatch;
pub mod help;
pub mod limits;
mod listing;
pub mod login;
pub mod logins;
pub mod logout;
pub mod man;
mod online;
pub mod profile;
pub mod reading;
pub mod runs;
pub mod sandbox;
pub mod selection;
#[cfg(feature = "serve")]
pub mod serve;
pub mod sessions;
#[cfg(any(feature = "postgres", feature = "serve"))]
mod signing;
#[cfg(feature = "postgres")]
pub mod store;
pub mod times;
pub mod user_cap;
pub mod user_source;
pub mod users;
#[cfg(feature = "postgres")]
pub mod work;

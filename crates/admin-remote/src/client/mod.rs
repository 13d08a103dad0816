//! The stores of the engine, kept by a service: a front end that has them works as it does with stores of its own.
//!
//! | module | what it does |
//! |---|---|
//! | [`service`] | requests to a service |
//! | [`error`] | why a service cannot be used |
//! | [`app`] | one app of a service |
//! | [`runs`] | its runs |
//! | [`approvals`] | requests for approval, and decisions about them |
//! | [`work`] | starts a run there, and follows what it reports |
//! | [`locks`] | its locks, to read |
//! | [`logins`] | what it keeps about logins, to read |
//! | `scans` | scans that it makes |
//! | `watches` | policies that it enforces while users sign in |
//! | [`trails`] | its audit trail, verified here |

pub mod app;
pub mod approvals;
pub mod error;
mod lines;
pub mod locks;
pub mod logins;
pub mod runs;
mod scans;
pub mod service;
pub mod trails;
mod watches;

pub mod work;

pub use self::app::ServiceApp;
pub use self::error::ServiceError;
pub use self::service::{Service, ServiceKey, SignedIn};

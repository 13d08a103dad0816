//! The service: an HTTP API over the engine.
//!
//! | module | what it does |
//! |---|---|
//! | [`service`] | the service as a value: its apps, its stores, and the routes over them |
//! | [`apps`] | the apps that it acts on |
//! | `routes` | every route with its rule; one without a rule cannot be added |
//! | `access` | keys, who is calling, and what they may do |
//! | `approvals` | which acts need others to agree, and who has |
//! | `endpoints` | one file per resource |
//! | [`operation`] | health, metrics, request ids, and notices for whoever runs the service |
//! | `runs` | works on runs, and keeps what they report |
//! | `schedules` | what the service does by itself, and when |
//! | `problem` | why a request was refused, in one place |
//! | `events` | what is added to audit trails, for many readers |
//! | `alone` | what is done once at a time |
//! | `patience` | keeps connections open while somebody reads |
//! | `pieces` | streams what blocks |
//! | `extract` | reads queries and bodies, and refuses what it does not know |

pub mod access;
mod alone;
mod approvals;
pub mod apps;
mod blocking;
mod endpoints;
mod events;
mod extract;
pub mod operation;
mod patience;
mod pieces;
mod problem;
mod proxy;
mod routes;
mod runs;
mod schedules;
pub mod service;

pub use self::access::first_key;
pub use self::routes::{Rule, openapi, table};

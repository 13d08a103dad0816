//! The service: an HTTP API over the engine.
//!
//! | module | what it does |
//! |---|---|
//! | [`service`] | the service as a value: its apps, its stores, and the routes over them |
//! | [`apps`] | the apps that it acts on |
//! | `routes` | every route with its rule; one without a rule cannot be added |
//! | `access` | keys, who is calling, and what they may do |
//! | `endpoints` | one file per resource |
//! | `runs` | works on runs, and keeps what they report |
//! | `problem` | why a request was refused, in one place |
//! | `events` | what is added to audit trails, for many readers |
//! | `alone` | what is done once at a time |
//! | `patience` | keeps connections open while somebody reads |
//! | `pieces` | streams what blocks |
//! | `extract` | reads queries and bodies, and refuses what it does not know |

mod access;
mod alone;
pub mod apps;
mod blocking;
mod endpoints;
mod events;
mod extract;
mod patience;
mod pieces;
mod problem;
mod routes;
mod runs;
pub mod service;

pub use self::access::first_key;
pub use self::routes::{Rule, openapi, table};

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
//! | `in_process` | requests of the program that runs the service |
//! | [`operation`] | health, metrics, request ids, and notices for whoever runs the service |
//! | `runs` | works on runs, and keeps what they report |
//! | `callbacks` | receives the posts of the vendor's servers |
//! | `scans` | reads who is online into snapshots |
//! | `schedules` | what the service does by itself, and when |
//! | `watches` | enforces policies while users sign in |
//! | `problem` | why a request was refused, in one place |
//! | `events` | what is added to audit trails, for many readers |
//! | `alone` | what a process does once at a time |
//! | `leased` | what one process does at a time, whichever dies |
//! | `patience` | keeps connections open while somebody reads |
//! | `pieces` | streams what blocks |
//! | `extract` | reads queries and bodies, and refuses what it does not know |
//! | `body_lines` | reads bodies of any length line by line |

pub mod access;
mod alone;
mod approvals;
pub mod apps;
mod blocking;
mod body_lines;
mod callbacks;
mod endpoints;
mod events;
mod extract;
mod in_process;
mod leased;
pub mod operation;
mod patience;
mod pieces;
mod problem;
mod proxy;
mod routes;
mod runs;
mod scans;
mod schedules;
pub mod service;
mod watches;

pub use self::access::first_key;
pub use self::access::session::{NewSession, SignedIn, trace_of};
pub use self::patience::while_read;
pub use self::problem::{problem_kinds, problem_titles};
pub use self::routes::{Rule, openapi, table};

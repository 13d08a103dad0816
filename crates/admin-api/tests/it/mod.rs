//! What holds over every transport.

mod certificates;
mod connections;
mod documented_bodies;
mod every_call;
mod failures;
mod jwt;
mod listings;
mod odd_names;
mod retries;
mod scripted;
mod secrets;
pub(crate) mod setup;
mod tokens;
mod waiting;

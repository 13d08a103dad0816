//! What holds over every transport.

mod batches;
mod certificates;
mod connections;
mod documented_bodies;
mod every_call;
mod failures;
mod foreign_answers;
mod jwt;
mod listings;
mod odd_names;
mod retries;
mod scripted;
mod secrets;
pub(crate) mod setup;
mod tokens;
mod waiting;

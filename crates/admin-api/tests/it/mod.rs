//! What holds over every transport.

mod away;
mod batches;
mod certificates;
mod connections;
mod documented_bodies;
mod every_call;
mod failures;
mod foreign_answers;
mod jwt;
mod lanes;
mod listings;
mod observed;
mod odd_names;
mod retries;
mod scripted;
mod secrets;
pub(crate) mod setup;
mod tenants;
mod tokens;
mod waiting;

//! What holds over every transport; some of it has a server or a process of its own.

mod away;
mod batches;
mod certificates;
mod connections;
#[cfg(unix)]
mod descriptors;
mod documented_bodies;
mod every_call;
mod failures;
mod foreign_answers;
mod jwt;
mod lanes;
mod listings;
mod observed;
mod odd_names;
mod proxies;
mod retries;
mod scripted;
mod secrets;
pub(crate) mod setup;
mod tenants;
mod tokens;
mod vendor_calls;
mod waiting;
#[cfg(feature = "webhooks-axum")]
mod webhooks;

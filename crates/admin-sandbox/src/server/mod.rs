//! The imitated REST service.
//!
//! A request passes, in this order: faults, app key, route, rate limit, authentication, authorization,
//! body checks, endpoint. Endpoints are plain functions from a [`request::Request`] to a JSON value.

pub(crate) mod auth;
pub(crate) mod call_names;
pub(crate) mod calls;
mod chatfiles;
pub(crate) mod connection;
pub(crate) mod discovery;
pub(crate) mod endpoints;
pub(crate) mod envelope;
pub(crate) mod errors;
pub(crate) mod faults;
pub(crate) mod files;
pub(crate) mod handler;
pub(crate) mod held;
pub(crate) mod jwt;
pub(crate) mod jwt_signature;
mod lenient;
pub(crate) mod path;
pub(crate) mod rate;
pub(crate) mod request;
pub(crate) mod route;

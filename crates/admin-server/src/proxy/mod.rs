//! The vendor's API under the app's own address, with the keys of the service, for tools that know nothing of the service.
//!
//! [`calls`] is the table of what is passed on; everything else is refused. [`passed`] sends a call as it came. What changes
//! something goes through [`act`], which asks the rules of approval and keeps the records; [`orphans`] keeps
//! those of processes that were killed. [`token`] answers the vendor's way
//! to sign in.

pub(crate) mod act;
pub(crate) mod calls;
pub(crate) mod envelope;
pub(crate) mod operations;
pub(crate) mod orphans;
pub(crate) mod passed;
mod records;
pub(crate) mod token;

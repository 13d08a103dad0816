//! Plans: what a logout would do, written down to be reviewed and then done exactly so.
//!
//! A plan is one JSON document with one user per line, so that it can be read by people, by other programs, and
//! by [`read`] without holding it in memory. Its last line is the SHA-256 of everything before it: an edited plan
//! is refused.

pub mod document;
pub mod in_order;
pub mod read;
pub mod write;

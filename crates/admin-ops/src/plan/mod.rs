//! Plans: what a logout would do, in a file that can be reviewed and then carried out exactly.
//!
//! A plan is one JSON document with one user per line, so that people and other programs can read it, and
//! [`read`] can read it without holding it in memory. Its last line is the SHA-256 of everything before it,
//! so that an edited plan is refused.

pub mod document;
pub mod in_order;
pub mod read;
pub mod write;

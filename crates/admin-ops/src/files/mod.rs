//! Files of the engine: for their owner only, digested as they are written, cut into lines, and told from what is not UTF-8.

pub(crate) mod database;
pub mod digest;
pub mod encoding;
pub mod lines;
pub mod private;
pub(crate) mod sqlite_header;

//! File handling of the engine: private files, locks, digests, lines, and text that is not UTF-8.

pub mod bounded;
pub(crate) mod database;
pub mod digest;
pub mod encoding;
pub mod lines;
pub mod lock_file;
pub mod private;
pub(crate) mod sqlite_header;
pub mod temporary;

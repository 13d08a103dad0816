//! Files of the engine: for their owner only, digested as they are written, and told from what is not UTF-8.

pub mod digest;
pub mod encoding;
pub mod private;

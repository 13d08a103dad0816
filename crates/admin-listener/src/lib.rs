//! A TCP listener that silent connections cannot shut out, whatever protocol they begin.
//!
//! The time limits are kept below TLS and HTTP, so a protocol that is added later cannot forget them.

mod connection;
mod limits;
mod listener;
mod peer;
mod stream;
mod table;

pub use self::connection::{Connection, Work};
pub use self::limits::Limits;
pub use self::listener::BoundedListener;
pub use self::stream::BoundedStream;

//! The journal of a run: the intent before every request, and the outcome after it.
//!
//! A text file, one JSON object per line. The first line is the [`header::Header`], every other line a
//! [`record::Record`]. Lines are only ever appended. If the machine died while writing the last line, the
//! incomplete line is removed when the run is opened again; no other line may be damaged.

pub mod header;
pub mod progress;
pub mod read;
pub mod record;
pub mod write;

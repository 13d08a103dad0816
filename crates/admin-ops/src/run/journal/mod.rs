//! The journal of a run: what was meant before every request, and what became of it.
//!
//! A text file, one JSON object per line. The first line is the [`header::Header`], every other line a
//! [`record::Record`]. Lines are only ever appended. A last line that is torn, because the machine died while
//! it was written, is cut off when the run is opened again; nothing else may be damaged.

pub mod header;
pub mod progress;
pub mod read;
pub mod record;
pub mod write;

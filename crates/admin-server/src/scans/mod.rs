//! Scans: who is online, read from the server of the app into a snapshot. One that somebody asked for is a document, so that another
//! process continues it when one dies.

mod kept;
mod read;
mod users;
mod work;

pub(crate) use self::kept::{ScanJob, ask, find, of_app, open, stop, view};
pub(crate) use self::read::{Order, Scanned, Start, read};
pub(crate) use self::work::work;

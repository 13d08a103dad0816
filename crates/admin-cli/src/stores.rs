//! Chooses the stores for the program's records; no other module does.

use easemob_admin_ops::locks::sqlite::LockDatabases;
use easemob_admin_ops::stores::{DataDirectory, Stores};
use easemob_admin_ops::target::Target;

use crate::config::places::Places;

/// Returns where runs, trails, locks and logins are kept.
#[must_use]
pub fn stores(places: &Places) -> Stores {
    Stores::on_disk(places.data())
}

/// Returns the directories of the files that [`stores`] writes, for code that inspects the files themselves.
#[must_use]
pub fn files(places: &Places) -> DataDirectory {
    DataDirectory::at(places.data())
}

/// Returns true if opening the locks of a target imports the locks of an earlier version.
#[must_use]
pub fn imports_locks(places: &Places, target: &Target) -> bool {
    LockDatabases::below(files(places).locks()).imports(target)
}

//! Which stores the program keeps its records in: the one place that chooses.

use easemob_admin_ops::locks::sqlite::LockDatabases;
use easemob_admin_ops::stores::{DataDirectory, Stores};
use easemob_admin_ops::target::Target;

use crate::config::places::Places;

/// Returns where runs, trails, locks and logins are kept.
#[must_use]
pub fn stores(places: &Places) -> Stores {
    Stores::on_disk(places.data())
}

/// Returns the directories of what [`stores`] keeps in files, for whoever looks at the files themselves.
#[must_use]
pub fn files(places: &Places) -> DataDirectory {
    DataDirectory::at(places.data())
}

/// Returns true if opening the locks of a target imports what an earlier version kept.
#[must_use]
pub fn imports_locks(places: &Places, target: &Target) -> bool {
    LockDatabases::below(files(places).locks()).imports(target)
}

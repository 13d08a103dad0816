//! Says where audit trails are kept.

use easemob_admin_ops::trails::Place;
use easemob_admin_words::t;

/// Returns the place of a trail in the language of the operator.
#[must_use]
pub fn in_words(place: &Place) -> String {
    match place {
        Place::Directory(path) => path.display().to_string(),
        Place::Database {
            trail: Some(trail),
            database,
        } => t!("{trail} in the {database}"),
        Place::Database {
            trail: None,
            database,
        } => t!("the {database}"),
    }
}

//! What users say to each other, kept out of logs.

use std::fmt;
use std::ops::Deref;

/// A value that `Debug` does not show, because it is the users' business or a secret.
///
/// ```
/// use easemob_admin_api::webhooks::Private;
///
/// let said = Private("see you at ten".to_owned());
/// assert_eq!(format!("{said:?}"), "Private");
/// assert_eq!(said.len(), 14);
/// ```
#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub struct Private<T>(pub T);

impl<T> Deref for Private<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.0
    }
}

impl<T> fmt::Debug for Private<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Private")
    }
}

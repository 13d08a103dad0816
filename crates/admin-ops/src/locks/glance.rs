//! The book as it is now, read only when it may have changed: a run looks into it for each of its users.

use std::cell::RefCell;
use std::rc::Rc;

use easemob_admin_api::UserId;

use crate::locks::book::{LockBook, LockBookError, Stamp};
use crate::locks::lock::{Lock, Locks};

/// Looks into a book.
#[derive(Debug)]
pub struct Glance<'a> {
    book: &'a LockBook,
    seen: RefCell<Option<(Stamp, Rc<Locks>)>>,
}

impl<'a> Glance<'a> {
    /// Binds to a book.
    #[must_use]
    pub fn into(book: &'a LockBook) -> Self {
        Self {
            book,
            seen: RefCell::new(None),
        }
    }

    /// Returns the lock of a user, if there is one.
    ///
    /// # Errors
    /// When the book cannot be read.
    pub fn lock_of(&self, user: &UserId) -> Result<Option<Lock>, LockBookError> {
        Ok(self.locks()?.get(&user.folded()).cloned())
    }

    fn locks(&self) -> Result<Rc<Locks>, LockBookError> {
        let stamp = self.book.stamp()?;
        if let Some((seen, locks)) = &*self.seen.borrow()
            && *seen == stamp
        {
            return Ok(Rc::clone(locks));
        }
        let locks = Rc::new(self.book.read()?);
        self.seen.replace(Some((stamp, Rc::clone(&locks))));
        Ok(locks)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::locks::lock::LockState;

    #[test]
    fn every_change_is_seen() {
        let home = tempfile::tempdir().unwrap();
        let book = LockBook::at(home.path().join("prod.json"), None);
        let glance = Glance::into(&book);
        let ann = UserId::parse("Ann").unwrap();
        assert_eq!(glance.lock_of(&ann).unwrap(), None);
        for run in ["a", "b", "c"] {
            let lock = Lock::for_test("ann", run, LockState::Locked);
            book.change(|locks| locks.insert("ann".into(), lock.clone()))
                .unwrap();
            assert_eq!(glance.lock_of(&ann).unwrap(), Some(lock));
        }
        book.change(|locks| locks.remove("ann")).unwrap();
        assert_eq!(glance.lock_of(&ann).unwrap(), None);
    }
}

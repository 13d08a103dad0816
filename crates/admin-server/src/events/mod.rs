//! What is added to audit trails, for any number of readers at their own pace.
//!
//! One follower per app reads what is added, once, however many readers there are, and keeps the newest of it. A reader is nothing
//! but a position: whoever falls behind what is kept reads the trail itself, so nobody misses an entry or slows others down.

mod batch;
mod feed;
mod reader;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use easemob_admin_ops::trails::{TrailError, Trails};

use self::feed::Feed;
pub(crate) use self::reader::Reader;

/// The feeds of all apps that somebody reads.
#[derive(Debug, Default)]
pub(crate) struct Feeds {
    feeds: Mutex<Known>,
}

type Known = BTreeMap<String, Weak<Feed>>;

impl Feeds {
    /// Returns the feed of a trail, which is followed as long as it has readers. Blocks.
    ///
    /// # Errors
    /// When the trail cannot be read.
    pub(crate) fn of(&self, trails: &Arc<dyn Trails>, name: &str) -> Result<Arc<Feed>, TrailError> {
        if let Some(feed) = self.known(name) {
            return Ok(feed);
        }
        // Without the lock: a trail that is slow to read must not hold up the readers of others, or the end of the service.
        let feed = Feed::begin(Arc::clone(trails), name)?;
        let mut feeds = self.locked();
        if let Some(faster) = usable(&feeds, name) {
            return Ok(faster);
        }
        feeds.insert(name.to_owned(), Arc::downgrade(&feed));
        Ok(feed)
    }

    fn locked(&self) -> MutexGuard<'_, Known> {
        self.feeds.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn known(&self, name: &str) -> Option<Arc<Feed>> {
        usable(&self.locked(), name)
    }

    /// Ends all feeds, and so the answers to their readers, who go on elsewhere.
    pub(crate) fn end(&self) {
        let feeds = self.locked();
        feeds
            .values()
            .filter_map(Weak::upgrade)
            .for_each(|feed| feed.end());
    }
}

/// Returns the feed of a trail, if it has readers and was not ended.
fn usable(feeds: &Known, name: &str) -> Option<Arc<Feed>> {
    let feed = feeds.get(name).and_then(Weak::upgrade);
    feed.filter(|feed| !feed.has_failed())
}

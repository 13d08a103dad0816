//! Posts to webhooks that could not be delivered, kept to be sent again (page "callback exception storage").

use std::collections::BTreeMap;

use serde_json::Value;

use super::civil;

/// They are kept three days.
const KEEP_MS: u64 = 3 * 24 * 60 * 60 * 1_000;

/// Posts are kept together by ten minutes.
const SLICE_MS: u64 = 10 * 60 * 1_000;

/// All undelivered posts, by the ten minutes that they are from.
#[derive(Debug, Default)]
pub(crate) struct StoredCallbacks(BTreeMap<u64, Slice>);

/// The posts of ten minutes.
#[derive(Debug, Default)]
struct Slice {
    posts: Vec<StoredPost>,
    retried: u32,
}

/// A post, and where it was to go.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct StoredPost {
    pub(crate) url: String,
    pub(crate) body: Value,
}

/// Posts that are to be sent again.
#[derive(Debug)]
pub(crate) struct Again {
    /// The ten minutes that they are from.
    pub(crate) date: String,
    /// Where to, if not to where they were to go.
    pub(crate) target: Option<String>,
    pub(crate) posts: Vec<StoredPost>,
}

/// What there is of ten minutes.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Stored {
    /// When they begin, as `yyyyMMddHHmm`.
    pub(crate) date: String,
    pub(crate) posts: usize,
    /// How often they were sent again.
    pub(crate) retried: u32,
}

impl StoredCallbacks {
    /// Keeps a post.
    pub(crate) fn keep(&mut self, post: StoredPost, now_ms: u64) {
        self.forget_old(now_ms);
        let slice = self.0.entry(now_ms / SLICE_MS).or_default();
        slice.posts.push(post);
    }

    /// Returns what is kept.
    pub(crate) fn list(&mut self, now_ms: u64) -> Vec<Stored> {
        self.forget_old(now_ms);
        let stored = |(number, slice): (&u64, &Slice)| Stored {
            date: date(*number),
            posts: slice.posts.len(),
            retried: slice.retried,
        };
        self.0.iter().map(stored).collect()
    }

    /// Takes the posts of ten minutes out, to be sent again; those that fail again come back by themselves.
    pub(crate) fn retry(&mut self, wanted: &str, now_ms: u64) -> Option<Vec<StoredPost>> {
        self.forget_old(now_ms);
        let slice = self.0.iter_mut().find(|(number, _)| date(**number) == wanted);
        let (_, slice) = slice?;
        slice.retried += 1;
        Some(std::mem::take(&mut slice.posts))
    }

    /// Takes back a post of ten minutes that failed again.
    pub(crate) fn failed_again(&mut self, wanted: &str, post: StoredPost) {
        if let Some((_, slice)) = self.0.iter_mut().find(|(number, _)| date(**number) == wanted) {
            slice.posts.push(post);
        }
    }

    /// Forgets ten minutes of which everything was delivered.
    pub(crate) fn tidy(&mut self) {
        self.0.retain(|_, slice| !slice.posts.is_empty());
    }

    fn forget_old(&mut self, now_ms: u64) {
        self.0
            .retain(|number, _| now_ms.saturating_sub(number * SLICE_MS) <= KEEP_MS);
    }
}

fn date(number: u64) -> String {
    civil::minute(number * SLICE_MS)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn post(number: u32) -> StoredPost {
        StoredPost {
            url: "http://x".into(),
            body: json!(number),
        }
    }

    #[test]
    fn posts_are_kept_by_ten_minutes_and_taken_out_to_be_sent_again() {
        let mut stored = StoredCallbacks::default();
        // 9 September 2021, 14:40 and 14:59 UTC.
        let (first, later) = (1_631_198_400_000, 1_631_199_540_000);
        stored.keep(post(1), first);
        stored.keep(post(2), first + 1);
        stored.keep(post(3), later);
        let row = |date: &str, posts, retried| Stored {
            date: date.into(),
            posts,
            retried,
        };
        assert_eq!(
            stored.list(later),
            [row("202109091440", 2, 0), row("202109091450", 1, 0)]
        );
        assert_eq!(stored.retry("202109091440", later), Some(vec![post(1), post(2)]));
        stored.failed_again("202109091440", post(2));
        assert_eq!(stored.list(later)[0], row("202109091440", 1, 1));
        assert_eq!(stored.retry("202109091440", later), Some(vec![post(2)]));
        stored.tidy();
        assert_eq!(stored.list(later), [row("202109091450", 1, 0)]);
        assert_eq!(stored.retry("202109091440", later), None);
    }

    #[test]
    fn posts_are_forgotten_after_three_days() {
        let mut stored = StoredCallbacks::default();
        stored.keep(post(1), 0);
        assert_eq!(stored.list(KEEP_MS).len(), 1);
        assert!(stored.list(KEEP_MS + 1).is_empty());
    }
}

//! Calls about many users, cut so that no body is larger than the server takes.

use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::Client;
use crate::endpoint::Endpoint;
use crate::error::Error;

/// The largest body that is sent about many users, in bytes. A server may answer 413 above 5 KB (error page of 2023).
pub const LARGEST_BODY: usize = 5_000;

/// The largest body that the server is known to take; shared by the clones of a client.
#[derive(Clone, Debug)]
pub(super) struct BodyLimit(Arc<AtomicUsize>);

impl BodyLimit {
    pub(super) fn of(bytes: usize) -> Self {
        Self(Arc::new(AtomicUsize::new(bytes)))
    }
}

/// What came of a part of the items.
pub(crate) type Part<T> = (Range<usize>, Result<T, Error>);

impl Client {
    /// Makes as many calls about the items as their number and the size of the bodies need, one after the other.
    ///
    /// A call that is too large for the server is made again with half the size, which is remembered. An item that is
    /// too large by itself has its own error, and so has every part that fails.
    pub(crate) async fn in_parts<T, E: Endpoint>(
        &self,
        items: &[T],
        most: usize,
        call_about: impl Fn(&[T]) -> E,
    ) -> Vec<Part<E::Output>> {
        let mut limit = self.body_limit.0.load(Ordering::Relaxed);
        let (mut halved, mut taken) = (false, false);
        let mut parts = Vec::new();
        let mut start = 0;
        while start < items.len() {
            let left = &items[start..];
            let size = |count: usize| body_size(&call_about(&left[..count]));
            let count = how_many(left.len().min(most), limit, size);
            let outcome = self.execute(&call_about(&left[..count])).await;
            if count > 1 && outcome.as_ref().is_err_and(Error::is_too_large) {
                limit = size(count) / 2;
                halved = true;
                continue;
            }
            taken |= outcome.is_ok();
            parts.push((start..start + count, outcome));
            start += count;
        }
        if halved && taken {
            self.body_limit.0.fetch_min(limit, Ordering::Relaxed);
        }
        parts
    }
}

fn body_size(call: &impl Endpoint) -> usize {
    call.body().map_or(0, |body| body.to_string().len())
}

/// Returns the largest number of items, of at most `most`, whose body is not over the limit; at least 1.
fn how_many(most: usize, limit: usize, size: impl Fn(usize) -> usize) -> usize {
    if size(most) <= limit {
        return most;
    }
    // The size grows with every item: `fits` is not over the limit, or 1, and `over` is.
    let (mut fits, mut over) = (1, most);
    while over - fits > 1 {
        let middle = fits.midpoint(over);
        if size(middle) <= limit {
            fits = middle;
        } else {
            over = middle;
        }
    }
    fits
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn as_many_as_fit_and_at_least_one() {
        for (most, limit, each, expected) in [
            (100, 5_000, 10, 100),
            (100, 5_000, 50, 100),
            (100, 5_000, 51, 98),
            (100, 5_000, 2_500, 2),
            (100, 5_000, 5_000, 1),
            (100, 5_000, 9_000, 1),
            (100, 1, 10, 1),
            (1, 1, 10, 1),
            (2, 10, 9, 1),
            (2, 18, 9, 2),
        ] {
            assert_eq!(
                how_many(most, limit, |count| count * each),
                expected,
                "{most} {limit} {each}"
            );
        }
    }
}

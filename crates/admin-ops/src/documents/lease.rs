//! Who does something that only one process shall do at a time: a document with an end, by the clock that all share.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::{DocumentStore, Kept, Put};
use crate::store_error::StoreError;

const KIND: &str = "lease";

/// Who holds it, and until when.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Held {
    holder: String,
    until_ms: i64,
}

/// Takes a lease, or renews it; false if somebody else has it. It ends after `length`, unless it is renewed before.
///
/// Whoever holds it may lose it without noticing, if the process stands still for longer: what is done under it must bear
/// being done twice.
///
/// # Errors
/// When it cannot be read or written.
pub fn hold(store: &dyn DocumentStore, id: &str, holder: &str, length: Duration) -> Result<bool, StoreError> {
    let kept = Kept::of(store, KIND);
    let found: Option<(Held, u64)> = kept.get(id)?;
    let now = store.now_ms()?;
    let revision = match found {
        None => None,
        Some((held, revision)) if held.holder == holder || held.until_ms <= now => Some(revision),
        Some(_) => return Ok(false),
    };
    let length = i64::try_from(length.as_millis()).unwrap_or(i64::MAX);
    let held = Held {
        holder: holder.to_owned(),
        until_ms: now.saturating_add(length),
    };
    Ok(kept.put(id, &held, revision)? != Put::Changed)
}

/// Gives a lease up, if this holder has it.
///
/// # Errors
/// When it cannot be read or removed. It ends by itself then.
pub fn give_up(store: &dyn DocumentStore, id: &str, holder: &str) -> Result<(), StoreError> {
    let kept = Kept::of(store, KIND);
    if let Some((held, revision)) = kept.get::<Held>(id)?
        && held.holder == holder
    {
        // If it was taken over meanwhile, it is somebody else's.
        let _ = kept.remove(id, revision)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::documents::memory::MemoryDocuments;

    #[test]
    fn one_holds_it_until_it_is_given_up_or_over() {
        let store = MemoryDocuments::default();
        let long = Duration::from_secs(3_600);
        assert!(hold(&store, "a", "one", long).unwrap());
        assert!(hold(&store, "a", "one", long).unwrap(), "renewed");
        assert!(!hold(&store, "a", "two", long).unwrap());
        assert!(hold(&store, "b", "two", long).unwrap(), "another one");
        give_up(&store, "a", "two").unwrap();
        assert!(!hold(&store, "a", "two", long).unwrap());
        give_up(&store, "a", "one").unwrap();
        assert!(hold(&store, "a", "two", Duration::ZERO).unwrap());
        assert!(hold(&store, "a", "one", long).unwrap(), "it was over");
    }
}

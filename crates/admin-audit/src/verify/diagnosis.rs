//! Decides which line is bad, when a line does not follow from the one before.
//!
//! If two neighbours disagree, either of them may have been changed. A third line can decide: the line after
//! (or a signed checkpoint) contains the hash of the later of the two. If it confirms the later one, the
//! earlier one was changed.

use tlog_tiles::Hash;

/// What is known where the chain breaks at an entry.
#[derive(Debug, Clone, Copy)]
pub(super) struct Scene<'a> {
    /// The number of the entry expected here.
    pub(super) expected: u64,
    /// The hash of the previous line.
    pub(super) tip: Hash,
    /// The hash of the previous entry, which is not the previous line if that is a header.
    pub(super) last: Hash,
    /// The hash of the line before that entry.
    pub(super) before: Option<Hash>,
    /// The number in the line.
    pub(super) seq: u64,
    /// The hash of the previous line, according to the line.
    pub(super) prev: Option<Hash>,
    /// The hash of the line itself.
    pub(super) own: Hash,
    /// Whether the next line or a checkpoint confirms the line.
    pub(super) vouched: bool,
    /// The number of the next line, if it is an entry.
    pub(super) next: Option<u64>,
    /// How the previous line differs.
    pub(super) previous: &'a str,
}

/// The bad line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Verdict {
    /// Whether the bad line is the previous one, not the one at which the break was noticed.
    pub(super) previous: bool,
    /// The number of the first entry that was changed.
    pub(super) seq: u64,
    /// What happened to it.
    pub(super) what: String,
}

/// Identifies the bad line.
pub(super) fn judge(scene: &Scene<'_>) -> Verdict {
    let Scene { expected, seq, .. } = *scene;
    let this = |seq, what: String| Verdict {
        previous: false,
        seq,
        what,
    };
    let before = |what: String| Verdict {
        previous: true,
        seq: expected.saturating_sub(1),
        what,
    };
    if scene.prev == Some(scene.tip) {
        return this(expected, format!("was changed: its number is {seq}"));
    }
    if seq == expected {
        return if scene.vouched {
            before(format!("was changed: {}", scene.previous))
        } else {
            this(expected, "was changed or inserted".into())
        };
    }
    if seq > expected {
        return if scene.next == Some(expected) {
            this(expected, format!("is out of order: entry {seq} is in its place"))
        } else {
            this(expected, missing(expected, seq))
        };
    }
    if scene.own == scene.last {
        return this(seq, "appears twice".into());
    }
    let same_place = seq + 1 == expected && scene.prev.is_some() && scene.prev == scene.before;
    if same_place && scene.vouched {
        return before("was inserted: the next line skips it".into());
    }
    this(
        seq,
        format!("was inserted or moved: entry {expected} belongs here"),
    )
}

/// Describes the missing entries from `first` up to `end`.
pub(super) fn missing(first: u64, end: u64) -> String {
    if first + 1 == end {
        "is missing".into()
    } else {
        format!("is missing, with all entries up to {}", end - 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const OWN: Hash = Hash([9; 32]);
    const TIP: Hash = Hash([3; 32]);
    const BEFORE: Hash = Hash([2; 32]);
    const STRANGE: Hash = Hash([7; 32]);

    fn verdict(seq: u64, prev: Hash, vouched: bool, next: Option<u64>) -> (bool, u64, String) {
        let Verdict { previous, seq, what } = judge(&Scene {
            expected: 5,
            tip: TIP,
            last: TIP,
            before: Some(BEFORE),
            seq,
            prev: Some(prev),
            own: OWN,
            vouched,
            next,
            previous: "the next entry does not match it",
        });
        (previous, seq, what)
    }

    #[test]
    fn the_line_that_a_third_one_vouches_for_is_good() {
        let (previous, seq, what) = verdict(5, STRANGE, true, Some(6));
        assert_eq!((previous, seq), (true, 4), "{what}");
        let (previous, seq, what) = verdict(5, STRANGE, false, Some(6));
        assert_eq!((previous, seq), (false, 5), "{what}");
        let (previous, seq, what) = verdict(4, BEFORE, true, Some(5));
        assert_eq!((previous, seq), (true, 4), "{what}");
        let (previous, seq, what) = verdict(4, BEFORE, false, Some(5));
        assert_eq!((previous, seq), (false, 4), "{what}");
    }

    #[test]
    fn what_is_missing_is_named() {
        let what = |seq, next| verdict(seq, STRANGE, true, next).2;
        assert_eq!(what(6, Some(7)), "is missing");
        assert_eq!(what(9, None), "is missing, with all entries up to 8");
        assert_eq!(what(6, Some(5)), "is out of order: entry 6 is in its place");
        let (_, seq, what) = verdict(8, TIP, false, None);
        assert_eq!((seq, what.as_str()), (5, "was changed: its number is 8"));
    }
}

//! The audit trail: whatever is changed in its files, verifying never takes it for the one that was signed.
//!
//! The first byte says which file is changed and how: replaced by the rest, or only where the next three bytes say.
#![no_main]

use std::fs;
use std::path::PathBuf;
use std::sync::LazyLock;
use std::time::{Duration, UNIX_EPOCH};

use easemob_admin_audit::{Against, AuditTrail, Entries, Event, Kind, PublicKey, verify};
use tempfile::TempDir;

const ENTRIES: &str = "entries-000000000000.jsonl";
const CHECKPOINTS: &str = "checkpoints.jws";

struct Genuine {
    directory: TempDir,
    entries: Vec<u8>,
    checkpoints: Vec<u8>,
    against: Against,
    kept: TempDir,
}

static GENUINE: LazyLock<Genuine> = LazyLock::new(|| {
    let (directory, kept) = (memory(), memory());
    let mut trail = AuditTrail::open(directory.path(), "fuzz").expect("a new trail");
    for number in 0..3 {
        let mut event = Event::new(UNIX_EPOCH + Duration::from_secs(number), Kind::Outcome);
        event.user = Some(format!("user{number}"));
        trail.append(&[event]).expect("room for an entry");
    }
    trail.checkpoint(UNIX_EPOCH).expect("room for a checkpoint");
    let read = |name| fs::read(directory.path().join(name)).expect("a file of the trail");
    let (entries, checkpoints) = (read(ENTRIES), read(CHECKPOINTS));
    let copy = kept.path().join("checkpoints");
    fs::write(&copy, &checkpoints).expect("room for a copy");
    let against = Against {
        key: Some(PublicKey::of_trail(directory.path()).expect("a key")),
        checkpoints: Some(copy),
    };
    Genuine { directory, entries, checkpoints, against, kept }
});

/// A directory without a disk, where there is one.
fn memory() -> TempDir {
    let shared = PathBuf::from("/dev/shm");
    let made = if shared.is_dir() { TempDir::new_in(shared) } else { TempDir::new() };
    made.expect("a temporary directory")
}

fn changed(genuine: &[u8], whole: bool, rest: &[u8]) -> Option<Vec<u8>> {
    if whole {
        return Some(rest.to_vec());
    }
    let [high, low, length, new @ ..] = rest else { return None };
    let from = usize::from(u16::from_be_bytes([*high, *low])) % (genuine.len() + 1);
    let to = (from + usize::from(*length)).min(genuine.len());
    Some([&genuine[..from], new, &genuine[to..]].concat())
}

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let Some((which, rest)) = bytes.split_first() else { return };
    let genuine = &*GENUINE;
    let (mut entries, mut checkpoints) = (genuine.entries.clone(), genuine.checkpoints.clone());
    let file = if which & 1 == 0 { &mut entries } else { &mut checkpoints };
    let Some(new) = changed(file, which & 2 != 0, rest) else { return };
    *file = new;
    let directory = genuine.directory.path();
    let written = fs::write(directory.join(ENTRIES), &entries)
        .and_then(|()| fs::write(directory.join(CHECKPOINTS), &checkpoints));
    if written.is_err() {
        return;
    }
    if let Ok(read) = Entries::open(directory) {
        read.take(100).for_each(drop);
    }
    if let Ok(found) = verify(directory, &genuine.against) {
        let same = entries.starts_with(&genuine.entries);
        assert!(same || !found.holds(), "a changed trail holds: {found:?} {}", genuine.kept.path().display());
    }
});

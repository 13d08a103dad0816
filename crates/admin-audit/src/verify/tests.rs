//! Every trail is verified twice: as files in a directory, and as lines in memory, with the same result.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::sync::LazyLock;
use std::time::{Duration, UNIX_EPOCH};

use proptest::collection::vec;
use proptest::prelude::*;
use tempfile::TempDir;

use super::*;
use crate::event::Event;
use crate::export::ocsf;
use crate::key::SigningKey;
use crate::kind::{Kind, Outcome};
use crate::limits::Limits;
use crate::line::Entry;
use crate::memory::MemoryTrail;
use crate::naming::first_of_segment;
use crate::trail::{Against, AuditTrail, Entries, verify as verify_files};

/// The files of a trail, each with its lines.
type Files = BTreeMap<String, Vec<Vec<u8>>>;

struct Original {
    home: TempDir,
    files: Files,
}

fn event(number: u64) -> Event {
    let mut event = Event::new(UNIX_EPOCH + Duration::from_secs(number), Kind::Outcome);
    event.user = Some(format!("user{number}"));
    event.outcome = Some(Outcome::Ended);
    event
}

static ORIGINAL: LazyLock<Original> = LazyLock::new(|| {
    let home = tempfile::tempdir().unwrap();
    let limits = Limits {
        file_bytes: 1_500,
        checkpoint_every: 9,
        ..Limits::default()
    };
    let mut trail = AuditTrail::open_with(home.path(), "test", limits).unwrap();
    for number in 0..60 {
        trail.append(&[event(number)]).unwrap();
    }
    trail.checkpoint(UNIX_EPOCH).unwrap();
    let files = read(home.path());
    assert!(files.len() > 5);
    Original { home, files }
});

/// Verifies over files and over lines.
fn verify(directory: &Path, against: &Against) -> Result<Verification, AuditError> {
    let found = verify_files(directory, against);
    let over_lines = verify_lines(directory, against);
    assert_eq!(format!("{over_lines:?}"), format!("{found:?}"));
    found
}

fn verify_lines(directory: &Path, against: &Against) -> Result<Verification, AuditError> {
    let heads = fs::read(directory.join(HEADS)).unwrap();
    let mut verifier = match &against.key {
        Some(key) => Verifier::with_kept_key(directory, key, heads)?,
        None => Verifier::new(directory, &PublicKey::of_trail(directory)?, heads),
    };
    if let Some(path) = &against.checkpoints {
        verifier = verifier.with_kept_heads(path, fs::read(path).unwrap())?;
    }
    for (name, lines) in read(directory) {
        let segment = first_of_segment(&name).unwrap();
        let mut step = verifier.segment(segment);
        for line in lines {
            if step.is_continue() {
                step = match line.strip_suffix(b"\n") {
                    Some(line) => verifier.line(segment, line),
                    None => verifier.torn(),
                };
            }
        }
    }
    Ok(verifier.finish())
}

fn read(directory: &Path) -> Files {
    let names = fs::read_dir(directory).unwrap();
    let names = names.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let names = names.filter(|name| first_of_segment(name).is_some());
    names
        .map(|name| (name.clone(), lines(&fs::read(directory.join(name)).unwrap())))
        .collect()
}

fn lines(bytes: &[u8]) -> Vec<Vec<u8>> {
    bytes
        .split_inclusive(|&byte| byte == b'\n')
        .map(<[u8]>::to_vec)
        .collect()
}

/// Creates a copy of the trail with other entries.
fn copy(files: &Files) -> TempDir {
    let home = tempfile::tempdir().unwrap();
    for name in ["checkpoints.jws", "key.pub.pem"] {
        fs::copy(ORIGINAL.home.path().join(name), home.path().join(name)).unwrap();
    }
    for (name, lines) in files {
        fs::write(home.path().join(name), lines.concat()).unwrap();
    }
    home
}

/// Returns the first place, file and line, at which a trail differs from the original.
fn first_difference(files: &Files) -> Option<(String, u64)> {
    let mut last = None;
    for (name, original) in &ORIGINAL.files {
        let Some(now) = files.get(name).map(|lines_now| lines(&lines_now.concat())) else {
            return last;
        };
        for index in 0..original.len().max(now.len()) {
            if original.get(index) != now.get(index) {
                return Some((name.clone(), index as u64 + 1));
            }
        }
        last = Some((name.clone(), original.len() as u64 + 1));
    }
    None
}

fn assert_caught(files: &Files) -> Result<(), TestCaseError> {
    let home = copy(files);
    let found = verify(home.path(), &Against::default()).unwrap();
    prop_assert!(!found.holds(), "nothing was found");
    let problem = &found.problems[0];
    let name = problem.file.file_name().unwrap().to_str().unwrap().to_owned();
    let (at, expected) = ((name, problem.line), first_difference(files));
    prop_assert_eq!(Some(at), expected, "{}", problem);
    Ok(())
}

fn total_lines() -> usize {
    ORIGINAL.files.values().map(Vec::len).sum()
}

/// Finds the file and the index in it of a line counted over all files.
fn locate(files: &Files, mut line: usize) -> (String, usize) {
    for (name, lines) in files {
        if line < lines.len() {
            return (name.clone(), line);
        }
        line -= lines.len();
    }
    panic!("there is no such line")
}

fn line_at(line: usize) -> Vec<u8> {
    let (name, index) = locate(&ORIGINAL.files, line);
    ORIGINAL.files[&name][index].clone()
}

#[test]
fn the_original_holds() {
    let found = verify(ORIGINAL.home.path(), &Against::default()).unwrap();
    assert!(found.holds(), "{:?}", found.problems);
    assert_eq!((found.first, found.size, found.unsigned()), (0, 60, 0));
    assert_eq!(found.checkpoints, 8);
    assert!(!found.key_was_kept);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn a_changed_byte_is_caught(line in 0..total_lines(), at in any::<prop::sample::Index>(), change in 1_u8..) {
        let mut files = ORIGINAL.files.clone();
        let (name, index) = locate(&files, line);
        let line = &mut files.get_mut(&name).unwrap()[index];
        let at = at.index(line.len());
        line[at] ^= change;
        assert_caught(&files)?;
    }

    #[test]
    fn a_missing_line_is_caught(line in 0..total_lines()) {
        let mut files = ORIGINAL.files.clone();
        let (name, index) = locate(&files, line);
        files.get_mut(&name).unwrap().remove(index);
        assert_caught(&files)?;
    }

    #[test]
    fn lines_out_of_order_are_caught(one in 0..total_lines(), other in 0..total_lines()) {
        prop_assume!(one != other);
        let mut files = ORIGINAL.files.clone();
        for (place, line) in [(one, other), (other, one)] {
            let (name, index) = locate(&files, place);
            files.get_mut(&name).unwrap()[index] = line_at(line);
        }
        assert_caught(&files)?;
    }

    #[test]
    fn a_repeated_line_is_caught(line in 0..total_lines(), place in 0..total_lines()) {
        let mut files = ORIGINAL.files.clone();
        let (name, index) = locate(&files, place);
        files.get_mut(&name).unwrap().insert(index + 1, line_at(line));
        assert_caught(&files)?;
    }

    #[test]
    fn a_cut_end_is_caught(line in 0..total_lines(), at in any::<prop::sample::Index>(), empty_file in any::<bool>()) {
        let mut files = ORIGINAL.files.clone();
        let (name, index) = locate(&files, line);
        files.retain(|other, _| *other <= name);
        let kept = files.get_mut(&name).unwrap();
        kept.truncate(index + 1);
        let at = at.index(kept[index].len());
        kept[index].truncate(at);
        if kept.concat().is_empty() && !empty_file {
            files.remove(&name);
        }
        prop_assume!(!files.is_empty());
        assert_caught(&files)?;
    }

    #[test]
    fn a_foreign_line_is_caught(place in 0..total_lines() - 1, knows_its_place in any::<bool>()) {
        let mut files = ORIGINAL.files.clone();
        let (name, index) = locate(&files, place);
        let mut chain = Chain::new("test");
        if knows_its_place {
            chain = chain_up_to(place);
        }
        let foreign = chain.extend(&event(1_000)).unwrap() + "\n";
        files.get_mut(&name).unwrap().insert(index + 1, foreign.into_bytes());
        assert_caught(&files)?;
    }

    #[test]
    fn a_changed_checkpoint_is_caught(at in any::<prop::sample::Index>(), change in 1_u8..) {
        let home = copy(&ORIGINAL.files);
        let path = home.path().join("checkpoints.jws");
        let mut bytes = fs::read(&path).unwrap();
        let at = at.index(bytes.len());
        let line = lines(&bytes[..=at]).len() as u64;
        bytes[at] ^= change;
        fs::write(&path, bytes).unwrap();
        let found = verify(home.path(), &Against::default()).unwrap();
        prop_assert!(!found.holds(), "nothing was found");
        prop_assert_eq!((&found.problems[0].file, found.problems[0].line), (&path, line));
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]

    #[test]
    fn files_and_lines_in_memory_are_one_trail(
        blocks in vec(vec(".{0,40}", 1..5), 1..12),
        file_bytes in 0_u64..2_000,
        checkpoint_every in 1_u64..9,
        signed_at_end in any::<bool>(),
        tampering in proptest::option::of((any::<prop::sample::Index>(), any::<prop::sample::Index>())),
    ) {
        let home = tempfile::tempdir().unwrap();
        let limits = Limits { file_bytes, checkpoint_every, ..Limits::default() };
        let mut files = AuditTrail::open_with(home.path(), "test", limits).unwrap();
        let key = fs::read_to_string(home.path().join("key.pem")).unwrap();
        let mut memory = MemoryTrail::with_limits("test", SigningKey::from_pem(&key).unwrap(), limits);
        for reasons in blocks {
            let event = |reason| Event { reason: Some(reason), ..event(memory.size()) };
            let block: Vec<Event> = reasons.into_iter().map(event).collect();
            files.append_buffered(&block).unwrap();
            memory.append(&block).unwrap();
        }
        if signed_at_end {
            files.checkpoint(UNIX_EPOCH).unwrap();
            memory.checkpoint(UNIX_EPOCH).unwrap();
        }
        prop_assert_eq!(files.size(), memory.size());
        let mut kept = Files::new();
        for (segment, line) in memory.lines() {
            kept.entry(segment_name(segment)).or_default().push([line, b"\n"].concat());
        }
        prop_assert_eq!(&read(home.path()), &kept);
        let heads = fs::read_to_string(home.path().join(HEADS)).unwrap();
        prop_assert_eq!(heads.as_str(), memory.heads());

        let exported = |entry: &Entry, id: &str| ocsf::line(&entry.event, id).to_string();
        let mut entries = Entries::open(home.path()).unwrap();
        let mut from_files = Vec::new();
        while let Some(entry) = entries.next() {
            let entry = entry.unwrap();
            from_files.push(exported(&entry, &entries.id_of(&entry)));
        }
        let entries = memory.lines().filter_map(|(_, line)| serde_json::from_slice::<Entry>(line).ok());
        let from_lines: Vec<String> = entries.map(|entry| exported(&entry, &entry.id("test"))).collect();
        prop_assert_eq!(from_lines, from_files);

        prop_assert!(verify(home.path(), &Against::default()).unwrap().holds());
        let Some((line, at)) = tampering else { return Ok(()) };
        let (name, index) = locate(&kept, line.index(kept.values().map(Vec::len).sum()));
        let line = &mut kept.get_mut(&name).unwrap()[index];
        let at = at.index(line.len() - 1);
        line[at] ^= 1;
        fs::write(home.path().join(&name), kept[&name].concat()).unwrap();
        let found = verify(home.path(), &Against::default()).unwrap();
        // Nothing confirms a last line that no head covers.
        prop_assert!(!found.holds() || !signed_at_end, "{:?}", found);
    }
}

/// Returns the number of the segment, and the lines before in it, of a line counted over all files.
fn position(line: usize) -> (u64, u64) {
    let (name, index) = locate(&ORIGINAL.files, line);
    (first_of_segment(&name).unwrap(), index as u64)
}

/// Passes a range of the lines of the original to a verifier.
fn feed(verifier: &mut Verifier, range: std::ops::Range<usize>) {
    for line in range {
        let bytes = line_at(line);
        let step = verifier.line(position(line).0, bytes.strip_suffix(b"\n").unwrap());
        assert!(step.is_continue(), "{line}");
    }
}

fn of_original() -> Verifier {
    let directory = ORIGINAL.home.path();
    let heads = fs::read(directory.join(HEADS)).unwrap();
    Verifier::new("prod", &PublicKey::of_trail(directory).unwrap(), heads)
}

#[test]
fn any_range_is_verified_from_the_state_before_it() {
    for from in (1..total_lines()).step_by(5) {
        let before = chain_up_to(from - 1);
        for to in (from..total_lines()).step_by(7) {
            let mut verifier = of_original();
            let (segment, lines) = position(from - 1);
            assert!(
                verifier
                    .begin_after(segment, lines + 1, before.clone())
                    .is_continue()
            );
            feed(&mut verifier, from..to);
            let after = chain_up_to(to - 1);
            assert_eq!(verifier.chain(), Some(&after));
            let found = verifier.finish_range();
            assert!(found.holds(), "{from}..{to}: {found:?}");
            assert_eq!((found.first, found.size), (before.size(), after.size()));
            assert_eq!(found.checkpoints + found.unchecked, 8);
        }
    }
}

#[test]
fn a_range_that_begins_from_another_state_does_not_agree_with_the_next_head() {
    for from in (2..total_lines()).step_by(3) {
        let before = chain_up_to(from - 1);
        let mut other = Chain::new("test");
        while other.size() < before.size() {
            other.extend(&event(other.size() + 500)).unwrap();
        }
        // The lines follow; only the tree over the earlier ones differs.
        let mut state = serde_json::to_value(&other).unwrap();
        state["prev"] = serde_json::to_value(&before).unwrap()["prev"].clone();
        let mut verifier = of_original();
        let (segment, lines) = position(from - 1);
        let mut step = verifier.begin_after(segment, lines + 1, serde_json::from_value(state).unwrap());
        for line in from..total_lines() {
            if step.is_continue() {
                let bytes = line_at(line);
                step = verifier.line(position(line).0, bytes.strip_suffix(b"\n").unwrap());
            }
        }
        assert_eq!((step, verifier.chain()), (ControlFlow::Break(()), None), "{from}");
        assert!(verifier.finish_range().trail_is_bad);
    }
}

#[test]
fn what_is_more_than_one_line_is_none() {
    let whole = line_at(2);
    let whole = whole.strip_suffix(b"\n").unwrap();
    let after_brace = [&whole[..1], b"\n", &whole[1..]].concat();
    let too_long = [whole, &b" ".repeat(LONGEST_LINE)].concat();
    for line in [after_brace, too_long] {
        let mut verifier = of_original();
        feed(&mut verifier, 0..2);
        assert!(verifier.line(0, &line).is_break());
        let problem = &verifier.finish().problems[0];
        assert_eq!((problem.line, problem.seq), (3, Some(1)), "{problem}");
    }
}

/// Returns the state after a line, counted over all files.
fn chain_up_to(line: usize) -> Chain {
    let mut chain = Chain::new("test");
    let all = ORIGINAL
        .files
        .values()
        .flat_map(|lines| lines.iter().enumerate().map(|(index, line)| (index == 0, line)));
    for (is_header, line) in all.take(line + 1) {
        let line = line.strip_suffix(b"\n").unwrap();
        if is_header {
            chain.follow_header(line).unwrap();
        } else {
            chain.follow(line).unwrap();
        }
    }
    chain
}

#[test]
fn an_end_that_was_written_anew_without_the_key_is_caught() {
    let mut files = ORIGINAL.files.clone();
    let (name, index) = locate(&files, 25);
    files.retain(|other, _| *other <= name);
    let kept = files.get_mut(&name).unwrap();
    kept.truncate(index);
    let mut chain = chain_up_to(24);
    let forged_from = chain.size();
    for number in forged_from..60 {
        let line = chain.extend(&event(number + 500)).unwrap() + "\n";
        kept.push(line.into_bytes());
    }
    let home = copy(&files);
    let found = verify(home.path(), &Against::default()).unwrap();
    let problem = &found.problems[0];
    // Only the nearest head before the forgery is certain.
    assert_eq!(problem.seq, Some(forged_from / 9 * 9), "{problem}");
    assert!(problem.what.contains("rewritten"), "{problem}");
}

#[test]
fn a_cut_end_whose_checkpoints_are_cut_too_is_caught_by_a_kept_one() {
    let kept = tempfile::tempdir().unwrap();
    let kept = kept.path().join("head.jws");
    let whole = verify(ORIGINAL.home.path(), &Against::default()).unwrap();
    let directory = kept.parent().unwrap();
    fs::create_dir_all(directory).unwrap();
    // Without the line end, as it may come out of an email.
    fs::write(&kept, whole.head.unwrap().jws).unwrap();
    let mut files = ORIGINAL.files.clone();
    files.pop_last();
    let home = copy(&files);
    let path = home.path().join("checkpoints.jws");
    let heads = fs::read(&path).unwrap();
    fs::write(&path, lines(&heads)[..4].concat()).unwrap();
    let against = Against {
        key: Some(PublicKey::of_trail(ORIGINAL.home.path()).unwrap()),
        checkpoints: Some(kept),
    };
    assert!(verify(home.path(), &Against::default()).unwrap().holds());
    let found = verify(home.path(), &against).unwrap();
    assert!(found.problems[0].what.contains("removed"), "{found:?}");
    let found = verify(ORIGINAL.home.path(), &against).unwrap();
    assert!(
        found.holds() && found.key_was_kept && found.kept == 1,
        "{found:?}"
    );
}

#[test]
fn a_removed_head_leaves_entries_unsigned_and_is_no_loss_to_whoever_kept_it() {
    let home = copy(&ORIGINAL.files);
    let path = home.path().join(HEADS);
    let heads = lines(&fs::read(&path).unwrap());
    let (last, others) = heads.split_last().unwrap();
    fs::write(&path, others.concat()).unwrap();
    let found = verify(home.path(), &Against::default()).unwrap();
    assert!(found.holds() && found.unsigned() > 0, "{found:?}");
    let kept = home.path().join("kept");
    fs::write(&kept, last).unwrap();
    let against = Against {
        key: None,
        checkpoints: Some(kept),
    };
    let found = verify(home.path(), &against).unwrap();
    assert!(
        found.holds() && found.kept == 1 && found.unsigned() == 0,
        "{found:?}"
    );
}

#[test]
fn a_trail_signed_anew_is_caught_by_a_kept_key() {
    let forged = tempfile::tempdir().unwrap();
    let mut trail = AuditTrail::open(forged.path(), "test").unwrap();
    trail.append(&[event(1)]).unwrap();
    trail.checkpoint(UNIX_EPOCH).unwrap();
    let against = Against {
        key: Some(PublicKey::of_trail(ORIGINAL.home.path()).unwrap()),
        checkpoints: None,
    };
    let error = verify(forged.path(), &against).unwrap_err();
    let signer = PublicKey::of_trail(forged.path()).unwrap().id();
    assert!(
        matches!(&error, AuditError::OtherKey { signer: other, .. } if *other == signer),
        "{error}"
    );
    assert!(error.hint().contains("rewritten"), "{}", error.hint());
}

#[test]
fn what_is_wrong_with_the_kept_heads_is_not_wrong_with_the_trail() {
    let kept = tempfile::tempdir().unwrap();
    let kept = kept.path().join("heads");
    fs::create_dir_all(kept.parent().unwrap()).unwrap();
    let against = Against {
        key: None,
        checkpoints: Some(kept.clone()),
    };
    fs::write(&kept, "any text\n".repeat(1000)).unwrap();
    let error = verify(ORIGINAL.home.path(), &against).unwrap_err();
    assert!(matches!(error, AuditError::NotA { .. }), "{error}");
    let head = verify(ORIGINAL.home.path(), &Against::default())
        .unwrap()
        .head
        .unwrap()
        .jws;
    fs::write(&kept, format!("{head}\n{}\n", &head[..head.len() - 9])).unwrap();
    let found = verify(ORIGINAL.home.path(), &against).unwrap();
    assert_eq!((found.problems.len(), found.kept), (1, 1), "{found:?}");
    assert!(!found.holds() && !found.trail_is_bad, "{found:?}");
}

#[test]
fn the_rest_is_verified_when_old_files_are_in_an_archive() {
    let mut files = ORIGINAL.files.clone();
    files.pop_first();
    files.pop_first();
    let found = verify(copy(&files).path(), &Against::default()).unwrap();
    assert!(found.holds(), "{found:?}");
    let first: u64 = files.keys().next().unwrap()[8..20].parse().unwrap();
    assert_eq!((found.first, found.size), (first, 60));
    assert_eq!(found.unchecked + found.checkpoints, 8);
    assert!(found.unchecked > 0 && found.checkpoints > 0);
    let middle = files.keys().nth(1).unwrap().clone();
    files.remove(&middle);
    let found = verify(copy(&files).path(), &Against::default()).unwrap();
    assert!(found.problems[0].what.contains("missing"), "{found:?}");
}

#[test]
fn an_index_is_neither_used_nor_made() {
    let home = copy(&ORIGINAL.files);
    for name in ORIGINAL.files.keys() {
        fs::write(home.path().join(name.replace(".jsonl", ".index")), "no index").unwrap();
    }
    let names = || fs::read_dir(home.path()).unwrap().count();
    let before = names();
    let found = verify(home.path(), &Against::default()).unwrap();
    assert!(found.holds(), "{:?}", found.problems);
    assert_eq!(names(), before);
}

#[test]
fn where_there_is_no_trail_nothing_is_verified() {
    let home = tempfile::tempdir().unwrap();
    assert!(verify_files(home.path(), &Against::default()).is_err());
    assert!(verify_files(&home.path().join("none"), &Against::default()).is_err());
    let found = verify(copy(&Files::new()).path(), &Against::default()).unwrap();
    assert!(found.problems[0].what.contains("removed"), "{found:?}");
}

#[test]
fn what_was_kept_proves_nothing_where_there_is_nothing_to_compare() {
    let key = PublicKey::of_trail(ORIGINAL.home.path()).unwrap();
    let with_key = Against {
        key: Some(key),
        checkpoints: None,
    };
    assert!(verify(ORIGINAL.home.path(), &with_key).unwrap().holds());

    // Rewritten without the private key, the trail has no head signed by the key.
    let emptied = copy(&ORIGINAL.files);
    fs::write(emptied.path().join("checkpoints.jws"), "").unwrap();
    let found = verify(emptied.path(), &with_key).unwrap();
    assert!(
        found.unproved && !found.holds() && !found.trail_is_bad,
        "{found:?}"
    );
    // No proof was requested here.
    assert!(verify(emptied.path(), &Against::default()).unwrap().holds());

    // A stored head of entries that were moved to an archive.
    let heads = fs::read_to_string(ORIGINAL.home.path().join("checkpoints.jws")).unwrap();
    let kept = emptied.path().join("kept");
    fs::write(&kept, heads.lines().next().unwrap()).unwrap();
    let mut files = ORIGINAL.files.clone();
    files.pop_first();
    let rest = copy(&files);
    let against = Against {
        key: None,
        checkpoints: Some(kept),
    };
    let found = verify(rest.path(), &against).unwrap();
    assert!(found.unproved && !found.holds(), "{found:?}");
}

/// A trail in memory, and the head of its end.
fn signed(origin: &str, entries: u64) -> (MemoryTrail, String) {
    let key = SigningKey::from_pem(&SigningKey::generate_pem().unwrap()).unwrap();
    let mut trail = MemoryTrail::new(origin, key);
    for number in 0..entries {
        trail.append(&[event(number)]).unwrap();
    }
    trail.checkpoint(UNIX_EPOCH).unwrap();
    let last = trail.heads().lines().last().unwrap().to_owned();
    (trail, last)
}

#[test]
fn heads_of_several_signers_are_found_in_a_log() {
    let (trail, head) = signed("team", 3);
    let (other, head_of_other) = signed("other", 2);
    let (_, forged) = signed("team", 4);
    let verified = |log: &str, keys: &[PublicKey]| {
        let verifier = Verifier::new("team", other.key(), "");
        let mut verifier = verifier.with_heads_of_signers("log", log, "team", keys)?;
        for (segment, line) in trail.lines() {
            if verifier.line(segment, line).is_break() {
                break;
            }
        }
        Ok::<_, AuditError>(verifier.finish())
    };
    let keys = [other.key().clone(), trail.key().clone()];
    let log = format!(
        "Nov 29 09:30:00 db1 kernel: oops.\n<85>1 host head: {head}, kept\n{{\"head\":\"{head_of_other}\"}}\n"
    );
    let found = verified(&log, &keys).unwrap();
    assert!(found.holds() && found.kept == 1, "{found:?}");
    // A head whose key is gone proves that something is gone; one of another trail says nothing.
    for (log, expected) in [
        (forged.as_str(), "no key of the trail signs it"),
        (&*head_of_other, "none of the stored heads is of this trail"),
    ] {
        let found = verified(log, &keys).unwrap();
        let words: Vec<String> = found.problems.iter().map(ToString::to_string).collect();
        assert!(words.concat().contains(expected), "{words:?}");
    }
    assert!(matches!(verified("a log\n", &keys), Err(AuditError::NotA { .. })));
}

//! A search finds what reading everything finds, whatever happened to the indexes, and reads less.

use std::fs;
use std::io::Write as _;
use std::path::PathBuf;
use std::sync::LazyLock;
use std::time::{Duration, UNIX_EPOCH};

use tempfile::TempDir;

use super::*;
use crate::event::Operator;
use crate::event_time::EventTime;
use crate::kind::Outcome;
use crate::limits::Limits;
use crate::naming::{index_name, segment_name};
use crate::trail::segment::segments;
use crate::trail::{AuditTrail, access};

/// One memory for all searches, which each must find the same as without.
static MEMORY: LazyLock<SearchMemory> = LazyLock::new(SearchMemory::default);

/// A trail of `runs` runs on two of 20 users each, with a minute from one run to the next, in small segments.
fn a_trail(origin: &str, runs: u64) -> TempDir {
    let home = tempfile::tempdir().unwrap();
    write_runs(home.path(), origin, 0..runs);
    home
}

fn write_runs(directory: &Path, origin: &str, runs: std::ops::Range<u64>) {
    let limits = Limits {
        file_bytes: 4_000,
        ..Limits::default()
    };
    let mut trail = AuditTrail::open_with(directory, origin, limits).unwrap();
    for run in runs {
        let event = |kind: Kind, user: Option<String>| {
            let mut event = Event::new(minute(run), kind);
            // Every fifth run is interrupted and goes on much later.
            event.run = Some(format!("run-{}", if run % 5 == 4 { run - 4 } else { run }));
            event.user = user;
            event
        };
        let mut started = event(Kind::RunStarted, None);
        started.ticket = Some(format!("INC-{run}"));
        started.operator = Some(Operator {
            os_user: Some(format!("operator{}", run % 3)),
            ..Operator::default()
        });
        trail.append(&[started]).unwrap();
        for user in [run % 20, run * 7 % 20] {
            let name = if run % 2 == 0 { "User" } else { "user" };
            let mut intent = event(Kind::Intent, Some(format!("{name}{user}")));
            trail.append(&[intent.clone()]).unwrap();
            intent.kind = Kind::Outcome;
            intent.outcome = Some(Outcome::Ended);
            trail.append(&[intent]).unwrap();
        }
    }
}

fn minute(number: u64) -> EventTime {
    EventTime::from(UNIX_EPOCH + Duration::from_secs(60 * number))
}

/// Later than the moment until which a file counts as just changed.
fn later() -> SystemTime {
    SystemTime::now() + Duration::from_secs(60)
}

fn filters() -> Vec<Filter> {
    let all = Filter::default();
    let user = |name: &str| Filter {
        user: Some(name.into()),
        ..Filter::default()
    };
    vec![
        all.clone(),
        user("user3"),
        user("USER14"),
        user("nobody"),
        Filter {
            operator: Some("operator1".into()),
            ..user("user3")
        },
        Filter {
            ticket: Some("INC-24".into()),
            ..all.clone()
        },
        Filter {
            since: Some(minute(30)),
            acts_only: true,
            ..user("user5")
        },
        Filter {
            since: Some(minute(50)),
            ..all.clone()
        },
        Filter {
            since: Some(minute(20)),
            until: Some(minute(23)),
            ticket: Some("INC-22".into()),
            ..all.clone()
        },
        Filter {
            until: Some(minute(2)),
            ..all
        },
    ]
}

/// Entries, or the words of an error.
type Found = Vec<Result<Entry, String>>;

fn reading_all(directory: &Path, filter: &Filter) -> Found {
    let mut runs = RunContext::default();
    let mut found = Vec::new();
    for entry in Entries::open(directory).unwrap() {
        match entry {
            Ok(mut entry) => {
                runs.fill(&mut entry.event);
                if filter.matches(&entry.event) {
                    found.push(Ok(entry));
                }
            }
            Err(error) => found.push(Err(error.to_string())),
        }
    }
    found
}

fn searching(directory: &Path, filter: &Filter) -> (Found, u64) {
    let mut search = Search::open_at(directory, filter.clone(), &MEMORY, later()).unwrap();
    let found = search
        .by_ref()
        .map(|entry| entry.map_err(|error| error.to_string()))
        .collect();
    (found, search.bytes_read())
}

/// Asserts that searches find what reading everything finds.
fn assert_complete(directory: &Path, what: &str) {
    for filter in filters() {
        let expected = reading_all(directory, &filter);
        assert_eq!(searching(directory, &filter).0, expected, "{what}: {filter:?}");
        let alone = Search::open_at(directory, filter.clone(), &SearchMemory::default(), later()).unwrap();
        let found: Found = alone
            .map(|entry| entry.map_err(|error| error.to_string()))
            .collect();
        assert_eq!(found, expected, "{what}, without a memory: {filter:?}");
    }
}

fn user3() -> Filter {
    filters().remove(1)
}

fn size(directory: &Path) -> u64 {
    let segments = segments(directory).unwrap();
    segments
        .iter()
        .map(|segment| segment.path.metadata().unwrap().len())
        .sum()
}

/// Returns the path of the index of the segment `number`, counted from 0.
fn index(directory: &Path, number: usize) -> PathBuf {
    directory.join(index_name(segments(directory).unwrap()[number].first))
}

fn indexes(directory: &Path) -> Vec<String> {
    let names = fs::read_dir(directory)
        .unwrap()
        .map(|file| file.unwrap().file_name());
    let mut names: Vec<String> = names.map(|name| name.into_string().unwrap()).collect();
    names.retain(|name| name.contains(".index"));
    names.sort();
    names
}

/// Replaces a text in the segment `number` by one of the same length.
fn change(directory: &Path, number: usize, from: &str, to: &str) {
    assert_eq!(from.len(), to.len());
    let path = &segments(directory).unwrap()[number].path;
    let text = fs::read_to_string(path).unwrap();
    assert!(text.contains(from), "{text}");
    fs::write(path, text.replace(from, to)).unwrap();
}

#[test]
fn a_search_finds_what_reading_everything_finds() {
    let home = a_trail("test", 60);
    assert!(segments(home.path()).unwrap().len() > 10);
    assert_complete(home.path(), "without indexes");
    assert_complete(home.path(), "with indexes");
    assert_eq!(
        indexes(home.path()).len(),
        segments(home.path()).unwrap().len() - 1
    );
    write_runs(home.path(), "test", 60..80);
    assert_complete(home.path(), "after more runs");
    assert!(searching(home.path(), &user3()).0.len() > 10);
}

#[test]
fn the_newest_are_the_last_of_all() {
    let home = a_trail("test", 60);
    for filter in filters() {
        let all = reading_all(home.path(), &filter);
        for most in [1, 2, 7, 50, 1_000_000] {
            let search = Search::open_at(home.path(), filter.clone(), &MEMORY, later()).unwrap();
            let found: Vec<_> = search
                .newest(most)
                .unwrap()
                .map(|entry| Ok(entry.unwrap()))
                .collect();
            let first = all.len().saturating_sub(usize::try_from(most).unwrap());
            assert_eq!(found, all[first..], "{most} {filter:?}");
        }
    }
}

#[test]
fn entries_with_some_numbers_are_found_without_the_others() {
    let home = a_trail("test", 60);
    for filter in filters() {
        let all = reading_all(home.path(), &filter);
        for (from, to) in [
            (0, 300),
            (0, 1),
            (17, 18),
            (100, 220),
            (299, u64::MAX),
            (300, 301),
            (9, 9),
            (9, 3),
        ] {
            let expected: Vec<_> = all
                .iter()
                .filter(|entry| (from..to).contains(&entry.as_ref().unwrap().seq))
                .cloned()
                .collect();
            let search = || {
                Search::open_at(home.path(), filter.clone(), &MEMORY, later())
                    .unwrap()
                    .between(from..to)
            };
            let read = |search: Search| -> Found { search.map(|entry| Ok(entry.unwrap())).collect() };
            assert_eq!(read(search()), expected, "{from}..{to} {filter:?}");
            let first = expected.len().saturating_sub(2);
            let newest = search().newest(2).unwrap();
            assert_eq!(read(newest), expected[first..], "{from}..{to} {filter:?}");
        }
    }
    let mut one = Search::open_at(home.path(), Filter::default(), &MEMORY, later())
        .unwrap()
        .between(150..151);
    assert_eq!(one.by_ref().count(), 1);
    assert!(one.bytes_read() < size(home.path()) / 3);
}

#[test]
fn what_is_appended_after_a_number_follows() {
    let home = a_trail("test", 60);
    let mut search = Search::open_at(home.path(), Filter::default(), &MEMORY, later())
        .unwrap()
        .between(290..u64::MAX);
    assert_eq!(search.by_ref().count(), 10);
    for runs in [60..61, 61..90] {
        write_runs(home.path(), "test", runs.clone());
        search.read_on().unwrap();
        let found: Vec<u64> = search.by_ref().map(|entry| entry.unwrap().seq).collect();
        assert_eq!(found, (runs.start * 5..runs.end * 5).collect::<Vec<_>>());
    }
}

#[test]
fn few_entries_of_many_cost_little() {
    let home = tempfile::tempdir().unwrap();
    let limits = Limits {
        file_bytes: 400_000,
        ..Limits::default()
    };
    let mut trail = AuditTrail::open_with(home.path(), "test", limits).unwrap();
    for block in 0..200_u64 {
        let events = (0..100).map(|number| {
            let mut event = Event::new(minute(block), Kind::Outcome);
            event.user = Some(format!("user{number}-{block}"));
            event
        });
        trail.append_buffered(&events.collect::<Vec<_>>()).unwrap();
    }
    let size = size(home.path());
    assert!(size > 2_000_000);
    let one_user = Filter {
        user: Some("User7-150".into()),
        ..Filter::default()
    };
    let (found, without) = searching(home.path(), &one_user);
    assert!(found.len() == 1 && without > size);
    let (found, with) = searching(home.path(), &one_user);
    assert!(found.len() == 1 && with < 400_000 + size / 10, "{with}");
    let recent = Filter {
        since: Some(minute(199)),
        ..Filter::default()
    };
    let (found, with) = searching(home.path(), &recent);
    assert!(found.len() == 100 && with < 400_000 + size / 10, "{with}");
    let newest = Search::open_at(home.path(), Filter::default(), &MEMORY, later()).unwrap();
    let mut newest = newest.newest(5).unwrap();
    assert_eq!(newest.by_ref().count(), 5);
    assert!(newest.bytes_read() <= 2 * 400_000);
}

/// A trail with one segment, of `blocks` blocks with 100 entries each, all of one run.
fn an_open_segment(blocks: u64) -> TempDir {
    let home = tempfile::tempdir().unwrap();
    write_blocks(home.path(), 0..blocks);
    home
}

fn write_blocks(directory: &Path, blocks: std::ops::Range<u64>) {
    let mut trail = AuditTrail::open(directory, "test").unwrap();
    for block in blocks {
        if block == 0 {
            let mut started = Event::new(minute(0), Kind::RunStarted);
            started.run = Some("long".into());
            started.ticket = Some("INC-1".into());
            trail.append(&[started]).unwrap();
        }
        let events = (0..100).map(|number| {
            let mut event = Event::new(minute(block), Kind::Outcome);
            event.run = Some("long".into());
            event.user = Some(format!("user{number}-{block}"));
            event
        });
        trail.append_buffered(&events.collect::<Vec<_>>()).unwrap();
    }
}

#[test]
fn the_open_segment_is_read_once() {
    let home = an_open_segment(100);
    let size = size(home.path());
    let one_user = |block| Filter {
        user: Some(format!("User7-{block}")),
        ticket: Some("INC-1".into()),
        ..Filter::default()
    };
    let (found, first) = searching(home.path(), &one_user(50));
    assert!(found.len() == 1 && first >= size, "{first} {size}");
    for block in 100..110 {
        let before = fs::metadata(home.path().join(segment_name(0))).unwrap().len();
        write_blocks(home.path(), block..block + 1);
        let added = fs::metadata(home.path().join(segment_name(0))).unwrap().len() - before;
        for block in [50, block] {
            let (found, bytes) = searching(home.path(), &one_user(block));
            assert!(found.len() == 1 && bytes < added + 16_384, "{bytes} {added}");
        }
    }
}

#[test]
fn the_newest_of_a_long_segment_are_read_from_its_end() {
    let home = an_open_segment(100);
    let of_the_run = Filter {
        ticket: Some("INC-1".into()),
        ..Filter::default()
    };
    let _ = searching(home.path(), &user3());
    let expected = reading_all(home.path(), &of_the_run);
    for (most, limit) in [(1, 200_000), (20, 200_000), (500, 2_000_000)] {
        let search = Search::open_at(home.path(), of_the_run.clone(), &MEMORY, later()).unwrap();
        let mut search = search.newest(most).unwrap();
        let found: Found = search.by_ref().map(|entry| Ok(entry.unwrap())).collect();
        assert_eq!(found, expected[expected.len() - usize::try_from(most).unwrap()..]);
        assert!(search.bytes_read() < limit, "{most}: {}", search.bytes_read());
        assert_eq!(
            search.id_of(found[0].as_ref().unwrap()),
            format!("test/{}", 10_001 - most)
        );
    }
}

#[test]
fn an_index_that_comes_or_goes_between_counting_and_reading_changes_nothing() {
    let home = tempfile::tempdir().unwrap();
    let limits = Limits {
        file_bytes: 100_000,
        ..Limits::default()
    };
    let mut trail = AuditTrail::open_with(home.path(), "test", limits).unwrap();
    for _ in 0..10 {
        let mut event = Event::new(minute(0), Kind::Outcome);
        event.user = Some("user3".into());
        trail.append_buffered(&vec![event; 100]).unwrap();
    }
    let segments = segments(home.path()).unwrap();
    assert_eq!(segments.len(), 2);
    let expected = reading_all(home.path(), &user3());
    let path = index(home.path(), 0);
    let newest = |most: u64| {
        Search::open_at(home.path(), user3(), &MEMORY, later())
            .unwrap()
            .newest(most)
            .unwrap()
    };
    for more in [1, 50, 400] {
        let most = 1_000 - segments[1].first + more;
        let newer = &expected[usize::try_from(1_000 - most).unwrap()..];
        let _ = fs::remove_file(&path);
        fs::create_dir(&path).unwrap();
        let counted = newest(most);
        fs::remove_dir(&path).unwrap();
        assert_eq!(
            counted.map(|entry| Ok(entry.unwrap())).collect::<Found>(),
            newer,
            "it comes, {more}"
        );
        let counted = newest(most);
        fs::remove_file(&path).unwrap();
        fs::create_dir(&path).unwrap();
        assert_eq!(
            counted.map(|entry| Ok(entry.unwrap())).collect::<Found>(),
            newer,
            "it goes, {more}"
        );
        fs::remove_dir(&path).unwrap();
    }
}

#[test]
fn what_is_remembered_of_other_lines_is_forgotten() {
    let home = a_trail("test", 3);
    let last = segments(home.path()).unwrap().pop().unwrap().path;
    let before = fs::read(&last).unwrap();
    // Run 3 and its users, whom a full disk makes the writer undo.
    write_runs(home.path(), "test", 3..4);
    assert_complete(home.path(), "before");
    fs::write(&last, &before).unwrap();
    write_runs(home.path(), "test", 5..7);
    assert_complete(home.path(), "undone");
    write_runs(home.path(), "test", 7..40);
    assert_complete(home.path(), "in another segment");
    for segment in segments(home.path()).unwrap() {
        fs::remove_file(segment.path).unwrap();
    }
    assert_complete(home.path(), "removed");
    let other = a_trail("other", 2);
    fs::copy(
        other.path().join(segment_name(0)),
        home.path().join(segment_name(0)),
    )
    .unwrap();
    assert_complete(home.path(), "replaced");
}

#[test]
fn an_index_that_is_torn_is_made_again() {
    let home = a_trail("test", 20);
    let _ = searching(home.path(), &user3());
    let path = index(home.path(), 1);
    let whole = fs::read(&path).unwrap();
    let expected = reading_all(home.path(), &user3());
    for length in (0..whole.len()).step_by(61) {
        fs::write(&path, &whole[..length]).unwrap();
        assert_eq!(
            searching(home.path(), &user3()).0,
            expected,
            "the first {length} bytes"
        );
    }
    assert_complete(home.path(), "made again");
}

#[test]
fn a_changed_byte_of_an_index_hides_nothing() {
    let home = a_trail("test", 20);
    let expected = reading_all(home.path(), &user3());
    let _ = searching(home.path(), &user3());
    let path = index(home.path(), 1);
    let whole = fs::read(&path).unwrap();
    for place in (0..whole.len()).step_by(13) {
        let mut changed = whole.clone();
        changed[place] ^= 1;
        fs::write(&path, &changed).unwrap();
        assert_eq!(searching(home.path(), &user3()).0, expected, "byte {place}");
    }
}

#[test]
fn the_index_of_another_trail_or_segment_is_made_again() {
    let (home, other) = (a_trail("test", 20), a_trail("else", 20));
    for directory in [&home, &other] {
        let _ = searching(directory.path(), &user3());
    }
    let own = fs::read(index(home.path(), 1)).unwrap();
    for foreign in [
        index(other.path(), 1),
        index(home.path(), 2),
        home.path().join("key.pem"),
    ] {
        fs::copy(foreign, index(home.path(), 1)).unwrap();
        assert_complete(home.path(), "foreign");
        assert_eq!(fs::read(index(home.path(), 1)).unwrap(), own);
    }
}

#[test]
fn an_index_of_another_format_is_made_again() {
    let home = a_trail("test", 20);
    let _ = searching(home.path(), &user3());
    let path = index(home.path(), 1);
    let own = fs::read(&path).unwrap();
    let start = own.iter().position(|byte| *byte == b'\n').unwrap() + 1;
    let end = start + own[start..].iter().position(|byte| *byte == b'\n').unwrap();
    let json = std::str::from_utf8(&own[start..end]).unwrap();
    for (from, to) in [
        (r#""format":1"#, r#""format":2"#),
        (r#""unicode":["#, r#""unicode":[9"#),
    ] {
        let json = json.replacen(from, to, 1);
        let hash = crate::tree::line_hash(json.as_bytes());
        let mut newer = format!("{hash}\n{json}\n").into_bytes();
        newer.extend(&own[end + 1..]);
        fs::write(&path, newer).unwrap();
        assert_complete(home.path(), to);
        assert_eq!(fs::read(&path).unwrap(), own);
    }
}

#[test]
fn the_index_of_a_segment_that_was_changed_is_made_again() {
    let home = a_trail("test", 40);
    assert_complete(home.path(), "before");
    change(home.path(), 0, r#""user":"user3""#, r#""user":"user9""#);
    assert_complete(home.path(), "another user");
    change(home.path(), 0, r#""user":"user9""#, r#""user":"user3""#);
    assert_complete(home.path(), "as before");
    change(home.path(), 2, r#""kind":"outcome""#, r#""kind":"outc-me""#);
    assert_complete(home.path(), "another kind");
    change(home.path(), 0, r#""user":"user3""#, r#""user":{user3""#);
    assert_complete(home.path(), "damaged");
    let path = &segments(home.path()).unwrap()[3].path;
    let text = fs::read(path).unwrap();
    fs::write(path, &text[..text.len() - 5]).unwrap();
    assert_complete(home.path(), "cut");
    fs::write(path, "").unwrap();
    assert_complete(home.path(), "emptied");
    fs::remove_file(path).unwrap();
    assert_complete(home.path(), "removed");
}

#[test]
fn an_index_is_kept_when_its_segment_was_only_copied() {
    let home = a_trail("test", 40);
    let _ = searching(home.path(), &user3());
    let path = segments(home.path()).unwrap().remove(1).path;
    let text = fs::read(&path).unwrap();
    let tables = |directory: &Path| fs::read(index(directory, 1)).unwrap().len();
    let before = tables(home.path());
    fs::remove_file(&path).unwrap();
    fs::write(&path, text).unwrap();
    let (_, first) = searching(home.path(), &user3());
    let (_, second) = searching(home.path(), &user3());
    assert!(second < first, "{second} {first}");
    assert!(tables(home.path()).abs_diff(before) < 100);
    assert_complete(home.path(), "copied");
}

#[test]
fn an_index_that_cannot_be_read_or_written_costs_only_time() {
    let home = a_trail("test", 20);
    let path = index(home.path(), 1);
    fs::create_dir(&path).unwrap();
    assert_complete(home.path(), "a directory in place of the index");
    fs::remove_dir(&path).unwrap();
    let temporary = path.with_extension("index.new");
    fs::create_dir(&temporary).unwrap();
    assert_complete(home.path(), "a directory in place of the draft");
    assert!(!path.exists());
    fs::remove_dir(&temporary).unwrap();
    assert_complete(home.path(), "again");
    assert!(path.exists());
}

#[cfg(unix)]
#[test]
fn a_trail_that_others_may_change_gets_no_index() {
    use std::os::unix::fs::PermissionsExt as _;
    let home = a_trail("test", 20);
    let restrict = |path: &Path, mode| {
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    };
    restrict(home.path(), 0o777);
    assert_complete(home.path(), "open to all");
    assert_eq!(indexes(home.path()), [] as [&str; 0]);
    restrict(home.path(), 0o500);
    assert_complete(home.path(), "read-only");
    restrict(home.path(), 0o700);
    assert_complete(home.path(), "private");
    restrict(&index(home.path(), 1), 0o622);
    assert_complete(home.path(), "an index that others may change");
    let made = index(home.path(), 1).metadata().unwrap().permissions().mode();
    assert_eq!(made & 0o777, 0o600);
}

#[test]
fn a_directory_that_cannot_be_read_is_an_error() {
    let home = a_trail("test", 1);
    let file = home.path().join(segment_name(0));
    assert!(matches!(Search::open(&file, user3()), Err(AuditError::Io { .. })));
    assert_eq!(searching(&home.path().join("none"), &user3()).0, []);
}

#[test]
fn what_a_killed_process_left_is_in_nobodys_way() {
    let home = a_trail("test", 20);
    let _ = searching(home.path(), &user3());
    let whole = fs::read(index(home.path(), 1)).unwrap();
    for part in [0, 1, whole.len() / 2, whole.len()] {
        fs::remove_file(index(home.path(), 1)).unwrap();
        let temporary = index(home.path(), 1).with_extension("index.new");
        let mut options = access::private();
        let mut draft = options.write(true).create(true).open(&temporary).unwrap();
        draft.write_all(&whole[..part]).unwrap();
        drop(draft);
        assert_complete(home.path(), "a draft was left");
        assert_eq!(fs::read(index(home.path(), 1)).unwrap(), whole);
        assert!(!temporary.exists());
    }
}

#[test]
fn searches_at_once_find_the_same() {
    let home = a_trail("test", 60);
    let expected = reading_all(home.path(), &user3());
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                for round in 0..5 {
                    assert_eq!(searching(home.path(), &user3()).0, expected);
                    for name in indexes(home.path()).iter().skip(round) {
                        let _ = fs::remove_file(home.path().join(name));
                    }
                }
            });
        }
    });
    assert_complete(home.path(), "afterwards");
    assert!(!indexes(home.path()).iter().any(|name| name.contains(".new")));
}

#[test]
fn searches_beside_a_writer_find_a_beginning_of_what_is_there_in_the_end() {
    let home = a_trail("test", 1);
    let is_done = std::sync::atomic::AtomicBool::new(false);
    let relaxed = std::sync::atomic::Ordering::Relaxed;
    let found = std::thread::scope(|scope| {
        let readers = [None, Some(5)].map(|newest| {
            let (home, is_done) = (&home, &is_done);
            scope.spawn(move || {
                let mut found = Vec::new();
                while !is_done.load(relaxed) {
                    for filter in filters() {
                        let mut search = Search::open_at(home.path(), filter, &MEMORY, later()).unwrap();
                        if let Some(most) = newest {
                            search = search.newest(most).unwrap();
                        }
                        let entries: Vec<Entry> = search.map(Result::unwrap).collect();
                        found.push((newest, entries));
                    }
                }
                found
            })
        });
        write_runs(home.path(), "test", 1..60);
        is_done.store(true, relaxed);
        readers.map(|reader| reader.join().unwrap())
    });
    let all: Vec<Found> = filters()
        .iter()
        .map(|filter| reading_all(home.path(), filter))
        .collect();
    for (number, (newest, entries)) in found.into_iter().flat_map(|found| (0..).zip(found)) {
        let all = &all[number % all.len()];
        let end = entries.last().map_or(0, |last| {
            1 + all.iter().position(|entry| entry.as_ref() == Ok(last)).unwrap()
        });
        let first = newest.map_or(0, |most: u64| end.saturating_sub(usize::try_from(most).unwrap()));
        let entries: Found = entries.into_iter().map(Ok).collect();
        assert_eq!(entries, all[first..end]);
    }
}

#[test]
fn what_is_appended_later_follows() {
    let home = a_trail("test", 20);
    let mut search = Search::open_at(home.path(), user3(), &MEMORY, later())
        .unwrap()
        .newest(1)
        .unwrap();
    assert_eq!(search.by_ref().count(), 1);
    let before = reading_all(home.path(), &user3()).len();
    for runs in [20..30, 30..60] {
        write_runs(home.path(), "test", runs);
        search.read_on().unwrap();
    }
    let found: Vec<_> = search.map(|entry| Ok(entry.unwrap())).collect();
    assert_eq!(found, reading_all(home.path(), &user3())[before..]);
}

#[test]
fn each_entry_has_an_id_of_its_own() {
    let home = a_trail("prod", 40);
    for _ in 0..2 {
        let mut search = Search::open_at(home.path(), user3(), &MEMORY, later()).unwrap();
        while let Some(entry) = search.next() {
            let entry = entry.unwrap();
            assert_eq!(search.id_of(&entry), format!("prod/{}", entry.seq));
        }
    }
}

#[test]
fn the_start_of_a_run_is_missing_when_it_was_moved_away() {
    let home = a_trail("test", 60);
    let first = segments(home.path()).unwrap().remove(0);
    fs::remove_file(first.path).unwrap();
    assert_complete(home.path(), "without the first segment");
    assert_complete(home.path(), "with indexes");
}

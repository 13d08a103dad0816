use std::fs;
use std::io::Write as _;
use std::path::Path;
use std::time::{Duration, UNIX_EPOCH};

use super::*;
use crate::kind::Outcome;
use crate::trail::segment::{Segment, segments};
use crate::verify::Verification;

fn event(number: u64) -> Event {
    let mut event = Event::new(UNIX_EPOCH + Duration::from_secs(number), Kind::Outcome);
    event.run = Some("run-1".into());
    event.user = Some(format!("user{number:06}"));
    event.devices = vec![format!("android_{number:016x}")];
    event.outcome = Some(Outcome::Ended);
    event
}

fn events(numbers: std::ops::Range<u64>) -> Vec<Event> {
    numbers.map(event).collect()
}

fn small() -> Limits {
    Limits {
        file_bytes: 2_000,
        checkpoint_every: 20,
        lock_wait: Duration::from_secs(30),
    }
}

fn verified(directory: &Path) -> Verification {
    let found = verify(directory, &Against::default()).unwrap();
    assert_eq!(found.problems, [], "{found:?}");
    found
}

#[test]
fn what_is_appended_is_verified_and_gone_on_from() {
    let home = tempfile::tempdir().unwrap();
    for run in 0..5 {
        let mut trail = AuditTrail::open(home.path(), "test").unwrap();
        assert_eq!(trail.size(), run * 7);
        trail.append(&events(0..3)).unwrap();
        trail.append(&[]).unwrap();
        trail.append(&events(3..7)).unwrap();
        trail.checkpoint(UNIX_EPOCH).unwrap();
        trail.checkpoint(UNIX_EPOCH).unwrap();
    }
    let found = verified(home.path());
    assert_eq!((found.size, found.checkpoints, found.unsigned()), (35, 6, 0));
    assert_eq!(found.origin.as_deref(), Some("test"));
}

#[test]
fn files_are_bounded_and_heads_are_signed_as_entries_come() {
    let home = tempfile::tempdir().unwrap();
    let mut trail = AuditTrail::open_with(home.path(), "test", small()).unwrap();
    for start in 0..30 {
        trail.append(&events(start * 5..start * 5 + 5)).unwrap();
    }
    let found = verified(home.path());
    assert_eq!((found.size, found.checkpoints), (150, 8));
    assert!(found.files > 10);
    for segment in segments(home.path()).unwrap() {
        assert!(segment.path.metadata().unwrap().len() < 4_000);
    }
    let reopened = AuditTrail::open_with(home.path(), "test", small()).unwrap();
    assert_eq!(reopened.size(), 150);
}

#[test]
fn writers_at_once_keep_one_chain() {
    let home = tempfile::tempdir().unwrap();
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                let mut trail = AuditTrail::open_with(home.path(), "test", small()).unwrap();
                for start in 0..25 {
                    trail.append(&events(start * 3..start * 3 + 3)).unwrap();
                }
                trail.checkpoint(UNIX_EPOCH).unwrap();
            });
        }
    });
    let found = verified(home.path());
    assert_eq!((found.size, found.unsigned()), (300, 0));
}

#[test]
fn a_torn_line_is_cut_off_and_that_is_recorded() {
    let home = tempfile::tempdir().unwrap();
    let mut trail = AuditTrail::open_with(home.path(), "test", small()).unwrap();
    trail.append(&events(0..5)).unwrap();
    let path = segments(home.path()).unwrap().pop().unwrap().path;
    let tear = || {
        let mut file = fs::OpenOptions::new().append(true).open(&path).unwrap();
        file.write_all(b"{\"v\":1,\"seq\":5").unwrap();
    };
    tear();
    let torn = verify(home.path(), &Against::default()).unwrap();
    assert!(torn.problems[0].what.contains("incomplete"), "{torn:?}");
    assert_eq!(
        AuditTrail::open_with(home.path(), "test", small())
            .unwrap()
            .size(),
        6
    );
    tear();
    trail.append(&events(5..6)).unwrap();
    assert_eq!(verified(home.path()).size, 8);
    let text = fs::read_to_string(&path).unwrap();
    assert_eq!(text.matches(r#""bytes_cut":14"#).count(), 2, "{text}");
}

#[test]
fn a_file_that_a_crash_left_without_header_is_made_again() {
    let home = tempfile::tempdir().unwrap();
    let mut trail = AuditTrail::open_with(home.path(), "test", small()).unwrap();
    trail.append(&events(0..5)).unwrap();
    fs::write(Segment::new(home.path(), 5).path, "{\"format\":1,").unwrap();
    trail.append(&events(5..10)).unwrap();
    let found = verified(home.path());
    assert_eq!(found.size, 11);
    fs::write(Segment::new(home.path(), 11).path, "").unwrap();
    drop(AuditTrail::open_with(home.path(), "test", small()).unwrap());
    assert_eq!(verified(home.path()).size, 12);
}

#[test]
fn damage_at_the_end_is_noticed_when_the_trail_is_opened() {
    let fresh = || {
        let home = tempfile::tempdir().unwrap();
        let mut trail = AuditTrail::open(home.path(), "test").unwrap();
        trail.append(&events(0..5)).unwrap();
        trail.checkpoint(UNIX_EPOCH).unwrap();
        home
    };
    let change = |home: &Path, from: &str, to: &str| {
        let path = segments(home).unwrap().pop().unwrap().path;
        let text = fs::read_to_string(&path).unwrap();
        let changed = text.replacen(from, to, 1);
        assert_ne!(changed, text);
        fs::write(&path, changed).unwrap();
        AuditTrail::open(home, "test").unwrap_err()
    };
    let home = fresh();
    let error = change(home.path(), "user000002", "user000009");
    assert!(matches!(error, AuditError::Damaged { line: 5, .. }), "{error}");
    let home = fresh();
    let error = change(home.path(), r#"{"v":1"#, r#"{"v":2"#);
    assert!(matches!(error, AuditError::Newer { format: 2, .. }), "{error}");
    let home = fresh();
    let error = change(home.path(), r#"{"format":1"#, r#"{"format":7"#);
    assert!(matches!(error, AuditError::Newer { format: 7, .. }), "{error}");
    let home = fresh();
    let path = segments(home.path()).unwrap().pop().unwrap().path;
    let text = fs::read_to_string(&path).unwrap();
    let cut: String = text.split_inclusive('\n').take(4).collect();
    fs::write(&path, cut).unwrap();
    let error = AuditTrail::open(home.path(), "test").unwrap_err();
    assert!(
        error.to_string().contains("entries 3 to 4 are missing"),
        "{error}"
    );
}

#[test]
fn what_happens_to_the_files_of_an_open_trail_is_noticed() {
    let home = tempfile::tempdir().unwrap();
    let mut trail = AuditTrail::open(home.path(), "test").unwrap();
    trail.append(&events(0..5)).unwrap();
    let path = segments(home.path()).unwrap().pop().unwrap().path;
    let whole = fs::read(&path).unwrap();
    fs::OpenOptions::new()
        .write(true)
        .open(&path)
        .unwrap()
        .set_len(100)
        .unwrap();
    assert!(matches!(
        trail.append(&events(5..6)),
        Err(AuditError::Changed { .. })
    ));
    fs::remove_file(&path).unwrap();
    fs::write(&path, whole).unwrap();
    assert!(matches!(
        trail.append(&events(5..6)),
        Err(AuditError::Changed { .. })
    ));
    assert_eq!(verified(home.path()).size, 5);
}

#[test]
fn another_trail_or_a_lost_key_is_refused() {
    let home = tempfile::tempdir().unwrap();
    drop(AuditTrail::open(home.path(), "test").unwrap());
    let error = AuditTrail::open(home.path(), "other").unwrap_err();
    assert!(matches!(error, AuditError::Origin { .. }), "{error}");
    fs::remove_file(home.path().join("key.pem")).unwrap();
    let error = AuditTrail::open(home.path(), "test").unwrap_err();
    assert!(matches!(error, AuditError::NoKey { .. }), "{error}");
}

#[test]
fn where_nothing_can_be_written_the_trail_does_not_open() {
    let home = tempfile::tempdir().unwrap();
    let file = home.path().join("file");
    fs::write(&file, "").unwrap();
    let mut places = vec![file.join("audit"), file];
    if cfg!(target_os = "linux") {
        // Not even the superuser can create files there.
        places.push("/proc/self/task".into());
        places.push("/proc/self/fdinfo".into());
    }
    for place in places {
        let error = AuditTrail::open(&place, "test").unwrap_err();
        assert!(
            matches!(error, AuditError::Io { .. } | AuditError::NotA { .. }),
            "{error}"
        );
        assert!(!error.hint().is_empty());
    }
}

#[cfg(unix)]
#[test]
fn a_trail_that_others_can_write_to_does_not_open() {
    use std::os::unix::fs::PermissionsExt as _;
    let home = tempfile::tempdir().unwrap();
    let directory = home.path().join("prod");
    let mut trail = AuditTrail::open(&directory, "test").unwrap();
    trail.append(&events(0..1)).unwrap();
    trail.checkpoint(UNIX_EPOCH).unwrap();
    for path in [
        directory.clone(),
        segments(&directory).unwrap().pop().unwrap().path,
        directory.join("checkpoints.jws"),
        directory.join("key.pem"),
        directory.join("lock"),
    ] {
        let before = path.metadata().unwrap().permissions();
        assert_eq!(before.mode() & 0o077, 0, "{}", path.display());
        fs::set_permissions(&path, fs::Permissions::from_mode(0o770)).unwrap();
        let error = AuditTrail::open(&directory, "test").unwrap_err();
        assert!(matches!(error, AuditError::Permissions { .. }), "{error}");
        assert!(error.hint().contains("chmod go-rwx"), "{}", error.hint());
        fs::set_permissions(&path, before).unwrap();
    }
    drop(AuditTrail::open(&directory, "test").unwrap());
}

const FULL_DISK: &str = "EASEMOB_TEST_FULL_DISK";

/// Runs the test below in a process whose files may not grow beyond 100 KiB.
#[cfg(unix)]
#[test]
fn a_full_disk_fails_closed() {
    let home = tempfile::tempdir().unwrap();
    drop(AuditTrail::open(home.path(), "test").unwrap());
    let output = std::process::Command::new("bash")
        .args([
            "-c",
            r#"trap "" XFSZ; ulimit -f 100; exec "$0" "$@""#,
            std::env::current_exe().unwrap().to_str().unwrap(),
            "--exact",
            "--ignored",
            "--nocapture",
            "trail::tests::inside_a_process_with_little_room",
        ])
        .env(FULL_DISK, home.path())
        .output()
        .unwrap();
    let said =
        String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && said.contains("1 passed"), "{said}");
    let found = verified(home.path());
    assert!(found.size > 100, "{found:?}");
    assert_eq!(found.size % 10, 0, "{found:?}");
}

#[cfg(unix)]
#[test]
#[ignore = "run by a_full_disk_fails_closed in a process of its own"]
fn inside_a_process_with_little_room() {
    let directory = std::env::var(FULL_DISK).unwrap();
    let mut trail = AuditTrail::open(Path::new(&directory), "test").unwrap();
    let error = loop {
        if let Err(error) = trail.append(&events(0..10)) {
            break error;
        }
    };
    let AuditError::Io { source, .. } = &error else {
        panic!("{error}")
    };
    assert_eq!(source.kind(), std::io::ErrorKind::FileTooLarge);
    assert!(error.hint().contains("free some disk space"), "{}", error.hint());
    let size = trail.size();
    trail.append(&events(0..10)).unwrap_err();
    assert_eq!(trail.size(), size);
}

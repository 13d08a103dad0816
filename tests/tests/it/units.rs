//! The units of contrib/systemd, as systemd itself reads and judges them.

use std::path::{Path, PathBuf};
use std::process::Command;

/// The most that a unit may be exposed, in tenths of the points of `systemd-analyze security`: "OK" ends at 50.
const MOST_EXPOSED: &str = "25";

fn units() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../contrib/systemd");
    let files = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path());
    let is_unit = |path: &PathBuf| {
        path.extension()
            .is_some_and(|end| end == "service" || end == "timer")
    };
    let mut units: Vec<_> = files.filter(is_unit).collect();
    units.sort();
    assert!(units.len() > 5);
    units
}

/// Runs it on copies whose programs are there, since none of them is installed.
#[expect(clippy::print_stderr, reason = "a test that did not run says so")]
fn analyze(args: &[&str], ends: &str) -> Option<(bool, String)> {
    let folder = tempfile::tempdir().unwrap();
    let mut copies = Vec::new();
    for unit in units() {
        let text = std::fs::read_to_string(&unit).unwrap();
        let text: String = text
            .lines()
            .filter(|line| !line.starts_with("Documentation="))
            .map(|line| match line.strip_prefix("ExecStart=") {
                Some(_) => "ExecStart=/bin/true\n".to_owned(),
                None => format!("{line}\n"),
            })
            .collect();
        let copy = folder.path().join(unit.file_name().unwrap());
        std::fs::write(&copy, text).unwrap();
        copies.push(copy);
    }
    copies.retain(|copy| copy.to_str().unwrap().ends_with(ends));
    let output = Command::new("systemd-analyze").args(args).args(&copies).output();
    let Ok(output) = output else {
        eprintln!("without systemd-analyze, the units are not checked");
        return None;
    };
    let said = [output.stdout, output.stderr].map(|text| String::from_utf8_lossy(&text).into_owned());
    Some((output.status.success(), said.concat()))
}

#[test]
fn the_units_have_no_word_that_systemd_does_not_know() {
    let Some((_, said)) = analyze(&["verify"], "") else {
        return;
    };
    let about_ours: Vec<_> = said
        .lines()
        .filter(|line| line.contains("easemob-admin"))
        .collect();
    assert!(about_ours.is_empty(), "{said}");
}

#[test]
fn the_units_may_do_little_but_their_work() {
    let threshold = format!("--threshold={MOST_EXPOSED}");
    let Some((holds, said)) = analyze(&["security", "--offline=true", &threshold], ".service") else {
        return;
    };
    assert!(holds, "{said}");
}

//! What people and programs read, in both languages: tables that fit, and data that does not change.
#![allow(missing_docs, reason = "tests are named for what they prove")]
#![allow(clippy::unwrap_used, reason = "set-up that fails shall fail the test")]

use std::fmt::Write as _;
use std::io::{self, Write};
use std::path::Path;
use std::sync::{Arc, Mutex};

use easemob_admin_cli::config::environment::Environment;
use easemob_admin_cli::context::Screen;
use easemob_admin_cli::{Streams, run};
use tabled::grid::util::string::get_text_width;
use tempfile::TempDir;

/// A stream that is read afterwards.
#[derive(Clone, Default)]
struct Shared(Arc<Mutex<Vec<u8>>>);

impl Write for Shared {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Shared {
    fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }
}

struct Output {
    code: u8,
    stdout: String,
    stderr: String,
}

/// Runs a command in a language; `width` is that of the terminal, if stdout is one.
fn command(home: &Path, language: &str, width: Option<usize>, line: &str) -> Output {
    let environment: Environment = [
        ("EASEMOB_CONFIG_DIR", home.to_str().unwrap()),
        ("EASEMOB_DATA_DIR", home.to_str().unwrap()),
        ("EASEMOB_LANG", language),
        ("NO_COLOR", "1"),
    ]
    .into_iter()
    .collect();
    let (stdout, stderr) = (Shared::default(), Shared::default());
    let shared = stdout.clone();
    let streams = Streams {
        stdout: Arc::new(move || Box::new(shared.clone())),
        stderr: Box::new(stderr.clone()),
        screen: Screen {
            width,
            ..Screen::default()
        },
    };
    let words = std::iter::once("easemob-admin")
        .chain(line.split(' '))
        .map(Into::into);
    let code = run(words, environment, streams).code();
    Output {
        code,
        stdout: stdout.text(),
        stderr: stderr.text(),
    }
}

/// A home with a list of users, one of whom does not exist.
fn home() -> TempDir {
    let home = tempfile::tempdir().unwrap();
    std::fs::write(
        home.path().join("users.txt"),
        "user0001\nuser0002\nUser0002\nnobody-at-all\n",
    )
    .unwrap();
    std::fs::write(home.path().join("limits.toml"), "default = 1\n").unwrap();
    home
}

fn in_home(line: &str, home: &Path) -> String {
    line.replace("HOME", home.to_str().unwrap())
}

/// Hides what differs from run to run.
fn steady(text: &str, home: &Path) -> String {
    let text = text.replace(home.to_str().unwrap(), "HOME");
    text.replace(|character: char| character.is_ascii_digit(), "")
}

const SCREENS: [&str; 12] = [
    "--sandbox devices list user0001 user0002 nobody-at-all --concurrency 1",
    "--sandbox sessions logout --from HOME/users.txt --dry-run --concurrency 1",
    "--sandbox sessions logout user0001 user0002 nobody-at-all --reason leak --yes --concurrency 1",
    "--sandbox sessions lock user0003 user0004 --ttl 10h --reason leak --yes --concurrency 1",
    "--sandbox sessions locks --fields user,state,until,reason",
    "--sandbox limits check HOME/limits.toml user0005 user0006",
    "--sandbox users show user0001",
    "--sandbox runs show last",
    "--sandbox sessions logout user0001",
    "--sandbox devices list --from HOME/missing.txt",
    "--profile prod devices list ann",
    "help exit-codes",
];

/// Removes what the clock decides: ids of runs, times and rates.
fn without_times(text: &str) -> String {
    let is_time = |word: &str| {
        word.chars().filter(char::is_ascii_digit).count() >= 6
            && !word.starts_with(|c: char| c.is_ascii_lowercase())
    };
    let line = |line: &str| {
        let elapsed = line.contains(" requests") || line.contains("个请求");
        if elapsed && line.starts_with(|c: char| c.is_ascii_digit() || c == '用') {
            return "(time and requests)".to_owned();
        }
        let words: Vec<String> = line
            .split(' ')
            .map(|word| {
                if is_time(word) {
                    "(time)".to_owned()
                } else if word.contains('@') {
                    "(operator)".to_owned()
                } else {
                    word.to_owned()
                }
            })
            .collect();
        words.join(" ")
    };
    text.lines()
        .map(|text| line(text).trim_end().to_owned() + "\n")
        .collect()
}

#[test]
fn tables_and_messages_fit_in_both_languages() {
    for language in ["en", "zh-CN"] {
        for width in [80, 120] {
            let home = home();
            let mut screens = String::new();
            for line in SCREENS {
                let output = command(home.path(), language, Some(width), &in_home(line, home.path()));
                for line in output.stdout.lines().filter(|line| !line.starts_with("    ")) {
                    assert!(get_text_width(line) <= width, "{width}: {line}");
                }
                let text = format!("{}{}exit {}\n", output.stdout, output.stderr, output.code);
                let text = text.replace(home.path().to_str().unwrap(), "HOME");
                let text = without_times(&text);
                writeln!(screens, "$ easemob-admin {line}\n{text}").unwrap();
            }
            insta::with_settings!({ omit_expression => true, prepend_module_to_snapshot => false }, {
                insta::assert_snapshot!(format!("screens_{language}_{width}"), screens);
            });
        }
    }
}

/// Asserts that a format has the same rows in both languages.
fn one_language_in(format: &str) {
    let home = home();
    // All users of the sandbox would take ten seconds, at its rate.
    let some: Vec<String> = (0..50).map(|number| format!("user{number:04}")).collect();
    std::fs::write(home.path().join("some.txt"), some.join("\n")).unwrap();
    let scan = in_home("--sandbox logins scan --from HOME/some.txt --quiet", home.path());
    for _ in 0..2 {
        assert_eq!(command(home.path(), "en", None, &scan).code, 0);
    }
    let list = in_home("--from HOME/users.txt", home.path());
    let policy = in_home("HOME/limits.toml", home.path());
    let commands = [
        format!("--sandbox devices list {list}"),
        format!("--sandbox users status {list}"),
        format!("--sandbox sessions logout {list} --dry-run --keep-newest 1"),
        format!("--sandbox sessions lock {list} --ttl 1h --dry-run"),
        format!("--sandbox limits check {policy} {list}"),
        "--sandbox users list --limit 3".into(),
        "--sandbox users show user0001".into(),
        "--sandbox users ban nobody-at-all --dry-run".into(),
        "--sandbox sessions locks".into(),
        "--sandbox limits show user0001".into(),
        "--sandbox limits set --default 3 --reason leak --dry-run".into(),
        "--sandbox runs show last".into(),
        "--sandbox logins snapshots".into(),
        "--sandbox logins count".into(),
        "--sandbox logins top --limit 3".into(),
        "--sandbox logins diff".into(),
        "--sandbox logins show user0001".into(),
        "--sandbox audit verify".into(),
        "--sandbox profile doctor".into(),
        "profile list".into(),
    ];
    for line in &commands {
        let line = format!("{line} -o {format}");
        let [english, chinese] = ["en", "zh-CN"].map(|language| command(home.path(), language, None, &line));
        assert_eq!(
            english.code, chinese.code,
            "{line}: {}{}",
            english.stderr, chinese.stderr
        );
        let [one, other] = [&english, &chinese].map(|output| steady(&output.stdout, home.path()));
        assert_eq!(one, other, "{line}");
    }
}

#[test]
fn json_has_one_language() {
    one_language_in("json");
}

#[test]
fn lines_of_json_have_one_language() {
    one_language_in("jsonl");
}

#[test]
fn csv_has_one_language() {
    one_language_in("csv");
}

#[test]
fn yaml_has_one_language() {
    one_language_in("yaml");
}

#[test]
fn names_have_one_language() {
    one_language_in("name");
}

// Somebody may look for words in it.
#[test]
fn a_table_in_a_pipe_has_one_language() {
    one_language_in("table");
}

#[test]
fn records_have_one_language() {
    let home = home();
    // What was done in Chinese is on record as if it had been done in English.
    let act = "--sandbox sessions logout user0007 --reason leak --yes";
    let _ = command(home.path(), "zh-CN", None, act);
    let _ = command(
        home.path(),
        "zh-CN",
        None,
        "--sandbox sessions lock user0008 --ttl 1h --reason leak --yes",
    );
    let mut files = Vec::new();
    visit(home.path(), &mut files);
    assert!(files.len() > 5);
    for file in files {
        let text = String::from_utf8_lossy(&std::fs::read(&file).unwrap()).into_owned();
        for word in ["退出", "锁定", "命令行", "用户", "标准输入"] {
            assert!(!text.contains(word), "{} has {word}", file.display());
        }
    }
}

fn visit(folder: &Path, files: &mut Vec<std::path::PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            visit(&path, files);
        } else {
            files.push(path);
        }
    }
}

#[test]
fn messages_follow_the_option_and_the_system() {
    let home = home();
    let wrong = command(home.path(), "zh-CN", None, "devices list --rate x");
    assert_eq!(wrong.code, 2);
    assert!(
        wrong.stderr.starts_with("错误：") && wrong.stderr.contains("--rate"),
        "{}",
        wrong.stderr
    );
    let wrong = command(home.path(), "zh-CN", None, "devices list --rate x --lang en");
    assert!(wrong.stderr.starts_with("error: "), "{}", wrong.stderr);
    let help = command(home.path(), "en", None, "sessions logout --help --lang zh-CN");
    assert!(
        help.stdout.contains("用法：") && help.stdout.contains("[默认：auto]"),
        "{}",
        help.stdout
    );
    assert!(!help.stdout.contains(['\u{e000}', '\u{e001}']), "{}", help.stdout);
    let wrong = command(home.path(), "en", None, "--lang tlh users list");
    assert!(wrong.stderr.contains("give `en` or `zh-CN`"), "{}", wrong.stderr);
}

#[test]
fn help_fits_the_terminal_in_chinese() {
    let home = home();
    for topic in ["sessions logout", "limits enforce", "logins collect", "runs"] {
        let help = command(home.path(), "zh-CN", Some(100), &format!("{topic} --help")).stdout;
        for line in help.lines().filter(|line| !line.starts_with("  easemob-admin")) {
            assert!(get_text_width(line) <= 100, "{}: {line}", get_text_width(line));
            let first = line.trim_start().chars().next();
            assert!(!first.is_some_and(|first| "，。；：）".contains(first)), "{line}");
        }
    }
}

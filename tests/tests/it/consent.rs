//! What is sent without a yes: nothing that changes anything.

use super::env::TestEnv;

const CHANGES: [&[&str]; 4] = [
    &["sessions", "logout", "ann", "--reason", "test"],
    &["users", "ban", "ann", "--reason", "test"],
    &["users", "unban", "ann", "--reason", "test"],
    &["limits", "set", "--platform", "web=1", "--reason", "test"],
];

fn ann() -> TestEnv {
    let env = TestEnv::new();
    env.online("ann", &["ios_1", "web_2"]);
    env
}

#[test]
pub(super) fn a_dry_run_only_reads() {
    for change in CHANGES {
        let env = ann();
        let output = env.run(&[change, &["--dry-run"]].concat()).expect(0);
        assert_eq!(env.writes(), 0, "{change:?}");
        assert_eq!(env.devices("ann").len(), 2, "{change:?}");
        assert!(output.stderr.contains("nothing was changed"), "{}", output.text());
    }
}

#[test]
pub(super) fn nothing_changes_where_nobody_can_be_asked() {
    for change in CHANGES {
        let env = ann();
        let output = env.run(change).expect(2);
        assert_eq!(env.writes(), 0, "{change:?}");
        assert!(output.stderr.contains("--yes"), "{}", output.text());
    }
}

/// `script` gives the program a terminal to ask on.
#[cfg(target_os = "linux")]
#[test]
pub(super) fn the_question_names_app_and_count_and_takes_only_yes() {
    for (answer, code, left) in [("n\n", 10, 2), ("\n", 10, 2), ("y\n", 0, 0)] {
        let env = ann();
        let Some(output) = env.run_on_terminal(CHANGES[0], answer) else {
            return;
        };
        let output = output.expect(code);
        assert!(
            output.stdout.contains("acme#chat") && output.stdout.contains("1 user"),
            "{}",
            output.text()
        );
        assert_eq!(env.devices("ann").len(), left, "{}", output.text());
        if code == 10 {
            assert!(
                env.sandbox().calls().is_empty(),
                "a No sends nothing: {}",
                output.text()
            );
        }
    }
}

#[cfg(target_os = "linux")]
#[test]
pub(super) fn a_profile_is_asked_for_step_by_step_and_tried() {
    let env = TestEnv::bare();
    let sandbox = TestEnv::new();
    let root = sandbox.sandbox().app_root();
    let server = root.trim_end_matches("/acme/chat");
    let (id, secret) = (sandbox.sandbox().client_id(), sandbox.sandbox().client_secret());
    let typed = format!("prod\n\n{server}\nacme#chat\n{id}\n{secret}\n");
    let Some(output) = env.run_on_terminal(&["profile", "add"], &typed) else {
        return;
    };
    let output = output.expect(0);
    assert!(
        output.stdout.contains("try: easemob-admin --profile prod"),
        "{}",
        output.text()
    );
    assert_eq!(
        env.run(&["profile", "list", "-o", "name"]).expect(0).stdout,
        "prod\n"
    );
    let _ = env.run(&["users", "list", "--limit", "1"]).expect(0);
    let nobody = env.run(&["profile", "add", "other"]).expect(2);
    assert!(nobody.stderr.contains("--server"), "{}", nobody.text());
}

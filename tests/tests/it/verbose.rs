//! `--verbose`: what is sent and repeated, in words.

use easemob_admin_sandbox::Fault;

use super::env::TestEnv;

#[test]
fn what_is_sent_and_repeated_is_said_in_words() {
    let env = TestEnv::new();
    env.online("ann", &["ios_1"]);
    let fault = || Fault::status("devices.list", 503).times(1);
    env.sandbox().inject(fault());
    let words = env.run(&["devices", "list", "ann", "-v"]).expect(0);
    for part in [
        "sent: get a token",
        "sent: list the devices of a user: ann\n",
        "not done: list the devices of a user: 503",
        "; again in ",
        "sent: list the devices of a user (attempt 2): ann\n",
    ] {
        assert!(words.stderr.contains(part), "{part}\n{}", words.text());
    }
    assert!(!words.stderr.contains("DEBUG"), "{}", words.text());
    env.sandbox().inject(fault());
    let detail = env.run(&["devices", "list", "ann", "-vv"]).expect(0);
    for part in ["sent: list the devices of a user: ann", "attempt failed", "DEBUG"] {
        assert!(detail.stderr.contains(part), "{part}\n{}", detail.text());
    }
    let silent = env.run(&["devices", "list", "ann"]).expect(0);
    assert!(!silent.stderr.contains("sent:"), "{}", silent.text());
}

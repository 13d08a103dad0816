//! A server that fails every tenth call: nobody is lost, and little is asked twice.

use std::time::Duration;

use easemob_admin_sandbox::Fault;

use super::env::TestEnv;

const USERS: usize = 1_000;

/// Faults on about a tenth of all calls, of every kind in turn.
fn storm(env: &TestEnv) {
    let html = |endpoint| Fault::raw_body(endpoint, "text/html", "<h1>Bad gateway</h1>").answer_status(502);
    let broken = |endpoint| {
        let body = r#"{"error":"internal_server_error","error_description":"try again"}"#;
        Fault::raw_body(endpoint, "application/json", body).answer_status(500)
    };
    for place in 0..u32::try_from(USERS * 3 / 10).unwrap() {
        let endpoint = "*";
        let fault = match place % 5 {
            0 => broken(endpoint),
            1 => html(endpoint),
            2 => Fault::cut_before(endpoint),
            3 => Fault::cut_after(endpoint),
            _ => Fault::delay_answer(endpoint, Duration::from_millis(50)),
        };
        // Each fault counts the calls that reach it, which are those that no earlier one has met.
        env.sandbox()
            .inject(fault.skip(9 * (place + 1) + place % 7).times(1));
    }
}

#[test]
fn every_user_is_settled_with_few_calls_more_than_needed() {
    let env = TestEnv::new();
    let names: Vec<String> = (0..USERS).map(|number| format!("user{number:04}")).collect();
    for name in &names {
        env.online(name, &["ios_1", "web_1"]);
    }
    let list = env.file("list", names.join("\n"));
    storm(&env);
    let output = env.run(&[
        "sessions",
        "logout",
        "--from",
        &list,
        "--reason",
        "test",
        "--yes",
        "--rate",
        "unlimited",
        "-o",
        "json",
    ]);
    let mut code = output.code;
    for _ in 0..5 {
        if code == 0 {
            break;
        }
        assert_eq!(code, 6, "{}", env.run(&["runs", "show", "last"]).text());
        code = env
            .run(&["runs", "retry-failed", "last", "--yes", "--rate", "unlimited"])
            .code;
    }
    assert_eq!(code, 0, "{}", output.stderr);
    assert!(
        names.iter().all(|name| env.devices(name).is_empty()),
        "somebody is still online"
    );
    let show = env.run(&["runs", "show", "last", "-o", "json"]).expect(0).json();
    assert_eq!(
        (&show["summary"]["done"], &show["summary"]["failed"]),
        (&USERS.into(), &0.into())
    );

    let calls = env.sandbox().calls();
    let faulty = calls.iter().filter(|call| call.status != 200).count();
    let minimum = USERS * 2;
    assert!(
        faulty * 13 >= minimum,
        "only {faulty} of {} calls failed",
        calls.len()
    );
    #[expect(clippy::cast_precision_loss, reason = "counts of a test")]
    let ratio = calls.len() as f64 / minimum as f64;
    assert!(
        ratio <= 1.15,
        "{ratio:.3} of the minimum, with {faulty} failed calls"
    );
}

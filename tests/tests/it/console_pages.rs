//! Pages of the console that look after what acts leave behind: locks and bans, versions of a policy, lists, and paper.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use easemob_admin_sandbox::Fault;
use serde_json::{Value, json};

use super::console::World;
use super::service::{KEY, ask_with};

/// Reads all users, which the console knows by a scan.
fn scan(world: &World) {
    let scan = world.ask("POST", "logins/scans", &json!({"limits": true}));
    let path = format!("logins/scans/{}", scan["id"].as_str().unwrap());
    super::env::until("the scan is complete", || {
        world.ask("GET", &path, &Value::Null)["state"] == "complete"
    });
}

#[test]
fn locks_that_are_overdue_come_first_and_are_lifted_with_a_reason() {
    let world = World::start(12);
    if world.play("locks", 3) {
        // Whoever was lifted can sign in again.
        assert!(world.env.sandbox().sign_in_as("user002", "ios_9").is_ok());
        assert!(
            world.env.sandbox().sign_in_as("user003", "ios_9").is_err(),
            "banned"
        );
    }
}

#[test]
fn a_policy_is_kept_brought_back_and_shown_for_a_user() {
    let world = World::start(6);
    world.play("limits", 2);
}

#[test]
fn a_list_outlives_a_reload_and_all_who_match_are_exported_and_banned() {
    let mut world = World::start(40);
    world.person("other", &["sessions:plan", "devices:read"], &[]);
    world.person("auditor", &["audit:read"], &[]);
    scan(&world);
    if world.play("lists", 4) {
        assert!(
            world.env.sandbox().sign_in_as("user021", "ios_9").is_err(),
            "banned"
        );
    }
}

#[test]
fn paper_has_what_counts_and_nothing_moves_while_a_run_goes_on() {
    let world = World::start(90);
    scan(&world);
    // The run goes on for as long as somebody looks.
    for call in ["devices.list", "sessions.logout_all"] {
        world
            .env
            .sandbox()
            .inject(Fault::delay(call, Duration::from_secs(2)));
    }
    world.play("paper", 2);
}

#[test]
fn the_stream_of_a_browser_lasts_longer_than_a_request_may() {
    let world = World::start(1);
    let address = &world.service.address;
    let form = "content-type: application/x-www-form-urlencoded\r\n";
    let entered = ask_with(address, "POST", "/console/sign-in", form, &format!("key={KEY}")).unwrap();
    let cookie = entered
        .head
        .lines()
        .find_map(|line| line.strip_prefix("set-cookie: ")?.split(';').next())
        .unwrap();
    let mut stream = TcpStream::connect(address).unwrap();
    write!(
        stream,
        "GET /console/live HTTP/1.1\r\nhost: test\r\ncookie: {cookie}\r\n\r\n"
    )
    .unwrap();
    let began = Instant::now();
    let mut heard = vec![0; 64 * 1024];
    while began.elapsed() < Duration::from_secs(25) {
        assert!(
            stream.read(&mut heard).unwrap() > 0,
            "it ended after {:?}",
            began.elapsed()
        );
    }
}

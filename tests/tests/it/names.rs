//! A name matches somebody or is refused: exemptions, policies, arguments, and lists of users.

use easemob_admin_sandbox::Fault;

use super::env::{Output, TestEnv};

/// What turns the name of somebody into a name of nobody.
const ODD: &[(&str, &str)] = &[
    ("zero width space behind", "ann\u{200b}"),
    ("byte order mark in the middle of the file", "\u{feff}ann"),
    ("soft hyphen", "an\u{ad}n"),
    ("text direction", "\u{202e}ann"),
    ("tag", "ann\u{e0041}"),
    ("Hangul filler", "ann\u{3164}"),
    ("blank Braille pattern", "ann\u{2800}"),
    ("variation selector", "ann\u{fe0f}"),
    ("full-width", "ａｎｎ"),
    ("letter of another script", "аnn"),
    ("comma", "ann,"),
    ("semicolon", "ann;"),
    ("remark", "ann # the CEO"),
    ("quotes", "\"ann\""),
    ("typographic quotes", "“ann”"),
    ("slash behind", "ann/"),
    ("slash before", "/ann"),
    ("line end of an old Mac", "ann\rbob"),
    ("line separator", "ann\u{2028}bob"),
    ("next line", "ann\u{85}bob"),
    ("NUL", "ann\0"),
    ("shortened number", "1.38E+10"),
];

fn logout(env: &TestEnv, args: &[&str]) -> Output {
    let fixed = ["sessions", "logout", "--reason", "test", "--yes"];
    env.run(&[&fixed[..], args].concat())
}

fn untouched(env: &TestEnv, what: &str) {
    assert!(env.sandbox().calls().is_empty(), "{what}");
    assert_eq!(env.devices("ann").len(), 2, "{what}");
}

fn two_devices() -> TestEnv {
    let env = TestEnv::new();
    env.online("ann", &["ios_1", "ios_2"]);
    env
}

#[test]
fn an_exemption_that_would_match_nobody_is_refused() {
    let env = two_devices();
    for (what, name) in ODD {
        let exempt = env.file("exempt", format!("# staff\nceo\n{name}\n"));
        let output = logout(&env, &["ann", "bob", "--exempt", &exempt]).expect(2);
        assert!(output.stderr.contains("line 3"), "{what}: {}", output.text());
        untouched(&env, what);
    }
    for (what, bytes) in [
        ("GBK", &b"ceo\n\xd5\xc5\xc8\xfd\n"[..]),
        ("UTF-16", b"\xff\xfea\0n\0n\0\n\0"),
    ] {
        let exempt = env.file("exempt", bytes);
        let output = logout(&env, &["ann", "--exempt", &exempt]).expect(2);
        assert!(output.stderr.contains("iconv -f"), "{what}: {}", output.text());
        untouched(&env, what);
    }
}

#[test]
fn a_policy_with_a_name_that_would_match_nobody_is_refused() {
    let env = two_devices();
    let escaped = |name: &str| {
        let escape = |character: char| format!("\\U{:08X}", u32::from(character));
        name.chars().map(escape).collect::<String>()
    };
    let blanks = [
        ("blank before", " ann"),
        ("blank behind", "ann "),
        ("line end", "ann\n"),
        ("nothing", ""),
    ];
    for (what, name) in ODD.iter().chain(&blanks) {
        let name = escaped(name);
        for policy in [
            format!("default = 1\n[exempt]\nusers = [\"ceo\",\n\"{name}\"]\n"),
            format!("default = 1\n[exempt]\nresources = [\"web_*\",\n\"{name}/ios_*\"]\n"),
            format!("default = 1\n[[user]]\n\nname = \"{name}\"\ndefault = 9\n"),
        ] {
            let policy = env.file("policy.toml", &policy);
            let enforce = ["limits", "enforce", &policy, "ann", "--reason", "test", "--yes"];
            let output = env.run(&enforce).expect(2);
            assert!(output.stderr.contains("line 4"), "{what}: {}", output.text());
            let _ = env.run(&["limits", "check", &policy, "ann"]).expect(2);
            untouched(&env, what);
        }
    }
}

#[test]
fn an_argument_that_would_match_nothing_is_refused() {
    let env = two_devices();
    for args in [
        &["--keep-device", "ios_1\u{200b}"][..],
        &["--keep-device", "ios_1 "],
        &["--keep-device", "ios_*"],
        &["--keep-device", "ios_1,ios_2"],
        &["--keep-device", "bob/ios_1"],
        &["--device", "ios_1\u{feff}"],
        &["--device", "ｉos_1"],
        &["--resource", "ios_*\u{200b}"],
        &["--resource", "web*,custom*"],
        &["--device-name", "Pixel*\u{a0}"],
        &["--platform", "ios\u{200b}"],
        &["--platform", "ios_1"],
    ] {
        let _ = logout(&env, &[&["ann"], args].concat()).expect(2);
        untouched(&env, args[1]);
    }
    for args in [
        &["users", "show", "ann\u{200b}"][..],
        &["limits", "show", "ａnn"],
        &[
            "limits",
            "set",
            "--user",
            "ann\u{feff}",
            "--mode",
            "single",
            "--reason",
            "test",
        ],
        &["logins", "show", "ann\u{ad}"],
        &["audit", "log", "--user", "ann "],
        &["logins", "count", "--label", "kiosk=Kiosk*\u{200b}"],
    ] {
        let _ = env.run(args).expect(2);
        untouched(&env, args[1]);
    }
    let _ = logout(&env, &["ann", "--keep-device", "Ann/IOS_1"]).expect(0);
    assert_eq!(env.devices("ann"), ["ios_1"], "capitals do not cost a device");
}

#[test]
fn every_run_tells_the_exemptions_that_matched_nobody() {
    let env = two_devices();
    env.online("ceo", &["ios_9"]);
    let exempt = env.file("exempt", "CEO\ncep\nbot-*\n*/web_kiosk\neve/ios_1\n");
    let list = env.file("list", "ann\nceo\nbob\n");
    let output = logout(&env, &["--from", &list, "--exempt", &exempt, "-o", "json"]).expect(7);
    let summary = &output.json()["summary"];
    assert_eq!(summary["exemptions_unmatched"], 3);
    let first: Vec<&str> = summary["exemptions_unmatched_first"]
        .as_array()
        .unwrap()
        .iter()
        .map(|name| name.as_str().unwrap())
        .collect();
    assert_eq!(first, ["cep", "bot-*", "eve/ios_1"]);
    assert!(
        output.stderr.contains("3 exemptions matched none of the users"),
        "{}",
        output.text()
    );
    assert!(env.devices("ann").is_empty() && env.devices("ceo").len() == 1);

    let policy = env.file(
        "policy.toml",
        "default = 0\n[exempt]\nusers = [\"ceo\", \"cep\"]\n",
    );
    for args in [
        &["limits", "check", &policy, "ceo"][..],
        &["limits", "enforce", &policy, "ceo", "--reason", "test", "--yes"],
    ] {
        let output = env.run(&[args, &["-o", "json"]].concat()).expect(0);
        assert_eq!(output.json()["summary"]["exemptions_unmatched"], 1);
    }
    assert_eq!(env.devices("ceo").len(), 1);
}

#[test]
fn a_name_that_nobody_has_is_never_offline() {
    let env = two_devices();
    env.sandbox().register("idle");
    let list = env.file("list", "idle\nann\u{200b}\nａｎｎ\n\u{feff}ann\nann,ios\n");
    let status = env
        .run(&["users", "status", "--from", &list, "-o", "json"])
        .expect(7);
    let rows = status.json()["rows"].as_array().unwrap().clone();
    let words: Vec<&str> = rows.iter().map(|row| row["status"].as_str().unwrap()).collect();
    assert_eq!(words, ["offline", "failed", "failed", "failed", "failed"]);
    assert!(status.stderr.contains("line 2: U+200B"), "{}", status.text());
    assert!(status.stderr.contains("line 4: U+FEFF"), "{}", status.text());
    for command in [
        &["devices", "list"][..],
        &["sessions", "logout", "--reason", "test", "--yes"],
    ] {
        let output = env
            .run(&[command, &["--from", &list, "-o", "json"]].concat())
            .expect(7);
        let summary = &output.json()["summary"];
        assert_eq!(
            (&summary["nothing_to_do"], &summary["failed_final"]),
            (&1.into(), &4.into())
        );
        assert_eq!(summary["names_with_hidden_characters"], 3);
    }
    assert_eq!(env.devices("ann").len(), 2);
}

#[test]
fn an_empty_answer_about_a_name_that_nobody_has_proves_nothing() {
    let env = two_devices();
    for command in [
        &["devices", "list"][..],
        &["sessions", "logout", "--reason", "test", "--yes"],
    ] {
        let empty = r#"{"action":"get","entities":[],"data":[],"duration":1}"#;
        env.sandbox()
            .inject(Fault::raw_body("devices.list", "application/json", empty));
        let output = env
            .run(&[command, &["ann\u{200b}", "-o", "json"]].concat())
            .expect(7);
        assert_eq!(output.json()["summary"]["nothing_to_do"], 0, "{}", output.text());
    }
    assert_eq!(env.devices("ann").len(), 2);
}

#[test]
fn an_account_with_an_odd_name_is_still_signed_out() {
    let env = TestEnv::new();
    let name = "ann\u{200b}";
    env.online(name, &["ios_1"]);
    let _ = logout(&env, &[name]).expect(0);
    assert!(env.devices(name).is_empty());
    let _ = logout(&env, &[name]).expect(0);
    let status = env.run(&["users", "status", name, "-o", "json"]).expect(0);
    assert_eq!(status.json()["rows"][0]["status"], "offline");
}

#[test]
fn the_header_of_a_column_is_not_a_user() {
    for header in [
        "user",
        "\"user\"",
        "\u{feff}USER",
        "用户名",
        "# exported\n\nuser_id",
    ] {
        let env = two_devices();
        env.online("user", &["ios_3"]);
        let list = env.file("list", format!("{header}\nann\n"));
        let output = logout(&env, &["--from", &list, "-o", "json"]).expect(0);
        assert!(output.stderr.contains("is a column header"), "{}", output.text());
        assert_eq!(output.json()["summary"]["header_lines"], 1);
        assert!(
            env.devices("ann").is_empty() && env.devices("user").len() == 1,
            "{header}"
        );
    }
    let env = TestEnv::new();
    env.online("user", &["ios_3"]);
    env.sandbox().register("ann");
    let list = env.file("list", "ann\nuser\n");
    let _ = logout(&env, &["--from", &list]).expect(0);
    assert!(env.devices("user").is_empty(), "on a later line it is a user");
}

#[test]
fn a_list_of_another_program_is_refused_with_what_to_type() {
    let env = two_devices();
    for (content, hint) in [
        (&b"ann\n\xd5\xc5\xc8\xfd\n"[..], "iconv -f GB18030 -t UTF-8"),
        (b"\xff\xfea\0n\0n\0\n\0", "iconv -f UTF-16 -t UTF-8"),
        (b"a\0n\0n\0\r\0\n\0", "iconv -f UTF-16LE -t UTF-8"),
        (b"PK\x03\x04\x14\0\0\0", "export the column"),
        (b"13800138000\n1.38E+10\n", "format the column as text"),
        (b"line,user,outcome\n1,ann,ended\n", "cut -d, -f2"),
        (b"{\"user\":\"ann\"}\n", "jq -r"),
    ] {
        let list = env.file("list", content);
        let output = logout(&env, &["--from", &list]).expect(2);
        assert!(output.stderr.contains(hint), "{}", output.text());
        untouched(&env, hint);
    }
}

#[test]
fn our_own_csv_becomes_a_list_as_the_hint_says() {
    let env = two_devices();
    let rows = env.run(&["devices", "list", "ann", "-o", "csv"]).expect(0);
    let table = env.file("rows.csv", &rows.stdout);
    let refused = logout(&env, &["--from", &table]).expect(2);
    let column = rows
        .stdout
        .lines()
        .next()
        .unwrap()
        .split(',')
        .position(|name| name == "user")
        .unwrap();
    assert!(
        refused
            .stderr
            .contains(&format!("cut -d, -f{} {table}", column + 1)),
        "{}",
        refused.text()
    );
    let cut = |line: &str| line.split(',').nth(column).unwrap().to_owned();
    let list: Vec<String> = rows.stdout.lines().map(cut).collect();
    let list = env.file("list", list.join("\n"));
    let _ = logout(&env, &["--from", &list]).expect(0);
    assert!(env.devices("ann").is_empty());
}

//! People who sign in at a service: with a code, with a browser, and out again.

use std::os::unix::fs::PermissionsExt as _;

use easemob_admin_sandbox::Fault;
use serde_json::{Value, json};

use super::env::{Output, TestEnv};
use super::openid_provider::Provider;
use super::service::Service;

struct SignIn {
    env: TestEnv,
    provider: Provider,
    _service: Service,
}

impl SignIn {
    fn new() -> Self {
        let mut env = TestEnv::new();
        let provider = Provider::start();
        let settings = env.file("issuers.toml", provider.settings());
        let service = Service::start(&env, "service-data", &["--openid", &settings]);
        let url = service.ready["url"].as_str().unwrap().to_owned();
        for name in ["EASEMOB_APP_ROOT", "EASEMOB_CLIENT_ID", "EASEMOB_CLIENT_SECRET"] {
            env.unset(name);
        }
        env.set("EASEMOB_SERVICE", &url);
        Self {
            env,
            provider,
            _service: service,
        }
    }

    /// What the file of the sign-in says, changed.
    fn change_kept(&self, change: impl FnOnce(&mut Value)) {
        let file = &self.kept()[0];
        let mut kept: Value = serde_json::from_str(&std::fs::read_to_string(file).unwrap()).unwrap();
        change(&mut kept);
        std::fs::write(file, kept.to_string()).unwrap();
    }

    fn reads(&self) -> Output {
        self.env.run(&["devices", "list", "ann", "-o", "json"])
    }

    fn kept(&self) -> Vec<std::path::PathBuf> {
        let all = self.env.all_files();
        all.into_iter()
            .filter(|path| {
                path.to_string_lossy().contains("sign-ins/")
                    && path.extension().is_some_and(|end| end == "json")
            })
            .collect()
    }
}

#[test]
fn a_code_signs_somebody_in_until_they_sign_out() {
    let this = SignIn::new();
    this.env.online("ann", &["ios_1"]);
    let before = this.reads().expect(3);
    assert!(before.stderr.contains("easemob-admin login"), "{}", before.text());
    this.provider.answer_next(&[
        (400, json!({"error": "authorization_pending"})),
        (503, Value::Null),
        (400, json!({"error": "authorization_pending"})),
    ]);
    let signed_in = this.env.run(&["login", "-o", "json"]).expect(0);
    assert!(signed_in.stderr.contains("WDJB-MJHT"), "{}", signed_in.text());
    assert_eq!(
        signed_in.json()["rows"][0]["person"],
        "ann@example.com",
        "{}",
        signed_in.text()
    );
    assert_eq!(this.provider.asked(), ["device_code"; 4]);
    let kept = this.kept();
    assert_eq!(kept.len(), 1, "{kept:?}");
    assert_eq!(
        std::fs::metadata(&kept[0]).unwrap().permissions().mode() & 0o777,
        0o600
    );
    let secret = std::fs::read_to_string(&kept[0]).unwrap();
    let token = serde_json::from_str::<Value>(&secret).unwrap()["token"]
        .as_str()
        .unwrap()
        .to_owned();
    assert_eq!(this.reads().expect(0).json()["rows"][0]["device"], "ios_1");
    let acted = this
        .env
        .run(&["sessions", "logout", "ann", "--reason", "leak", "--yes"])
        .expect(0);
    assert!(this.env.devices("ann").is_empty(), "{}", acted.text());
    let log = this.env.run(&["audit", "log", "-o", "json"]).expect(0);
    assert_eq!(log.json()["rows"][0]["operator"], "ann@example.com");
    let signed_out = this.env.run(&["logout"]).expect(0);
    assert_eq!(this.provider.revoked(), ["refresh_token", "access_token"]);
    assert!(this.kept().is_empty());
    let _ = this.reads().expect(3);
    for output in [&signed_in, &acted, &log, &signed_out] {
        assert!(!output.text().contains(&token), "a token is shown");
    }
    let again = this.env.run(&["logout"]).expect(0);
    assert!(again.stderr.contains("nobody was signed in"), "{}", again.text());
}

#[test]
fn a_token_that_ends_is_renewed_and_each_renewal_is_used_once() {
    let this = SignIn::new();
    this.env.online("ann", &["ios_1"]);
    // Less than the time that a command needs.
    this.provider.tokens_live(60);
    let _ = this.env.run(&["login"]).expect(0);
    let commands: Vec<_> = (0..4)
        .map(|_| this.env.spawn(&["devices", "list", "ann"]))
        .collect();
    for command in commands {
        let _ = TestEnv::finish(command).expect(0);
    }
    this.provider.tokens_live(3600);
    this.provider.rotate_keys();
    // The service asks the issuer for its keys every ten seconds at most.
    super::env::until("the service knows the new key", || this.reads().code == 0);
    let refreshed = this.provider.asked().len();
    let _ = this.reads().expect(0);
    assert_eq!(
        this.provider.asked().len(),
        refreshed,
        "a fresh token is used as it is"
    );
    // While the issuer is away, the token is good for what is left of it.
    let file = &this.kept()[0];
    let mut kept: Value = serde_json::from_str(&std::fs::read_to_string(file).unwrap()).unwrap();
    let soon = |seconds: u64| {
        let at = std::time::SystemTime::now() + std::time::Duration::from_secs(seconds);
        let at = at.duration_since(std::time::UNIX_EPOCH).unwrap().as_secs();
        written(at)
    };
    kept["ends"] = json!(soon(60));
    std::fs::write(file, kept.to_string()).unwrap();
    this.provider.answer_next(&[(503, Value::Null)]);
    let _ = this.reads().expect(0);
    // The issuer has ended the sign-in.
    kept["ends"] = json!("2026-01-01T00:00:00Z");
    kept["refresh"] = json!("stolen");
    std::fs::write(file, kept.to_string()).unwrap();
    let ended = this.reads().expect(4);
    assert!(ended.stderr.contains("easemob-admin login"), "{}", ended.text());
}

#[test]
fn a_token_that_the_service_refuses_is_renewed_once_for_all_and_what_it_was_for_is_repeated() {
    let this = SignIn::new();
    for user in ["ann", "bob"] {
        this.env.online(user, &["ios_1"]);
    }
    let _ = this.env.run(&["login"]).expect(0);
    let refreshed = || {
        let asked = this.provider.asked();
        asked.iter().filter(|grant| *grant == "refresh_token").count()
    };
    // The machine slept, or its clock is wrong: the token has ended, and the file does not know. An issuer that sees a refresh
    // token twice ends the sign-in.
    for (number, commands) in [
        vec![
            &["devices", "list", "ann", "bob"][..],
            &["users", "list"],
            &["users", "list"],
            &["sessions", "locks"],
            &["audit", "log"],
        ],
        vec![&["logins", "scan"][..]],
        vec![&["sessions", "logout", "ann", "--reason", "leak", "--yes"][..]],
    ]
    .into_iter()
    .enumerate()
    {
        this.change_kept(|kept| {
            kept["token"] = this.provider.ended_token().into();
            kept["ends"] = "2099-01-01T00:00:00Z".into();
        });
        let running: Vec<_> = commands.iter().map(|args| (args, this.env.spawn(args))).collect();
        for (args, command) in running {
            let output = TestEnv::finish(command);
            // There is no trail before the first act.
            let expected = [0, if args[0] == "audit" { output.code } else { 0 }];
            assert!(expected.contains(&output.code), "{args:?}: {}", output.text());
        }
        assert_eq!(refreshed(), number + 1, "{commands:?}");
    }
    assert_eq!(this.env.sandbox().call_count("sessions.logout_all"), 1);
    assert!(this.env.devices("ann").is_empty());
    // Where it cannot be renewed, the command says what to do.
    this.change_kept(|kept| {
        kept["token"] = this.provider.ended_token().into();
        kept["refresh"] = "stolen".into();
    });
    for args in [&["devices", "list", "ann"][..], &["users", "list"]] {
        let ended = this.env.run(args).expect(4);
        assert!(ended.stderr.contains("easemob-admin login"), "{}", ended.text());
    }
}

#[test]
fn a_run_goes_on_when_the_sign_in_of_whoever_began_it_ends() {
    let this = SignIn::new();
    let users = ["u1", "u2", "u3", "u4"];
    for user in users {
        this.env.online(user, &["ios_1"]);
    }
    let _ = this.env.run(&["login"]).expect(0);
    let held = Fault::delay("sessions.logout_all", super::env::STUCK).times(1);
    this.env.sandbox().inject(held);
    let acting = [
        &["sessions", "logout"][..],
        &users,
        &["--reason", "leak", "--yes"],
    ]
    .concat();
    let acting = this.env.spawn(&acting);
    super::env::until("a call that is held up", || this.env.sandbox().held_calls() > 0);
    this.change_kept(|kept| {
        kept["token"] = this.provider.ended_token().into();
        kept["refresh"] = "stolen".into();
    });
    this.env.sandbox().release_calls();
    super::env::until("the end of the run", || {
        users.iter().all(|user| this.env.devices(user).is_empty())
    });
    let _ = TestEnv::finish(acting);
    assert_eq!(this.env.sandbox().call_count("sessions.logout_all"), 4);
}

#[test]
fn an_issuer_with_a_certificate_of_a_private_authority_is_trusted_where_that_is_configured() {
    let mut env = TestEnv::new();
    env.online("ann", &["ios_1"]);
    let (provider, certificate) = Provider::start_with_tls();
    let settings = |more: &str| {
        provider
            .settings()
            .replace("audience =", &format!("{more}audience ="))
    };
    let with = env.file("issuers/with.toml", settings("ca_file = \"ca.pem\"\n"));
    let without = env.file("issuers/without.toml", settings(""));
    let authority = env.file("issuers/ca.pem", &certificate);
    // A file that has none is found at the start.
    let broken = env.file("issuers/broken.toml", settings("ca_file = \"with.toml\"\n"));
    let missing = env.file("issuers/missing.toml", settings("ca_file = \"nowhere.pem\"\n"));
    for file in [&broken, &missing] {
        let refused = env
            .run(&["serve", "--listen", "127.0.0.1:0", "--openid", file])
            .expect(3);
        assert!(refused.stderr.contains("ca_file"), "{}", refused.text());
    }
    let services = [
        Service::start(&env, "trusting", &["--openid", &with]),
        Service::start(&env, "not-trusting", &["--openid", &without]),
    ];
    let urls = services
        .each_ref()
        .map(|service| service.ready["url"].as_str().unwrap().to_owned());
    for name in ["EASEMOB_APP_ROOT", "EASEMOB_CLIENT_ID", "EASEMOB_CLIENT_SECRET"] {
        env.unset(name);
    }
    let profile = |name: &str, url: &str, ca: &str| {
        format!("[profiles.{name}]\nservice = \"{url}\"\nservice_app = \"default\"\n{ca}\n")
    };
    let ca = format!("ca_file = \"{authority}\"");
    let profiles =
        profile("ops", &urls[0], &ca) + &profile("doubtful", &urls[0], "") + &profile("other", &urls[1], &ca);
    env.file("config/config.toml", profiles);
    let by = |profile: &str, args: &[&str]| env.run(&[&["--profile", profile], args].concat());
    // The command line does not know the authority.
    let doubtful = by("doubtful", &["login"]).expect(5);
    assert!(doubtful.stderr.contains("certificate"), "{}", doubtful.text());
    // The service does not know it.
    let _ = by("other", &["login"]).expect(4);
    let _ = by("ops", &["login"]).expect(0);
    let _ = by("ops", &["devices", "list", "ann"]).expect(0);
    // The renewal and the end of the sign-in go the same way.
    let signed_out = by("ops", &["logout"]).expect(0);
    assert!(signed_out.stderr.contains("revoked"), "{}", signed_out.text());
}

/// Writes a time as the file has it.
fn written(seconds: u64) -> String {
    let output = std::process::Command::new("date")
        .args(["-u", "-d", &format!("@{seconds}"), "+%Y-%m-%dT%H:%M:%SZ"])
        .output()
        .unwrap();
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

#[test]
fn who_says_no_or_is_nobody_is_not_signed_in() {
    let this = SignIn::new();
    for (answer, code, word) in [
        (json!({"error": "access_denied"}), 4, "denied"),
        (json!({"error": "expired_token"}), 4, "in time"),
        (
            json!({"error": "server_error", "error_description": "out of order"}),
            4,
            "out of order",
        ),
    ] {
        this.provider.answer_next(&[(400, answer)]);
        let refused = this.env.run(&["login"]).expect(code);
        assert!(refused.stderr.contains(word), "{}", refused.text());
    }
    this.provider.person("eve@example.com", &["strangers"]);
    let stranger = this.env.run(&["login"]).expect(4);
    assert!(this.kept().is_empty(), "{}", stranger.text());
    let other = this
        .env
        .run(&["login", "--issuer", "https://evil.example.com"])
        .expect(3);
    assert!(other.stderr.contains(&this.provider.issuer), "{}", other.text());
}

#[test]
fn a_browser_on_this_machine_signs_somebody_in() {
    let mut this = SignIn::new();
    this.env.online("ann", &["ios_1"]);
    let browser = this.env.file(
        "browser",
        "#!/bin/sh\nexec curl -sL --noproxy '*' \"$1\" -o \"$HOME/page\"\n",
    );
    std::fs::set_permissions(&browser, std::fs::Permissions::from_mode(0o755)).unwrap();
    this.env.set("BROWSER", &browser);
    let signed_in = this.env.run(&["login", "--browser"]).expect(0);
    assert_eq!(
        this.provider.asked(),
        ["authorization_code"],
        "{}",
        signed_in.text()
    );
    let _ = this.reads().expect(0);
    let page = this.env.path("page");
    super::env::until("the browser shows the page", || {
        std::fs::read_to_string(&page).is_ok_and(|page| page.contains("Signed in"))
    });
}

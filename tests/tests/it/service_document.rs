//! Every command and every setting that `docs/service.md` shows, run as it stands there, apart from names and addresses.

use std::io::{BufRead as _, BufReader};
use std::process::{Command, Stdio};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use super::env::{Output, Running, TestEnv, until};
use crate::cluster::TestDatabase;

const KEY_VARIABLE: &str = "EASEMOB_FIRST_KEY";

/// The blocks of the document, each with what its fence says.
fn blocks() -> Vec<(String, String)> {
    let document = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/service.md");
    let text = std::fs::read_to_string(document).unwrap();
    let (mut blocks, mut open) = (Vec::new(), None::<(String, String)>);
    for line in text.lines() {
        match (line.trim_start().strip_prefix("```"), &mut open) {
            (Some(_), Some(_)) => blocks.extend(open.take()),
            (Some(form), None) => open = Some((form.to_owned(), String::new())),
            (None, Some((_, block))) => {
                block.push_str(line.trim_start());
                block.push('\n');
            }
            (None, None) => {}
        }
    }
    blocks
}

fn shell(env: &TestEnv, variables: &[(&str, &str)], script: &str) -> Command {
    let mut shell = Command::new("bash");
    let plain = env.command(&[]);
    shell
        .args(["-ec", script])
        .env_clear()
        .envs(plain.get_envs().filter_map(|(name, value)| Some((name, value?))))
        .envs(variables.iter().copied())
        .env("PATH", env.search_path())
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    shell
}

fn run(env: &TestEnv, variables: &[(&str, &str)], script: &str) -> Output {
    let output = shell(env, variables, script).output().unwrap();
    Output {
        stdout: String::from_utf8(output.stdout).unwrap(),
        stderr: String::from_utf8(output.stderr).unwrap(),
        code: output.status.code().unwrap_or(-1),
    }
}

/// Starts what serves, and returns its address with the process, and the key that the script made.
fn serving(env: &TestEnv, variables: &[(&str, &str)], script: &str) -> (Running, String) {
    // On a port of its own, and as the process that the test ends.
    let script = script.replace("easemob-admin ", "exec easemob-admin ");
    let script = script.replace(" serve\n", " serve --listen 127.0.0.1:0\n");
    let script = script.replace(" serve --open\n", " serve --open --listen 127.0.0.1:0\n");
    let mut process = Running::of(shell(env, variables, &script).spawn().unwrap());
    let mut ready = String::new();
    let mut out = BufReader::new(process.stdout.as_mut().unwrap());
    out.read_line(&mut ready).unwrap();
    let Ok(ready) = serde_json::from_str::<Value>(&ready) else {
        panic!("{script}: {}", TestEnv::finish(process).text());
    };
    (process, ready["url"].as_str().unwrap().to_owned())
}

fn stop(mut process: Running) {
    kill_process(Pid::from_child(&process), Signal::TERM).unwrap();
    assert!(process.wait().unwrap().success(), "{}", process.said());
}

/// Runs a `curl` of the document against this service, and returns what it answered.
fn asked(env: &TestEnv, (url, key): (&str, &str), script: &str) -> Value {
    let script = script
        .replace("http://127.0.0.1:7300", url)
        .replace("https://ops.example.com", url)
        .replace("apps/prod/", "apps/sandbox/")
        .replace("/acme/chat/users/ann/", "/easemob-demo/sandbox/users/user0003/")
        .replace("curl ", "curl --silent --show-error --fail-with-body ");
    let variables = [(KEY_VARIABLE, key), ("KEY", key)];
    let answer = run(env, &variables, &script).expect(0);
    serde_json::from_str(&answer.stdout).unwrap_or_else(|error| panic!("{error}: {}", answer.text()))
}

#[test]
fn every_block_of_the_document_works() {
    let env = TestEnv::bare();
    let blocks = blocks();
    let (_, first) = &blocks[0];
    assert!(first.contains("--sandbox serve"), "{first}");
    let made = first.lines().find(|line| line.starts_with("export ")).unwrap();
    let key = run(&env, &[], &format!("{made}\necho -n \"${KEY_VARIABLE}\""))
        .expect(0)
        .stdout;
    let serve = first.replace(made, "");
    let (service, url) = serving(&env, &[(KEY_VARIABLE, &key)], serve.trim_start());
    let at = (url.as_str(), key.as_str());
    let mut kinds = vec!["serve"];
    for (form, block) in &blocks[1..] {
        kinds.push(match (form.as_str(), block.as_str()) {
            ("", block) if block.starts_with("curl ") && block.contains("/runs ") => {
                signs_out(&env, at, block);
                "sign out"
            }
            ("", block) if block.starts_with("curl ") => {
                let _ = asked(&env, at, block);
                "curl"
            }
            // `approvals` runs them one after the other.
            ("", block) if block.starts_with("$ ") => "two people",
            ("", block) if block.contains("serve --open") => {
                let elsewhere = TestEnv::bare();
                let (console, _) = serving(&elsewhere, &[], block);
                stop(console);
                "console"
            }
            // `sign_in` runs them at an issuer.
            ("", block) if block.contains("easemob-admin login") => {
                for line in block.lines() {
                    let command = line.split(" #").next().unwrap();
                    let _ = run(&env, &[], &format!("{command} --help")).expect(0);
                }
                "sign in"
            }
            ("", block) if block.contains("--store postgres://") => {
                shares(block);
                "store"
            }
            ("toml", block) if block.contains("[profiles.") => {
                is_a_profile(&env, at, block);
                "profile"
            }
            ("toml", block) if block.contains("[[issuer]]") => {
                let _ = is_accepted(&TestEnv::bare(), block);
                "issuer"
            }
            ("toml", block) if block.contains("[issuer.console]") => {
                let (_, issuer) = blocks
                    .iter()
                    .find(|(_, block)| block.contains("[[issuer]]"))
                    .unwrap();
                let elsewhere = TestEnv::bare();
                let secret = elsewhere.file("console.secret", "the-secret-of-the-client");
                let block = block.replace("/etc/easemob-admin/console.secret", &secret);
                let said = is_accepted(&elsewhere, &format!("{issuer}{block}"));
                let redirect = "https://ops.example.com/console/sign-in/at/login.example.com-realms-staff";
                assert!(said.stderr.contains(redirect), "{}", said.text());
                "issuer of the console"
            }
            (form, block) => panic!("nobody runs this block of {form}: {block}"),
        });
    }
    stop(service);
    for kind in [
        "sign out",
        "curl",
        "console",
        "sign in",
        "store",
        "profile",
        "issuer",
        "issuer of the console",
        "two people",
    ] {
        assert!(kinds.contains(&kind), "{kind} is missing: {kinds:?}");
    }
}

/// The first sign-out: the answer has the id of the run, which ends with devices signed out.
fn signs_out(env: &TestEnv, (url, key): (&str, &str), block: &str) {
    let made = asked(env, (url, key), block);
    let id = made["id"].as_str().unwrap_or_else(|| panic!("{made}"));
    let show = format!("curl {url}/v1/apps/sandbox/runs/{id} -H \"authorization: Bearer ${KEY_VARIABLE}\"");
    until("the end of the run", || {
        asked(env, (url, key), &show)["state"] == "done"
    });
    let run = asked(env, (url, key), &show);
    assert!(run["done"] == 1 && run["devices"].as_u64() > Some(0), "{run}");
}

/// A process that shares a database starts, and stops.
fn shares(block: &str) {
    let Some(database) = TestDatabase::create() else {
        return;
    };
    let mut env = TestEnv::new();
    env.set("EASEMOB_STORE", &database.url());
    let _ = env.run(&["store", "init"]).expect(0);
    let from = block.find("postgres://").unwrap();
    let to = from + block[from..].find(' ').unwrap();
    let block = block.replace(&block[from..to], &format!("'{}'", database.url()));
    let (service, _) = serving(&env, &[], &block);
    stop(service);
}

/// A profile with a service acts through it.
fn is_a_profile(env: &TestEnv, (url, key): (&str, &str), block: &str) {
    let home = env.home.path().to_str().unwrap();
    let file = env.file(".config/easemob-admin/ops.key", key);
    let mode = std::os::unix::fs::PermissionsExt::from_mode(0o600);
    std::fs::set_permissions(file, mode).unwrap();
    let block = block
        .replace("https://ops.example.com", url)
        .replace("service_app = \"prod\"", "service_app = \"sandbox\"");
    assert!(block.contains("~/"), "{home}: {block}");
    let settings = env.file("config/config.toml", block);
    let mode = std::os::unix::fs::PermissionsExt::from_mode(0o600);
    std::fs::set_permissions(settings, mode).unwrap();
    let listed = ["--profile", "prod", "devices", "list", "user0002", "-o", "json"];
    let listed = env.run(&listed).expect(0).json();
    assert!(!listed["rows"].as_array().unwrap().is_empty(), "{listed}");
}

/// Settings of issuers are accepted.
fn is_accepted(env: &TestEnv, block: &str) -> Output {
    let file = env.file("issuers.toml", block.replace("\"prod\"", "\"sandbox\""));
    let check = ["--sandbox", "serve", "--openid", &file, "--check"];
    env.run(&check).expect(0)
}

//! One fault and one command: the run, what it claims, and how it is gone on with.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use easemob_admin_sandbox::Fault;
use rustls::ServerConfig;
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::PrivateKeyDer;
use tokio::io::AsyncReadExt;
use tokio_rustls::TlsAcceptor;

use super::super::env::{Output, TestEnv};
use super::super::interrupts::send;
use super::super::record::{read_only, small_files};
use super::command::{Claim, Command, users};
use super::line::{Line, Strike};
use super::wrong::{Often, OnLine, Wrong};

/// Brings a fault about and returns what the table says of it.
pub(super) fn of(command: Command, wrong: Wrong) -> String {
    let mut env = TestEnv::new();
    for user in users().chain(["zoe".to_owned()]) {
        env.online(&user, &[&format!("ios_{user}"), &format!("webim_{user}")]);
    }
    let list = env.file("list", users().collect::<Vec<_>>().join("\n"));
    let args = command.args(&list);
    let (strike, often) = match wrong {
        Wrong::Line(what, often) => (what.strike(), often),
        _ => (Strike::Tell, Often::Once),
    };
    let upstream = env.sandbox().rest_url().trim_start_matches("http://").to_owned();
    let line = Line::to(
        upstream,
        command.call(),
        command.call_about_user07(),
        strike,
        often,
    );
    let on_line = format!("http://127.0.0.1:{}/acme/chat", line.port);
    env.set("EASEMOB_APP_ROOT", &on_line);

    let output = run(&mut env, &args, command, wrong, &line);
    let calls = line.requests();
    if matches!(wrong, Wrong::Line(..)) {
        assert!(
            line.struck() > 0,
            "{command:?} {wrong:?} met nothing: {}",
            output.text()
        );
    }
    env.set("EASEMOB_APP_ROOT", &on_line);
    line.mend();
    let claims = command.claims(&env, &output);
    command.hold_against_truth(&env, &claims);
    let done = command.done(&env, &claims);
    let code = match output.code {
        -1 => "killed".to_owned(),
        code => format!("exit {code}"),
    };
    let count = |wanted: &Claim| claims.values().filter(|claim| *claim == wanted).count();
    let mut cell = format!("{code}: {done} done");
    for (claim, word) in [(Claim::Failed, "failed"), (Claim::Unknown, "unknown")] {
        match count(&claim) {
            0 => {}
            number => write!(cell, ", {number} {word}").unwrap(),
        }
    }
    // How far the others of four at a time had come is a matter of luck.
    let refused = matches!(wrong, Wrong::Line(OnLine::TokenRefused, Often::Always));
    if refused || matches!(wrong, Wrong::Terminated | Wrong::Killed) {
        cell = format!("{code}: a part done");
        assert!(done < 20, "{command:?} {wrong:?}");
    } else if matches!(wrong, Wrong::Line(OnLine::ClockJump, _)) {
        // Each of the four that are under way may be sent once more, and no other.
        assert!((21..=24).contains(&calls), "{command:?}: {calls} calls");
        cell.push_str("; 21 to 24 calls");
    } else if matches!(wrong, Wrong::Away | Wrong::CutOff) {
        cell.push_str(" after the wait");
    } else {
        write!(cell, "; {calls} calls").unwrap();
    }
    let on_record = command.acts() && env.path("data").join("audit").exists() && calls > 0;
    if on_record {
        record_is_whole(&env);
    }
    let how = finish(command, &env, &args, &output, calls);
    format!("{cell}{how}")
}

/// Runs the command while the fault comes about.
fn run(env: &mut TestEnv, args: &[&str], command: Command, wrong: Wrong, line: &Line) -> Output {
    match wrong {
        Wrong::Line(OnLine::ClockJump, _) => {
            let child = env.spawn(args);
            line.told.recv_timeout(Duration::from_secs(50)).unwrap();
            env.sandbox().advance(Duration::from_secs(90 * 24 * 60 * 60));
            line.allow.send(()).unwrap();
            TestEnv::finish(child)
        }
        Wrong::Line(..) => env.run(args),
        Wrong::Away | Wrong::CutOff => {
            let fault = match wrong {
                Wrong::Away => Fault::status("*", 503),
                _ => Fault::cut_after("*"),
            };
            env.sandbox().inject(fault.skip(8));
            line.allow.send(()).unwrap();
            let child = env.spawn(args);
            child.until_it_says("server not answering, waiting");
            env.sandbox().clear_faults();
            TestEnv::finish(child)
        }
        Wrong::NoSuchHost => {
            env.set("EASEMOB_APP_ROOT", "https://no-such-host.invalid/acme/chat");
            env.run(args)
        }
        Wrong::OtherName => with_a_certificate_for_another_name(env, args),
        // A list keeps nothing on a disk but what the operator makes of its rows.
        Wrong::FullDisk if command == Command::List => {
            let full = std::fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
            line.allow.send(()).unwrap();
            env.run_to(args, full.into())
        }
        Wrong::FullDisk => {
            line.allow.send(()).unwrap();
            TestEnv::finish(env.spawn_in(&small_files(8), args))
        }
        Wrong::ReadOnlyDisk => {
            line.allow.send(()).unwrap();
            TestEnv::finish(env.spawn_in(&read_only(env), args))
        }
        Wrong::Terminated | Wrong::Killed => {
            let child = env.spawn(args);
            line.told.recv_timeout(Duration::from_secs(50)).unwrap();
            let signal = if wrong == Wrong::Killed { "-KILL" } else { "-TERM" };
            send(signal, &child);
            if wrong == Wrong::Terminated {
                // Heard before the answer comes.
                child.until_it_says("press Ctrl-C again");
            }
            line.allow.send(()).unwrap();
            TestEnv::finish(child)
        }
    }
}

/// Does what is left, and returns how.
fn finish(command: Command, env: &TestEnv, args: &[&str], first: &Output, calls: usize) -> String {
    let mut how = String::new();
    let stopped = ![0, 6, 7, 8].contains(&first.code);
    if command.acts() && stopped && calls > 0 {
        let resumed = env.run(&["runs", "resume", "last", "--yes"]);
        assert_eq!(
            resumed.code,
            0,
            "{command:?}\n{}\n{}",
            first.text(),
            resumed.text()
        );
        how = "; `runs resume` did the rest".into();
    }
    if command == Command::Scan && stopped && calls > 0 {
        let args = [args, &["--resume"]].concat();
        let resumed = env.run(&args);
        assert_eq!(resumed.code, 0, "{}\n{}", first.text(), resumed.text());
        how = "; `--resume` did the rest".into();
    }
    let again = env.run(args).expect(0);
    let claims = command.claims(env, &again);
    command.hold_against_truth(env, &claims);
    assert_eq!(command.done(env, &claims), 20, "{}", again.text());
    if command.acts() {
        record_is_whole(env);
    }
    how
}

/// Asserts that the trail verifies and that each intent has its outcome, if the run was ended by itself.
fn record_is_whole(env: &TestEnv) {
    let _ = env.run(&["audit", "verify"]).expect(0);
    let log = env.run(&["audit", "log", "-o", "json"]).expect(0);
    let mut open: BTreeMap<String, i64> = BTreeMap::new();
    for row in log.stdout.lines() {
        let Ok(row) = serde_json::from_str::<serde_json::Value>(row.trim_end_matches(',')) else {
            continue;
        };
        let step = match row["kind"].as_str() {
            Some("intent") => 1,
            Some("outcome") => -1,
            _ => 0,
        };
        *open.entry(row["user"].to_string()).or_default() += step;
    }
    open.retain(|_, count| *count > 0);
    assert!(open.is_empty(), "{open:?} of {}", log.stdout);
}

/// Runs against a server whose certificate is not for the address.
fn with_a_certificate_for_another_name(env: &mut TestEnv, args: &[&str]) -> Output {
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let key = PrivateKeyDer::try_from(made.signing_key.serialize_der()).unwrap();
    let config = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![made.cert.der().clone()], key)
        .unwrap();
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let heard = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&heard);
    let listener = env
        .block_on(tokio::net::TcpListener::bind("127.0.0.1:0"))
        .unwrap();
    let port = listener.local_addr().unwrap().port();
    env.spawn_task(async move {
        while let Ok((stream, _)) = listener.accept().await {
            if let Ok(mut stream) = acceptor.accept(stream).await {
                let read = stream.read(&mut [0; 1]).await.unwrap_or(0);
                count.fetch_add(read, Ordering::Relaxed);
            }
        }
    });
    let trusted = env.file("trusted.pem", made.cert.pem());
    env.set("SSL_CERT_FILE", &trusted);
    env.set("EASEMOB_APP_ROOT", &format!("https://127.0.0.1:{port}/acme/chat"));
    let output = env.run(args);
    assert!(output.stderr.contains("not valid for name"), "{}", output.text());
    assert_eq!(
        heard.load(Ordering::Relaxed),
        0,
        "nothing is sent to somebody else"
    );
    output
}

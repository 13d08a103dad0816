//! One fault and the collector, which calls nobody and is called.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpStream};
use std::time::Duration;

use super::super::collector::{
    Collector, SECRET, ask, collect, collect_args, collect_in, home, kept_users, login_at, stop,
};
use super::super::env::{TestEnv, until};
use super::super::interrupts::send;
use super::super::record::{read_only, small_files};
use super::wrong::{Often, OnLine, Wrong};

/// The time of a post, in milliseconds since 1970.
const NOW: i64 = 1_712_000_000_000;
const DAY: i64 = 24 * 60 * 60 * 1000;

/// Brings a fault about and returns what the table says of it.
pub(super) fn cell(wrong: Wrong) -> String {
    match wrong {
        Wrong::Line(what, Often::Once) => on_line(what).unwrap_or_else(|| "—".into()),
        Wrong::Line(_, Often::Always)
        | Wrong::Away
        | Wrong::CutOff
        | Wrong::NoSuchHost
        | Wrong::OtherName => "—".into(),
        Wrong::FullDisk => full_disk(),
        Wrong::ReadOnlyDisk => {
            let (env, secret) = home();
            let args = collect_args(&secret);
            let output = TestEnv::finish(env.spawn_in(&read_only(&env), &args));
            assert!(
                output.stdout.is_empty(),
                "it does not say that it listens: {}",
                output.text()
            );
            format!("exit {}: does not start", output.code)
        }
        Wrong::Terminated | Wrong::Killed => ended(wrong),
    }
}

/// A post that goes wrong on its way; nothing where the collector is not the one to meet it.
fn on_line(what: OnLine) -> Option<String> {
    let (env, secret) = home();
    let collector = collect(&env, &secret);
    let good = login_at(7, SECRET, NOW);
    let whole = request(good.as_bytes(), good.len());
    let half = whole.len() / 2;
    // What stays open until the end.
    let mut open = Vec::new();
    let post = || TcpStream::connect(&collector.address).unwrap();
    let status = match what {
        OnLine::ResetBefore => {
            drop(post());
            None
        }
        OnLine::ClosedAfter => {
            let mut stream = post();
            stream.write_all(&whole).unwrap();
            until("the post to be kept", || count(&collector, "kept") == 1);
            drop(stream);
            // The service posts once more what was not answered.
            Some(answer_to(&mut post(), &whole))
        }
        OnLine::HalfOpen => {
            let mut stream = post();
            stream.write_all(&whole[..half]).unwrap();
            open.push(stream);
            None
        }
        OnLine::Trickle => {
            let mut stream = post();
            for byte in &whole {
                stream.write_all(&[*byte]).unwrap();
                std::thread::sleep(Duration::from_millis(2));
            }
            Some(answer_to(&mut stream, b""))
        }
        OnLine::TooShort => Some(answer_to(&mut post(), &request(good.as_bytes(), good.len() - 10))),
        OnLine::TooLong => {
            let mut stream = post();
            stream
                .write_all(&request(good.as_bytes(), good.len() + 10))
                .unwrap();
            stream.shutdown(Shutdown::Write).unwrap();
            Some(answer_to(&mut stream, b""))
        }
        OnLine::HugeBody => {
            let body = vec![b'x'; 1_000_000];
            Some(answer_to(&mut post(), &request(&body, body.len())))
        }
        OnLine::NotUtf8 => {
            let mut body = good.clone().into_bytes();
            let at = good.find("user_7").unwrap();
            body[at] = 0xff;
            Some(answer_to(&mut post(), &request(&body, body.len())))
        }
        OnLine::ClockJump => {
            let body = login_at(7, SECRET, NOW + 90 * DAY);
            Some(answer_to(&mut post(), &request(body.as_bytes(), body.len())))
        }
        OnLine::TooMany
        | OnLine::ServerError
        | OnLine::GatewayPage
        | OnLine::Unavailable
        | OnLine::TokenRefused => return None,
    };
    // Whatever one poster does, the next one is served.
    assert_eq!(
        ask(&mut post(), "POST", "/", &login_at(8, SECRET, NOW))
            .unwrap()
            .0,
        200
    );
    let _ = stop(collector);
    drop(open);
    let kept = kept_users(&env);
    assert!(kept.contains("user_8"), "{kept:?}");
    let kept = kept.contains("user_7");
    assert!(
        kept || status.as_deref() != Some("200"),
        "{what:?}: an acknowledged post is lost"
    );
    let answer = status.unwrap_or_else(|| "no answer".into());
    let kept = if kept { "stored once" } else { "not stored" };
    Some(format!("{answer}, {kept}"))
}

fn full_disk() -> String {
    let (env, secret) = home();
    let args = collect_args(&secret);
    let collector = collect_in(env.spawn_in(&small_files(200), &args));
    let mut acknowledged = 0;
    let mut refused = None;
    let mut stream = TcpStream::connect(&collector.address).unwrap();
    for number in 0..5000 {
        match ask(&mut stream, "POST", "/", &login_at(number, SECRET, NOW)) {
            Some((200, _)) => acknowledged += 1,
            other => {
                refused = other.map(|(status, _)| status);
                break;
            }
        }
    }
    let refused = refused.expect("an answer that refuses");
    send("-KILL", &collector.child);
    let _ = TestEnv::finish(collector.child);
    assert!(acknowledged > 0);
    assert!(
        kept_users(&env).len() >= acknowledged,
        "an acknowledged post is lost"
    );
    format!("{refused} from then on; all events answered with 200 are stored")
}

fn ended(wrong: Wrong) -> String {
    let (env, secret) = home();
    let collector = collect(&env, &secret);
    let mut stream = TcpStream::connect(&collector.address).unwrap();
    for number in 0..50 {
        assert_eq!(
            ask(&mut stream, "POST", "/", &login_at(number, SECRET, NOW))
                .unwrap()
                .0,
            200
        );
    }
    let killed = wrong == Wrong::Killed;
    send(if killed { "-KILL" } else { "-TERM" }, &collector.child);
    let output = TestEnv::finish(collector.child);
    assert_eq!(kept_users(&env).len(), 50);
    let code = if killed {
        "killed".into()
    } else {
        format!("exit {}", output.code)
    };
    format!("{code}: all events answered with 200 are stored")
}

fn count(collector: &Collector, outcome: &str) -> usize {
    let mut stream = TcpStream::connect(&collector.address).unwrap();
    let (_, text) = ask(&mut stream, "GET", "/metrics", "").unwrap();
    let name = format!("posts_total{{outcome=\"{outcome}\"}} ");
    text.lines()
        .find_map(|line| line.split_once(&name)?.1.parse().ok())
        .unwrap_or(0)
}

fn request(body: &[u8], length: usize) -> Vec<u8> {
    let head = format!(
        "POST / HTTP/1.1\r\nhost: test\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n\r\n"
    );
    [head.as_bytes(), body].concat()
}

/// The status of the answer, or that there is none.
fn answer_to(stream: &mut TcpStream, request: &[u8]) -> String {
    // A server may answer before it has read everything.
    let _ = stream.write_all(request);
    let mut start = [0; 12];
    match stream.read_exact(&mut start) {
        Ok(()) => String::from_utf8_lossy(&start[9..]).into_owned(),
        Err(_) => "no answer".into(),
    }
}

//! What fuzz targets call: whatever reads the bytes of others, without a socket around it.

use std::cell::RefCell;
use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderValue, Method, Request};
use prost::Message;

use crate::realtime::frames::{
    Logout, MSync, MessageBody, Meta, Muc, Notice, Provision, Roster, SyncDown, SyncUp, UnreadDown,
};
use crate::realtime::provision::check;
use crate::rules::App;
use crate::rules::clock::SandboxClock;
use crate::rules::tokens::Subject;
use crate::rules::users::NewUser;
use crate::server::handler;
use crate::server::jwt::JwtKeys;
use crate::server::rate::{RateLimiter, Rates};
use crate::service::{Service, Settings};
use crate::simulated::session::Session;

/// The time of all that is fuzzed.
const NOW_MS: u64 = 1_700_000_000_000;

/// Reads a frame as a server and as a device would, and every message that may be in it.
pub fn frame(bytes: &[u8]) {
    thread_local! {
        static APP: RefCell<App> = RefCell::new(app());
    }
    // A device has to be asked as well: it reads what servers send.
    let mut session = Session::new("o#a", "ann", "ios_1", 0);
    let _ = session.admitted(bytes);
    let _ = session.take(bytes);
    let Ok(msync) = MSync::decode(bytes) else {
        return;
    };
    // What was read is written in a form that reads the same.
    assert_eq!(
        MSync::decode(msync.encode_to_vec().as_slice()).ok(),
        Some(msync.clone())
    );
    let payload = msync.payload.as_slice();
    if let Ok(provision) = Provision::decode(payload) {
        APP.with_borrow(|app| {
            let _ = check(app, &msync, &provision, NOW_MS);
        });
    }
    let _ = SyncUp::decode(payload);
    let _ = SyncDown::decode(payload);
    let _ = UnreadDown::decode(payload);
    let _ = Notice::decode(payload);
    let _ = Logout::decode(payload);
    let _ = Meta::decode(payload);
    let _ = MessageBody::decode(payload);
    let _ = Muc::decode(payload);
    let _ = Roster::decode(payload);
}

/// Answers a request; the first byte is its method, the first line its path and query, the rest its body.
pub fn request(bytes: &[u8]) {
    thread_local! {
        static SERVICE: (Service, String) = service();
    }
    let Some((method, rest)) = bytes.split_first() else {
        return;
    };
    let methods = [Method::GET, Method::POST, Method::PUT, Method::DELETE];
    let method = methods[usize::from(*method) % methods.len()].clone();
    let end = rest.iter().position(|byte| *byte == b'\n').unwrap_or(rest.len());
    let (path, body) = rest.split_at(end);
    let Ok(request) = Request::builder()
        .method(method)
        .uri([b"/o/a/", path].concat())
        .body(())
    else {
        return;
    };
    let body = Bytes::copy_from_slice(body.get(1..).unwrap_or_default());
    SERVICE.with(|(service, token)| {
        let mut parts = request.into_parts().0;
        if let Ok(bearer) = HeaderValue::try_from(format!("Bearer {token}")) {
            parts.headers.insert("authorization", bearer);
        }
        parts
            .headers
            .insert("content-type", HeaderValue::from_static("application/json"));
        let status = handler::status_of(service, &parts, body);
        assert!(status < 500, "a request must not break the service: {status}");
    });
}

fn app() -> App {
    let mut app = App::new("o#a", None);
    for name in ["ann", "bob"] {
        let user = NewUser {
            name: name.into(),
            password: Some("pw".into()),
            nickname: None,
        };
        // The names are new here.
        let _ = app.register(user, None, NOW_MS);
    }
    app
}

fn service() -> (Service, String) {
    let mut app = app();
    let token = app.tokens.issue(Subject::App, None, NOW_MS);
    let settings = Settings {
        open_registration: true,
        callback_storage: true,
        max_users: Some(1_000),
        server_managed_limits: true,
        expires_in_millis: false,
        token_ttl: Duration::from_secs(60 * 60),
        max_body: 5_000,
        status_lag: std::time::Duration::ZERO,
        sign_out_lag: std::time::Duration::ZERO,
        habits: crate::rules::habits::Habits::default(),
        control_from_anywhere: false,
    };
    let service = Service::new(
        settings,
        SocketAddr::from((Ipv4Addr::LOCALHOST, 1)),
        SandboxClock::manual(NOW_MS),
        RateLimiter::new(Rates::unlimited()),
        JwtKeys::default(),
        app,
        None,
    );
    (service, token)
}

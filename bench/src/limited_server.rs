//! A server with a rate limit, which notes when each request arrived.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use axum::Router;
use axum::http::StatusCode;
use clap::ValueEnum;

/// How the server limits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Limit {
    /// A token bucket that holds ten requests
    Bucket,
    /// So many requests in each second of the clock
    Window,
}

/// What the server has seen.
#[derive(Debug)]
pub(crate) struct Seen {
    state: Mutex<State>,
    limit: Limit,
}

#[derive(Debug)]
struct State {
    rate: f64,
    start: Instant,
    tokens: f64,
    filled: Instant,
    window: u64,
    in_window: f64,
    arrivals: Vec<(Instant, bool)>,
}

const BURST: f64 = 10.0;

impl Seen {
    fn new(limit: Limit, rate: f64) -> Self {
        let now = Instant::now();
        let state = State {
            rate,
            start: now,
            tokens: BURST,
            filled: now,
            window: 0,
            in_window: 0.0,
            arrivals: Vec::new(),
        };
        Self {
            state: Mutex::new(state),
            limit,
        }
    }

    /// Notes a request and says whether it is within the limit.
    fn arrive(&self, now: Instant) -> bool {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let within = match self.limit {
            Limit::Bucket => state.bucket(now),
            Limit::Window => state.window(now),
        };
        state.arrivals.push((now, within));
        within
    }

    /// Changes the limit from now on.
    pub(crate) fn set_rate(&self, rate: f64) {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).rate = rate;
    }

    /// Returns when each request arrived, and whether it was within the limit.
    pub(crate) fn arrivals(&self) -> Vec<(Instant, bool)> {
        self.state
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .arrivals
            .clone()
    }
}

impl State {
    fn bucket(&mut self, now: Instant) -> bool {
        let grown = now.saturating_duration_since(self.filled).as_secs_f64() * self.rate;
        self.tokens = (self.tokens + grown).min(BURST);
        self.filled = now;
        let within = self.tokens >= 1.0;
        if within {
            self.tokens -= 1.0;
        }
        within
    }

    fn window(&mut self, now: Instant) -> bool {
        let window = now.saturating_duration_since(self.start).as_secs();
        if window != self.window {
            (self.window, self.in_window) = (window, 0.0);
        }
        self.in_window += 1.0;
        self.in_window <= self.rate
    }
}

/// Starts a server on loopback, which holds each answer back for `delay`.
pub(crate) async fn start(
    limit: Limit,
    rate: u32,
    delay: Duration,
) -> std::io::Result<(SocketAddr, Arc<Seen>)> {
    let seen = Arc::new(Seen::new(limit, f64::from(rate)));
    let note = Arc::clone(&seen);
    let app = Router::new().fallback(move || {
        let within = note.arrive(Instant::now());
        async move {
            tokio::time::sleep(delay).await;
            if within {
                (StatusCode::OK, r#"{"data":[]}"#)
            } else {
                let body =
                    r#"{"error":"reach_limit","error_description":"This request has reached api limit"}"#;
                (StatusCode::TOO_MANY_REQUESTS, body)
            }
        }
    });
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    tokio::spawn(async move { axum::serve(listener, app).await });
    // Connections are opened before the first request is counted.
    tokio::time::sleep(Duration::from_millis(20)).await;
    Ok((address, seen))
}

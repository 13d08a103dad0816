//! Tells browsers what has changed, in one stream for all pages of an app.

use std::collections::{BTreeSet, VecDeque};
use std::time::Duration;

use axum::body::{Body, BodyDataStream, Bytes};
use axum::extract::State;
use axum::http::{HeaderMap, HeaderName, header};
use axum::response::{IntoResponse as _, Response};
use futures_util::{StreamExt as _, stream};
use serde::{Deserialize, Serialize};
use tokio::time::{Instant, sleep_until};

use crate::Console;
use crate::page::Trouble;
use crate::visit::Visit;

/// Changes of this time are told together: a page reads itself again no more often.
const GATHER: Duration = Duration::from_secs(1);

/// How often a browser hears that the stream stands, and whether the session does.
const BEAT: Duration = Duration::from_secs(10);

/// The most users or runs that are named; of more it is only said that there are more.
const MOST_NAMES: usize = 100;

/// The longest entry that is looked into.
const LONGEST_LINE: usize = 4 * 1024 * 1024;

pub(crate) async fn follow(
    State(console): State<Console>,
    visit: Visit,
    headers: HeaderMap,
) -> Result<Response, Trouble> {
    let last = headers.get("last-event-id").and_then(|value| value.to_str().ok());
    let next = last.and_then(|last| last.trim().parse::<u64>().ok()?.checked_add(1));
    let next = next.map(|next| next.to_string());
    let query: Vec<_> = next.iter().map(|next| ("from", next.as_str())).collect();
    let entries = visit.api.stream(&["events"], &query).await?;
    let secret = console.secret(&headers).unwrap_or_default().to_owned();
    let following = Following {
        console,
        secret,
        entries: entries.into_body().into_data_stream(),
        rest: Vec::new(),
        changes: Changes::default(),
        told: Instant::now(),
        ready: VecDeque::from([beat()]),
        ended: false,
    };
    let pieces = stream::unfold(following, |mut following| async move {
        let piece = following.next().await?;
        Some((Ok::<_, std::io::Error>(piece), following))
    });
    let headers = [
        (header::CONTENT_TYPE, "text/event-stream"),
        (header::CACHE_CONTROL, "no-store"),
        // Proxies must not gather events.
        (HeaderName::from_static("x-accel-buffering"), "no"),
    ];
    Ok((headers, Body::from_stream(pieces)).into_response())
}

/// One browser that follows.
struct Following {
    console: Console,
    secret: String,
    entries: BodyDataStream,
    /// The beginning of a line that has not arrived yet.
    rest: Vec<u8>,
    changes: Changes,
    /// When something was told last.
    told: Instant,
    ready: VecDeque<Bytes>,
    ended: bool,
}

impl Following {
    async fn next(&mut self) -> Option<Bytes> {
        loop {
            if let Some(piece) = self.ready.pop_front() {
                self.told = Instant::now();
                return Some(piece);
            }
            if self.ended {
                return None;
            }
            let wait = if self.changes.is_empty() { BEAT } else { GATHER };
            tokio::select! {
                piece = self.entries.next() => if let Some(Ok(piece)) = piece {
                    self.take(&piece);
                } else {
                    // The browser comes back, and goes on after what it has heard.
                    self.ended = true;
                    self.ready.extend(self.changes.told());
                },
                () = sleep_until(self.told + wait) => self.tell().await,
            }
        }
    }

    async fn tell(&mut self) {
        if let Some(change) = self.changes.told() {
            self.ready.push_back(change);
            return;
        }
        // Whoever was signed out elsewhere must not go on listening.
        match self.console.service.signed_in(&self.secret).await {
            Ok(Some(_)) => self.ready.push_back(beat()),
            Ok(None) => {
                self.ended = true;
                self.ready
                    .push_back(Bytes::from_static(b"event: out\ndata: {}\n\n"));
            }
            Err(_) => self.ended = true,
        }
    }

    fn take(&mut self, piece: &[u8]) {
        self.rest.extend_from_slice(piece);
        let mut begin = 0;
        while let Some(end) = self.rest[begin..].iter().position(|byte| *byte == b'\n') {
            self.changes.take(&self.rest[begin..begin + end]);
            begin += end + 1;
        }
        self.rest.drain(..begin);
        if self.rest.len() > LONGEST_LINE {
            self.ended = true;
        }
    }
}

fn beat() -> Bytes {
    Bytes::from_static(b"event: beat\ndata: {}\n\n")
}

/// What has changed since a browser was told last.
#[derive(Debug, Default)]
struct Changes {
    /// The number of the last entry.
    last: Option<u64>,
    named: Named,
    any: bool,
}

/// Whom the changes are about.
#[derive(Debug, Default, Serialize)]
struct Named {
    runs: BTreeSet<String>,
    users: BTreeSet<String>,
    /// Whether there are others.
    more: bool,
}

/// What is of interest of an entry.
#[derive(Deserialize)]
struct Entry {
    #[serde(default)]
    run: Option<String>,
    #[serde(default)]
    user: Option<String>,
}

impl Changes {
    fn is_empty(&self) -> bool {
        !self.any
    }

    /// Reads one line of the stream of entries.
    fn take(&mut self, line: &[u8]) {
        if let Some(number) = line.strip_prefix(b"id: ") {
            let number = std::str::from_utf8(number).ok();
            self.last = number.and_then(|number| number.trim().parse().ok()).or(self.last);
        } else if let Some(entry) = line.strip_prefix(b"data: ") {
            self.any = true;
            let Ok(Entry { run, user }) = serde_json::from_slice(entry) else {
                self.named.more = true;
                return;
            };
            let named = &mut self.named;
            for (names, name) in [(&mut named.runs, run), (&mut named.users, user)] {
                let Some(name) = name else { continue };
                if names.len() < MOST_NAMES {
                    names.insert(name);
                } else if !names.contains(&name) {
                    named.more = true;
                }
            }
        }
    }

    /// Returns the event that tells them, if there are any, and forgets them.
    fn told(&mut self) -> Option<Bytes> {
        let changes = std::mem::take(self);
        if !changes.any {
            self.last = changes.last;
            return None;
        }
        let named = serde_json::to_string(&changes.named).ok()?;
        let id = changes
            .last
            .map(|last| format!("id: {last}\n"))
            .unwrap_or_default();
        Some(format!("{id}event: change\ndata: {named}\n\n").into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn changes_are_told_together() {
        let mut changes = Changes::default();
        assert!(changes.is_empty() && changes.told().is_none());
        for line in [
            "id: 7",
            r#"data: {"seq":7,"kind":"intent","run":"r","user":"ann"}"#,
            "",
            ": a heartbeat",
            "id: 8",
            r#"data: {"seq":8,"kind":"outcome","run":"r","user":"bob"}"#,
        ] {
            changes.take(line.as_bytes());
        }
        let told = changes.told().unwrap();
        assert_eq!(
            std::str::from_utf8(&told).unwrap(),
            "id: 8\nevent: change\ndata: {\"runs\":[\"r\"],\"users\":[\"ann\",\"bob\"],\"more\":false}\n\n"
        );
        assert!(changes.told().is_none(), "they are told once");
    }

    #[test]
    fn many_users_are_not_named() {
        let mut changes = Changes::default();
        for user in 0..=MOST_NAMES {
            changes.take(format!(r#"data: {{"user":"u{user}"}}"#).as_bytes());
        }
        assert!(changes.named.more && changes.named.users.len() == MOST_NAMES);
        let mut odd = Changes::default();
        odd.take(b"data: {\"user\": 7}");
        assert!(odd.named.more, "what cannot be read may be about anybody");
    }
}

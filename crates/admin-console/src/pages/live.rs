//! Tells a browser what has changed, in one stream for all its pages, whichever apps they are about.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Duration;

use axum::body::{Body, BodyDataStream, Bytes};
use axum::extract::State;
use axum::http::{HeaderMap, HeaderName, header};
use axum::response::{IntoResponse as _, Response};
use easemob_admin_remote::api::{AppView, Scope};
use easemob_admin_words::told_later;
use futures_util::StreamExt as _;
use futures_util::stream::{self, BoxStream, SelectAll};
use serde::{Deserialize, Serialize};
use tokio::time::{Instant, sleep_until};

use crate::Console;
use crate::api::Api;
use crate::page::Trouble;
use crate::problem::with_detail;
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
    let apps: Vec<AppView> = visit.api.get_of_service("/v1/apps").await?;
    let mine = apps.into_iter().map(|app| app.name);
    let mine: Vec<String> = mine
        .filter(|app| visit.signed_in.may(Scope::AuditRead, app))
        .collect();
    if mine.is_empty() {
        let title = told_later!("The key may not do this");
        let detail = told_later!("Following what happens needs the scope audit:read.");
        return Err(Trouble(with_detail(403, "missing-scope", title, detail)));
    }
    let api = |app: String| {
        let api = Api::new(console.api.clone(), visit.signed_in.clone(), &app);
        (app, api)
    };
    let without_trail = mine.into_iter().map(api).collect();
    let mut following = Following {
        secret: console.secret(&headers).unwrap_or_default().to_owned(),
        console,
        without_trail,
        entries: SelectAll::new(),
        apps: BTreeMap::new(),
        told: Instant::now(),
        ready: VecDeque::from([beat()]),
        ended: false,
    };
    following.find_trails().await;
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

/// A piece of the entries of an app; nothing at their end.
type Piece = (String, Option<Bytes>);

/// One browser that follows.
struct Following {
    console: Console,
    secret: String,
    /// The apps whose trail has not begun yet, or cannot be read.
    without_trail: Vec<(String, Api)>,
    entries: SelectAll<BoxStream<'static, Piece>>,
    apps: BTreeMap<String, Entries>,
    /// When something was told last.
    told: Instant,
    ready: VecDeque<Bytes>,
    ended: bool,
}

/// What has come of the entries of an app.
#[derive(Debug, Default)]
struct Entries {
    /// The beginning of a line that has not arrived yet.
    rest: Vec<u8>,
    changes: Changes,
}

impl Following {
    /// Follows the apps whose trail can be read by now.
    async fn find_trails(&mut self) {
        for (app, api) in std::mem::take(&mut self.without_trail) {
            match api.stream(&["events"], &[]).await {
                Ok(entries) => {
                    self.entries
                        .push(pieces(app.clone(), entries.into_body().into_data_stream()));
                    self.apps.insert(app, Entries::default());
                }
                Err(_) => self.without_trail.push((app, api)),
            }
        }
    }

    async fn next(&mut self) -> Option<Bytes> {
        loop {
            if let Some(piece) = self.ready.pop_front() {
                self.told = Instant::now();
                return Some(piece);
            }
            if self.ended {
                return None;
            }
            let is_quiet = self.apps.values().all(|app| app.changes.is_empty());
            let wait = if is_quiet { BEAT } else { GATHER };
            tokio::select! {
                Some(piece) = self.entries.next() => self.take(piece),
                () = sleep_until(self.told + wait) => self.tell().await,
            }
        }
    }

    fn take(&mut self, (app, piece): Piece) {
        let app = self.apps.entry(app).or_default();
        if piece.is_none_or(|piece| !app.take(&piece)) {
            // The browser comes back, and reads everything again.
            self.ended = true;
            self.tell_changes();
        }
    }

    fn tell_changes(&mut self) {
        let told = self
            .apps
            .iter_mut()
            .filter_map(|(app, entries)| entries.changes.told(app));
        self.ready.extend(told);
    }

    async fn tell(&mut self) {
        self.tell_changes();
        if !self.ready.is_empty() {
            return;
        }
        // Whoever was signed out elsewhere must not go on listening.
        match self.console.service.signed_in(&self.secret).await {
            Ok(Some(_)) => self.ready.push_back(beat()),
            Ok(None) => {
                self.ended = true;
                self.ready
                    .push_back(Bytes::from_static(b"event: out\ndata: {}\n\n"));
                return;
            }
            Err(_) => {
                self.ended = true;
                return;
            }
        }
        let before = self.apps.len();
        self.find_trails().await;
        if self.apps.len() > before {
            // What began the trail was not heard.
            self.apps.values_mut().for_each(|app| app.changes.all());
        }
    }
}

/// Names the app of each piece, and says when there are no more.
fn pieces(app: String, entries: BodyDataStream) -> BoxStream<'static, Piece> {
    let end = stream::once(std::future::ready(None));
    let pieces = entries.map(Result::ok).chain(end);
    pieces.map(move |piece| (app.clone(), piece)).boxed()
}

impl Entries {
    /// Reads the lines of a piece; returns false if they cannot be read.
    fn take(&mut self, piece: &[u8]) -> bool {
        self.rest.extend_from_slice(piece);
        let mut begin = 0;
        while let Some(end) = self.rest[begin..].iter().position(|byte| *byte == b'\n') {
            self.changes.take(&self.rest[begin..begin + end]);
            begin += end + 1;
        }
        self.rest.drain(..begin);
        self.rest.len() <= LONGEST_LINE
    }
}

fn beat() -> Bytes {
    Bytes::from_static(b"event: beat\ndata: {}\n\n")
}

/// What has changed in an app since a browser was told last.
#[derive(Debug, Default)]
struct Changes {
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

    /// Something happened, and nobody knows what.
    fn all(&mut self) {
        self.any = true;
        self.named.more = true;
    }

    /// Reads one line of the stream of entries.
    fn take(&mut self, line: &[u8]) {
        if let Some(entry) = line.strip_prefix(b"data: ") {
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
    fn told(&mut self, app: &str) -> Option<Bytes> {
        /// The changes of an app.
        #[derive(Serialize)]
        struct Told<'t> {
            app: &'t str,
            #[serde(flatten)]
            named: &'t Named,
        }
        let Self { named, any } = std::mem::take(self);
        let told = serde_json::to_string(&Told { app, named: &named }).ok();
        told.filter(|_| any)
            .map(|told| format!("event: change\ndata: {told}\n\n").into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn changes_are_told_together() {
        let mut changes = Changes::default();
        assert!(changes.is_empty() && changes.told("chat").is_none());
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
        let told = changes.told("chat").unwrap();
        assert_eq!(
            std::str::from_utf8(&told).unwrap(),
            "event: change\ndata: {\"app\":\"chat\",\"runs\":[\"r\"],\"users\":[\"ann\",\"bob\"],\"more\":false}\n\n"
        );
        assert!(changes.told("chat").is_none(), "they are told once");
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

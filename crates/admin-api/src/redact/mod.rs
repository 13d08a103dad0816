//! Takes the secrets of a client out of everything that a server sends, before anybody reads it.
//!
//! A gateway's error page may send a request back, token and all, and what is said of an answer ends up in rows,
//! journals and trails. So an answer is cleaned where it comes in; whatever is made of it later is clean.

mod needle;

use std::borrow::Cow;
use std::collections::VecDeque;
use std::fmt;
use std::sync::{Arc, PoisonError, RwLock};

use bytes::{Bytes, BytesMut};
use http::HeaderValue;
use secrecy::{ExposeSecret as _, SecretString};

use self::needle::{Needle, forms};
use crate::envelope::Answer;

/// What stands in the place of a secret.
const REDACTED: &[u8] = b"[redacted]";

/// How many tokens are remembered after they were replaced: one of them may still be on its way.
const RECENT: usize = 16;

/// Finds secrets in texts. Pure.
#[derive(Default)]
struct Redactor {
    needles: Vec<Needle>,
    beginnings: Beginnings,
}

/// With which two bytes a secret may begin: nearly every place of an answer is ruled out by these, and every answer is
/// searched.
#[derive(Default)]
struct Beginnings(Vec<u64>);

impl Beginnings {
    fn of(needles: &[Needle]) -> Self {
        let mut bits = vec![0; 1 << 10];
        for [first, second] in needles.iter().flat_map(Needle::beginnings) {
            let pair = usize::from(first) << 8 | usize::from(second);
            bits[pair / 64] |= 1 << (pair % 64);
        }
        Self(bits)
    }

    fn contain(&self, first: u8, second: u8) -> bool {
        let pair = usize::from(first) << 8 | usize::from(second);
        self.0
            .get(pair / 64)
            .is_some_and(|bits| bits >> (pair % 64) & 1 == 1)
    }
}

/// What a text is, and so how much may be taken out of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Text {
    /// For people: whatever looks like a secret is taken out.
    Words,
    /// An answer that names users and devices: a name that has a short secret in it stays that name, since calls are
    /// made with it.
    Data,
}

impl Redactor {
    fn of(needles: Vec<Needle>) -> Self {
        Self {
            beginnings: Beginnings::of(&needles),
            needles,
        }
    }

    /// Replaces every secret in `text`.
    fn redact<'a>(&self, text: &'a [u8], kind: Text) -> Cow<'a, [u8]> {
        self.redact_before(text.len(), text, kind).0
    }

    /// Replaces every secret that begins before `end`; returns how much of the text that is.
    fn redact_before<'a>(&self, end: usize, text: &'a [u8], kind: Text) -> (Cow<'a, [u8]>, usize) {
        let mut clean: Vec<u8> = Vec::new();
        let (mut kept, mut at) = (0, 0);
        while at < end {
            let mut pairs = text[at..].windows(2);
            let Some(skipped) = pairs.position(|pair| self.beginnings.contain(pair[0], pair[1])) else {
                break;
            };
            at += skipped;
            if at >= end {
                break;
            }
            match self.longest(text, at, kind) {
                Some(behind) => {
                    clean.extend_from_slice(&text[kept..at]);
                    clean.extend_from_slice(REDACTED);
                    (kept, at) = (behind, behind);
                }
                None => at += 1,
            }
        }
        if kept == 0 {
            return (Cow::Borrowed(&text[..end]), end);
        }
        let end = end.max(kept);
        clean.extend_from_slice(&text[kept..end]);
        (Cow::Owned(clean), end)
    }

    fn longest(&self, text: &[u8], at: usize, kind: Text) -> Option<usize> {
        self.needles
            .iter()
            .filter(|needle| kind == Text::Words || needle.unmistakable)
            .filter_map(|needle| needle.end(text, at))
            .max()
    }
}

/// The secrets that a client has in use, or had lately.
#[derive(Default)]
pub(crate) struct Secrets {
    known: RwLock<Known>,
}

#[derive(Default)]
struct Known {
    own: Vec<Secret>,
    recent: VecDeque<Secret>,
    redactor: Arc<Redactor>,
}

/// A secret with the texts that it is sent in.
struct Secret {
    text: String,
    contexts: Vec<String>,
}

impl Secret {
    fn token(text: &str) -> Self {
        let text = text.trim();
        Self {
            text: text.into(),
            contexts: vec![format!("Bearer {text}"), format!("\"access_token\":\"{text}\"")],
        }
    }

    fn forms(&self) -> Vec<Needle> {
        forms(&self.text, &self.contexts)
    }
}

impl Known {
    fn rebuild(&mut self) {
        let all = self.own.iter().chain(&self.recent);
        self.redactor = Arc::new(Redactor::of(all.flat_map(Secret::forms).collect()));
    }
}

/// Takes the secrets out of an answer that comes in pieces.
pub(crate) struct Cleaner {
    redactor: Arc<Redactor>,
    /// So much is held back, because a secret may begin in it that goes on in the next piece.
    held_back: usize,
}

impl Cleaner {
    /// Takes what can be passed on of the text that was read; all of it at the end.
    pub(crate) fn take(&self, read: &mut BytesMut, is_end: bool) -> Bytes {
        let held_back = if is_end { 0 } else { self.held_back };
        let end = read.len().saturating_sub(held_back);
        let (clean, taken) = self.redactor.redact_before(end, read, Text::Data);
        let clean = match clean {
            Cow::Borrowed(_) => None,
            Cow::Owned(clean) => Some(clean),
        };
        let taken = read.split_to(taken).freeze();
        clean.map_or(taken, Bytes::from)
    }
}

/// How many bytes of a text one byte of a secret may be: an escape with its own escapes.
const LONGEST_ESCAPE: usize = 8;

impl Secrets {
    /// Returns what takes the secrets out of an answer that comes in pieces.
    pub(crate) fn cleaner(&self) -> Cleaner {
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
        let longest = known.redactor.needles.iter().map(Needle::length).max();
        Cleaner {
            redactor: Arc::clone(&known.redactor),
            held_back: longest.unwrap_or_default() * LONGEST_ESCAPE,
        }
    }

    /// Remembers the secret of the app for good.
    pub(crate) fn client_secret(&self, id: &str, secret: &str) {
        let contexts = vec![
            format!("{id}:{secret}"),
            format!("\"client_secret\":\"{secret}\""),
            format!("client_secret={secret}"),
        ];
        self.change(|known| {
            known.own.push(Secret {
                text: secret.into(),
                contexts,
            });
        });
    }

    /// Remembers a token for good.
    pub(crate) fn fixed_token(&self, token: &str) {
        self.change(|known| known.own.push(Secret::token(token)));
    }

    /// Remembers a token until many others have followed it.
    pub(crate) fn token(&self, token: &str) {
        self.change(|known| {
            if known.recent.iter().any(|recent| recent.text == token.trim()) {
                return;
            }
            known.recent.truncate(RECENT - 1);
            known.recent.push_front(Secret::token(token));
        });
    }

    /// Remembers the token that an answer brings, of the app or of a user.
    pub(crate) fn tokens_in(&self, body: &[u8]) {
        let fields: serde_json::Value = serde_json::from_slice(body).unwrap_or_default();
        if let Some(token) = fields["access_token"].as_str() {
            self.token(token);
        }
    }

    fn change(&self, change: impl FnOnce(&mut Known)) {
        let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
        change(&mut known);
        known.rebuild();
    }

    /// Returns the answer without any secret; `sent` are those of the body of the request, such as a new password, and
    /// `headers` those that this call had besides the client's own.
    pub(crate) fn clean(&self, answer: &Answer, sent: &[String], headers: &[SecretString]) -> Answer {
        let known = {
            let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
            Arc::clone(&known.redactor)
        };
        let kind = if (200..300).contains(&answer.status) {
            Text::Data
        } else {
            Text::Words
        };
        let mut body = redacted(&known, &answer.body, kind);
        let mut content_type = answer.content_type.as_ref().map(|value| without(&known, value));
        let mut location = answer.location.as_ref().map(|value| without(&known, value));
        let sent = sent.iter().flat_map(|text| forms(text, &[]));
        let headers = headers.iter().flat_map(|text| forms(text.expose_secret(), &[]));
        for (needles, kind) in [(sent.collect(), Text::Words), (headers.collect::<Vec<_>>(), kind)] {
            if !needles.is_empty() {
                let of_request = Redactor::of(needles);
                body = redacted(&of_request, &body, kind);
                content_type = content_type.map(|value| without(&of_request, &value));
                location = location.map(|value| without(&of_request, &value));
            }
        }
        Answer {
            content_type,
            location,
            body,
            ..answer.clone()
        }
    }
}

fn redacted(redactor: &Redactor, body: &Bytes, kind: Text) -> Bytes {
    match redactor.redact(body, kind) {
        Cow::Borrowed(_) => body.clone(),
        Cow::Owned(clean) => clean.into(),
    }
}

fn without(redactor: &Redactor, value: &HeaderValue) -> HeaderValue {
    match redactor.redact(value.as_bytes(), Text::Words) {
        Cow::Borrowed(_) => value.clone(),
        Cow::Owned(clean) => {
            HeaderValue::from_bytes(&clean).unwrap_or_else(|_| HeaderValue::from_static("[redacted]"))
        }
    }
}

impl fmt::Debug for Secrets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secrets([redacted])")
    }
}

#[cfg(test)]
mod tests;

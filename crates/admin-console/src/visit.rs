//! Who asks for a page, about which app, in which language and time zone.

use std::sync::Arc;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{HeaderMap, StatusCode};
use easemob_admin_audit::EventTime;
use easemob_admin_remote::api::{AppView, Scope};
use easemob_admin_server::SignedIn;
use easemob_admin_words::within;
use jiff::Timestamp;
use maud::{Markup, html};

use crate::api::{Api, encoded};
use crate::look::Look;
use crate::page::{Nav, Page};
use crate::standing::Standing;
use crate::times;

/// A request for a page of somebody who is signed in. Clones are the same one.
#[derive(Debug, Clone)]
pub(crate) struct Visit(pub(crate) Arc<Facts>);

/// What is known of a request.
#[derive(Debug)]
pub(crate) struct Facts {
    pub(crate) signed_in: SignedIn,
    pub(crate) look: Look,
    /// The app that the page is about; none if the page is about the service.
    pub(crate) app: Option<AppView>,
    pub(crate) api: Api,
    pub(crate) now: Timestamp,
    /// The address of the page, with its query.
    pub(crate) address: String,
    /// What the header says of the app, if a whole page is asked for.
    pub(crate) standing: Standing,
}

impl std::ops::Deref for Visit {
    type Target = Facts;

    fn deref(&self) -> &Facts {
        &self.0
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Visit {
    type Rejection = StatusCode;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, StatusCode> {
        // It is there for every route behind the entrance.
        parts
            .extensions
            .get::<Self>()
            .cloned()
            .ok_or(StatusCode::INTERNAL_SERVER_ERROR)
    }
}

impl Facts {
    /// Returns the name of the app in addresses.
    pub(crate) fn app_name(&self) -> &str {
        self.app.as_ref().map(|app| app.name.as_str()).unwrap_or_default()
    }

    /// Returns the address of a page about the app, such as `["users", name]`.
    pub(crate) fn link(&self, path: &[&str]) -> String {
        let mut address = format!("/console/{}", encoded(self.app_name()));
        for part in path {
            address.push('/');
            address.push_str(&encoded(part));
        }
        address
    }

    /// Returns true if the person may do this for the app of the page.
    pub(crate) fn may(&self, scope: Scope) -> bool {
        self.signed_in.may(scope, self.app_name())
    }

    /// Makes texts in the language of the reader.
    pub(crate) fn say<R>(&self, work: impl FnOnce() -> R) -> R {
        within(self.look.language, work)
    }

    /// Returns a time as the reader sees it.
    pub(crate) fn time(&self, at: Timestamp) -> Markup {
        times::time(at, self.now, &self.look.zone)
    }

    /// Returns a time in one word, for sentences.
    pub(crate) fn clock(&self, at: Timestamp) -> String {
        times::short(at, self.now, &self.look.zone)
    }

    /// Returns the time of an entry of the trail as the reader sees it.
    pub(crate) fn wall(&self, at: EventTime) -> Markup {
        Timestamp::from_millisecond(at.as_millis())
            .map_or_else(|_| html! { (at.to_string()) }, |at| self.time(at))
    }

    /// Makes a page. The work is done in the language of the reader.
    pub(crate) fn page(&self, nav: Nav, work: impl FnOnce() -> (String, Markup)) -> Page {
        let (title, main) = self.say(work);
        Page { nav, title, main }
    }
}

/// Returns true if htmx asks, for a part of a page.
pub(crate) fn is_part(headers: &HeaderMap) -> bool {
    headers.contains_key("hx-request") && !headers.contains_key("hx-boosted")
}

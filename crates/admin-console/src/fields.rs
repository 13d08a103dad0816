//! What a form has sent, of which a field may be there several times, as ticked boxes are.

use axum::extract::{FromRequest, Request};
use axum::http::StatusCode;
use axum::{Form, RequestExt as _};

/// The fields of a form.
#[derive(Debug, Clone, Default)]
pub(crate) struct Fields(pub(crate) Vec<(String, String)>);

impl<S: Send + Sync> FromRequest<S> for Fields {
    type Rejection = StatusCode;

    async fn from_request(request: Request, _: &S) -> Result<Self, StatusCode> {
        let form = request.extract::<Form<Vec<(String, String)>>, _>().await;
        form.map(|Form(fields)| Self(fields))
            .map_err(|_| StatusCode::BAD_REQUEST)
    }
}

impl Fields {
    /// Returns what is in a field, without spaces around it; empty if it is not there.
    pub(crate) fn one(&self, wanted: &str) -> &str {
        let found = self.0.iter().find(|(name, _)| name == wanted);
        found.map(|(_, value)| value.trim()).unwrap_or_default()
    }

    /// Returns a field as it was sent, with its spaces.
    pub(crate) fn raw(&self, wanted: &str) -> Option<&str> {
        let found = self.0.iter().find(|(name, _)| name == wanted);
        found.map(|(_, value)| value.as_str())
    }

    /// Returns what is in a field, without spaces around it, unless it is empty.
    pub(crate) fn text(&self, wanted: &str) -> Option<&str> {
        Some(self.one(wanted)).filter(|text| !text.is_empty())
    }

    /// Returns the same as a text of its own.
    pub(crate) fn some(&self, wanted: &str) -> Option<String> {
        self.text(wanted).map(str::to_owned)
    }

    /// Returns true if a box was ticked, or a button with this name was pressed.
    pub(crate) fn has(&self, wanted: &str) -> bool {
        self.raw(wanted).is_some()
    }

    /// Returns what is in all fields of this name.
    pub(crate) fn all<'f>(&'f self, wanted: &'f str) -> impl Iterator<Item = &'f str> {
        let named = self.0.iter().filter(move |(name, _)| name == wanted);
        named.map(|(_, value)| value.trim())
    }
}

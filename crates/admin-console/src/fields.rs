//! What somebody filled into a form.

use axum::Form;
use axum::extract::{FromRequest, Request};
use axum::response::{IntoResponse as _, Response};

/// The fields of a form, in their order; a name may come more than once.
#[derive(Debug, Clone, Default)]
pub(crate) struct Fields(pub(crate) Vec<(String, String)>);

impl Fields {
    /// Returns a field as it was sent.
    pub(crate) fn raw(&self, name: &str) -> Option<&str> {
        let mut of_this_name = self.0.iter().filter(|(one, _)| one == name);
        of_this_name.next().map(|(_, value)| value.as_str())
    }

    /// Returns what was written into a field, without the spaces around it; nothing if that is empty.
    pub(crate) fn text(&self, name: &str) -> Option<&str> {
        self.raw(name).map(str::trim).filter(|text| !text.is_empty())
    }

    /// Returns every value of a field, such as the boxes that were ticked.
    pub(crate) fn all<'f>(&'f self, name: &'f str) -> impl Iterator<Item = &'f str> {
        let of_this_name = move |(one, _): &&(String, String)| one == name;
        self.0
            .iter()
            .filter(of_this_name)
            .map(|(_, value)| value.as_str())
    }

    /// Returns true if a box was ticked, or a button with this name was pressed.
    pub(crate) fn has(&self, name: &str) -> bool {
        self.raw(name).is_some()
    }
}

impl<S: Send + Sync> FromRequest<S> for Fields {
    type Rejection = Response;

    async fn from_request(request: Request, state: &S) -> Result<Self, Response> {
        let form = Form::<Vec<(String, String)>>::from_request(request, state).await;
        form.map(|Form(fields)| Self(fields))
            .map_err(|rejection| rejection.into_response())
    }
}

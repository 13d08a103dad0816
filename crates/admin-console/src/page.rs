//! A page as a handler returns it, and why there is none.

use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use easemob_admin_remote::api::Problem;
use maud::Markup;

/// Where a page is in the navigation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Nav {
    Overview,
    Users,
    Logins,
    Bulk,
    Runs,
    Approvals,
    Limits,
    Audit,
    Settings,
    /// The list of apps, which is nowhere.
    Apps,
}

/// A page, without what is around it. The entrance puts that around it.
#[derive(Debug, Clone)]
pub(crate) struct Page {
    pub(crate) nav: Nav,
    /// The title, without the names of the app and the product.
    pub(crate) title: String,
    pub(crate) main: Markup,
}

impl IntoResponse for Page {
    fn into_response(self) -> Response {
        let mut response = StatusCode::OK.into_response();
        response.extensions_mut().insert(self);
        response
    }
}

/// Why there is no page. The entrance makes one that says so.
#[derive(Debug, Clone)]
pub(crate) struct Trouble(pub(crate) Problem);

impl From<Problem> for Trouble {
    fn from(problem: Problem) -> Self {
        Self(problem)
    }
}

impl IntoResponse for Trouble {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.0.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let mut response = status.into_response();
        response.extensions_mut().insert(self);
        response
    }
}

//! Style and script, which are part of the program. Their addresses change with their content, so browsers keep them.

use std::sync::LazyLock;

use axum::Router;
use axum::http::header;
use axum::response::IntoResponse;
use axum::routing::get;
use sha2::{Digest as _, Sha256};

/// A file that browsers fetch.
pub(crate) struct Asset {
    content: &'static str,
    form: &'static str,
    /// Its address.
    pub(crate) address: String,
}

impl Asset {
    fn new(name: &str, form: &'static str, content: &'static str) -> Self {
        let digest = format!("{:x}", Sha256::digest(content.as_bytes()));
        Self {
            content,
            form,
            address: format!("/console/assets/{}/{name}", &digest[..12]),
        }
    }
}

pub(crate) static STYLE: LazyLock<Asset> = LazyLock::new(|| {
    let content = include_str!("assets/console.css");
    Asset::new("console.css", "text/css; charset=utf-8", content)
});

/// What is different on paper.
pub(crate) static PRINT: LazyLock<Asset> = LazyLock::new(|| {
    let content = include_str!("assets/print.css");
    Asset::new("print.css", "text/css; charset=utf-8", content)
});

/// htmx, which swaps parts of pages. It is as its authors published it.
pub(crate) static HTMX: LazyLock<Asset> = LazyLock::new(|| {
    let content = include_str!("assets/htmx.min.js");
    Asset::new("htmx.js", "text/javascript; charset=utf-8", content)
});

/// Idiomorph, with which htmx changes only what differs. It is as its authors published it.
pub(crate) static MORPH: LazyLock<Asset> = LazyLock::new(|| {
    let content = include_str!("assets/idiomorph-ext.min.js");
    Asset::new("idiomorph.js", "text/javascript; charset=utf-8", content)
});

pub(crate) static SCRIPT: LazyLock<Asset> = LazyLock::new(|| {
    let content = include_str!("assets/console.js");
    Asset::new("console.js", "text/javascript; charset=utf-8", content)
});

pub(crate) fn routes<S: Clone + Send + Sync + 'static>() -> Router<S> {
    [&STYLE, &PRINT, &HTMX, &MORPH, &SCRIPT]
        .into_iter()
        .fold(Router::new(), |router, asset| {
            let headers = [
                (header::CONTENT_TYPE, asset.form),
                (header::CACHE_CONTROL, "public, max-age=31536000, immutable"),
                (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
            ];
            let answer = move || async move { (headers, asset.content).into_response() };
            router.route(&asset.address, get(answer))
        })
}

//! The little that the sandbox asks of others, over plain http on this machine: it needs no TLS, and so no opinion on whose.

use std::time::Duration;

use bytes::Bytes;
use http::{Method, Request, Uri};
use http_body_util::Full;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use serde_json::Value;

/// A client, which is cheap to clone.
#[derive(Clone, Debug)]
pub(crate) struct PlainHttp(Client<HttpConnector, Full<Bytes>>);

impl Default for PlainHttp {
    fn default() -> Self {
        Self(Client::builder(TokioExecutor::new()).build_http())
    }
}

impl PlainHttp {
    /// Posts JSON and returns the status of the answer, if there is one in time.
    pub(crate) async fn post(&self, url: &Uri, body: &Value, patience: Duration) -> Option<u16> {
        let request = Request::builder()
            .method(Method::POST)
            .uri(url)
            .header("content-type", "application/json;charset=UTF-8")
            .body(Full::from(body.to_string()));
        self.status(request.ok()?, patience).await
    }

    /// Asks for something and returns the status of the answer, if there is one in time.
    pub(crate) async fn get(&self, url: &Uri, patience: Duration) -> Option<u16> {
        self.status(Request::get(url).body(Full::default()).ok()?, patience)
            .await
    }

    async fn status(&self, request: Request<Full<Bytes>>, patience: Duration) -> Option<u16> {
        let answer = tokio::time::timeout(patience, self.0.request(request))
            .await
            .ok()?
            .ok()?;
        Some(answer.status().as_u16())
    }
}

//! The little that the sandbox asks of others, over plain http on this machine: it needs no TLS, and so no opinion on whose.

use std::time::Duration;

use bytes::Bytes;
use http::{Method, Request, Uri};
use http_body_util::{BodyExt, Full, Limited};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use serde_json::Value;

/// No answer is read beyond this, in bytes.
const LARGEST_ANSWER: usize = 16 * 1024 * 1024;

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

    /// Asks for JSON and returns it, if the answer is a success and comes in time.
    pub(crate) async fn get_json(&self, url: &Uri, patience: Duration) -> Option<Value> {
        let asking = async {
            let request = Request::get(url).body(Full::default()).ok()?;
            let answer = self.0.request(request).await.ok()?;
            let success = answer.status().is_success();
            let body = Limited::new(answer.into_body(), LARGEST_ANSWER)
                .collect()
                .await
                .ok()?;
            serde_json::from_slice(&body.to_bytes()).ok().filter(|_| success)
        };
        tokio::time::timeout(patience, asking).await.ok()?
    }

    async fn status(&self, request: Request<Full<Bytes>>, patience: Duration) -> Option<u16> {
        let answer = tokio::time::timeout(patience, self.0.request(request))
            .await
            .ok()?
            .ok()?;
        Some(answer.status().as_u16())
    }
}

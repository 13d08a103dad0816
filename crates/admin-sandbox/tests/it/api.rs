//! A bare HTTP client: the tests compare bytes, not types of some client library.

use easemob_admin_sandbox::{Rates, Sandbox, SandboxBuilder, SandboxClock};
use reqwest::{Client, Method, RequestBuilder};
use serde_json::{Value, json};

pub(crate) const START_MS: u64 = 1_700_000_000_000;

pub(crate) struct Api {
    pub(crate) sandbox: Sandbox,
    pub(crate) http: Client,
    pub(crate) token: String,
}

#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) text: String,
}

impl Answer {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|error| panic!("{error}: {}", self.text))
    }

    pub(crate) fn data(&self) -> Value {
        assert_eq!(self.status, 200, "{}", self.text);
        self.json()["data"].clone()
    }

    /// Status and error type, after checking that the body has the form of an error.
    pub(crate) fn error(&self) -> (u16, String) {
        let body = self.json();
        for field in ["error", "exception", "timestamp", "duration", "error_description"] {
            assert!(body.get(field).is_some(), "{field} is missing in {body}");
        }
        (self.status, body["error"].as_str().unwrap().to_owned())
    }

    pub(crate) fn description(&self) -> String {
        self.json()["error_description"].as_str().unwrap().to_owned()
    }
}

pub(crate) fn refused(status: u16, kind: &str) -> (u16, String) {
    (status, kind.to_owned())
}

pub(crate) fn builder() -> SandboxBuilder {
    Sandbox::builder()
        .clock(SandboxClock::manual(START_MS))
        .rates(Rates::unlimited())
}

impl Api {
    pub(crate) async fn start() -> Self {
        Self::with(builder()).await
    }

    pub(crate) async fn with(builder: SandboxBuilder) -> Self {
        let sandbox = builder.start().await.unwrap();
        let mut api = Self {
            sandbox,
            http: Client::new(),
            token: String::new(),
        };
        api.token = api.app_token().await;
        api.sandbox.reset_calls();
        api
    }

    pub(crate) async fn app_token(&self) -> String {
        let (id, secret) = (self.sandbox.client_id(), self.sandbox.client_secret());
        let body = json!({"grant_type": "client_credentials", "client_id": id, "client_secret": secret});
        let answer = self.as_nobody(Method::POST, "/token", Some(body)).await;
        answer.json()["access_token"].as_str().unwrap().to_owned()
    }

    pub(crate) async fn user_token(&self, user: &str) -> String {
        let body = json!({"grant_type": "inherit", "username": user, "autoCreateUser": false});
        self.post("/token", body).await.json()["access_token"]
            .as_str()
            .unwrap()
            .to_owned()
    }

    pub(crate) fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.http
            .request(method, format!("{}{path}", self.sandbox.app_root()))
    }

    pub(crate) async fn as_nobody(&self, method: Method, path: &str, body: Option<Value>) -> Answer {
        finish(with_json(self.request(method, path), body)).await
    }

    pub(crate) async fn as_holder(
        &self,
        token: &str,
        method: Method,
        path: &str,
        body: Option<Value>,
    ) -> Answer {
        finish(with_json(self.request(method, path).bearer_auth(token), body)).await
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.as_holder(&self.token, Method::GET, path, None).await
    }

    pub(crate) async fn delete(&self, path: &str) -> Answer {
        self.as_holder(&self.token, Method::DELETE, path, None).await
    }

    pub(crate) async fn post(&self, path: &str, body: Value) -> Answer {
        self.as_holder(&self.token, Method::POST, path, Some(body)).await
    }

    pub(crate) async fn put(&self, path: &str, body: Value) -> Answer {
        self.as_holder(&self.token, Method::PUT, path, Some(body)).await
    }

    pub(crate) async fn control(&self, method: Method, path: &str, body: Option<Value>) -> Answer {
        let request = self
            .http
            .request(method, format!("{}/sandbox/{path}", self.sandbox.rest_url()));
        finish(with_json(request, body)).await
    }
}

fn with_json(request: RequestBuilder, body: Option<Value>) -> RequestBuilder {
    match body {
        Some(body) => request
            .header("content-type", "application/json")
            .body(body.to_string()),
        None => request,
    }
}

pub(crate) async fn finish(request: RequestBuilder) -> Answer {
    let response = request.send().await.unwrap();
    let status = response.status().as_u16();
    Answer {
        status,
        text: response.text().await.unwrap(),
    }
}

//! What the span of a call shows. Alone in its binary: other tests would switch spans off for all.
#![allow(clippy::unwrap_used, reason = "set-up that fails shall fail the test")]

use std::fmt::Write as _;
use std::sync::{Arc, Mutex};

use easemob_admin_api::{AppRoot, Client, Credentials, UserId};
use easemob_admin_sandbox::{Fault, Sandbox};
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing_subscriber::layer::{Context, Layer, SubscriberExt as _};
use tracing_subscriber::registry::LookupSpan;

/// The fields of each span, a line each, in the order in which they were recorded.
#[derive(Clone, Default)]
struct Spans(Arc<Mutex<Vec<(Id, String)>>>);

struct Lines<'a>(&'a mut String);

impl Visit for Lines<'_> {
    fn record_debug(&mut self, field: &Field, value: &dyn std::fmt::Debug) {
        let _ = writeln!(self.0, "{field} = {value:?}");
    }
}

impl<S: tracing::Subscriber + for<'a> LookupSpan<'a>> Layer<S> for Spans {
    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, _: Context<'_, S>) {
        let mut text = String::new();
        attributes.record(&mut Lines(&mut text));
        self.0.lock().unwrap().push((id.clone(), text));
    }

    fn on_record(&self, id: &Id, values: &Record<'_>, _: Context<'_, S>) {
        let mut spans = self.0.lock().unwrap();
        let of_id = spans.iter_mut().rfind(|(span, _)| span == id);
        values.record(&mut Lines(&mut of_id.unwrap().1));
    }
}

#[tokio::test]
async fn a_span_follows_the_conventions_and_shows_no_secret() {
    let sandbox = Sandbox::start().await.unwrap();
    sandbox.register("ann");
    let spans = Spans::default();
    let _guard = tracing::subscriber::set_default(tracing_subscriber::registry().with(spans.clone()));
    let root = AppRoot::parse(&sandbox.app_root()).unwrap();
    let client = Client::builder(root)
        .credentials(Credentials::client_secret(
            sandbox.client_id(),
            sandbox.client_secret(),
        ))
        .header("X-Gateway-Key", "k3y-of-the-gateway")
        .build()
        .unwrap();
    let traced = client.with_header(
        "traceparent",
        "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
    );
    client
        .set_password(&UserId::parse("ann").unwrap(), "hunter22")
        .await
        .unwrap();
    sandbox.inject(Fault::status("users.get", 503).times(1));
    traced
        .unwrap()
        .get_user(&UserId::parse("nobody").unwrap())
        .await
        .unwrap_err();

    let spans = spans.0.lock().unwrap().clone();
    let all: String = spans.iter().map(|(_, text)| text.as_str()).collect();
    for secret in ["hunter22", "k3y-of-the-gateway", sandbox.client_secret(), "YWMt"] {
        assert!(!all.contains(secret), "{all}");
    }
    let root = sandbox.app_root();
    let port = root.split([':', '/']).nth(4).unwrap();
    let shown: Vec<String> = spans
        .last()
        .unwrap()
        .1
        .lines()
        .map(|line| {
            line.replace(port, "PORT")
                .replace(&root.replace(port, "PORT"), "ROOT")
        })
        .filter(|line| !line.contains("_ms = "))
        .collect();
    assert_eq!(
        shown,
        [
            r#"otel.name = "users.get""#,
            r#"otel.kind = "client""#,
            r#"http.request.method = "GET""#,
            r#"server.address = "127.0.0.1""#,
            "server.port = PORT",
            r#"easemob.lane = "interactive""#,
            r#"url.full = "ROOT/users/nobody""#,
            "http.response.status_code = 404",
            "http.request.resend_count = 1",
            r#"otel.status_code = "ERROR""#,
            r#"error.type = "refused""#,
        ]
    );
}

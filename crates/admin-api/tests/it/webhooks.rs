//! The extractor for axum, behind a server that the sandbox posts to.

use std::net::SocketAddr;

use axum::Router;
use axum::body::Body;
use axum::extract::{FromRef, FromRequest as _, Request, State};
use axum::http::StatusCode;
use axum::response::IntoResponse as _;
use axum::routing::post;
use easemob_admin_api::webhooks::{Event, Secrets, SessionChange, SignedPost};
use easemob_admin_sandbox::{Sandbox, Webhook};
use tokio::net::TcpListener;
use tokio::sync::mpsc;

#[derive(Clone)]
struct Receiver {
    secrets: Secrets,
    events: mpsc::UnboundedSender<Event>,
}

impl FromRef<Receiver> for Secrets {
    fn from_ref(receiver: &Receiver) -> Self {
        receiver.secrets.clone()
    }
}

async fn receive(State(receiver): State<Receiver>, SignedPost(post): SignedPost) {
    let _ = receiver.events.send(post.event);
}

async fn serve(secret: &'static str) -> (SocketAddr, mpsc::UnboundedReceiver<Event>) {
    let (events, arrived) = mpsc::unbounded_channel();
    let receiver = Receiver {
        secrets: Secrets::new([secret]),
        events,
    };
    let app = Router::new().route("/hook", post(receive)).with_state(receiver);
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener.local_addr().expect("a bound port");
    tokio::spawn(async { axum::serve(listener, app).await });
    (address, arrived)
}

#[tokio::test]
async fn posts_of_the_sandbox_reach_the_handler() {
    let (address, mut arrived) = serve("s3cret").await;
    let hook = Webhook::new(format!("http://{address}/hook"), "s3cret");
    let sandbox = Sandbox::builder().webhook(hook).start().await.unwrap();
    sandbox.register("ann");
    let resource = sandbox.sign_in("ann", "ios").unwrap().resource;
    sandbox.kick("ann", &resource);
    for change in [SessionChange::Login, SessionChange::Replaced] {
        let Some(Event::Session(session)) = arrived.recv().await else {
            panic!("not about a session");
        };
        assert_eq!(
            (session.user.as_str(), session.device.as_str()),
            ("ann", resource.as_str())
        );
        assert_eq!(session.change, change);
    }
}

#[tokio::test]
async fn what_is_not_the_services_is_answered_without_the_handler() {
    let secrets = Secrets::new(["s3cret"]);
    let status = async |body: Body| {
        let request = Request::new(body);
        let refused = SignedPost::from_request(request, &secrets).await.unwrap_err();
        refused.into_response().status()
    };
    let guessed = r#"{"callId":"o#a_7","security":"0","timestamp":1712000000003}"#;
    assert_eq!(status(Body::from(guessed)).await, StatusCode::FORBIDDEN);
    assert_eq!(status(Body::from("{}")).await, StatusCode::FORBIDDEN);
    assert_eq!(status(Body::from("<html>")).await, StatusCode::BAD_REQUEST);
    let large = Body::from(vec![b' '; 3 * 1024 * 1024]);
    assert_eq!(status(large).await, StatusCode::PAYLOAD_TOO_LARGE);
}

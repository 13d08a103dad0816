//! A library that was built without a provider takes the one that the program has installed, and says so if there is none.

use std::sync::Arc;

use easemob_admin_api::{AppRoot, Client, Credentials, UserId};
use rustls::crypto::ring;

#[path = "../../server.rs"]
mod server;

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let (address, tokens) = server::serve(Arc::new(ring::default_provider())).await;
    let root = AppRoot::parse(&format!("https://localhost:{}/acme/chat", address.port())).unwrap();
    let client = || {
        Client::builder(root.clone())
            .credentials(Credentials::fixed_token("YWMtx"))
            .trust_certificates(server::CERTIFICATE)
            .build()
    };
    let error = client().unwrap_err().to_string();
    assert!(error.contains("install_default"), "{error}");

    ring::default_provider().install_default().unwrap();
    client().unwrap().list_devices(&UserId::parse("ann").unwrap()).await.unwrap();
    assert_eq!(*tokens.lock().unwrap(), ["YWMtx"]);
}

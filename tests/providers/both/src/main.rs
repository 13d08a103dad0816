//! Where features leave it open, the library works before the program has chosen, and leaves the choice to it.

#[path = "../../client.rs"]
mod client;
#[path = "../../server.rs"]
mod server;

#[tokio::main(flavor = "current_thread")]
async fn main() {
    // The library for tokens panics without a choice.
    jsonwebtoken::crypto::rust_crypto::DEFAULT_PROVIDER.install_default().unwrap();
    client::works_beside_the_program().await;
    rustls::crypto::ring::default_provider().install_default().expect("nobody has chosen before the program");
    client::works_beside_the_program().await;
}

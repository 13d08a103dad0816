//! The library enables no provider that the program has not chosen, so that both choices stay unambiguous.

#[path = "../../client.rs"]
mod client;
#[path = "../../server.rs"]
mod server;

#[tokio::main(flavor = "current_thread")]
async fn main() {
    client::works_beside_the_program().await;
    // Panics where features name two providers.
    let _ = rustls::ClientConfig::builder();
}

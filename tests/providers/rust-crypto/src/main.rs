//! The library as it comes leaves the program's choice for its own tokens alone.

#[path = "../../client.rs"]
mod client;
#[path = "../../server.rs"]
mod server;

#[tokio::main(flavor = "current_thread")]
async fn main() {
    client::works_beside_the_program().await;
    let _ = rustls::ClientConfig::builder();
}

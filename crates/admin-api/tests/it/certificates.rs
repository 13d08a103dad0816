//! TLS: whom the client believes.

use std::sync::Arc;
use std::time::Duration;

use easemob_admin_api::Timeouts;
use rustls::ServerConfig;
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::PrivateKeyDer;
use tokio::net::TcpStream;
use tokio_rustls::TlsAcceptor;

use super::scripted::{Seen, Step, builder, counts, logged_out, serve, serve_over};
use super::setup::user;

/// A server with a self-signed certificate for `localhost`, and the certificate.
async fn server() -> (std::net::SocketAddr, Seen, String) {
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let key = PrivateKeyDer::try_from(made.signing_key.serialize_der()).unwrap();
    let config = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![made.cert.der().clone()], key)
        .unwrap();
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let scripts = vec![vec![Step::Forever(logged_out())]];
    let agree = move |stream: TcpStream| {
        let acceptor = acceptor.clone();
        async move { acceptor.accept(stream).await.ok() }
    };
    let (address, seen) = serve_over(scripts, agree).await;
    (address, seen, made.cert.pem())
}

#[tokio::test]
async fn a_certificate_that_was_named_is_believed_and_its_connection_used_again() {
    let (address, seen, pem) = server().await;
    let client = builder("https", "localhost", address).trust_certificates(pem);
    let client = client.build().unwrap();
    for _ in 0..3 {
        assert!(client.logout_all(&user("ann")).await.unwrap().is_logged_out());
    }
    assert_eq!(counts(&seen), [3]);
}

#[tokio::test]
async fn a_certificate_of_nobody_known_is_not_believed() {
    let (address, seen, _) = server().await;
    let client = builder("https", "localhost", address).build().unwrap();
    let error = client.logout_all(&user("ann")).await.unwrap_err();
    assert!(error.is_unreachable() && !error.is_outcome_unknown(), "{error:?}");
    assert_eq!(counts(&seen), [0], "nothing was sent");
}

#[tokio::test]
async fn a_certificate_for_another_name_is_not_believed() {
    let (address, seen, pem) = server().await;
    let client = builder("https", "127.0.0.1", address).trust_certificates(pem);
    let error = client
        .build()
        .unwrap()
        .logout_all(&user("ann"))
        .await
        .unwrap_err();
    assert!(error.is_unreachable() && !error.is_outcome_unknown(), "{error:?}");
    assert_eq!(counts(&seen), [0], "nothing was sent");
    let mut cause: Option<&dyn std::error::Error> = Some(&error);
    let mut text = String::new();
    while let Some(next) = cause {
        text.push_str(&next.to_string());
        cause = next.source();
    }
    assert!(text.contains("not valid for name"), "{text}");
}

#[tokio::test]
async fn a_server_that_speaks_no_tls_is_told_apart_in_time() {
    let script = vec![
        Step::Write(b"HTTP/1.1 400 Bad Request\r\n\r\n".to_vec()),
        Step::Pause(Duration::from_secs(5)),
    ];
    let silence = vec![Step::Pause(Duration::from_secs(5))];
    let timeouts = Timeouts::default().connect(Duration::from_millis(200));
    for script in [script, silence] {
        let (address, _) = serve(vec![script]).await;
        let client = builder("https", "localhost", address).timeouts(timeouts);
        let error = client
            .build()
            .unwrap()
            .logout_all(&user("ann"))
            .await
            .unwrap_err();
        assert!(error.is_unreachable() && !error.is_outcome_unknown(), "{error:?}");
    }
}

#[test]
fn what_is_no_certificate_is_told_when_the_client_is_built() {
    for wrong in [
        "not a certificate",
        "-----BEGIN CERTIFICATE-----\nnonsense!\n-----END CERTIFICATE-----\n",
    ] {
        let address = "127.0.0.1:443".parse().unwrap();
        let client = builder("https", "localhost", address).trust_certificates(wrong);
        assert!(client.build().is_err(), "{wrong}");
    }
}

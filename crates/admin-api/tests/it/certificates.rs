//! TLS: whom the client believes.

use std::sync::Arc;
use std::time::Duration;

use easemob_admin_api::Timeouts;
use rustls::ServerConfig;
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::PrivateKeyDer;
use sha2::{Digest as _, Sha256};
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
    let (address, seen) = serve_tls(config).await;
    (address, seen, made.cert.pem())
}

/// A server with a certificate for `localhost` as `openssl req -x509` makes it, which is an authority's (`CA:TRUE`), valid
/// in these years; and the certificate in PEM form with its fingerprint.
async fn authority(from: i32, until: i32) -> (std::net::SocketAddr, Seen, String, String) {
    let mut wanted = rcgen::CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
    wanted.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    wanted.not_before = rcgen::date_time_ymd(from, 1, 1);
    wanted.not_after = rcgen::date_time_ymd(until, 1, 1);
    let key = rcgen::KeyPair::generate().unwrap();
    let made = wanted.self_signed(&key).unwrap();
    let fingerprint = Sha256::digest(made.der());
    let config = ServerConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(
            vec![made.der().clone()],
            PrivateKeyDer::try_from(key.serialize_der()).unwrap(),
        )
        .unwrap();
    let (address, seen) = serve_tls(config).await;
    (address, seen, made.pem(), format!("{fingerprint:x}"))
}

#[tokio::test]
async fn a_certificate_of_an_authority_is_believed_if_it_is_named_itself() {
    const FAR: i32 = 2090;
    for (from, until, host, believed) in [
        (2020, FAR, "localhost", true),
        (2020, 2021, "localhost", false),
        (2080, FAR, "localhost", false),
        (2020, FAR, "127.0.0.1", false),
    ] {
        for pinned in [true, false] {
            let (address, seen, pem, fingerprint) = authority(from, until).await;
            let client = builder("https", host, address);
            let client = if pinned {
                client.pin_certificate(&fingerprint)
            } else {
                client.trust_certificates(pem)
            };
            let outcome = client.build().unwrap().logout_all(&user("ann")).await;
            assert_eq!(
                outcome.is_ok(),
                believed,
                "{from} {until} {host} {pinned}: {outcome:?}"
            );
            assert_eq!(counts(&seen), [usize::from(believed)]);
        }
    }
}

#[tokio::test]
async fn only_the_pinned_certificate_is_believed() {
    let (address, seen, pem) = server().await;
    let (.., other) = authority(2020, 2090).await;
    let client = builder("https", "localhost", address)
        .trust_certificates(pem)
        .pin_certificate(&other);
    let error = client
        .build()
        .unwrap()
        .logout_all(&user("ann"))
        .await
        .unwrap_err();
    assert!(error.is_unreachable() && !error.is_transient(), "{error:?}");
    assert_eq!((error.attempts(), counts(&seen)), (1, vec![0]));
    let refused = builder("https", "localhost", address)
        .pin_certificate("AB:CD")
        .build();
    assert!(refused.unwrap_err().to_string().contains("openssl x509"));
}

#[tokio::test]
async fn what_was_agreed_on_is_told() {
    let (address, seen, pem) = server().await;
    let client = builder("https", "localhost", address).trust_certificates(pem);
    let agreed = client.build().unwrap().agree().await.unwrap();
    assert_eq!((agreed.tls.as_deref(), agreed.alpn), (Some("TLS 1.3"), None));
    assert_eq!(counts(&seen), [0], "nothing was sent");
}

async fn serve_tls(config: ServerConfig) -> (std::net::SocketAddr, Seen) {
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let scripts = vec![vec![Step::Forever(logged_out())]];
    let agree = move |stream: TcpStream| {
        let acceptor = acceptor.clone();
        async move { acceptor.accept(stream).await.ok() }
    };
    serve_over(scripts, agree).await
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

#[tokio::test]
async fn a_client_shows_its_own_certificate_where_it_has_one() {
    let server = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let mut params = rcgen::CertificateParams::new(Vec::new()).unwrap();
    params.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
    let authority_key = rcgen::KeyPair::generate().unwrap();
    let authority = params.self_signed(&authority_key).unwrap();
    let issuer = rcgen::Issuer::from_params(&params, &authority_key);
    let key = rcgen::KeyPair::generate().unwrap();
    let params = rcgen::CertificateParams::new(vec!["backend".to_owned()]).unwrap();
    let certificate = params.signed_by(&key, &issuer).unwrap();

    let mut roots = rustls::RootCertStore::empty();
    roots.add(authority.der().clone()).unwrap();
    let provider = Arc::new(aws_lc_rs::default_provider());
    let verifier =
        rustls::server::WebPkiClientVerifier::builder_with_provider(Arc::new(roots), Arc::clone(&provider));
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_client_cert_verifier(verifier.build().unwrap())
        .with_single_cert(
            vec![server.cert.der().clone()],
            PrivateKeyDer::try_from(server.signing_key.serialize_der()).unwrap(),
        )
        .unwrap();
    let (address, seen) = serve_tls(config).await;
    let trusting = || builder("https", "localhost", address).trust_certificates(server.cert.pem());

    let stranger = trusting().build().unwrap();
    let error = stranger.logout_all(&user("ann")).await.unwrap_err();
    assert!(counts(&seen).iter().all(|requests| *requests == 0), "{error:?}");

    let identity = certificate.pem() + &key.serialize_pem();
    let client = trusting().client_identity(identity.as_str());
    assert!(!format!("{client:?}").contains("PRIVATE KEY"));
    assert!(
        client
            .build()
            .unwrap()
            .logout_all(&user("ann"))
            .await
            .unwrap()
            .is_logged_out()
    );

    let of_another = certificate.pem() + &authority_key.serialize_pem();
    let not_first = authority.pem() + &identity;
    let encrypted = format!(
        "{}-----BEGIN ENCRYPTED PRIVATE KEY-----\nMIIB\n",
        certificate.pem()
    );
    let encrypted_of_old = format!(
        "{}-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\n\nMIIB\n",
        certificate.pem()
    );
    for (unusable, why) in [
        ("", "is empty"),
        ("PRIVATE KEY", "no certificate"),
        (&certificate.pem(), "there is no private key"),
        (&key.serialize_pem(), "no certificate"),
        (&of_another, "cannot be used together"),
        (&not_first, "cannot be used together"),
        (&encrypted, "is encrypted"),
        (&encrypted_of_old, "is encrypted"),
    ] {
        let error = trusting()
            .client_identity(unusable)
            .build()
            .unwrap_err()
            .to_string();
        assert!(
            error.contains("the client's identity") && error.contains(why),
            "{error}"
        );
    }
}

#[tokio::test]
async fn settings_of_the_programs_own_take_the_place_of_all_others() {
    let (address, seen, pem) = server().await;
    let mut roots = rustls::RootCertStore::empty();
    for certificate in rustls_pem(&pem) {
        roots.add(certificate).unwrap();
    }
    let mut config = rustls::ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = vec![b"h2".to_vec()];
    let config = Arc::new(config);
    let client = builder("https", "localhost", address).tls_config(Arc::clone(&config));
    assert!(
        client
            .build()
            .unwrap()
            .logout_all(&user("ann"))
            .await
            .unwrap()
            .is_logged_out()
    );
    assert_eq!(counts(&seen), [1]);
    let both = builder("https", "localhost", address)
        .tls_config(config)
        .trust_certificates(pem);
    assert!(both.build().is_err());
}

fn rustls_pem(pem: &str) -> Vec<rustls::pki_types::CertificateDer<'static>> {
    use rustls::pki_types::pem::PemObject as _;
    rustls::pki_types::CertificateDer::pem_slice_iter(pem.as_bytes())
        .map(Result::unwrap)
        .collect()
}

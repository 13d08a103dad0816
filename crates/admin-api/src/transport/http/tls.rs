//! TLS: whom it trusts, and who does the cryptography.

use std::sync::{Arc, Mutex, PoisonError};

use rustls::ClientConfig;
use rustls::client::danger::ServerCertVerifier;
use rustls::crypto::CryptoProvider;
use rustls::pki_types::PrivateKeyDer;
use rustls::pki_types::pem::PemObject;
use rustls_platform_verifier::Verifier;
use secrecy::ExposeSecret as _;

use super::certificate_text::{certificates, check_environment};
use super::named_certificates::NamedCertificates;
use super::{SetupError, TlsSettings};

/// The settings of both transports, made when the first server needs them: the certificates of the system take longer to
/// read than a whole call takes on a fast network.
#[derive(Debug, Default)]
pub(super) struct Tls(Mutex<Option<ClientConfig>>);

impl Tls {
    pub(super) fn config(&self, settings: &TlsSettings) -> Result<ClientConfig, SetupError> {
        let mut made = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(made) = &*made {
            return Ok(made.clone());
        }
        Ok(made.insert(config(settings)?).clone())
    }
}

fn config(settings: &TlsSettings) -> Result<ClientConfig, SetupError> {
    if let Some(own) = &settings.own {
        let mut own = ClientConfig::clone(own);
        // Calls are HTTP/1, which is spoken where nothing is agreed on.
        own.alpn_protocols.clear();
        return Ok(own);
    }
    let provider = tls_provider().ok_or(
        "there is no crypto provider for TLS; enable the feature `aws-lc-rs` or `ring`, or install one with rustls's \
         `CryptoProvider::install_default`",
    )?;
    let mut named = Vec::new();
    for text in &settings.trusted {
        named.extend(certificates(text, "a text of certificates to be trusted")?);
    }
    check_environment()?;
    let verifier = if named.is_empty() {
        Verifier::new(Arc::clone(&provider))?
    } else {
        Verifier::new_with_extra_roots(named.clone(), Arc::clone(&provider))?
    };
    let verifier: Arc<dyn ServerCertVerifier> = if named.is_empty() && settings.pinned.is_empty() {
        Arc::new(verifier)
    } else {
        Arc::new(NamedCertificates::new(
            Arc::new(verifier),
            named,
            settings.pinned.clone(),
        ))
    };
    let builder = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .dangerous() // It is the system's own verifier, which this library does not know.
        .with_custom_certificate_verifier(verifier);
    let Some(identity) = &settings.identity else {
        return Ok(builder.with_no_client_auth());
    };
    let text = identity.expose_secret();
    if text.contains("ENCRYPTED") {
        return Err(
            "the private key in the client's identity is encrypted; decrypt it first, for example with \
                    `openssl pkey`"
                .into(),
        );
    }
    let chain = certificates(text.as_bytes(), "the client's identity")?;
    let key = PrivateKeyDer::from_pem_slice(text.as_bytes())
        .map_err(|_| "there is no private key in the client's identity")?;
    let unfit = "certificate and private key of the client's identity cannot be used together; the first certificate must \
                 be the client's own, and the key must be its key";
    builder
        .with_client_auth_cert(chain, key)
        .map_err(|error| format!("{unfit}: {error}").into())
}

/// Returns what does the cryptography of TLS: the provider that the program has installed
/// (`CryptoProvider::install_default`), or else the one this crate was built with, AWS-LC before ring; `None` without either.
///
/// None is ever installed by this crate, so that a program stays free to choose one later.
///
/// ```
/// assert!(easemob_admin_api::tls_provider().is_some());
/// assert!(rustls::crypto::CryptoProvider::get_default().is_none());
/// ```
#[must_use]
pub fn tls_provider() -> Option<Arc<CryptoProvider>> {
    #[cfg(feature = "aws-lc-rs")]
    let built_in: Option<fn() -> CryptoProvider> = Some(rustls::crypto::aws_lc_rs::default_provider);
    #[cfg(all(feature = "ring", not(feature = "aws-lc-rs")))]
    let built_in: Option<fn() -> CryptoProvider> = Some(rustls::crypto::ring::default_provider);
    #[cfg(not(any(feature = "aws-lc-rs", feature = "ring")))]
    let built_in: Option<fn() -> CryptoProvider> = None;
    let installed = CryptoProvider::get_default().cloned();
    installed.or_else(|| built_in.map(|provider| Arc::new(provider())))
}

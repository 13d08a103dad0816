//! TLS: whom it trusts, and who does the cryptography.

use std::sync::Arc;

use rustls::ClientConfig;
use rustls::crypto::CryptoProvider;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls_platform_verifier::Verifier;

use super::SetupError;

/// Returns the settings of both transports; each text of `trusted` is PEM.
pub(super) fn config(trusted: &[Vec<u8>]) -> Result<ClientConfig, SetupError> {
    let provider = tls_provider().ok_or(
        "there is no crypto provider for TLS; enable the feature `aws-lc-rs` or `ring`, or install one with rustls's \
         `CryptoProvider::install_default`",
    )?;
    let mut named = Vec::new();
    for text in trusted {
        let before = named.len();
        for certificate in CertificateDer::pem_slice_iter(text) {
            named.push(certificate?);
        }
        if named.len() == before {
            return Err("there is no certificate in a text of certificates to be trusted".into());
        }
    }
    let verifier = if named.is_empty() {
        Verifier::new(Arc::clone(&provider))?
    } else {
        Verifier::new_with_extra_roots(named, Arc::clone(&provider))?
    };
    Ok(ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .dangerous() // It is the system's own verifier, which this library does not know.
        .with_custom_certificate_verifier(Arc::new(verifier))
        .with_no_client_auth())
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

//! Whom TLS trusts: the system, and certificates that were named.

use std::sync::Arc;

use rustls::ClientConfig;
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls_platform_verifier::Verifier;

use super::SetupError;

/// Returns the settings of both transports.
pub(super) fn config(trusted: &[u8]) -> Result<ClientConfig, SetupError> {
    let provider = Arc::new(aws_lc_rs::default_provider());
    let named: Vec<_> = CertificateDer::pem_slice_iter(trusted).collect::<Result<_, _>>()?;
    if named.is_empty() && !trusted.is_empty() {
        return Err("there is no certificate among what is to be trusted".into());
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

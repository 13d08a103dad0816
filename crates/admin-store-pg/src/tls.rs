//! TLS to the database: whom it trusts, and who does the cryptography.

use std::error::Error;
use std::path::Path;
use std::sync::Arc;

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use rustls::{ClientConfig, RootCertStore};
use rustls_platform_verifier::Verifier;

/// Makes the settings of TLS. With `roots`, only the certificates in that file are trusted.
pub(crate) fn settings(roots: Option<&Path>) -> Result<ClientConfig, Box<dyn Error + Send + Sync>> {
    let provider = easemob_admin_api::tls_provider()
        .ok_or("there is no crypto provider for TLS; enable the feature `aws-lc-rs` or `ring`")?;
    let builder =
        ClientConfig::builder_with_provider(Arc::clone(&provider)).with_safe_default_protocol_versions()?;
    let Some(path) = roots else {
        let verifier = Arc::new(Verifier::new(provider)?);
        return Ok(builder
            .dangerous() // It is the system's own verifier, which the library does not know.
            .with_custom_certificate_verifier(verifier)
            .with_no_client_auth());
    };
    let mut trusted = RootCertStore::empty();
    for certificate in CertificateDer::pem_file_iter(path)? {
        trusted.add(certificate?)?;
    }
    if trusted.is_empty() {
        return Err(format!("{} has no certificate", path.display()).into());
    }
    Ok(builder.with_root_certificates(trusted).with_no_client_auth())
}

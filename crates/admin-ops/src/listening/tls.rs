//! The certificate of a server.

use std::path::PathBuf;

/// A certificate and its key, as PEM files.
#[derive(Debug, Clone)]
pub struct Tls {
    /// The certificate, with those between it and its root.
    pub certificate: PathBuf,
    /// The private key.
    pub key: PathBuf,
}

#[cfg(feature = "tls")]
impl Tls {
    /// Reads both files, and takes the provider that the client takes: the one of the process may be another program's
    /// choice, or none.
    ///
    /// # Errors
    /// When a file cannot be read or used.
    pub fn config(&self) -> std::io::Result<axum_server::tls_rustls::RustlsConfig> {
        use std::io::{Error, ErrorKind};
        use std::sync::Arc;

        use rustls::ServerConfig;
        use rustls::pki_types::pem::PemObject as _;
        use rustls::pki_types::{CertificateDer, PrivateKeyDer};

        let unusable =
            |error: Box<dyn std::error::Error + Send + Sync>| Error::new(ErrorKind::InvalidData, error);
        let chain = CertificateDer::pem_slice_iter(&std::fs::read(&self.certificate)?)
            .collect::<Result<Vec<_>, _>>()
            .map_err(|error| unusable(error.into()))?;
        let key = PrivateKeyDer::from_pem_slice(&std::fs::read(&self.key)?)
            .map_err(|error| unusable(error.into()))?;
        let provider = easemob_admin_api::tls_provider()
            .ok_or_else(|| unusable("there is no crypto provider for TLS".into()))?;
        let mut config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .and_then(|config| config.with_no_client_auth().with_single_cert(chain, key))
            .map_err(|error| unusable(error.into()))?;
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        Ok(axum_server::tls_rustls::RustlsConfig::from_config(Arc::new(
            config,
        )))
    }
}

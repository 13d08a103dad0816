//! Certificates that are believed because they are named, without an authority: those of private servers.
//!
//! Name, validity and the proof of the private key are checked as for any other.

use std::sync::Arc;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::verify_server_name;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::{
    CertificateError, DigitallySignedStruct, DistinguishedName, Error, OtherError, SignatureScheme,
};
use sha2::{Digest as _, Sha256};

use super::validity::validity;

/// The SHA-256 digest of a certificate.
pub(crate) type Fingerprint = [u8; 32];

/// Reads a fingerprint as `openssl x509 -fingerprint -sha256` prints it: 64 hexadecimal digits, with colons or without.
pub(crate) fn fingerprint(text: &str) -> Option<Fingerprint> {
    let digits = text.trim().rsplit(['=', ' ']).next()?;
    let digits: Vec<u32> = digits
        .chars()
        .filter(|character| *character != ':')
        .map(|character| character.to_digit(16))
        .collect::<Option<_>>()?;
    let bytes: Vec<u8> = digits
        .chunks(2)
        .map(|pair| match pair {
            [high, low] => u8::try_from(high * 16 + low).ok(),
            _ => None,
        })
        .collect::<Option<_>>()?;
    bytes.try_into().ok()
}

fn hex(fingerprint: &[u8]) -> String {
    let bytes: Vec<String> = fingerprint.iter().map(|byte| format!("{byte:02X}")).collect();
    bytes.join(":")
}

/// Believes certificates that are named, and leaves all others to another verifier.
#[derive(Debug)]
pub(super) struct NamedCertificates {
    others: Arc<dyn ServerCertVerifier>,
    /// Believed besides what the other verifier believes.
    trusted: Vec<CertificateDer<'static>>,
    /// If there are any, nothing else is believed.
    pinned: Vec<Fingerprint>,
}

/// The server showed a certificate that is not the pinned one.
#[derive(Debug, thiserror::Error)]
#[error("the certificate of the server has the SHA-256 fingerprint {found}, which is not the pinned one")]
struct NotPinned {
    found: String,
}

impl NamedCertificates {
    pub(super) fn new(
        others: Arc<dyn ServerCertVerifier>,
        trusted: Vec<CertificateDer<'static>>,
        pinned: Vec<Fingerprint>,
    ) -> Self {
        Self {
            others,
            trusted,
            pinned,
        }
    }
}

/// Checks everything but who issued a certificate.
fn by_itself(
    certificate: &CertificateDer<'_>,
    name: &ServerName<'_>,
    now: UnixTime,
) -> Result<ServerCertVerified, Error> {
    verify_server_name(&ParsedCertificate::try_from(certificate)?, name)?;
    let (from, until) = validity(certificate).ok_or(CertificateError::BadEncoding)?;
    let now = i64::try_from(now.as_secs()).unwrap_or(i64::MAX);
    if now < from {
        return Err(CertificateError::NotValidYet.into());
    }
    if now > until {
        return Err(CertificateError::Expired.into());
    }
    Ok(ServerCertVerified::assertion())
}

impl ServerCertVerifier for NamedCertificates {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        if !self.pinned.is_empty() {
            let found: Fingerprint = Sha256::digest(end_entity).into();
            if !self.pinned.contains(&found) {
                let found = hex(&found);
                return Err(CertificateError::Other(OtherError(Arc::new(NotPinned { found }))).into());
            }
            return by_itself(end_entity, server_name, now);
        }
        if self
            .trusted
            .iter()
            .any(|trusted| trusted.as_ref() == end_entity.as_ref())
        {
            return by_itself(end_entity, server_name, now);
        }
        let others = &self.others;
        others.verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now)
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.others.verify_tls12_signature(message, certificate, signed)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.others.verify_tls13_signature(message, certificate, signed)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.others.supported_verify_schemes()
    }

    fn root_hint_subjects(&self) -> Option<&[DistinguishedName]> {
        self.others.root_hint_subjects()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fingerprints_are_read_as_openssl_prints_them() {
        let bytes: Fingerprint = std::array::from_fn(|index| u8::try_from(index * 7).unwrap());
        let printed = hex(&bytes);
        for text in [
            printed.clone(),
            printed.to_lowercase(),
            printed.replace(':', ""),
            format!("sha256 Fingerprint={printed}"),
            format!(" {printed}\n"),
        ] {
            assert_eq!(fingerprint(&text), Some(bytes), "{text}");
        }
        for text in [
            "",
            "AB:CD",
            &printed[3..],
            &format!("{printed}:00"),
            &printed.replace('0', "x"),
        ] {
            assert_eq!(fingerprint(text), None, "{text}");
        }
    }
}

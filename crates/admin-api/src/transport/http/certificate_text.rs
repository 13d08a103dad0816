//! Texts of certificates in PEM form, and what is wrong with one. Pure, but for the file that the environment names.

use std::path::Path;

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;

use super::SetupError;

/// Reads the certificates of a text.
pub(super) fn certificates(text: &[u8], whose: &str) -> Result<Vec<CertificateDer<'static>>, SetupError> {
    if let Some(problem) = problem(text) {
        return Err(format!("{whose} {problem}").into());
    }
    CertificateDer::pem_slice_iter(text)
        .collect::<Result<_, _>>()
        .map_err(|error| format!("{whose} cannot be read: {error}").into())
}

/// Says why a text cannot have the certificates that are meant, and what helps.
fn problem(text: &[u8]) -> Option<&'static str> {
    const PEM: &[u8] = b"-----BEGIN CERTIFICATE-----";
    if text.trim_ascii().is_empty() {
        return Some("is empty");
    }
    if text.starts_with(b"\xef\xbb\xbf") || text.starts_with(b"\xff\xfe") || text.starts_with(b"\xfe\xff") {
        return Some(
            "begins with a byte order mark, so that it cannot be read; save it as plain text without one",
        );
    }
    // A sequence of more than 127 bytes.
    if matches!(text, [0x30, 0x81..=0x84, ..]) {
        return Some(
            "is in DER form, and PEM is needed; convert it with: openssl x509 -inform DER -in FILE -out FILE.pem",
        );
    }
    let has_certificate = text.windows(PEM.len()).any(|window| window == PEM);
    (!has_certificate).then_some("has no certificate in PEM form (-----BEGIN CERTIFICATE-----)")
}

/// Checks the file that takes the place of the certificates of the system: one that cannot be used looks like a server
/// that is not trusted.
pub(super) fn check_environment() -> Result<(), SetupError> {
    // Elsewhere, the verifier of the system does not heed it.
    if cfg!(any(
        target_os = "macos",
        target_os = "ios",
        target_os = "android",
        windows
    )) {
        return Ok(());
    }
    match std::env::var_os("SSL_CERT_FILE") {
        Some(path) if !path.is_empty() => check_file(Path::new(&path)),
        _ => Ok(()),
    }
}

fn check_file(path: &Path) -> Result<(), SetupError> {
    let whose = format!("the file {} (SSL_CERT_FILE)", path.display());
    let text = std::fs::read(path).map_err(|error| format!("{whose} cannot be read: {error}"))?;
    certificates(&text, &whose).map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_wrong_with_a_file_is_named() {
        let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
        let (pem, der) = (made.cert.pem().into_bytes(), made.cert.der().to_vec());
        let marked = [b"\xef\xbb\xbf".as_slice(), &pem].concat();
        let wide = pem.iter().flat_map(|byte| [*byte, 0]).collect::<Vec<_>>();
        let key = made.signing_key.serialize_pem().into_bytes();
        let cut = pem[..pem.len() / 2].to_vec();
        let directory = tempfile::tempdir().unwrap();
        for (content, said) in [
            (Some(pem), None),
            (None, Some("cannot be read: No such file")),
            (Some(Vec::new()), Some("is empty")),
            (Some(b" \n".to_vec()), Some("is empty")),
            (Some(marked), Some("byte order mark")),
            (
                Some([b"\xff\xfe".as_slice(), &wide].concat()),
                Some("byte order mark"),
            ),
            (Some(der), Some("openssl x509 -inform DER")),
            (Some(key), Some("has no certificate")),
            (Some(cut), Some("cannot be read")),
        ] {
            let path = directory.path().join("ca.pem");
            let _ = std::fs::remove_file(&path);
            if let Some(content) = content {
                std::fs::write(&path, content).unwrap();
            }
            let found = check_file(&path).map_err(|error| error.to_string());
            match (said, found) {
                (None, found) => assert_eq!(found, Ok(())),
                (Some(said), found) => {
                    let error = found.unwrap_err();
                    assert!(error.contains(said) && error.contains("SSL_CERT_FILE"), "{error}");
                    assert!(error.contains("ca.pem"), "{error}");
                }
            }
        }
    }
}

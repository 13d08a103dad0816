//! What a private key that cannot be used is, and which command makes one that can. Pure.

use super::jwt::JwtAlgorithm;

const CONVERT: &str = "convert it with: openssl pkcs8 -topk8 -nocrypt -in KEY.pem -out NEW.pem";

/// Object identifiers of kinds of keys and of curves, in DER.
const KINDS: [(&[u8], &str, Option<JwtAlgorithm>); 8] = [
    (
        &[0x06, 0x05, 0x2b, 0x81, 0x04, 0x00, 0x22],
        "an EC key on the curve P-384",
        None,
    ),
    (
        &[0x06, 0x05, 0x2b, 0x81, 0x04, 0x00, 0x23],
        "an EC key on the curve P-521",
        None,
    ),
    (
        &[0x06, 0x05, 0x2b, 0x81, 0x04, 0x00, 0x0a],
        "an EC key on the curve secp256k1",
        None,
    ),
    (
        &[0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07],
        "an EC key on the curve P-256",
        Some(JwtAlgorithm::Es256),
    ),
    (
        &[0x06, 0x03, 0x2b, 0x65, 0x70],
        "an Ed25519 key",
        Some(JwtAlgorithm::EdDsa),
    ),
    (&[0x06, 0x03, 0x2b, 0x65, 0x71], "an Ed448 key", None),
    (
        &[0x06, 0x03, 0x2b, 0x65, 0x6e],
        "an X25519 key, which cannot sign",
        None,
    ),
    (
        &[0x06, 0x09, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01],
        "an RSA key",
        Some(JwtAlgorithm::Rs256),
    ),
];

/// Says what a text is that is not a private key in PKCS#8 form.
pub(super) fn other_form(pem: &[u8]) -> String {
    let text = String::from_utf8_lossy(pem);
    let label = text
        .split_once("-----BEGIN ")
        .and_then(|(_, rest)| rest.split_once("-----"))
        .map(|(label, _)| label);
    let encrypted = || {
        "it is encrypted with a passphrase; decrypt it with: openssl pkcs8 -topk8 -nocrypt -in KEY.pem -out NEW.pem"
            .to_owned()
    };
    match label {
        None if matches!(pem, [0x30, ..]) => {
            "it is in DER form, and PEM is needed; convert it with: openssl pkey -inform DER -in KEY.der -out NEW.pem"
                .into()
        }
        None => "it is not a private key in PEM form (-----BEGIN PRIVATE KEY-----)".into(),
        Some("ENCRYPTED PRIVATE KEY") => encrypted(),
        Some(_) if text.contains("Proc-Type: 4,ENCRYPTED") => encrypted(),
        Some("EC PRIVATE KEY" | "EC PARAMETERS") => {
            format!("it is in SEC1 form, and PKCS#8 is needed; {CONVERT}")
        }
        Some("RSA PRIVATE KEY") => "it is an RSA key; set the algorithm to RS256".into(),
        Some("OPENSSH PRIVATE KEY") => {
            "it is in the form of OpenSSH, and PKCS#8 is needed; for an RSA or EC key: \
             ssh-keygen -p -m PKCS8 -f COPY-OF-KEY"
                .into()
        }
        Some(label @ ("PUBLIC KEY" | "RSA PUBLIC KEY" | "CERTIFICATE")) => {
            format!("it is a {}, and the private key is needed", label.to_lowercase())
        }
        Some(_) => "it is not a private key that can be read".into(),
    }
}

/// Says what a private key in PKCS#8 form is that `wanted` cannot sign with.
pub(super) fn other_kind(der: &[u8], wanted: JwtAlgorithm) -> String {
    let (options, name) = match wanted {
        JwtAlgorithm::EdDsa => ("-algorithm ED25519", "an Ed25519 key"),
        JwtAlgorithm::Es256 => (
            "-algorithm EC -pkeyopt ec_paramgen_curve:P-256",
            "an EC key on the curve P-256",
        ),
        JwtAlgorithm::Rs256 => ("-algorithm RSA -pkeyopt rsa_keygen_bits:3072", "an RSA key"),
    };
    let make = format!("make one with: openssl genpkey {options} -out NEW.pem");
    // The identifiers are at the beginning.
    let head = &der[..der.len().min(64)];
    let found = KINDS
        .iter()
        .find(|(id, ..)| head.windows(id.len()).any(|window| window == *id));
    match found {
        None => format!("it is not a key for {wanted}, which needs {name}; {make}"),
        Some((_, kind, Some(fits))) if *fits != wanted => {
            format!("it is {kind}, and {wanted} needs {name}; set the algorithm to {fits}, or {make}")
        }
        Some((_, kind, Some(_))) => format!("it is {kind} that cannot be used with {wanted}; {make}"),
        Some((_, kind, None)) => format!("it is {kind}, and {wanted} needs {name}; {make}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forms_are_told_apart() {
        for (label, said) in [
            ("EC PRIVATE KEY", "SEC1"),
            ("ENCRYPTED PRIVATE KEY", "passphrase"),
            ("RSA PRIVATE KEY", "RS256"),
            ("OPENSSH PRIVATE KEY", "ssh-keygen"),
            ("PUBLIC KEY", "a public key"),
            ("CERTIFICATE", "a certificate"),
        ] {
            let pem = format!("-----BEGIN {label}-----\nAAAA\n-----END {label}-----\n");
            let found = other_form(pem.as_bytes());
            assert!(found.contains(said), "{label}: {found}");
        }
        let old =
            "-----BEGIN EC PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\n\nAAAA\n-----END EC PRIVATE KEY-----\n";
        assert!(other_form(old.as_bytes()).contains("openssl pkcs8 -topk8 -nocrypt"));
        assert!(other_form(&[0x30, 0x2e]).contains("-inform DER"));
        assert!(other_form(b"secret").contains("not a private key in PEM form"));
    }

    #[test]
    fn kinds_are_told_apart() {
        use rcgen::{KeyPair, PKCS_ECDSA_P256_SHA256, PKCS_ECDSA_P384_SHA384, PKCS_ED25519};
        for (made, wanted, said) in [
            (
                &PKCS_ECDSA_P384_SHA384,
                JwtAlgorithm::Es256,
                "P-384, and ES256 needs",
            ),
            (
                &PKCS_ECDSA_P384_SHA384,
                JwtAlgorithm::Es256,
                "openssl genpkey -algorithm EC",
            ),
            (&PKCS_ED25519, JwtAlgorithm::Es256, "set the algorithm to EdDSA"),
            (
                &PKCS_ECDSA_P256_SHA256,
                JwtAlgorithm::EdDsa,
                "set the algorithm to ES256",
            ),
            (
                &PKCS_ECDSA_P256_SHA256,
                JwtAlgorithm::Rs256,
                "openssl genpkey -algorithm RSA",
            ),
        ] {
            let key = KeyPair::generate_for(made).unwrap();
            let found = other_kind(&key.serialize_der(), wanted);
            assert!(found.contains(said), "{found}");
        }
        assert!(other_kind(&[0x30], JwtAlgorithm::Rs256).contains("not a key for RS256"));
    }
}

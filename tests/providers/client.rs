//! The client library over TLS, with tokens that it signs itself and that the program's own library verifies.

use easemob_admin_api::{AppRoot, Client, Credentials, JwtAlgorithm, JwtSigner, UserId};
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation, decode, encode};
use serde_json::{Value, json};

use super::server::{CERTIFICATE, serve};

const PRIVATE: &[u8] = include_bytes!("../../crates/admin-api/tests/keys/es256.pem");
const PUBLIC: &[u8] = include_bytes!("../../crates/admin-api/tests/keys/es256.pub.pem");

fn subject_of(token: &str) -> Value {
    let key = DecodingKey::from_ec_pem(PUBLIC).unwrap();
    decode::<Value>(token, &key, &Validation::new(Algorithm::ES256)).unwrap().claims["sub"].clone()
}

/// Panics where the program's own tokens, the library's tokens, or TLS cannot be had.
pub(crate) async fn works_beside_the_program() {
    let claims = json!({"sub": "program", "exp": 4_000_000_000_u64});
    let own = encode(&Header::new(Algorithm::ES256), &claims, &EncodingKey::from_ec_pem(PRIVATE).unwrap()).unwrap();
    assert_eq!(subject_of(&own), "program");

    let provider = easemob_admin_api::tls_provider().unwrap();
    let (address, tokens) = serve(provider).await;
    let signer = JwtSigner::from_pem(JwtAlgorithm::Es256, PRIVATE).unwrap().subject("library");
    let root = AppRoot::parse(&format!("https://localhost:{}/acme/chat", address.port())).unwrap();
    let client = Client::builder(root)
        .credentials(Credentials::signed_jwt(signer))
        .trust_certificates(CERTIFICATE)
        .build()
        .unwrap();
    assert!(client.list_devices(&UserId::parse("ann").unwrap()).await.unwrap().is_empty());
    let tokens = tokens.lock().unwrap();
    assert_eq!(tokens.iter().map(|token| subject_of(token)).collect::<Vec<_>>(), ["library"]);
}

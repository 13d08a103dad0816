//! Signed tokens: every algorithm, its scopes and its expiry.

use std::time::Duration;

use easemob_admin_api::{Client, Credentials, JwtAlgorithm, JwtSigner};
use easemob_admin_sandbox::{JwtKey, Sandbox};

use super::setup::{builder, user};

const ED25519: &str = include_str!("../keys/ed25519.pem");
const ED25519_PUBLIC: &str = include_str!("../keys/ed25519.pub.pem");
const ES256: &str = include_str!("../keys/es256.pem");
const ES256_PUBLIC: &str = include_str!("../keys/es256.pub.pem");
const RS256: &str = include_str!("../keys/rs256.pem");
const RS256_PUBLIC: &str = include_str!("../keys/rs256.pub.pem");
const SHARED: &str = "a shared secret of at least 32 bytes";

async fn sandbox_that_trusts(key: JwtKey) -> Sandbox {
    let sandbox = Sandbox::builder().jwt_key(key).start().await.unwrap();
    sandbox.register("ann");
    sandbox
}

fn client(sandbox: &Sandbox, signer: JwtSigner) -> Client {
    builder(sandbox)
        .credentials(Credentials::signed_jwt(signer))
        .build()
        .unwrap()
}

#[tokio::test]
async fn every_algorithm_is_accepted() {
    for (key, signer) in [
        (
            JwtKey::ed25519(ED25519_PUBLIC),
            JwtSigner::from_pem(JwtAlgorithm::EdDsa, ED25519.as_bytes()).unwrap(),
        ),
        (
            JwtKey::es256(ES256_PUBLIC),
            JwtSigner::from_pem(JwtAlgorithm::Es256, ES256.as_bytes()).unwrap(),
        ),
        (
            JwtKey::rs256(RS256_PUBLIC),
            JwtSigner::from_pem(JwtAlgorithm::Rs256, RS256.as_bytes()).unwrap(),
        ),
        (JwtKey::hs256(SHARED), JwtSigner::hs256(SHARED)),
    ] {
        let sandbox = sandbox_that_trusts(key).await;
        let shown = format!("{signer:?}");
        let client = client(&sandbox, signer.subject("ops@example.com").scope("devices:read"));
        client
            .list_devices(&user("ann"))
            .await
            .unwrap_or_else(|error| panic!("{shown}: {error:?}"));
        assert_eq!(sandbox.call_count("token"), 0);
    }
}

#[tokio::test]
async fn a_missing_scope_is_a_401_that_costs_one_repetition() {
    let sandbox = sandbox_that_trusts(JwtKey::hs256(SHARED)).await;
    let client = client(
        &sandbox,
        JwtSigner::hs256(SHARED).subject("ops").scope("devices:read"),
    );
    let error = client.logout_all(&user("ann")).await.unwrap_err();
    assert!(
        error.is_unauthorized() && !error.is_outcome_unknown(),
        "{error:?}"
    );
    assert_eq!(sandbox.call_count("sessions.logout_all"), 2);
}

#[tokio::test]
async fn another_key_and_a_past_expiry_are_refused() {
    let sandbox = sandbox_that_trusts(JwtKey::hs256(SHARED)).await;
    let other = client(
        &sandbox,
        JwtSigner::hs256("another secret of more than 32 bytes").scope("devices:read"),
    );
    assert!(
        other
            .list_devices(&user("ann"))
            .await
            .unwrap_err()
            .is_unauthorized()
    );

    let late = client(
        &sandbox,
        JwtSigner::hs256(SHARED)
            .scope("devices:read")
            .lifetime(Duration::from_secs(60)),
    );
    late.list_devices(&user("ann")).await.unwrap();
    sandbox.advance(Duration::from_secs(60 * 60));
    assert!(
        late.list_devices(&user("ann"))
            .await
            .unwrap_err()
            .is_unauthorized()
    );
}

#[test]
fn a_key_of_another_kind_is_refused_when_it_is_given() {
    assert!(JwtSigner::from_pem(JwtAlgorithm::Es256, ED25519.as_bytes()).is_err());
    assert!(JwtSigner::from_pem(JwtAlgorithm::EdDsa, RS256.as_bytes()).is_err());
}

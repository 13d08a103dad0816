//! Clients of many apps share certificates and connections, and nothing else.

use easemob_admin_api::{AppRoot, Credentials, RateLimit};

use super::scripted::{Step, builder, counts, logged_out, serve};
use super::setup::user;

#[tokio::test]
async fn clients_of_many_apps_share_the_connections_to_their_server() {
    let (address, seen) = serve(vec![vec![Step::Forever(logged_out())]]).await;
    let client = builder("http", "127.0.0.1", address).build().unwrap();
    for app in 0..200 {
        let root = AppRoot::parse(&format!("http://{address}/acme/app{app}")).unwrap();
        let tenant = client.for_app(root, Credentials::fixed_token("YWMtx")).unwrap();
        assert!(tenant.logout_all(&user("ann")).await.unwrap().is_logged_out());
        assert_eq!(tenant.requests_sent(), 1);
    }
    assert_eq!(counts(&seen), [200]);
    assert!(seen.lock().unwrap()[0][199].starts_with("/acme/app199/"));
    assert_eq!(client.requests_sent(), 0);
}

#[tokio::test]
async fn a_tenant_keeps_the_settings_and_has_a_budget_of_its_own() {
    let (address, _) = serve(vec![vec![Step::Forever(logged_out())]]).await;
    let builder = builder("http", "127.0.0.1", address).rate(RateLimit::per_second(7));
    let client = builder.build().unwrap();
    let root = AppRoot::parse(&format!("http://{address}/acme/shop")).unwrap();
    let tenant = client
        .for_app(root.clone(), Credentials::fixed_token("YWMtx"))
        .unwrap();
    assert_eq!(tenant.effective_rate(), Some(7.0));
    assert_eq!(tenant.app_root(), &root);
    let _ = tenant.logout_all(&user("ann")).await.unwrap();
    assert!(client.for_app(root, Credentials::fixed_token("")).is_err());
}

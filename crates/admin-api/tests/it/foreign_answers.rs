//! What something other than the service answers is a verdict about nobody.

use std::io::Write as _;

use easemob_admin_api::endpoints::mutes::{MuteFor, Mutes};
use easemob_admin_api::{DeviceLimits, Error, NewUser, UserQuery};
use easemob_admin_sandbox::Fault;
use flate2::Compression;
use flate2::write::GzEncoder;

use super::scripted::{Step, builder, serve};
use super::setup::{client, hasty_client, sandbox, user};

/// Bodies of gateways, portals and frameworks.
const FOREIGN: [(&str, &str); 12] = [
    ("text/html", "<html><body>404 Not Found</body></html>"),
    ("text/plain", "no"),
    ("application/json", ""),
    (
        "application/json",
        r#"{"timestamp":"2026-01-05T09:36:35Z","status":404,"error":"Not Found","path":"/"}"#,
    ),
    (
        "application/json",
        r#"{"message":"no Route matched with those values"}"#,
    ),
    ("application/json", r#"{"error":"Not Found"}"#),
    ("application/json", r#"{"code":404,"msg":"not found"}"#),
    (
        "application/json",
        r#"{"error":"invalid_token","error_description":"The access token expired"}"#,
    ),
    ("application/json", r#"{"error":{"code":"404","message":"no"}}"#),
    ("application/json", r#"{"error":"unauthorized"}"#),
    ("application/json", r#"{"errors":[{"title":"not found"}]}"#),
    ("application/json", "[]"),
];

fn verdicts(error: &Error) -> [bool; 5] {
    [
        error.is_not_found(),
        error.is_unauthorized(),
        error.is_unsupported(),
        error.is_wrong_app(),
        error.is_quota(),
    ]
}

#[tokio::test]
async fn no_status_of_a_foreign_body_is_a_verdict() {
    let sandbox = sandbox().await;
    sandbox.register("ann");
    let (client, _) = hasty_client(&sandbox);
    for status in [
        301, 302, 400, 401, 403, 404, 405, 409, 410, 418, 451, 500, 501, 502, 503,
    ] {
        for (content_type, body) in FOREIGN {
            sandbox.clear_faults();
            for call in ["devices.list", "limits.get"] {
                sandbox.inject(Fault::raw_body(call, content_type, body).answer_status(status));
            }
            for error in [
                client.list_devices(&user("ann")).await.unwrap_err(),
                client.user_limits(&user("ann")).await.unwrap_err(),
            ] {
                assert_eq!(verdicts(&error), [false; 5], "{status} {body}: {error:?}");
                assert!(error.is_foreign_answer(), "{status} {body}: {error:?}");
                assert!(!error.is_outcome_unknown(), "a read: {error:?}");
                assert!(error.is_retryable(), "{status} {body}: {error:?}");
            }
        }
    }
}

#[tokio::test]
async fn the_service_may_say_so_with_the_same_status() {
    let sandbox = sandbox().await;
    let (client, _) = hasty_client(&sandbox);
    for (call, status, kind, expected) in [
        (
            "devices.list",
            404,
            "service_resource_not_found",
            [true, false, false, false, false],
        ),
        (
            "devices.list",
            401,
            "unauthorized",
            [false, true, false, false, false],
        ),
        (
            "devices.list",
            404,
            "organization_application_not_found",
            [false, false, false, true, false],
        ),
        (
            "devices.list",
            429,
            "resource_limited",
            [false, false, false, false, true],
        ),
    ] {
        sandbox.clear_faults();
        let body = format!(r#"{{"error":"{kind}","error_description":"no","timestamp":1}}"#);
        sandbox.inject(Fault::raw_body(call, "application/json", &body).answer_status(status));
        let error = client.list_devices(&user("ann")).await.unwrap_err();
        assert_eq!(verdicts(&error), expected, "{status} {kind}: {error:?}");
        assert!(!error.is_foreign_answer());
    }
}

#[tokio::test]
async fn a_gateway_may_answer_after_the_effect_unless_the_status_rules_it_out() {
    for (status, unknown) in [
        (302, true),
        (308, false),
        (400, true),
        (403, true),
        (404, true),
        (405, false),
        (407, false),
        (413, false),
        (451, true),
        (501, false),
        (504, true),
    ] {
        let sandbox = sandbox().await;
        sandbox.register("ann");
        let page = Fault::raw_body("sessions.logout_all", "text/html", "<html>").answer_status(status);
        sandbox.inject(page);
        let (client, _) = hasty_client(&sandbox);
        let error = client.logout_all(&user("ann")).await.unwrap_err();
        assert_eq!(error.is_outcome_unknown(), unknown, "{status}: {error:?}");
        assert_eq!(sandbox.call_count("sessions.logout_all"), 1, "{status}");
    }
}

#[tokio::test]
async fn a_foreign_401_blames_no_credentials_and_costs_one_token() {
    let sandbox = sandbox().await;
    sandbox.register("ann");
    sandbox.inject(Fault::raw_body("devices.list", "text/html", "<html>").answer_status(401));
    let client = client(&sandbox);
    for _ in 0..20 {
        let error = client.list_devices(&user("ann")).await.unwrap_err();
        assert!(!error.is_unauthorized() && error.is_foreign_answer(), "{error:?}");
    }
    assert_eq!(sandbox.call_count("token"), 2);
    sandbox.clear_faults();
    client.list_devices(&user("ann")).await.unwrap();
}

#[tokio::test]
async fn a_foreign_429_slows_down_and_is_sent_again() {
    let sandbox = sandbox().await;
    sandbox.register("ann");
    let page = Fault::raw_body("sessions.logout_all", "text/html", "slow").answer_status(429);
    sandbox.inject(page.header("Retry-After", "2").times(2));
    let (client, clock) = hasty_client(&sandbox);
    assert!((client.logout_all(&user("ann")).await.unwrap()).is_logged_out());
    assert_eq!(sandbox.call_count("sessions.logout_all"), 3);
    let slept: std::time::Duration = clock.slept().iter().sum();
    assert!(slept >= std::time::Duration::from_millis(3_900), "{slept:?}");
}

#[tokio::test]
async fn a_gateways_page_in_place_of_a_token_may_pass() {
    for (status, body) in [
        (501, "<html>"),
        (404, "<html>"),
        (403, "no"),
        (400, r#"{"code":1}"#),
        (200, "{}"),
    ] {
        let sandbox = sandbox().await;
        sandbox.inject(Fault::raw_body("token", "text/html", body).answer_status(status));
        let error = client(&sandbox).list_devices(&user("ann")).await.unwrap_err();
        assert_eq!(verdicts(&error), [false; 5], "{status}: {error:?}");
        assert!(
            error.is_foreign_answer() == (status != 200),
            "{status}: {error:?}"
        );
        assert_eq!(sandbox.call_count("devices.list"), 0);
    }
}

#[tokio::test]
async fn foreign_json_is_no_success_of_any_call() {
    let ann = user("ann");
    for body in [
        r#"{"code":0,"message":"ok"}"#,
        r#"{"status":"ok"}"#,
        r#"{"message":"hello"}"#,
        r#"{"code":200,"success":true,"data":[]}"#,
        r#"{"code":0,"msg":"ok","result":"ok"}"#,
        r#"{"x":1}"#,
    ] {
        let sandbox = sandbox().await;
        for call in [
            "users.get",
            "users.list",
            "users.ban",
            "users.unban",
            "users.delete",
            "users.register",
            "users.register_batch",
            "users.set_password",
            "devices.list",
            "sessions.logout_all",
            "status.get",
            "status.batch",
            "mutes.set",
            "mutes.get",
            "mutes.list",
            "limits.get",
            "limits.set",
            "limits.clear",
            "presence.get",
            "presence.set",
        ] {
            sandbox.inject(Fault::raw_body(call, "application/json", body));
        }
        let client = client(&sandbox);
        let mutes = Mutes::default().chat(MuteFor::Ever);
        let limits = DeviceLimits::multi(2);
        let asked = [ann.clone()];
        let answers = [
            client.get_user(&ann).await.err(),
            client.list_users_page(&UserQuery::new(), None).await.err(),
            client.ban(&ann).await.err(),
            client.unban(&ann).await.err(),
            client.delete_user(&ann).await.err(),
            client.register_user(NewUser::new(ann.clone(), "pw")).await.err(),
            client
                .register_users(vec![NewUser::new(ann.clone(), "pw")])
                .await
                .err(),
            client.set_password(&ann, "secret").await.err(),
            client.list_devices(&ann).await.err(),
            client.read_devices(&ann).await.err(),
            client.logout_all(&ann).await.err(),
            client.status(&ann).await.err(),
            client.status_batch(&asked).await.err(),
            client.set_mutes(&ann, mutes).await.err(),
            client.mutes(&ann).await.err(),
            client.list_mutes(1, 50).await.err(),
            client.app_limits().await.err(),
            client.set_app_limits(&limits).await.err(),
            client.clear_user_limits(&ann).await.err(),
            client.presence(&ann, &asked).await.err(),
            client.set_presence(&ann, "ios", "1", "").await.err(),
        ];
        for (number, error) in answers.into_iter().enumerate() {
            let error = error.unwrap_or_else(|| panic!("call {number} took {body} for a success"));
            assert!(error.is_foreign_answer(), "{body}: {error:?}");
            assert_eq!(verdicts(&error), [false; 5], "{body}: {error:?}");
        }
    }
}

#[tokio::test]
async fn an_absent_list_is_not_an_empty_one() {
    for body in [
        "{}",
        r#"{"action":"get","count":0}"#,
        r#"{"entities":null}"#,
        r#"{"data":null}"#,
        r#"{"data":{}}"#,
        r#"{"entities":{},"data":"none"}"#,
        r#"{"result":{}}"#,
    ] {
        let sandbox = sandbox().await;
        for call in [
            "users.list",
            "devices.list",
            "mutes.list",
            "presence.get",
            "presence.subscriptions",
        ] {
            sandbox.inject(Fault::raw_body(call, "application/json", body));
        }
        let client = client(&sandbox);
        let ann = user("ann");
        for error in [
            client.list_users_page(&UserQuery::new(), None).await.err(),
            client.list_devices(&ann).await.err(),
            client.read_devices(&ann).await.err(),
            client.list_mutes(1, 50).await.err(),
            client.presence(&ann, &[user("bob")]).await.err(),
            client.presence_subscriptions(&ann, 1, 10).await.err(),
        ] {
            let error = error.unwrap_or_else(|| panic!("{body} passed for an empty list"));
            assert_eq!(verdicts(&error), [false; 5], "{error:?}");
        }
    }
}

fn packed(encoding: &str, body: &[u8]) -> Vec<u8> {
    let encoding = if encoding.is_empty() {
        String::new()
    } else {
        format!("Content-Encoding: {encoding}\r\n")
    };
    let length = body.len();
    let head = format!(
        "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n{encoding}Content-Length: {length}\r\n\r\n"
    );
    [head.as_bytes(), body].concat()
}

#[tokio::test]
async fn packed_and_marked_bodies_are_read_or_named() {
    let json = br#"{"data":[{"res":"ios_1"}]}"#;
    let mut gzip = GzEncoder::new(Vec::new(), Compression::fast());
    gzip.write_all(json).unwrap();
    let gzip = gzip.finish().unwrap();
    let marked = [&b"\xef\xbb\xbf"[..], json].concat();
    for (answer, devices) in [
        (packed("gzip", &gzip), Ok(1)),
        (packed("", &gzip), Ok(1)),
        (packed("", &marked), Ok(1)),
        (packed("br", &[0x0b, 0x02, 0x80]), Err("`br`")),
        (packed("gzip", &gzip[..gzip.len() - 4]), Err("gzip")),
    ] {
        let (address, _) = serve(vec![vec![Step::Request, Step::Write(answer)]]).await;
        let client = builder("http", "127.0.0.1", address).build().unwrap();
        match (client.list_devices(&user("ann")).await, devices) {
            (Ok(read), Ok(expected)) => assert_eq!(read.len(), expected),
            (Err(error), Err(named)) => {
                let problem = &error.undecoded().unwrap().problem;
                assert!(problem.contains(named), "{problem}");
            }
            (read, _) => panic!("{read:?}"),
        }
    }
}

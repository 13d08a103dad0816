#![allow(
    clippy::semicolon_if_nothing_returned,
    clippy::format_collect,
    reason = "spellings are read more easily in one line"
)]

use std::fmt::Write as _;

use super::*;

const TOKEN: &str = "YWMt+k/3q=_x.Zé\"7~GhT&0<pQ'9";

/// Base64 as a library would write it, from bits, apart from the code under test.
fn base64(bytes: &[u8], digits: &[u8; 64]) -> String {
    bytes
        .chunks(3)
        .flat_map(|chunk| {
            let value = chunk
                .iter()
                .fold(0_usize, |value, byte| value << 8 | usize::from(*byte))
                << (8 * (3 - chunk.len()));
            let digit = move |place: usize| char::from(digits[value >> (18 - 6 * place) & 63]);
            (0..=chunk.len())
                .map(digit)
                .chain(std::iter::repeat_n('=', 3 - chunk.len()))
                .collect::<Vec<_>>()
        })
        .collect()
}

const STANDARD: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
const URL_SAFE: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

fn each(text: &str, write: impl Fn(&mut String, u8)) -> String {
    text.bytes().fold(String::new(), |mut encoded, byte| {
        write(&mut encoded, byte);
        encoded
    })
}

fn each_char(text: &str, write: impl Fn(&mut String, char)) -> String {
    text.chars().fold(String::new(), |mut encoded, char| {
        write(&mut encoded, char);
        encoded
    })
}

/// Every way of writing a text that the redactor has to see through, by name.
fn spellings(secret: &str) -> Vec<(&'static str, String)> {
    let upper = each(secret, |text, byte| write!(text, "%{byte:02X}").unwrap());
    let lower = each(secret, |text, byte| write!(text, "%{byte:02x}").unwrap());
    let partly = each_char(secret, |text, char| match char {
        'A'..='Z' | 'a'..='z' | '0'..='9' | '-' | '_' | '.' | '~' => text.push(char),
        _ => text.push_str(&each(&char.to_string(), |text, byte| {
            write!(text, "%{byte:02X}").unwrap()
        })),
    });
    let html = each_char(secret, |text, char| match char {
        '&' => text.push_str("&amp;"),
        '<' => text.push_str("&lt;"),
        '"' => text.push_str("&quot;"),
        '\'' => text.push_str("&#39;"),
        other => text.push(other),
    });
    let hex = each(secret, |text, byte| write!(text, "{byte:02x}").unwrap());
    let json = serde_json::to_string(secret).unwrap();
    let json = json[1..json.len() - 1].to_owned();
    let mut all = vec![
        ("raw", secret.to_owned()),
        ("percent, upper case", upper),
        ("percent, lower case", lower.clone()),
        ("percent, where needed", partly.clone()),
        ("percent, twice", partly.replace('%', "%25")),
        ("JSON", json.clone()),
        ("JSON with escaped slashes", json.replace('/', "\\/")),
        ("JSON in JSON", json.replace('\\', "\\\\").replace('/', "\\\\/")),
        (
            "\\u",
            each_char(secret, |text, char| {
                write!(text, "\\u{:04X}", u32::from(char)).unwrap()
            }),
        ),
        (
            "\\x",
            each(secret, |text, byte| write!(text, "\\x{byte:02x}").unwrap()),
        ),
        ("HTML", html.clone()),
        ("HTML, twice", html.replace('&', "&amp;")),
        (
            "HTML, decimal",
            each_char(secret, |text, char| {
                write!(text, "&#{};", u32::from(char)).unwrap()
            }),
        ),
        (
            "HTML, hexadecimal",
            each_char(secret, |text, char| {
                write!(text, "&#x{:X};", u32::from(char)).unwrap()
            }),
        ),
        ("hex", hex.clone()),
        ("hex, upper case", hex.to_uppercase()),
        (
            "broken lines",
            secret
                .chars()
                .map(|char| format!("{char}\r\n"))
                .collect::<String>(),
        ),
    ];
    for before in ["", "B", "Be", "Bearer "] {
        let text = format!("{before}{secret} and more");
        all.push(("base64", base64(text.as_bytes(), STANDARD)));
        all.push(("base64, safe in addresses", base64(text.as_bytes(), URL_SAFE)));
        all.push((
            "base64, percent",
            base64(text.as_bytes(), STANDARD)
                .replace('/', "%2F")
                .replace('+', "%2b"),
        ));
    }
    all
}

fn secrets(token: &str) -> Secrets {
    let secrets = Secrets::default();
    secrets.token(token);
    secrets
}

fn answer(status: u16, body: impl Into<Vec<u8>>) -> Answer {
    Answer {
        status,
        content_type: Some(HeaderValue::from_static("text/html")),
        retry_after: None,
        location: None,
        by_a_proxy: false,
        packed: None,
        body: body.into().into(),
    }
}

fn cleaned(secrets: &Secrets, status: u16, body: &str) -> String {
    let clean = secrets.clean(&answer(status, body), &[], &[]);
    String::from_utf8_lossy(&clean.body).into_owned()
}

#[test]
fn a_secret_is_found_in_every_spelling() {
    for secret in [
        TOKEN,
        "YWMtd4bXkP7wEe2",
        "hunter2",
        "a%2Bb%25cd&amp;e",
        "p\\u0041ss\\word",
    ] {
        let secrets = secrets(secret);
        for (name, spelled) in spellings(secret) {
            for (before, after) in [
                ("", ""),
                ("<p>x", "x</p>"),
                ("{\"echo\":\"", "\"}"),
                ("%20", "%20"),
            ] {
                let shown = cleaned(&secrets, 502, &format!("{before}{spelled}{after}"));
                assert!(shown.contains("[redacted]"), "{secret}, {name}: {shown}");
                assert!(!shown.contains(&spelled), "{secret}, {name}: {shown}");
                assert!(
                    shown.starts_with(before) && shown.ends_with(after),
                    "{secret}, {name}: {shown}"
                );
            }
        }
    }
}

#[test]
fn what_is_no_secret_stays_as_it_is() {
    let secrets = secrets(TOKEN);
    secrets.client_secret("YXA6id", "YXA6-the-secret-of-the-app");
    for text in [
        "",
        "YXA6id",
        "YWMt",
        "Bearer",
        "100% of it \\ & more %zz \\u12 &#; &#x; &amp",
        r#"{"error":"unauthorized","error_description":"Unable to authenticate (OAuth)"}"#,
        "\u{fffd}\u{1f600}",
    ] {
        assert_eq!(cleaned(&secrets, 502, text), text);
    }
}

#[test]
fn a_short_secret_is_hidden_as_a_word_and_leaves_other_words_alone() {
    for (secret, text, shown) in [
        ("abc", "abcde Xabc abc", "abcde Xabc [redacted]"),
        ("abc", "Bearer abc", "Bearer [redacted]"),
        ("abc", r#"{"a":"abc"}"#, r#"{"a":"[redacted]"}"#),
        ("abc", "a=%20abc%20", "a=%20[redacted]%20"),
        ("a", "a page", "a page"),
        ("a", "Bearer a, a page", "[redacted], a page"),
        ("", "Bearer  page", "Bearer  page"),
        ("secret1", "mysecret1x", "my[redacted]x"),
    ] {
        let shown_now = cleaned(&secrets(secret), 502, text);
        assert!(
            shown_now == shown || shown_now == shown.replace("Bearer [redacted]", "[redacted]"),
            "{secret}: {shown_now}"
        );
    }
}

/// Calls are made with the names in an answer, so that a short secret must not change them.
#[test]
fn names_in_an_answer_stay_names() {
    for (secret, body, shown) in [
        (
            "web",
            r#"{"data":[{"res":"web_1"}]}"#,
            r#"{"data":[{"res":"web_1"}]}"#,
        ),
        (
            "hunter2",
            r#"{"entities":[{"username":"hunter2"}]}"#,
            r#"{"entities":[{"username":"hunter2"}]}"#,
        ),
        ("hunter2", r#"{"h":"Bearer hunter2"}"#, r#"{"h":"[redacted]"}"#),
        (
            "YWMtd4bXkP7wEe2",
            r#"{"data":[{"res":"ios_1","device_name":"Bearer YWMtd4bXkP7wEe2"}]}"#,
            r#"{"data":[{"res":"ios_1","device_name":"Bearer [redacted]"}]}"#,
        ),
    ] {
        assert_eq!(cleaned(&secrets(secret), 200, body), shown, "{secret}");
    }
}

#[test]
fn a_secret_that_was_cut_is_hidden_and_bytes_around_it_may_be_anything() {
    let secrets = secrets("YWMtd4bXkP7wEe2ZfQvJ0kq1pA");
    let shown = cleaned(&secrets, 502, "token=YWMtd4bXkP7wEe2");
    assert_eq!(shown, "token=[redacted]");
    let clean = secrets.clean(
        &answer(502, b"\xff\xfeYWMtd4bXkP7wEe2ZfQvJ0kq1pA\xc3".to_vec()),
        &[],
        &[],
    );
    assert_eq!(&clean.body[..], b"\xff\xfe[redacted]\xc3");
}

#[test]
fn headers_requests_and_earlier_tokens_are_hidden_too() {
    let secrets = Secrets::default();
    secrets.token("YWMt-the-first-token");
    secrets.token("YWMt-a-second-token");
    let page = Answer {
        content_type: Some(HeaderValue::from_static("text/YWMt-the-first-token")),
        ..answer(403, r#"{"newpassword":"hunter2"}"#)
    };
    let clean = secrets.clean(&page, &["hunter2".into()], &[]);
    assert_eq!(clean.content_type.unwrap(), "text/[redacted]");
    assert_eq!(&clean.body[..], br#"{"newpassword":"[redacted]"}"#);
    for number in 0..RECENT {
        secrets.token(&format!("{number}-a-token-of-its-own"));
    }
    assert_eq!(
        cleaned(&secrets, 502, "YWMt-the-first-token"),
        "YWMt-the-first-token"
    );
}

#[test]
fn a_long_page_of_escapes_does_not_take_long() {
    let secrets = secrets(&"%25".repeat(200));
    let page = "%25".repeat(20_000);
    assert!(cleaned(&secrets, 502, &page).len() < page.len());
}

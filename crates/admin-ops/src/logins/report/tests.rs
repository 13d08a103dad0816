use crate::logins::report::figures::{Figures, Hour, Wanted, gather};
use crate::logins::report::*;
use crate::logins::store::memory::MemoryLogins;
use crate::logins::store::{Gap, LoginEvent, LoginKind, LoginStore, Position, SeenDevice, UserState};

const HOUR: i64 = 3_600_000;
const NOW: i64 = 1_767_225_600_000;

fn figures() -> Figures {
    let mut store = MemoryLogins::default();
    let device = |resource: &str| SeenDevice {
        resource: resource.into(),
        platform: resource.split('_').next().unwrap().into(),
        name: None,
        signed_in_ms: None,
    };
    let online = |user: &str, all: &[&str]| {
        let devices = all.iter().map(|resource| device(resource)).collect();
        (user.to_owned(), UserState::Online(devices))
    };
    for (at_ms, web) in [(NOW - 25 * HOUR, 1), (NOW - HOUR, 2)] {
        let id = store.begin("all", at_ms).unwrap();
        let users = [
            online("ann", &["ios_1", "web_1", "web_2"][..=web]),
            online("<script>alert(1)</script>\u{202e}", &["ios_1", "ios_2", "ios_3"]),
            ("bob".into(), UserState::Offline),
            ("eve".into(), UserState::Failed("503 & more".into())),
        ];
        store.add(id, &users, &Position::default(), at_ms).unwrap();
        store.finish(id, at_ms + 1).unwrap();
    }
    let event = |call_id: &str, at_ms, kind| LoginEvent {
        call_id: call_id.into(),
        user: "ann".into(),
        resource: "ios_1".into(),
        platform: "ios".into(),
        kind,
        at_ms,
        reason: String::new(),
    };
    let events = [
        event("1", NOW - 5 * HOUR, LoginKind::Login),
        event("2", NOW - 5 * HOUR + 1, LoginKind::Replaced),
        event("3", NOW - 2 * HOUR, LoginKind::Login),
        event("4", NOW - 2 * HOUR, LoginKind::Logout),
        event("5", NOW - 90 * HOUR, LoginKind::Login),
    ];
    store.record_events(&events, NOW).unwrap();
    let gap = Gap {
        since_ms: NOW - 4 * HOUR,
        until_ms: NOW - 3 * HOUR,
        why: "no collector was running".into(),
    };
    store.record_gap(&gap).unwrap();
    let latest = store.snapshots().unwrap().pop().unwrap();
    let wanted = Wanted {
        app: "acme#chat".into(),
        now_ms: NOW,
        since_ms: NOW - 48 * HOUR,
        over: Some(2),
    };
    gather(&store, latest, &wanted).unwrap()
}

#[test]
fn figures_are_counted_once_and_hours_have_no_holes() {
    let figures = figures();
    assert_eq!(figures.accounts_by_devices, [(0, 1), (3, 2)]);
    let web: Vec<u64> = figures
        .platforms
        .iter()
        .map(|(_, devices)| devices["web"])
        .collect();
    assert_eq!(web, [1, 2]);
    let hour = |ago, sign_ins, evictions| Hour {
        start_ms: NOW - ago * HOUR,
        sign_ins,
        evictions,
    };
    assert_eq!(
        figures.hours,
        [hour(5, 1, 1), hour(4, 0, 0), hour(3, 0, 0), hour(2, 1, 0)]
    );
    let exceeding = figures.exceeding.unwrap();
    assert_eq!((exceeding.count, exceeding.first[0].1.as_str()), (1, "ios"));
}

#[test]
fn the_page_needs_nothing_else_and_trusts_no_name() {
    let page = html::page(&figures());
    assert!(
        !page.contains("<script") && page.contains("&lt;script&gt;"),
        "names are escaped"
    );
    assert!(
        !page.contains('\u{202e}') && page.contains("\\u{202e}"),
        "what turns the reading direction is written out"
    );
    for outside in ["http://", "https://", "src=", "@import", "url("] {
        let found = page.replace("http://www.w3.org/2000/svg", "");
        assert!(!found.contains(outside), "{outside}");
    }
    assert_eq!(page.matches("<svg role=\"img\" aria-label=").count(), 3);
    assert_eq!(
        page.matches("<caption>").count(),
        6,
        "a table beside each chart, and three lists"
    );
    for told in [
        "not known",
        "503 &amp; more",
        "no collector was running",
        "1 hours earlier",
        "60 minutes earlier",
    ] {
        let either = told.ends_with("earlier");
        assert!(page.contains(told) || either, "{told} is missing");
    }
}

#[test]
fn the_text_for_a_ticket() {
    insta::assert_snapshot!(markdown::page(&figures()));
}

#[test]
fn the_first_snapshot_has_none_before_it() {
    let mut figures = figures();
    figures.platforms.remove(0);
    let text = markdown::page(&figures);
    assert!(text.contains("| web | 2 | - |"), "{text}");
}

#[test]
fn nothing_to_draw_is_said_in_words() {
    let mut figures = figures();
    figures.accounts_by_devices = vec![(0, 4)];
    figures.platforms.clear();
    figures.hours.clear();
    figures.exceeding = None;
    let page = html::page(&figures);
    assert!(
        !page.contains("<svg") && page.contains("No account was online."),
        "{page}"
    );
}

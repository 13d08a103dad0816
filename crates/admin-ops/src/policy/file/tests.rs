use easemob_admin_api::{DeviceId, UserId};

use crate::policy::file::*;

/// The example that is shipped, which uses every key.
const WHOLE: &str = include_str!("../../../../../contrib/limits-policy.toml");

fn wrong(text: &str) -> (usize, String) {
    let wrong = parse(text).unwrap_err();
    (wrong.line, wrong.message)
}

fn user(name: &str) -> UserId {
    UserId::parse(name).unwrap()
}

#[test]
fn every_key_is_understood() {
    let policy = parse(WHOLE).unwrap();
    let limit = |name: &str, platform: &str| policy.allowed(&user(name)).limit_of(&platform.parse().unwrap());
    assert_eq!((limit("bob", "web"), limit("bob", "ios")), (Some(2), Some(4)));
    assert_eq!(
        (limit("bob", "custom5"), limit("bob", "harmony")),
        (Some(0), Some(1))
    );
    assert_eq!(limit("vip-1", "ios"), Some(1));
    assert_eq!(policy.allowed(&user("vip-1")).mode, Some(LimitMode::Single));
    assert_eq!(
        limit("Vip-2", "web"),
        Some(9),
        "a default of their own hides the numbers of all"
    );
    assert_eq!((limit("ann", "web"), limit("ann", "ios")), (Some(5), Some(4)));
    assert!(policy.exempt.cover_user(&user("ceo")) && policy.exempt.cover_user(&user("BOT-7")));
    let covers = |name: &str, device: &str| {
        policy
            .exempt
            .cover_device(&user(name), &DeviceId::parse(device).unwrap())
    };
    assert!(covers("bob", "custom9_kiosk") && covers("ann", "ios_1") && !covers("bob", "ios_1"));
    assert_eq!(
        (policy.min_surviving, policy.unknown_age),
        (1, UnknownAge::Oldest)
    );
}

#[test]
fn the_platforms_with_limits_are_named_once() {
    let policy = parse(
        "[platforms]\nweb = 1\nios = 2\n[[user]]\nname = \"ann\"\nplatforms = { web = 3, harmony = 1 }\n",
    )
    .unwrap();
    let names: Vec<String> = policy.platforms().map(ToString::to_string).collect();
    let mut sorted = names.clone();
    sorted.sort_unstable();
    assert_eq!(sorted, ["harmony", "ios", "web"], "{names:?}");
}

#[test]
fn what_is_left_out_limits_nothing() {
    let policy = parse("[platforms]\nweb = 1\n").unwrap();
    let limits = policy.allowed(&user("ann"));
    assert_eq!(
        (limits.limit_of(&Platform::Web), limits.limit_of(&Platform::Ios)),
        (Some(1), None)
    );
    assert_eq!((policy.min_surviving, policy.unknown_age), (0, UnknownAge::Keep));
    let single = parse("mode = \"single\"\n[[user]]\nname = \"ann\"\ndefault = 2\n").unwrap();
    assert_eq!(single.allowed(&user("ann")).mode, Some(LimitMode::Multi));
}

#[test]
fn a_slip_is_named_with_its_line_and_what_was_meant() {
    for (text, line, message) in [
        (
            "default = 1\nmin_survivng = 2\n",
            2,
            "unknown key `min_survivng`; did you mean `min_surviving`?",
        ),
        (
            "default = 1\n\n[[user]]\nname = \"a\"\ndefalt = 2\n",
            5,
            "unknown key `defalt`; did you mean `default`?",
        ),
        (
            "default = 1\n[exempt]\nuser = [\"a\"]\n",
            3,
            "unknown key `user`; did you mean `users`?",
        ),
        ("default = 1\nlimits = 2\n", 2, "unknown key `limits`"),
        (
            "[platforms]\nios = 1\nwbe = 2\n",
            3,
            "`wbe` is not a known platform; did you mean `web`?",
        ),
        (
            "[platforms]\ncustom101 = 2\n",
            2,
            "`custom101` is not a platform; custom platforms are custom1 to custom100",
        ),
        (
            "[platforms]\nweb_x = 2\n",
            2,
            "`web_x` is not a platform: a platform is the part of a resource id before the first `_`",
        ),
    ] {
        assert_eq!(wrong(text), (line, message.to_owned()), "{text}");
    }
}

#[test]
fn wrong_values_are_named_with_their_line() {
    for (text, line) in [
        ("default = -1\n", 1),
        ("\nmode = \"many\"\n", 2),
        ("default = 1\nunknown_age = \"young\"\n", 2),
        ("[platforms]\nios = 1\nweb = \"two\"\n", 3),
        ("default = 1\ndefault = 2\n", 2),
        ("default = \n", 1),
    ] {
        assert_eq!(wrong(text).0, line, "{text}: {}", wrong(text).1);
    }
}

#[test]
fn contradictions_are_refused() {
    for (text, line, part) in [
        ("", 1, "has no limits"),
        ("min_surviving = 1\n", 1, "has no limits"),
        ("default = 3\nmode = \"single\"\n", 2, "leave out default"),
        (
            "default = 3\n[[user]]\nname = \"a\"\nmode = \"single\"\nplatforms = { web = 1 }\n",
            3,
            "leave out default",
        ),
        ("default = 3\n[[user]]\nname = \"a\"\n", 3, "has no limits"),
        ("default = 3\n[[user]]\nname = \"\"\ndefault = 1\n", 3, "empty"),
        (
            "default = 3\n[[user]]\nname = \"a\"\ndefault = 1\n[[user]]\nname = \"A\"\ndefault = 2\n",
            6,
            "named before",
        ),
        (
            "default = 3\n[exempt]\nusers = [\"a\",\n\"b/ios_1\"]\n",
            4,
            "under resources",
        ),
        ("default = 3\n[exempt]\nresources = [\"\"]\n", 3, "empty"),
    ] {
        let (found, message) = wrong(text);
        assert!(message.contains(part), "{text}: {message}");
        assert_eq!(found, line, "{text}: {message}");
    }
    let (_, message) = wrong("[platforms]\nweb = 1\nwebim = 2\n");
    assert_eq!(message, "the platform `web` is named twice");
}

#[test]
fn the_shipped_schema_is_that_of_the_structs() {
    let shipped = include_str!("../../../../../contrib/limits-policy.schema.json");
    let made = serde_json::to_string_pretty(&schemars::schema_for!(PolicyFile)).unwrap();
    assert!(
        shipped.trim_end() == made,
        "contrib/limits-policy.schema.json should hold:\n{made}"
    );
}

#[test]
fn the_schema_allows_no_unknown_key() {
    let schema: serde_json::Value = serde_json::to_value(schemars::schema_for!(PolicyFile)).unwrap();
    for object in [&schema, &schema["$defs"]["UserEntry"], &schema["$defs"]["Exempt"]] {
        assert_eq!(object["additionalProperties"], false, "{object}");
    }
}

#[test]
fn what_is_expected_in_place_of_another_value_is_said() {
    let (_, message) = wrong("platforms = 3");
    assert_eq!(
        message,
        "wrong value of `platforms`, expected a number for each platform"
    );
}

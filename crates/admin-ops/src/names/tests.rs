use crate::names::*;

fn refused(text: &str, kind: Kind) -> (Trouble, Option<usize>) {
    let error = check(text, kind).unwrap_err();
    (error.trouble(), error.at.map(|(place, _)| place))
}

#[test]
fn names_that_accounts_and_devices_have_are_taken() {
    for user in [
        "ann",
        "Ann",
        "a",
        "user_01",
        "a-b.c",
        "ann.",
        "-ann",
        "13800138000",
        "批量",
        "用户1",
        "josé",
        "анна",
        "ann@acme.com",
        "1e5",
        "张ann",
        "สมชาย",
        "한글",
    ] {
        assert_eq!(check(user, Kind::User), Ok(()), "{user}");
        assert_eq!(check(user, Kind::UserPattern), Ok(()), "{user}");
        assert_eq!(check_exemption(user), Ok(()), "{user}");
    }
    for pattern in ["*", "bot-*", "a?n", "*@acme.com"] {
        assert_eq!(check_exemption(pattern), Ok(()), "{pattern}");
    }
    for exemption in [
        "ann/ios_1",
        "*/web_*",
        "ann/*",
        "ann/a/b",
        "bot-*/webim_random_web_1712000000002",
    ] {
        assert_eq!(check_exemption(exemption), Ok(()), "{exemption}");
    }
    for device in [
        "ios_1",
        "custom9_kiosk(2)",
        "a/b",
        "android_55ab:1",
        "web_x=y",
        "小米_1",
    ] {
        assert_eq!(check(device, Kind::Device), Ok(()), "{device}");
        assert_eq!(check(device, Kind::DevicePattern), Ok(()), "{device}");
    }
    for name in ["Pixel 7*", "Ann’s iPhone", "小米１４", "a, b; \"c\" #1", "?Phone"] {
        assert_eq!(check(name, Kind::DeviceName), Ok(()), "{name}");
    }
    for platform in ["ios", "web", "custom5", "harmony", "鸿蒙"] {
        assert_eq!(check(platform, Kind::Platform), Ok(()), "{platform}");
    }
}

/// Characters that no kind of name may contain, with their positions.
const UNSEEN: &[(&str, usize)] = &[
    ("ann\u{200b}", 4),
    ("\u{200b}ann", 1),
    ("an\u{200c}n", 3),
    ("an\u{200d}n", 3),
    ("\u{feff}ann", 1),
    ("an\u{feff}n", 3),
    ("ann\u{feff}", 4),
    ("an\u{ad}n", 3),
    ("ann\u{200e}", 4),
    ("\u{200f}ann", 1),
    ("ann\u{61c}", 4),
    ("\u{202e}nna", 1),
    ("\u{2066}ann\u{2069}", 1),
    ("ann\u{2060}", 4),
    ("ann\u{2064}", 4),
    ("ann\u{fff9}", 4),
    ("ann\u{fffb}", 4),
    ("ann\u{e0041}", 4),
    ("ann\u{fe0f}", 4),
    ("ann\u{e0100}", 4),
    ("ann\u{115f}", 4),
    ("ann\u{1160}", 4),
    ("ann\u{3164}", 4),
    ("ann\u{ffa0}", 4),
    ("ann\u{2800}", 4),
    ("ann\u{180e}", 4),
    ("\u{a0}ann", 1),
    ("ann\u{a0}", 4),
    ("ann\u{3000}", 4),
    ("an\u{2009}n", 3),
    ("ann\u{2028}bob", 4),
    ("ann\u{2029}", 4),
    ("ann\u{85}", 4),
    ("ann\r", 4),
    ("ann\n", 4),
    ("ann\r\n", 4),
    ("ann\nbob", 4),
    ("ann\t", 4),
    ("ann\tVIP", 4),
    ("ann\0", 4),
    ("ann\u{1b}[0m", 4),
    ("ann\u{7f}", 4),
    ("ann\u{9b}", 4),
    ("ann\u{e000}", 4),
    ("ann\u{378}", 4),
    ("ann\u{ffff}", 4),
    ("ann\u{fffd}", 4),
    ("\u{301}", 1),
    ("\u{301}ann", 1),
];

#[test]
fn what_cannot_be_seen_is_refused_in_every_kind_of_name() {
    for (text, place) in UNSEEN {
        for kind in [
            Kind::User,
            Kind::UserPattern,
            Kind::Device,
            Kind::DevicePattern,
            Kind::DeviceName,
            Kind::Platform,
        ] {
            assert_eq!(
                refused(text, kind),
                (Trouble::Unseen, Some(*place)),
                "{text:?} {kind:?}"
            );
        }
        assert!(check_exemption(text).is_err(), "{text:?}");
        assert!(check_exemption(&format!("{text}/ios_1")).is_err(), "{text:?}");
        assert!(check_exemption(&format!("ann/{text}")).is_err(), "{text:?}");
        assert!(user(text).is_err() && device(text).is_err(), "{text:?}");
    }
}

#[test]
fn what_an_account_is_not_called_is_refused_in_exemptions() {
    for (text, trouble, place) in [
        ("", Trouble::Empty, None),
        (" ann", Trouble::Surrounded, None),
        ("ann ", Trouble::Surrounded, None),
        (" ", Trouble::Surrounded, None),
        ("ａｎｎ", Trouble::Unusual, Some(1)),
        ("annｎ", Trouble::Unusual, Some(4)),
        ("１２３", Trouble::Unusual, Some(1)),
        ("𝐚nn", Trouble::Unusual, Some(1)),
        ("ann①", Trouble::Unusual, Some(4)),
        ("ann，", Trouble::Unusual, Some(4)),
        ("ann／ios_1", Trouble::Unusual, Some(4)),
        ("＃ann", Trouble::Unusual, Some(1)),
        ("bot-＊", Trouble::Unusual, Some(5)),
        ("jose\u{301}", Trouble::Unusual, Some(4)),
        ("аnn", Trouble::Stranger, Some(1)),
        ("bοb", Trouble::Stranger, Some(2)),
        ("ann\u{661}", Trouble::Stranger, Some(4)),
        ("1\u{6f2}3", Trouble::Stranger, Some(2)),
        ("ann,", Trouble::Sign, Some(4)),
        (",ann", Trouble::Sign, Some(1)),
        ("ann;", Trouble::Sign, Some(4)),
        ("ann,ios,online", Trouble::Sign, Some(4)),
        ("ann # the CEO", Trouble::Sign, Some(4)),
        ("ann#VIP", Trouble::Sign, Some(4)),
        ("ann // the CEO", Trouble::Surrounded, None),
        ("\"ann\"", Trouble::Sign, Some(1)),
        ("'ann'", Trouble::Sign, Some(1)),
        ("`ann`", Trouble::Sign, Some(1)),
        ("“ann”", Trouble::Sign, Some(1)),
        ("‘ann’", Trouble::Sign, Some(1)),
        ("«ann»", Trouble::Sign, Some(1)),
        ("ann、bob", Trouble::Sign, Some(4)),
        ("ann|bob", Trouble::Sign, Some(4)),
        ("ann\\ios_1", Trouble::Sign, Some(4)),
        ("<ann>", Trouble::Sign, Some(1)),
        ("[ann]", Trouble::Sign, Some(1)),
        ("ann(VIP)", Trouble::Sign, Some(4)),
        ("ann=VIP", Trouble::Sign, Some(4)),
        ("ann:", Trouble::Sign, Some(4)),
        ("- ann", Trouble::Sign, Some(2)),
        ("{\"user\":\"ann\"}", Trouble::Sign, Some(1)),
        ("^ann$", Trouble::Sign, Some(1)),
        ("bot-%", Trouble::Sign, Some(5)),
        ("!ann", Trouble::Sign, Some(1)),
        ("$USER", Trouble::Sign, Some(1)),
        ("ann✓", Trouble::Sign, Some(4)),
        ("acme#chat_ann@easemob.com", Trouble::Sign, Some(5)),
        ("@ann", Trouble::Sign, Some(1)),
        ("1.38E+10", Trouble::Shortened, None),
        ("1,38E+10", Trouble::Shortened, None),
        ("1.38001E+10/ios_1", Trouble::Shortened, None),
        ("ann/", Trouble::Slash, Some(4)),
        ("/ann", Trouble::Slash, Some(1)),
        ("/", Trouble::Slash, Some(1)),
        ("ann//", Trouble::Slash, Some(4)),
        ("ann/ios_1/", Trouble::Slash, Some(4)),
        ("ann//ios_1", Trouble::Slash, Some(4)),
        ("ann/ios_1,", Trouble::Sign, Some(10)),
        ("ann/ ios_1", Trouble::Surrounded, None),
        ("ann /ios_1", Trouble::Surrounded, None),
        ("ann/\"ios_1\"", Trouble::Sign, Some(5)),
        ("ann/ｉos_1", Trouble::Unusual, Some(5)),
    ] {
        let error = check_exemption(text).unwrap_err();
        assert_eq!(
            (error.trouble(), error.at.map(|(place, _)| place)),
            (trouble, place),
            "{text}: {error}"
        );
    }
}

#[test]
fn two_names_are_not_advised_to_be_one() {
    for text in [
        "ann\rbob",
        "ann\tbob",
        "ann\u{2028}bob",
        "ann\u{85}bob",
        "ann\u{b}bob",
    ] {
        let error = check_exemption(text).unwrap_err().to_string();
        assert!(
            !error.contains("annbob") && error.contains("write one name"),
            "{error}"
        );
    }
    let error = check_exemption("an\u{200b}n\t").unwrap_err().to_string();
    assert!(error.contains("write `ann`"), "{error}");
}

#[test]
fn each_kind_has_its_own_signs() {
    for (text, kind, trouble) in [
        ("bot-*", Kind::User, Trouble::Wildcard),
        ("a?n", Kind::User, Trouble::Wildcard),
        ("ann/ios_1", Kind::User, Trouble::Slash),
        ("ann/ios_1", Kind::UserPattern, Trouble::Slash),
        ("ios_*", Kind::Device, Trouble::Wildcard),
        ("ios_1,ios_2", Kind::Device, Trouble::Sign),
        ("ios_1 ios_2", Kind::Device, Trouble::Sign),
        ("ios_1/", Kind::DevicePattern, Trouble::Slash),
        ("ｗeb_*", Kind::DevicePattern, Trouble::Unusual),
        ("iоs", Kind::Platform, Trouble::Stranger),
        ("ios,web", Kind::Platform, Trouble::Sign),
        ("ios ", Kind::Platform, Trouble::Surrounded),
        ("ios*", Kind::Platform, Trouble::Sign),
        (" Pixel*", Kind::DeviceName, Trouble::Surrounded),
    ] {
        let error = check(text, kind).unwrap_err();
        let found = error.trouble();
        let same = found == trouble || (trouble == Trouble::Sign && found == Trouble::Wildcard);
        assert!(same, "{text} {kind:?}: {error}");
    }
}

#[test]
fn the_refusal_says_what_where_and_what_to_type() {
    for (text, expected) in [
        (
            "ann\u{200b}",
            "the user or pattern `ann\\u{200b}` contains U+200B (zero width space) as character 4; write `ann`, or `?` for a character that the name really contains",
        ),
        (
            "ａnn",
            "the user or pattern `ａnn` contains U+FF41 `ａ` as character 1, an unusual form of another character; write `ann`, or `?` for a character that the name really contains",
        ),
        (
            "ann/",
            "the user or pattern `ann/` contains U+002F `/` as character 4; write `ann`, or `?` for a character that the name really contains",
        ),
        (
            "/ios_1",
            "the user or pattern `/ios_1` contains U+002F `/` as character 1; write `*/ios_1` for this device of every user",
        ),
        (
            "ann, the CEO",
            "the user or pattern `ann, the CEO` contains U+002C `,` as character 4; write one name with nothing before or after it, and `?` for a character that the name really contains",
        ),
        ("", "the user or pattern is empty; remove it"),
    ] {
        assert_eq!(check_exemption(text).unwrap_err().to_string(), expected);
    }
    let device = device("ios_*").unwrap_err();
    assert!(device.contains("--exempt"), "{device}");
    let login_id = check("ann/ios_1", Kind::User).unwrap_err().to_string();
    assert!(login_id.ends_with("; write `ann`"), "{login_id}");
}

#[test]
fn an_argument_may_name_an_odd_account_that_can_be_seen() {
    for text in ["a/b", "#ann", "o'brien", "a b", "Ann"] {
        assert_eq!(user(text).unwrap().as_str(), text);
    }
    for text in ["ann ", "ａnn", "аnn", "ann\u{200b}", ""] {
        assert!(user(text).is_err(), "{text}");
    }
    assert_eq!(device("ann/ios_1").unwrap().as_str(), "ann/ios_1");
}

#[test]
fn names_that_differ_in_case_only_have_one_key() {
    for (one, other) in [("Ann", "aNN"), ("ΑΣ", "ας"), ("ς", "σ"), ("JOSÉ", "josé")] {
        assert_eq!(key(one), key(other));
    }
    assert_eq!(key_as_seen("ann"), None);
    for odd in ["ＡＮＮ", "ann\u{200b}", "\u{feff}Ann"] {
        assert_eq!(key_as_seen(odd).as_deref(), Some("ann"));
    }
}

#[test]
fn numbers_that_a_spreadsheet_has_shortened() {
    for number in [
        "1.38E+10",
        "1.38001E+10",
        "1E+15",
        "1,38E+10",
        "1.38e+10",
        "\"1.38E+10\"",
        "-1.2E+05",
        "1.38E-05",
    ] {
        assert!(is_shortened_number(number), "{number}");
    }
    for user in [
        "13800138000",
        "1e5",
        "1e-5",
        "1.5",
        "ann",
        "e+1",
        "1.38E+",
        "E+10",
        "1.a5E+10",
    ] {
        assert!(!is_shortened_number(user), "{user}");
    }
}

#[path = "samples.rs"]
mod samples;

use proptest::prelude::*;

use super::*;
use samples::SAMPLES;

fn bytes(hex: &str) -> Vec<u8> {
    let digits: Vec<u8> = hex.bytes().filter(u8::is_ascii_hexdigit).collect();
    let byte = |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap();
    digits.chunks(2).map(byte).collect()
}

fn sample(name: &str) -> Vec<u8> {
    let (.., hex) = SAMPLES.iter().find(|(known, ..)| *known == name).unwrap();
    bytes(hex)
}

/// Decodes the payload by the command and the side, and encodes it again.
fn again(msync: &MSync, from_server: bool) -> Vec<u8> {
    fn same<M: Message + Default>(payload: &[u8]) -> Vec<u8> {
        M::decode(payload).unwrap().encode_to_vec()
    }
    match (msync.command, from_server) {
        (command::PROVISION, _) => same::<Provision>(&msync.payload),
        (command::UNREAD, true) => same::<UnreadDown>(&msync.payload),
        (command::UNREAD, false) => Vec::new(),
        (command::SYNC, true) => same::<SyncDown>(&msync.payload),
        (command::SYNC, false) => same::<SyncUp>(&msync.payload),
        (command::NOTICE, _) => same::<Notice>(&msync.payload),
        (command::LOGOUT, _) => same::<Logout>(&msync.payload),
        other => panic!("{other:?}"),
    }
}

#[test]
fn what_a_server_sends_is_read_and_written_as_it_was() {
    let mut count = 0;
    for (name, what, hex) in SAMPLES.iter().filter(|(_, what, _)| what.ends_with("server")) {
        let sent = bytes(hex);
        let msync = MSync::decode(sent.as_slice()).unwrap();
        let written = MSync {
            payload: again(&msync, true),
            ..msync.clone()
        };
        // The recorded server leaves zeros out; but for them, the bytes are the same.
        let read_back = MSync::decode(written.encode_to_vec().as_slice()).unwrap();
        assert_eq!(
            (read_back.command, again(&read_back, true)),
            (msync.command, written.payload),
            "{name}: {what}"
        );
        assert!(read_back.encoded_len() >= sent.len(), "{name}: {what}");
        count += 1;
    }
    assert!(count >= 14, "{count}");
}

#[test]
fn what_an_sdk_sends_is_read_and_nothing_that_matters_is_lost() {
    let mut count = 0;
    for (name, what, hex) in SAMPLES.iter().filter(|(_, what, _)| what.ends_with("client")) {
        let msync = MSync::decode(bytes(hex).as_slice()).unwrap();
        let written = MSync {
            payload: again(&msync, false),
            ..msync.clone()
        };
        let read_back = MSync::decode(written.encode_to_vec().as_slice()).unwrap();
        assert_eq!(again(&read_back, false), again(&msync, false), "{name}: {what}");
        assert_eq!(
            (read_back.command, read_back.guid, read_back.auth),
            (msync.command, msync.guid, msync.auth)
        );
        count += 1;
    }
    assert!(count >= 6, "{count}");
}

#[test]
fn a_provision_says_who_asks() {
    let msync = MSync::decode(sample("S1").as_slice()).unwrap();
    let provision = Provision::decode(msync.payload.as_slice()).unwrap();
    assert_eq!(msync.auth, "$t$YWMt22pxfggzyoqh1795407390901");
    assert_eq!(msync.guid.unwrap().name, "uc7f7eb701");
    assert_eq!(provision.resource, "webim_web_1795407390911");
    assert_eq!((provision.os_type, provision.device_name.as_str()), (16, "webim"));
    assert_eq!(provision.session_id, "1795407390915:");
}

#[test]
fn a_message_to_a_login_id_names_the_device() {
    let msync = MSync::decode(sample("S7").as_slice()).unwrap();
    let meta = SyncUp::decode(msync.payload.as_slice()).unwrap().meta.unwrap();
    assert_eq!((meta.id, meta.ns), (530_424_991_092, namespace::CHAT));
    assert_eq!(meta.to.unwrap().client_resource, "webim_web_1795407390992");
}

#[test]
fn a_kick_is_what_the_sdk_takes_for_one() {
    use crate::realtime::kick::kick;
    use crate::rules::ended::Cause;
    // The recorded server leaves zeros out.
    let read = |frame: &[u8]| {
        let msync = MSync::decode(frame).unwrap();
        (msync.command, SyncDown::decode(msync.payload.as_slice()).unwrap())
    };
    let resource = "webim_web_1795407392489";
    let id = 1_500_000_000_000_000_026;
    let sent = kick(
        "org1#app1",
        "u2e85c0331",
        resource,
        Cause::Operator,
        None,
        id,
        1_795_407_392_576,
    );
    assert_eq!(read(&sent.unwrap()), read(&sample("S17")));
    let resource = "webim_web_1795407395572";
    let id = 1_500_000_000_000_000_061;
    let ext = Some("new-device-ext");
    let sent = kick(
        "org1#app1",
        "u459971f81",
        resource,
        Cause::Displaced,
        ext,
        id,
        1_795_407_395_795,
    );
    assert_eq!(read(&sent.unwrap()), read(&sample("S18")));
}

proptest! {
    #[test]
    fn foreign_bytes_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300), which in 0_usize..30, at in 0_usize..400) {
        let _ = MSync::decode(bytes.as_slice());
        // A good frame with bytes of something else in it.
        let mut frame = sample(SAMPLES[which % SAMPLES.len()].0);
        let at = at % frame.len();
        for (byte, foreign) in frame[at..].iter_mut().zip(&bytes) {
            *byte = *foreign;
        }
        if let Ok(msync) = MSync::decode(frame.as_slice()) {
            let payload = msync.payload.as_slice();
            let _ = (Provision::decode(payload), SyncUp::decode(payload), Logout::decode(payload));
        }
    }
}

#[test]
fn the_numbers_that_the_newest_sdk_needs_are_written_even_if_they_are_0() {
    // Field 1 of the status, field 8 of the envelope and field 5 of a message, each with the value 0.
    assert_eq!(Status::default().encode_to_vec(), [0x08, 0]);
    assert_eq!(MSync::default().encode_to_vec(), [0x40, 0]);
    assert_eq!(Meta::default().encode_to_vec(), [0x28, 0]);
    let answer = SyncDown {
        status: Some(Status::default()),
        metas: vec![Meta::default()],
        ..SyncDown::default()
    };
    assert_eq!(
        frame(command::SYNC, &answer),
        [0x40, 0, 0x4a, 8, 0x0a, 2, 0x08, 0, 0x22, 2, 0x28, 0]
    );
    // Whoever leaves them out is understood.
    assert_eq!(MSync::decode([].as_slice()).unwrap(), MSync::default());
}

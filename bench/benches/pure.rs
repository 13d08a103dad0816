//! What the pure parts cost: `cargo bench -p easemob-admin-bench`.
#![allow(missing_docs, reason = "the macros of criterion make public functions")]
#![allow(clippy::unwrap_used, reason = "set-up that fails shall end the benchmark")]

use std::fs::File;
use std::hint::black_box;
use std::io::Cursor;
use std::time::Duration;

use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use easemob_admin_api::endpoint::Effect;
use easemob_admin_api::endpoints::devices::ListDevices;
use easemob_admin_api::envelope::Envelope;
use easemob_admin_api::transport::limit::adaptive::Reduction;
use easemob_admin_api::transport::retry::{CallState, Delivery, Failure, RetryPolicy, decide};
use easemob_admin_api::{DeviceId, UnixMillis, UserId};
use easemob_admin_ops::run::journal::read::Reader;
use easemob_admin_ops::run::journal::record::{Outcome, Record, State};
use easemob_admin_ops::run::journal::write::JournalFile;
use easemob_admin_ops::select::selection::{Keep, Selection, select_victims};
use easemob_admin_ops::server::calls::SeenDevice;

const DEVICES: [&str; 4] = [
    "ios_5a990931-a680-4a1c-b47d-747d11304de8",
    "android_9bb80170-f21e-41a1-8c02-b29c04d4a841",
    "webim_random_web_1767605795325",
    "webim_random_web_1767643777159",
];

fn decode(bench: &mut Criterion) {
    let devices: Vec<String> = DEVICES
        .iter()
        .map(|id| format!(r#"{{"res":"{id}","device_uuid":"{id}","device_name":"phone"}}"#))
        .collect();
    let answer = format!(
        r#"{{"path":"/users/ann/resources","uri":"https://im.example.com/acme/chat/users/ann/resources","timestamp":1767643777159,"organization":"acme","application":"8be024f0-e978-11e8-b697-5d598d5f8402","entities":[],"action":"get","data":[{}],"duration":3,"applicationName":"chat"}}"#,
        devices.join(",")
    );
    let endpoint = ListDevices { user: user() };
    let mut group = bench.benchmark_group("decode");
    group.throughput(Throughput::Bytes(answer.len() as u64));
    group.bench_function("a list of four devices", |bench| {
        bench.iter(|| Envelope::decode(&endpoint, black_box(answer.as_bytes())).unwrap());
    });
    group.finish();
}

fn limiter(bench: &mut Criterion) {
    let reduced = Reduction::default().on_limit(Duration::from_secs(5));
    bench.bench_function("limiter: the rate after a refusal", |bench| {
        bench.iter(|| black_box(reduced).factor_at(black_box(Duration::from_secs(9))));
    });
    let policy = RetryPolicy::default();
    let call = CallState::first(Effect::Read);
    let failure = Failure::new(Delivery::Rejected, true);
    bench.bench_function("limiter: whether and when to repeat", |bench| {
        bench.iter(|| decide(&policy, black_box(&call), black_box(&failure), black_box(0.5)));
    });
}

fn select(bench: &mut Criterion) {
    let devices: Vec<SeenDevice> = DEVICES
        .iter()
        .zip(1..)
        .map(|(id, number)| SeenDevice {
            id: DeviceId::parse(*id).unwrap(),
            name: None,
            uuid: None,
            signed_in_at: Some(UnixMillis(number)),
        })
        .collect();
    let user = user();
    let newest = Selection {
        keep_newest: Some(Keep::Each(1)),
        ..Selection::default()
    };
    for (what, selection) in [
        ("everything", Selection::default()),
        ("all but the newest of four", newest),
    ] {
        bench.bench_function(&format!("select: {what}"), |bench| {
            bench.iter(|| select_victims(&user, black_box(&devices), &selection));
        });
    }
}

fn journal(bench: &mut Criterion) {
    let records: Vec<Record> = (0..64)
        .map(|n| {
            Record::Outcome(Outcome {
                n,
                at: 1_767_643_777_159,
                state: State::Done,
                server_at: Some(1_767_643_777_160),
                ended: vec![DeviceId::parse(DEVICES[0]).unwrap()],
                failed: Vec::new(),
                basis: None,
            })
        })
        .collect();
    let mut group = bench.benchmark_group("journal");
    group.throughput(Throughput::Elements(64));
    group.bench_function("64 outcomes appended in one write", |bench| {
        let fresh = || JournalFile::new(tempfile::tempfile().unwrap());
        bench.iter_batched_ref(
            fresh,
            |file| file.append(records.iter()).unwrap(),
            BatchSize::SmallInput,
        );
    });
    let written = written(&records);
    group.bench_function("64 outcomes read", |bench| {
        bench.iter(|| {
            let (_, mut reader) = Reader::open(Cursor::new(black_box(&written))).unwrap();
            while reader.next_record().unwrap().is_some() {}
        });
    });
    group.finish();
}

/// A journal with a header and these records.
fn written(records: &[Record]) -> Vec<u8> {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("journal");
    std::fs::write(&path, HEADER).unwrap();
    let file = File::options().append(true).open(&path).unwrap();
    JournalFile::new(file).append(records.iter()).unwrap();
    std::fs::read(path).unwrap()
}

fn user() -> UserId {
    UserId::parse("ann").unwrap()
}

const HEADER: &str = include_str!("header.jsonl");

criterion_group!(pure, decode, limiter, select, journal);
criterion_main!(pure);

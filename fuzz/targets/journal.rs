//! The journal of a run: a damaged one is told, and what is good of a torn one is known.
#![no_main]

use std::io::Cursor;

use easemob_admin_ops::run::journal::read::Reader;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let Ok((_, mut reader)) = Reader::open(Cursor::new(bytes)) else { return };
    while let Ok(Some(_)) = reader.next_record() {}
    assert!(reader.good_bytes() <= bytes.len() as u64);
});

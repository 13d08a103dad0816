//! Lists of users.
#![no_main]

use std::io::Cursor;

use easemob_admin_ops::files::lines::Lines;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let mut lines = Lines::new(Cursor::new(bytes));
    let mut last = 0;
    while let Ok(Some((number, _))) = lines.next_line() {
        assert!(number > last, "line numbers grow");
        last = number;
    }
});

//! Files that a person may have edited: the first byte says which, the rest is in the file.
#![no_main]

use std::io::Write;

use easemob_admin_ops::locks::book;
use easemob_admin_ops::plan::read::Plan;

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let Some((which, content)) = bytes.split_first() else { return };
    let Ok(mut file) = tempfile::NamedTempFile::new() else { return };
    if file.write_all(content).is_err() {
        return;
    }
    let path = file.path();
    match which % 2 {
        0 => {
            if let Ok(plan) = Plan::open(path)
                && let Ok(users) = plan.users()
            {
                users.for_each(drop);
            }
        }
        _ => drop(book::read(path)),
    }
});

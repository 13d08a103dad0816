//! Requests to the imitated calls.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    easemob_admin_sandbox::fuzzing::request(bytes);
});

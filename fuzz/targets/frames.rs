//! Frames of the realtime protocol, as a server and as a device read them.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    easemob_admin_sandbox::fuzzing::frame(bytes);
});

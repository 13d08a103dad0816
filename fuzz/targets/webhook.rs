//! Posts of the service to a collector.
#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    if let Ok(post) = easemob_admin_ops::collector::payload::read(bytes, "o#a")
        && let Some(event) = post.event
    {
        assert!(!event.user.is_empty() && !event.resource.is_empty());
    }
});

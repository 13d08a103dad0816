//! Posts of the service: to anybody who uses the library, and to a collector.
#![no_main]

use easemob_admin_api::webhooks::{Event, Post, Secrets};

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    let Ok(post) = Post::parse(bytes) else { return };
    assert!(!post.is_signed_with(&Secrets::new(["never given away"])));
    if let Event::Session(session) = &post.event {
        assert!(!session.user.as_str().is_empty() && !session.device.as_str().is_empty());
    }
    let now_ms = 1_712_000_000_000;
    if let Ok(received) = easemob_admin_ops::collector::payload::read(bytes, "o#a", now_ms)
        && let Some(event) = received.event
    {
        assert!(!event.user.is_empty() && !event.resource.is_empty());
        assert!(event.at_ms > 1_262_000_000_000 && event.at_ms < 2 * now_ms);
    }
});

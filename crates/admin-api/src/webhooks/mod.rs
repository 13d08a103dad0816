//! Webhooks: what the service posts to a server of yours, as types (feature `webhooks`).
//!
//! [`Post::parse`] reads a post, [`Post::is_signed_with`] checks that the service signed it, and [`Event`] says what
//! happened: sign-ins, messages before and after delivery, receipts, recalls, contacts, groups, chat rooms and more.
//!
//! Reading is tolerant. Unknown fields are ignored, numbers may be strings, and a missing field is `None` unless
//! it is the one that the event is about. Events of an unknown kind are [`Event::Other`]. The documented pages name no
//! event for registrations and for attributes of users.
//!
//! Expect duplicates and gaps: the service sends a post again when the first answer is late, and sends nothing for
//! minutes to a receiver that fails often. [`Post::call_id`] is the same in both copies.
//!
//! ```
//! use easemob_admin_api::webhooks::{Event, Post, Secrets};
//!
//! let body = br#"{"callId":"o#a_7","security":"ebc2401bdede04a8dea750c4a49923dd","timestamp":1712000000003,
//!     "appkey":"o#a","user":"o#a_ann@easemob.com/ios_77e1","reason":"login","status":"online"}"#;
//!
//! let post = Post::parse(body)?;
//! let secrets = Secrets::new(["s3cret"]);
//! assert!(post.is_signed_with(&secrets));
//! let Event::Session(session) = &post.event else { panic!("not about a session") };
//! assert_eq!((session.user.as_str(), session.device.as_str()), ("ann", "ios_77e1"));
//! # Ok::<(), easemob_admin_api::webhooks::InvalidPost>(())
//! ```
//!
//! The feature `webhooks-axum` adds an extractor for [axum](https://docs.rs/axum), `SignedPost`.

mod contact;
mod event;
mod fields;
mod group;
mod message;
mod names;
mod post;
mod private;
mod push;
mod reaction;
mod receipt;
mod review;
mod session;
mod signature;
#[cfg(feature = "webhooks-axum")]
mod signed_post;
#[cfg(test)]
mod tests;
mod thread;
mod verdict;
mod word;

pub use contact::{ContactEvent, ContactOperation};
pub use event::Event;
pub use group::{GroupEvent, GroupOperation, MucEvent, MucOperation};
pub use message::{ChatKind, EditEvent, FileBody, MessageBody, MessageEvent, RecallEvent, Stage};
pub use post::{InvalidPost, Post};
pub use private::Private;
pub use push::{PushEvent, PushStatus};
pub use reaction::{ReactedMessage, Reaction, ReactionChange, ReactionEvent};
pub use receipt::{ReceiptEvent, ReceiptKind};
pub use review::{KeywordAction, KeywordEvent, ModerationEvent, ModerationResult};
pub use session::{SessionChange, SessionEvent};
pub use signature::Secrets;
#[cfg(feature = "webhooks-axum")]
pub use signed_post::{RefusedPost, SignedPost};
pub use thread::{ThreadEvent, ThreadMessage, ThreadOperation};
pub use verdict::{Priority, Verdict};

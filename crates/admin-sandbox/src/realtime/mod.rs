//! The realtime side: devices that hold a connection, as the vendor's SDKs do.
//!
//! [`frames`] are the messages on the wire, [`provision`] decides who is let in, [`letter`] is a message on its way,
//! [`mailbox`] holds what waits for a device and [`post`] what waits for all, [`kick`] tells a device why it has to go,
//! [`hub`] knows which devices are connected, [`delivery`] says who gets a message, [`about`] what it does
//! beside that, [`wire_content`] and [`export`] what it
//! says, on the wire and in files, and [`annotated`] what became of it. [`socket`] is the thin part with a connection in it;
//! [`lists_socket`] is a second one, over which the newest SDK asks for lists.

mod about;
pub(crate) mod annotated;
pub(crate) mod answered;
pub(crate) mod delivery;
pub(crate) mod export;
pub(crate) mod frames;
pub(crate) mod hub;
pub(crate) mod kick;
pub(crate) mod letter;
pub(crate) mod lists_socket;
pub(crate) mod mailbox;
pub(crate) mod notices;
pub(crate) mod post;
pub(crate) mod provision;
mod rooms;
pub(crate) mod socket;
pub(crate) mod wire_content;

//! Puts a new run on disk, before anything is sent.

use std::io;

use easemob_admin_ops::run::directory::OpenRun;
use easemob_admin_ops::run::id::RunId;
use easemob_admin_ops::run::item::Item;
use easemob_admin_ops::run::job::Action;
use easemob_admin_ops::run::journal::header::{FORMAT, Header};
use jiff::Timestamp;

use super::attempt::prove_readable;
use super::operator::operator;
use crate::command_error::CommandError;
use crate::commands::acting::Acting;
use crate::context::{Context, Session};
use crate::input::spool::Entry;

/// What a new run is about.
pub struct Order<'a> {
    /// Why, by whose ticket, how safely.
    pub acting: &'a Acting,
    /// What is done.
    pub action: Action,
    /// Where the items come from, in words.
    pub source: String,
    /// How many devices may be ended.
    pub allowance: Option<u64>,
}

/// Creates the run on disk.
///
/// # Errors
/// When it cannot be written, or what the act depends on cannot be read; then nothing may be sent.
pub fn begin(
    context: &Context,
    session: &Session,
    order: Order<'_>,
    items: impl Iterator<Item = io::Result<Item>>,
) -> Result<OpenRun, CommandError> {
    prove_readable(context, session, &order.action)?;
    let now = Timestamp::now();
    let id = RunId::new(now, fastrand::u32(..));
    let header = |items, input_sha256| Header {
        format: FORMAT,
        run: id.to_string(),
        created: now,
        tool: env!("CARGO_PKG_VERSION").into(),
        app: session.app.clone(),
        app_root: session.app_root.clone(),
        sandbox: session.is_sandbox(),
        profile: session.profile.clone(),
        operator: operator(session.subject.clone(), context.environment.get("SUDO_USER")),
        reason: order.acting.reason.clone(),
        ticket: order.acting.ticket.clone(),
        action: order.action,
        source: order.source,
        items,
        input_sha256,
        allowance: order.allowance,
        durability: order.acting.durability.into(),
    };
    Ok(context.stores()?.runs().create(&id, items, header)?)
}

/// Numbers the users of a list.
pub fn items(entries: impl Iterator<Item = io::Result<Entry>>) -> impl Iterator<Item = io::Result<Item>> {
    (0..).zip(entries).map(|(number, entry)| {
        let Entry { line, user } = entry?;
        Ok(Item::new(number, line, user))
    })
}

//! Writes a new run to disk before anything is sent.

use std::io;

use easemob_admin_ops::run::item::Item;
use easemob_admin_ops::run::job::Action;
use easemob_admin_ops::run::new::{Mandate, NewRun};
use easemob_admin_ops::run::store::OpenRun;
use easemob_admin_ops::status_first::Reading;
use jiff::Timestamp;

use super::attempt::prove_readable;
use super::operator::operator;
use crate::command_error::CommandError;
use crate::commands::acting::Acting;
use crate::context::{Context, Session};
use crate::input::spool::Entry;
use crate::present::rows::columns;

/// The parameters of a new run.
pub struct Order<'a> {
    /// Reason, ticket and durability.
    pub acting: &'a Acting,
    /// The action.
    pub action: Action,
    /// A description of where the items come from.
    pub source: String,
    /// How many devices may be signed out.
    pub allowance: Option<u64>,
    /// How it is found out who is online.
    pub reading: Reading,
}

/// Creates the run on disk.
///
/// # Errors
/// When it cannot be written, or if data that the action depends on cannot be read. Nothing may be sent then.
pub fn begin(
    context: &Context,
    session: &Session,
    order: Order<'_>,
    items: impl Iterator<Item = io::Result<Item>> + Send,
) -> Result<OpenRun, CommandError> {
    prove_readable(context, session, &order.action)?;
    context.shown(columns(&order.action))?;
    let new = NewRun {
        action: order.action,
        mandate: Mandate {
            reason: order.acting.reason.clone(),
            ticket: order.acting.ticket.clone(),
            durability: order.acting.durability.into(),
            priority: order.acting.priority.into(),
        },
        source: order.source,
        allowance: order.allowance,
        reading: order.reading,
        id: None,
    };
    let operator = operator(session.subject.clone(), context.environment.get("SUDO_USER"));
    let (stores, now) = (context.stores()?, Timestamp::now());
    Ok(new.create(
        stores.runs(),
        &session.target(),
        operator,
        now,
        fastrand::u32(..),
        items,
    )?)
}

/// Numbers the users of a list.
pub fn items(
    entries: impl Iterator<Item = io::Result<Entry>> + Send,
) -> impl Iterator<Item = io::Result<Item>> + Send {
    (0..).zip(entries).map(|(number, entry)| {
        let Entry { line, user } = entry?;
        Ok(Item::new(number, line, user))
    })
}

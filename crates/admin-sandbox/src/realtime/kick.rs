//! Tells a device why it has to go. Pure.

use super::frames::{DOMAIN, Jid, Meta, Statistics, Status, SyncDown, command, frame, namespace};
use crate::rules::ended::Cause;

use prost::Message;

/// Returns the operation by which SDKs know the cause (`StatisticsBody`); they make 206, 207, 216 and 217 of it.
fn operation(cause: Cause) -> Option<i32> {
    Some(match cause {
        Cause::Deleted => 1,
        Cause::Displaced => 2,
        Cause::PasswordChanged => 3,
        Cause::Operator => 4,
        // Whoever leaves by himself is told nothing. A ban has no operation of its own: without a word the SDK tries
        // to come back, and what it is told then, IM_FORBIDDEN, is what it reports.
        Cause::Left | Cause::Banned => return None,
    })
}

/// Returns the frame that makes an SDK give up its session for good; none for a ban, or for who left.
///
/// The queue has to be there, or the SDK throws before it looks at the frame, and comes back.
pub(crate) fn kick(
    app_key: &str,
    user: &str,
    resource: &str,
    cause: Cause,
    ext: Option<&str>,
    id: u64,
    now_ms: u64,
) -> Option<Vec<u8>> {
    let service = Jid {
        domain: DOMAIN.into(),
        ..Jid::default()
    };
    let statistics = Statistics {
        operation: operation(cause)?,
        reason: ext.unwrap_or_default().into(),
    };
    let meta = Meta {
        id,
        from: Some(service.clone()),
        to: Some(Jid {
            app_key: app_key.into(),
            name: user.into(),
            domain: DOMAIN.into(),
            client_resource: resource.into(),
        }),
        timestamp: now_ms,
        ns: namespace::STATISTIC,
        payload: statistics.encode_to_vec(),
        ..Meta::default()
    };
    let down = SyncDown {
        status: Some(Status::default()),
        metas: vec![meta],
        queue: Some(service),
        is_last: true,
        timestamp: now_ms,
        ..SyncDown::default()
    };
    Some(frame(command::SYNC, &down))
}

//! Writes the users and devices of snapshots, a block at a time, whether a scan found them or another store had them.

use deadpool_postgres::Object;
use easemob_admin_ops::logins::store::{KnownDevice, NotKnown, SeenDevice, SnapshotId, StoreError};

use crate::statement::execute;

/// Returns a column of texts.
fn texts<T>(rows: &[T], text: impl Fn(&T) -> &String) -> Vec<&str> {
    rows.iter().map(|row| text(row).as_str()).collect()
}

/// Enters users of whom a snapshot does not know whether they were online; the later state of one counts.
pub(super) async fn not_known(
    connection: &Object,
    snapshot: SnapshotId,
    users: &[NotKnown],
) -> Result<(), StoreError> {
    let enter = "INSERT INTO easemob_admin.login_not_known (snapshot, who, state, why) SELECT $1::bigint, * \
                 FROM unnest($2::text[], $3::text[], $4::text[]) ON CONFLICT (snapshot, who) DO UPDATE SET \
                 state = excluded.state, why = excluded.why";
    let (names, states) = (texts(users, |user| &user.user), texts(users, |user| &user.state));
    let reasons = texts(users, |user| &user.why);
    execute(connection, enter, &[&snapshot, &names, &states, &reasons]).await?;
    Ok(())
}

/// Enters devices that were online; the later state of one counts.
pub(super) async fn seen_devices(
    connection: &Object,
    snapshot: SnapshotId,
    devices: &[(String, SeenDevice)],
) -> Result<(), StoreError> {
    let enter = "INSERT INTO easemob_admin.login_snapshot_device (snapshot, who, resource, platform, name, signed_in_ms) \
                 SELECT $1::bigint, * FROM unnest($2::text[], $3::text[], $4::text[], $5::text[], $6::bigint[]) \
                 ON CONFLICT (snapshot, who, resource) DO UPDATE SET platform = excluded.platform, name = excluded.name, \
                 signed_in_ms = excluded.signed_in_ms";
    let users = texts(devices, |(user, _)| user);
    let resources = texts(devices, |(_, device)| &device.resource);
    let platforms = texts(devices, |(_, device)| &device.platform);
    let names: Vec<_> = devices.iter().map(|(_, device)| &device.name).collect();
    let times: Vec<_> = devices.iter().map(|(_, device)| device.signed_in_ms).collect();
    execute(
        connection,
        enter,
        &[&snapshot, &users, &resources, &platforms, &names, &times],
    )
    .await?;
    Ok(())
}

/// Enters when devices were seen first and last, beside what is known of them.
pub(super) async fn known_devices(
    connection: &Object,
    place: i32,
    devices: &[(String, KnownDevice)],
) -> Result<(), StoreError> {
    let enter = "INSERT INTO easemob_admin.login_device AS known (place, who, resource, platform, name, first_seen_ms, \
                 last_seen_ms) SELECT $1::int, * FROM unnest($2::text[], $3::text[], $4::text[], $5::text[], \
                 $6::bigint[], $7::bigint[]) ON CONFLICT (place, who, resource) DO UPDATE SET \
                 first_seen_ms = least(known.first_seen_ms, excluded.first_seen_ms), \
                 last_seen_ms = greatest(known.last_seen_ms, excluded.last_seen_ms), \
                 name = coalesce(excluded.name, known.name)";
    let users = texts(devices, |(user, _)| user);
    let resources = texts(devices, |(_, device)| &device.resource);
    let platforms = texts(devices, |(_, device)| &device.platform);
    let names: Vec<_> = devices.iter().map(|(_, device)| &device.name).collect();
    let first: Vec<_> = devices.iter().map(|(_, device)| device.first_seen_ms).collect();
    let last: Vec<_> = devices.iter().map(|(_, device)| device.last_seen_ms).collect();
    execute(
        connection,
        enter,
        &[&place, &users, &resources, &platforms, &names, &first, &last],
    )
    .await?;
    Ok(())
}

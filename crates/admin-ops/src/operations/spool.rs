//! Keeps the users of a stream in a temporary file, so that memory does not depend on their number.

use std::io;
use std::pin::pin;

use easemob_admin_api::UserId;
use futures_util::{Stream, StreamExt};

use crate::files::temporary::temporary_file;
use crate::run::input;
use crate::run::item::Item;
use crate::run::store::Items;

/// Writes the users to a file as they arrive, and returns them as items, with their number. Blocks while it writes.
pub(super) async fn spooled(users: impl Stream<Item = io::Result<UserId>>) -> io::Result<(Items, u64)> {
    let mut writer = input::Writer::new(temporary_file()?);
    let mut users = pin!(users);
    let mut number = 0;
    while let Some(user) = users.next().await {
        writer.push(&Item::new(number, number + 1, user?))?;
        number += 1;
    }
    let (file, count, _) = writer.finish()?;
    Ok((Box::new(input::items(file)?), count))
}

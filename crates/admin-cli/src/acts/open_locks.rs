//! The locks of a target, which only this account may have written.

use std::sync::Arc;

use easemob_admin_ops::locks::store::LockStore;
use easemob_admin_ops::target::Target;

use crate::command_error::CommandError;
use crate::context::Context;
use crate::ownership::require_data;
use crate::stores::imports_locks;

/// Opens the locks of a target.
///
/// # Errors
/// When they cannot be used, or an earlier version kept them where others could have changed them: once they are imported,
/// nobody can tell any more.
pub fn open_locks(context: &Context, target: &Target) -> Result<Arc<dyn LockStore>, CommandError> {
    if imports_locks(&context.places()?, target) {
        require_data(context)?;
    }
    Ok(context.stores()?.locks(target)?)
}

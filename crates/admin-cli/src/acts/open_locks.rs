//! Opens the locks of a target; only this account may have written them.

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
/// When they cannot be used, or if an earlier version stored them where other accounts could change them. Once
/// imported, such locks could not be told apart from genuine ones.
pub fn open_locks(context: &Context, target: &Target) -> Result<Arc<dyn LockStore>, CommandError> {
    if context.records()?.in_files && imports_locks(&context.places()?, target) {
        require_data(context)?;
    }
    Ok(context.stores()?.locks(target)?)
}

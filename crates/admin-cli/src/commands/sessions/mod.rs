//! `sessions`: ending them.

pub mod logout;

use clap::Subcommand;
use easemob_admin_api::Platform;

use crate::context::Context;

/// Commands about sessions.
#[derive(Debug, Subcommand)]
pub enum SessionsCommand {
    /// Force users' devices offline
    Logout(logout::LogoutArgs),
}

/// Reads a platform from the command line.
///
/// # Errors
/// When it is empty.
pub fn platform(text: &str) -> Result<Platform, String> {
    if text.trim().is_empty() {
        return Err("give a platform such as android, ios, web or custom5".into());
    }
    text.parse().map_err(|error| format!("{error}"))
}

/// Warns of a platform whose name may be a slip: it would match nothing and look like success.
pub fn warn_of_rare(context: &Context, platform: &Platform) {
    if let Platform::Other(name) = platform {
        context.ui.warn(format_args!(
            "`{name}` is not one of the documented platforms (android, ios, web, custom1 to custom100); \
             devices whose id starts with `{name}_` are meant"
        ));
    }
}

//! Reads which issuers' people may sign in, and what their groups may do.

use std::path::Path;
use std::sync::Arc;

use easemob_admin_ops::files::bounded;
use easemob_admin_server::access::openid::{Fetch, HttpFetch, OpenId, OpenIdSettings};
use easemob_admin_words::t;

use crate::command_error::CommandError;
use crate::exit;

/// Reads a file of issuers.
///
/// # Errors
/// When it cannot be read, or says something that is not safe.
pub(super) fn read(path: &Path) -> Result<Arc<OpenId>, CommandError> {
    let unusable = || {
        let what = t!("cannot use the issuers in {}", path.display());
        CommandError::new(exit::CONFIG, what).hint(t!("docs/service.md has an example"))
    };
    let bytes = bounded::whole(path, bounded::WRITTEN_BY_HAND).map_err(|error| unusable().because(error))?;
    let text = String::from_utf8(bytes).map_err(|error| unusable().because(error))?;
    let settings: OpenIdSettings = toml::from_str(&text).map_err(|error| unusable().because(error))?;
    settings.check().map_err(|why| unusable().because(why))?;
    let fetch: Arc<dyn Fetch> = Arc::new(HttpFetch::new().map_err(|why| unusable().because(why))?);
    Ok(Arc::new(OpenId::new(settings, &fetch)))
}

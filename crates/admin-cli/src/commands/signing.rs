//! Signs what others added to the trails of a database, so that its heads are kept outside of it even if nobody else keeps any.

#[cfg(feature = "postgres")]
use easemob_admin_ops::causes::with_causes;
#[cfg(feature = "postgres")]
use easemob_admin_store_pg::trail::{TrailError, heads::EVERY};
use std::time::Instant;
#[cfg(feature = "postgres")]
use tokio::task::JoinHandle;

use crate::context::Context;

/// What is being signed, and when that was begun last.
#[derive(Debug)]
pub(crate) struct Signing {
    #[cfg(feature = "postgres")]
    working: Option<JoinHandle<Result<(), TrailError>>>,
    #[cfg_attr(
        not(feature = "postgres"),
        expect(dead_code, reason = "there are no trails in a database")
    )]
    begun: Instant,
}

impl Default for Signing {
    fn default() -> Self {
        Self {
            #[cfg(feature = "postgres")]
            working: None,
            begun: Instant::now(),
        }
    }
}

impl Signing {
    /// Begins to sign the trails if that is due.
    #[cfg(feature = "postgres")]
    pub(crate) async fn sign(&mut self, context: &Context) {
        if let Some(working) = self.working.take_if(|working| working.is_finished())
            && let Ok(Err(error)) = working.await
        {
            context.ui.warn(with_causes(&error));
        }
        if self.working.is_some() || self.begun.elapsed() < EVERY {
            return;
        }
        self.begun = Instant::now();
        let records = context.records().ok();
        if let Some(trails) = records.and_then(|records| records.trails_with_heads()) {
            self.working = Some(tokio::task::spawn_blocking(move || trails.sign_all()));
        }
    }

    /// Does nothing: there are no trails in a database.
    #[cfg(not(feature = "postgres"))]
    pub(crate) async fn sign(&mut self, _: &Context) {}
}

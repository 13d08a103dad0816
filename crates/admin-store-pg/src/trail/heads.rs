//! Heads leave the database: whoever signs one tells a listener, and signs often enough.

use std::fmt;
use std::time::{Duration, SystemTime};

use easemob_admin_audit::PublicKey;

use crate::trail::{PgTrails, TrailError};

/// How long the entries of a run that goes on may be without a head: what no head outside the database covers, a superuser can
/// rewrite unnoticed.
pub const EVERY: Duration = Duration::from_secs(120);

/// A head that this process signed just now.
#[derive(Debug, Clone)]
pub struct NewHead {
    /// The name of the trail.
    pub origin: String,
    /// The number of entries that it covers.
    pub size: u64,
    /// The head, as a compact JWS.
    pub head: String,
    /// The key that checks it.
    pub key: PublicKey,
}

/// Hears of heads, to keep them where nobody who can change the database can change them.
pub trait HeadListener: fmt::Debug + Send + Sync {
    /// Hears of a head. It must not wait: a run goes on when this returns.
    fn signed(&self, head: NewHead);
}

impl PgTrails {
    /// Signs the end of each trail that grew since this machine signed it last, after following its lines. Blocks the thread,
    /// for as long as that takes.
    ///
    /// # Errors
    /// When a trail was changed, or cannot be read or signed; the others are not looked at then.
    pub fn sign_all(&self) -> Result<(), TrailError> {
        for place in self.places()? {
            if let Some(trail) = self.kept(&place)? {
                let mut signer = trail.signer()?;
                trail.sign(&mut signer, SystemTime::now())?;
            }
        }
        Ok(())
    }
}

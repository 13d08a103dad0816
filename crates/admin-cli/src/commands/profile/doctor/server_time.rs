//! The server's clock, taken from the envelope of a small read.

use std::time::{Duration, SystemTime};

use easemob_admin_api::endpoint::{Effect, Endpoint, Method, Path};
use easemob_admin_api::envelope::Envelope;
use easemob_admin_api::{DecodeError, UnixMillis};
use easemob_admin_words::t;
use serde::Deserialize;

/// Clocks further apart than this cause a warning: signed tokens live for minutes.
pub(super) const TOLERANCE: Duration = Duration::from_secs(30);

/// Reads one user to get the time stamp of the answer.
pub(super) struct ServerTime;

#[derive(Deserialize)]
struct Stamp {
    timestamp: Option<u64>,
}

impl Endpoint for ServerTime {
    const NAME: &'static str = "users.list";
    const EFFECT: Effect = Effect::Read;
    type Output = Option<UnixMillis>;

    fn method(&self) -> Method {
        Method::GET
    }

    fn path(&self) -> Path {
        Path::new(["users"])
    }

    fn query(&self) -> Vec<(&'static str, String)> {
        vec![("limit", "1".into())]
    }

    fn decode(&self, answer: &Envelope<'_>) -> Result<Self::Output, DecodeError> {
        Ok(answer.whole::<Stamp>()?.timestamp.map(UnixMillis))
    }
}

/// Returns how far apart two clocks are, and in which direction.
pub(super) fn difference(server: SystemTime, here: SystemTime) -> (Duration, &'static str) {
    match here.duration_since(server) {
        Ok(ahead) => (ahead, t!("ahead of")),
        Err(behind) => (behind.duration(), t!("behind")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_difference_has_a_direction() {
        let at = |seconds| SystemTime::UNIX_EPOCH + Duration::from_secs(seconds);
        assert_eq!(difference(at(10), at(13)), (Duration::from_secs(3), "ahead of"));
        assert_eq!(difference(at(13), at(10)), (Duration::from_secs(3), t!("behind")));
    }
}

//! Notices when going on with a run is pointless.

use super::calls::{CallError, Scope};

/// How many unreachable failures in a row end a run.
///
/// Each of them was already repeated by the client, so twenty stand for minutes of silence.
pub const MAX_UNREACHABLE: u32 = 20;

/// Decides after every item whether the run goes on.
#[derive(Debug, Default)]
pub struct Breaker {
    unreachable: u32,
}

/// Why a run was ended early.
#[derive(Debug, Clone)]
pub enum Fatal {
    /// The server refuses everything that this run could send.
    Refused(CallError),
    /// There is no token, so nothing can be sent.
    NoToken(CallError),
    /// The server has been silent too long.
    Unreachable(CallError),
}

impl Breaker {
    /// Takes note of an item that reached a settled result.
    pub fn succeeded(&mut self) {
        self.unreachable = 0;
    }

    /// Takes note of a failed call and returns the reason to stop, if there is one.
    pub fn failed(&mut self, error: &CallError) -> Option<Fatal> {
        match error.scope {
            Scope::Run => Some(Fatal::Refused(error.clone())),
            // The client has asked again as often as that may help.
            Scope::Token => Some(Fatal::NoToken(error.clone())),
            Scope::Item => {
                self.unreachable = 0;
                None
            }
            Scope::Network => {
                self.unreachable += 1;
                (self.unreachable >= MAX_UNREACHABLE).then(|| Fatal::Unreachable(error.clone()))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(scope: Scope) -> CallError {
        CallError {
            scope,
            ..CallError::for_test("devices.list")
        }
    }

    #[test]
    fn a_refused_credential_stops_at_once() {
        assert!(matches!(
            Breaker::default().failed(&error(Scope::Run)),
            Some(Fatal::Refused(_))
        ));
    }

    #[test]
    fn without_a_token_a_run_stops_at_once() {
        assert!(matches!(
            Breaker::default().failed(&error(Scope::Token)),
            Some(Fatal::NoToken(_))
        ));
    }

    #[test]
    fn a_failed_item_does_not_stop() {
        let mut breaker = Breaker::default();
        assert!((0..1000).all(|_| breaker.failed(&error(Scope::Item)).is_none()));
    }

    #[test]
    fn silence_stops_only_when_it_lasts() {
        let mut breaker = Breaker::default();
        for _ in 1..MAX_UNREACHABLE {
            assert!(breaker.failed(&error(Scope::Network)).is_none());
        }
        breaker.succeeded();
        for _ in 1..MAX_UNREACHABLE {
            assert!(breaker.failed(&error(Scope::Network)).is_none());
        }
        assert!(matches!(
            breaker.failed(&error(Scope::Network)),
            Some(Fatal::Unreachable(_))
        ));
    }
}

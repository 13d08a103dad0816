//! Detects when continuing a run is pointless.

use crate::server::calls::{CallError, Scope};

/// How many unreachable failures in a row end a run.
///
/// The client has already retried each of them, and the server does answer some calls: it waits for one that answers
/// none.
pub const MAX_UNREACHABLE: u32 = 20;

/// Decides after every item whether the run continues.
#[derive(Debug, Default)]
pub struct Breaker {
    unreachable: u32,
}

/// Why a run ended early.
#[derive(Debug, Clone)]
pub enum Fatal {
    /// The server refuses everything that this run could send.
    Refused(CallError),
    /// There is no token, so nothing can be sent.
    NoToken(CallError),
    /// The server has been unresponsive for too long.
    Unreachable(CallError),
}

impl Fatal {
    /// Returns the error of the call that ended the run.
    #[must_use]
    pub fn error(&self) -> &CallError {
        match self {
            Self::Refused(error) | Self::NoToken(error) | Self::Unreachable(error) => error,
        }
    }
}

impl Breaker {
    /// Records an item with a settled result.
    pub fn succeeded(&mut self) {
        self.unreachable = 0;
    }

    /// Records a job with all its failures and returns the reason to stop, if there is one.
    ///
    /// A job counts once, however many devices it has: one failed call may be the failure of thousands of
    /// devices.
    pub fn ended(&mut self, failures: &[CallError]) -> Option<Fatal> {
        if let Some(failure) = failures.iter().find(|failure| failure.server_away) {
            return self.failed(failure);
        }
        let of = |scope| failures.iter().find(|failure| failure.scope == scope);
        let telling = [Scope::Token, Scope::Run, Scope::Item, Scope::Network]
            .into_iter()
            .find_map(of);
        if let Some(failure) = telling {
            return self.failed(failure);
        }
        self.succeeded();
        None
    }

    /// Records a failed call and returns the reason to stop, if there is one.
    pub fn failed(&mut self, error: &CallError) -> Option<Fatal> {
        match error.scope {
            Scope::Run => Some(Fatal::Refused(error.clone())),
            // The client has already retried as often as that may help.
            Scope::Token => Some(Fatal::NoToken(error.clone())),
            Scope::Item => {
                self.unreachable = 0;
                None
            }
            // The client has waited for the server.
            Scope::Network if error.server_away => Some(Fatal::Unreachable(error.clone())),
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
            ..CallError::new("devices.list", "test")
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
    fn a_job_counts_once_however_many_devices_it_was_about() {
        let mut breaker = Breaker::default();
        let of_thousands = vec![error(Scope::Network); 30_000];
        for _ in 1..MAX_UNREACHABLE {
            assert!(breaker.ended(&of_thousands).is_none());
        }
        let mut answered_once = of_thousands.clone();
        answered_once.push(error(Scope::Item));
        assert!(breaker.ended(&answered_once).is_none());
        for _ in 1..MAX_UNREACHABLE {
            assert!(breaker.ended(&of_thousands).is_none());
        }
        assert!(matches!(
            breaker.ended(&of_thousands),
            Some(Fatal::Unreachable(_))
        ));
        assert!(breaker.ended(&[]).is_none());
        let refused = [error(Scope::Network), error(Scope::Item), error(Scope::Run)];
        assert!(matches!(breaker.ended(&refused), Some(Fatal::Refused(_))));
    }

    #[test]
    fn a_server_that_was_waited_for_in_vain_stops_at_once() {
        let away = CallError {
            server_away: true,
            ..error(Scope::Network)
        };
        let unreachable = |fatal| matches!(fatal, Some(Fatal::Unreachable(_)));
        assert!(unreachable(Breaker::default().failed(&away)));
        assert!(unreachable(Breaker::default().ended(&[error(Scope::Item), away])));
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

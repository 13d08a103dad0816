//! Which failures show that the server is away, and which that it is there.

use super::{Kind, Reason, Refusal};

impl Kind {
    /// Returns true if the failure is what a server looks like that is restarted or cut off. `heard` says whether it has
    /// ever answered: until then, a name that cannot be looked up is taken for a wrong one.
    pub(crate) fn shows_server_away(&self, heard: bool) -> bool {
        match self {
            Self::Refused(refusal) => is_gateways_word_for_it(refusal),
            Self::Transport(error) => match error.reason() {
                Reason::NoConnection => !error.is_permanent() && (heard || !error.is_unknown_name()),
                Reason::NoAnswerInTime | Reason::ConnectionLost => true,
                _ => false,
            },
            Self::Build(_)
            | Self::Credentials(_)
            | Self::Sign(_)
            | Self::NoToken(_)
            | Self::Decode(_)
            | Self::Listing(_) => false,
        }
    }

    /// Returns true if the service itself has answered, whatever it said.
    pub(crate) fn shows_server_there(&self) -> bool {
        match self {
            Self::Refused(refusal) => refusal.by_the_service && !is_gateways_word_for_it(refusal),
            Self::Decode(error) => !error.foreign,
            _ => false,
        }
    }
}

/// Some gateways answer in the form of the service, and the service says 503 itself while it starts.
fn is_gateways_word_for_it(refusal: &Refusal) -> bool {
    let own_numbers = !refusal.by_the_service && matches!(refusal.status, 520..=527 | 530);
    matches!(refusal.status, 502..=504) || own_numbers
}

#[cfg(test)]
mod tests {
    use std::io;

    use super::*;
    use crate::error::{ApiError, Excerpt, TransportError};

    fn refused(status: u16, by_the_service: bool) -> Kind {
        Kind::Refused(Refusal {
            status,
            api: by_the_service.then(ApiError::default),
            by_the_service,
            excerpt: Excerpt::new(None, b""),
            retry_after: None,
            location: None,
            by_a_proxy: false,
        })
    }

    fn no_name(why: &str) -> Kind {
        let cause = io::Error::other(format!("failed to lookup address information: {why}"));
        Kind::Transport(TransportError::no_connection_because(cause.into()))
    }

    #[test]
    fn what_is_away_and_what_is_there() {
        let transport = Kind::Transport;
        // Away before the first answer, away after it, there.
        for (kind, new, known, there) in [
            (refused(502, false), true, true, false),
            (refused(503, true), true, true, false),
            (refused(504, false), true, true, false),
            (refused(522, false), true, true, false),
            (refused(522, true), false, false, true),
            (refused(500, true), false, false, true),
            (refused(500, false), false, false, false),
            (refused(429, true), false, false, true),
            (refused(401, true), false, false, true),
            (refused(404, false), false, false, false),
            (transport(TransportError::no_connection()), true, true, false),
            (
                transport(TransportError::no_connection_in_time()),
                true,
                true,
                false,
            ),
            (transport(TransportError::no_answer_in_time()), true, true, false),
            (
                transport(TransportError::broke_before_the_answer()),
                true,
                true,
                false,
            ),
            (transport(TransportError::answer_broke_off()), true, true, false),
            (transport(TransportError::insecure()), false, false, false),
            (transport(TransportError::given_up()), false, false, false),
            (
                transport(TransportError::deadline_passed(true)),
                false,
                false,
                false,
            ),
            (no_name("Name or service not known"), false, true, false),
            (no_name("Temporary failure in name resolution"), true, true, false),
            (no_name("Try again"), true, true, false),
        ] {
            let found = (
                kind.shows_server_away(false),
                kind.shows_server_away(true),
                kind.shows_server_there(),
            );
            assert_eq!(found, (new, known, there), "{kind:?}");
        }
    }

    /// Such numbers differ between systems.
    #[cfg(unix)]
    #[test]
    fn too_many_open_files_say_nothing_about_the_server() {
        let cause = io::Error::from_raw_os_error(rustix::io::Errno::MFILE.raw_os_error());
        let kind = Kind::Transport(TransportError::no_connection_because(cause.into()));
        assert!(!kind.shows_server_away(false) && !kind.shows_server_away(true));
        assert!(!kind.shows_server_there());
    }
}

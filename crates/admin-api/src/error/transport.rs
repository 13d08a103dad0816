//! Requests that got no answer, and what is known of their arrival.

use std::error::Error as StdError;
use std::fmt;
use std::sync::Arc;

use super::Reason;
use crate::transport::limit::schedule::BudgetAway;

/// What is known about the arrival of a request at the server.
///
/// ```
/// use easemob_admin_api::transport::retry::{CallState, Decision, Delivery, Failure, RetryPolicy, decide};
/// use easemob_admin_api::endpoint::Effect;
///
/// // A logout whose connection was cut may have happened: it is not sent again.
/// let call = CallState::first(Effect::Once);
/// let cut = Failure::new(Delivery::Unknown, true);
/// assert_eq!(decide(&RetryPolicy::default(), &call, &cut, 0.5), Decision::Permanent);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Delivery {
    /// It never left, or no connection was made.
    NotSent,
    /// It arrived and was refused without effect.
    Rejected,
    /// It may have taken effect.
    Unknown,
}

/// A request that got no answer.
#[derive(Clone, Debug)]
#[expect(clippy::struct_excessive_bools, reason = "each answers a question of its own")]
pub(crate) struct TransportError {
    delivery: Delivery,
    headline: &'static str,
    permanent: bool,
    /// The name of the server could not be looked up, and a resolver said so.
    unknown_name: bool,
    /// A proxy on the way refused.
    by_a_proxy: bool,
    /// Time ran out, of the call or of an attempt.
    timed_out: bool,
    reason: Reason,
    cause: Option<Arc<dyn StdError + Send + Sync>>,
}

impl TransportError {
    fn new(delivery: Delivery, reason: Reason, headline: &'static str) -> Self {
        Self {
            delivery,
            headline,
            permanent: false,
            unknown_name: false,
            by_a_proxy: false,
            timed_out: matches!(reason, Reason::NoAnswerInTime | Reason::DeadlinePassed),
            reason,
            cause: None,
        }
    }

    pub(crate) fn permanent(mut self) -> Self {
        self.permanent = true;
        self
    }

    pub(crate) fn caused_by(mut self, cause: impl StdError + Send + Sync + 'static) -> Self {
        self.cause = Some(Arc::new(cause));
        self
    }

    /// The request itself cannot be sent; the same one never can.
    pub(crate) fn unusable_request(headline: &'static str) -> Self {
        Self::new(Delivery::NotSent, Reason::InvalidCall, headline).permanent()
    }

    pub(crate) fn no_connection() -> Self {
        Self::new(
            Delivery::NotSent,
            Reason::NoConnection,
            "no connection to the server",
        )
    }

    /// The same, by its cause: not all of them are the server's.
    pub(crate) fn no_connection_because(cause: Box<dyn StdError + Send + Sync>) -> Self {
        let made = match Obstacle::of(&*cause) {
            Some(Obstacle::Descriptors) => Self::no_descriptors(),
            #[cfg(feature = "tls")]
            Some(Obstacle::Tls) => Self::insecure(),
            Some(Obstacle::Name) => Self {
                unknown_name: true,
                ..Self::no_connection()
            },
            Some(Obstacle::ProxyWantsName) => Self::refused_by_proxy(
                "the proxy wants a user name and a password (407), so there is no connection to the server",
            )
            .permanent(),
            Some(Obstacle::Proxy) => {
                Self::refused_by_proxy("the proxy refused to open a connection to the server")
            }
            Some(Obstacle::NoProxy) => Self::refused_by_proxy("no connection to the proxy"),
            Some(Obstacle::ProxyGone) => {
                Self::refused_by_proxy("the proxy closed the connection instead of opening one to the server")
            }
            None => Self::no_connection(),
        };
        Self {
            cause: Some(cause.into()),
            ..made
        }
    }

    fn refused_by_proxy(headline: &'static str) -> Self {
        Self {
            by_a_proxy: true,
            ..Self::new(Delivery::NotSent, Reason::NoConnection, headline)
        }
    }

    /// Returns true if a proxy on the way refused.
    pub(super) fn is_proxys(&self) -> bool {
        self.by_a_proxy
    }

    pub(super) fn no_descriptors() -> Self {
        let headline = "no connection can be opened: this process has as many open files (file descriptors) as it may; \
                        raise `ulimit -n`, or lower `max_connections` of the client";
        Self::new(Delivery::NotSent, Reason::TooManyOpenFiles, headline)
    }

    pub(super) fn insecure() -> Self {
        Self::new(
            Delivery::NotSent,
            Reason::Tls,
            "no secure connection to the server",
        )
        .permanent()
    }

    pub(crate) fn no_connection_in_time() -> Self {
        Self {
            headline: "no connection to the server within the time-out",
            timed_out: true,
            ..Self::no_connection()
        }
    }

    pub(crate) fn no_answer_in_time() -> Self {
        Self::new(
            Delivery::Unknown,
            Reason::NoAnswerInTime,
            "no answer within the time-out",
        )
    }

    pub(crate) fn broke_before_the_answer() -> Self {
        let headline = "the connection broke before the answer";
        Self::new(Delivery::Unknown, Reason::ConnectionLost, headline)
    }

    pub(crate) fn answer_broke_off() -> Self {
        Self::new(Delivery::Unknown, Reason::ConnectionLost, "the answer broke off")
    }

    /// An answer that is not read to its end.
    pub(crate) fn unusable_answer(headline: &'static str) -> Self {
        Self::new(Delivery::Unknown, Reason::Undecodable, headline).permanent()
    }

    /// The caller's time was over; a request that was on its way then may arrive.
    pub(crate) fn deadline_passed(on_its_way: bool) -> Self {
        let delivery = if on_its_way {
            Delivery::Unknown
        } else {
            Delivery::NotSent
        };
        Self::new(
            delivery,
            Reason::DeadlinePassed,
            "the deadline of the call has passed",
        )
    }

    /// The caller no longer wants to wait.
    pub(crate) fn given_up() -> Self {
        let headline = "given up while waiting for its turn; it was not sent";
        Self::new(Delivery::NotSent, Reason::GivenUp, headline)
    }

    /// The caller is no longer allowed to send.
    pub(crate) fn no_longer_allowed() -> Self {
        let headline = "given up, because somebody else may have taken the work over; it was not sent";
        Self::new(Delivery::NotSent, Reason::GivenUp, headline)
    }

    /// It would have had to wait for longer than the caller wants to.
    pub(crate) fn no_turn() -> Self {
        let headline = "there was no turn for it in time, because of the rate, of a pause that the server asked for, or of a \
                        server that is away; it was not sent";
        Self::new(Delivery::NotSent, Reason::NoTurn, headline)
    }

    /// Nobody knows when a request may be sent.
    pub(crate) fn budget_away(error: BudgetAway) -> Self {
        let headline = "the shared rate budget cannot be reached; it was not sent";
        Self::new(Delivery::NotSent, Reason::BudgetAway, headline)
            .permanent()
            .caused_by(error.0)
    }

    pub(crate) fn reason(&self) -> Reason {
        self.reason
    }

    pub(super) fn is_timeout(&self) -> bool {
        self.timed_out
    }

    pub(crate) fn delivery(&self) -> Delivery {
        self.delivery
    }

    pub(crate) fn is_permanent(&self) -> bool {
        self.permanent
    }

    /// Returns true if there is no such name; a resolver that does not answer says nothing about it.
    pub(super) fn is_unknown_name(&self) -> bool {
        self.unknown_name
    }

    pub(crate) fn headline(&self) -> &'static str {
        self.headline
    }
}

/// What stands between this process and a server that may well be there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Obstacle {
    /// This process, or the machine, has no file descriptor left.
    Descriptors,
    /// A proxy wants to know who asks.
    ProxyWantsName,
    /// A proxy does not connect to the server.
    Proxy,
    /// There is no connection to a proxy.
    NoProxy,
    /// A proxy gives no usable answer.
    ProxyGone,
    /// A resolver knows no such name.
    Name,
    /// Both do not agree on TLS, or the certificate is not believed.
    #[cfg(feature = "tls")]
    Tls,
}

impl Obstacle {
    fn of(error: &(dyn StdError + 'static)) -> Option<Self> {
        let mut next = Some(error);
        while let Some(error) = next {
            if let Some(error) = error.downcast_ref::<std::io::Error>() {
                if is_descriptors(error) {
                    return Some(Self::Descriptors);
                }
                if is_unknown_name(error) {
                    return Some(Self::Name);
                }
                // Its own source is that of what it wraps.
                if let Some(found) = error.get_ref().and_then(|wrapped| Self::of(wrapped)) {
                    return Some(found);
                }
            }
            #[cfg(feature = "tls")]
            if error.downcast_ref::<rustls::Error>().is_some_and(is_final) {
                return Some(Self::Tls);
            }
            // The library shows its errors of proxies in no other way.
            match error.to_string().as_str() {
                "tunnel error: proxy authorization required" => return Some(Self::ProxyWantsName),
                "tunnel error: unsuccessful" => return Some(Self::Proxy),
                "tunnel error: failed to create underlying connection" => {
                    return error.source().and_then(Self::of).or(Some(Self::NoProxy));
                }
                "tunnel error: unexpected end of file"
                | "tunnel error: proxy response headers too long"
                | "tunnel error: io error establishing tunnel" => return Some(Self::ProxyGone),
                _ => {}
            }
            next = error.source();
        }
        None
    }
}

#[cfg(unix)]
fn is_descriptors(error: &std::io::Error) -> bool {
    use rustix::io::Errno;
    let code = error.raw_os_error();
    [Errno::MFILE, Errno::NFILE]
        .iter()
        .any(|errno| code == Some(errno.raw_os_error()))
}

#[cfg(not(unix))]
fn is_descriptors(_: &std::io::Error) -> bool {
    false
}

/// Whether a look-up of a name failed for good. The standard library keeps the words of the system, and no number.
fn is_unknown_name(error: &std::io::Error) -> bool {
    // What glibc and musl say for EAI_AGAIN.
    const AGAIN: [&str; 2] = ["Temporary failure in name resolution", "Try again"];
    let said = error.to_string();
    let why = said.strip_prefix("failed to lookup address information: ");
    why.is_some_and(|why| !AGAIN.contains(&why))
}

/// Whether the next attempt would end in the same way.
#[cfg(feature = "tls")]
fn is_final(error: &rustls::Error) -> bool {
    use rustls::{AlertDescription, Error};
    match error {
        Error::AlertReceived(AlertDescription::InternalError | AlertDescription::UserCanceled) => false,
        Error::AlertReceived(_)
        | Error::InvalidCertificate(_)
        | Error::InvalidMessage(_)
        | Error::NoCertificatesPresented
        | Error::PeerIncompatible(_) => true,
        _ => false,
    }
}

impl fmt::Display for TransportError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.headline)
    }
}

impl StdError for TransportError {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.cause
            .as_deref()
            .map(|cause| cause as &(dyn StdError + 'static))
    }
}

#[cfg(test)]
mod tests {
    use std::io;

    use super::*;

    #[cfg(unix)]
    #[test]
    fn a_process_without_descriptors_is_told_apart_from_a_server_that_is_away() {
        for (code, reason) in [
            (rustix::io::Errno::MFILE, Reason::TooManyOpenFiles),
            (rustix::io::Errno::NFILE, Reason::TooManyOpenFiles),
            (rustix::io::Errno::CONNREFUSED, Reason::NoConnection),
        ] {
            let bare = io::Error::from_raw_os_error(code.raw_os_error());
            let wrapped = io::Error::other(io::Error::from_raw_os_error(code.raw_os_error()));
            for cause in [bare, wrapped] {
                let error = TransportError::no_connection_because(Box::new(cause));
                assert_eq!((error.reason(), error.is_permanent()), (reason, false));
                assert_eq!(error.delivery(), Delivery::NotSent);
            }
        }
    }

    #[cfg(feature = "tls")]
    #[test]
    fn tls_that_will_fail_again_is_permanent() {
        use rustls::{AlertDescription, CertificateError, Error, InvalidMessage};
        for (error, permanent) in [
            (Error::InvalidCertificate(CertificateError::Expired), true),
            (Error::InvalidMessage(InvalidMessage::InvalidContentType), true),
            (Error::AlertReceived(AlertDescription::CertificateRequired), true),
            (Error::AlertReceived(AlertDescription::InternalError), false),
        ] {
            let cause = io::Error::other(error.clone());
            let made = TransportError::no_connection_because(Box::new(cause));
            assert_eq!(
                (made.is_permanent(), made.reason() == Reason::Tls),
                (permanent, permanent),
                "{error}"
            );
        }
    }
}

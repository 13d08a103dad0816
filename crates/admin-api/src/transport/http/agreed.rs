//! What a new connection agrees on with the server, for checks of a configuration.

use super::connect::Stream;
use super::{Connections, bare};
use crate::app_root::AppRoot;
use crate::error::TransportError;

/// What a connection agreed on with the server.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Agreed {
    /// The version of TLS, such as `TLS 1.3`; `None` without TLS.
    pub tls: Option<String>,
    /// The protocol, such as `http/1.1`, if one was agreed on (ALPN).
    pub alpn: Option<String>,
}

/// Connects straight to a server, past any proxy, and closes the connection.
pub(super) async fn agree(root: &AppRoot, connections: &Connections) -> Result<Agreed, TransportError> {
    Ok(of(&bare::connect(root, connections).await?))
}

#[cfg(feature = "tls")]
fn of(stream: &Stream) -> Agreed {
    let Stream::Https(stream) = stream else {
        return Agreed::default();
    };
    let (_, session) = stream.inner().get_ref();
    let version = session.protocol_version().and_then(|version| version.as_str());
    Agreed {
        tls: version.map(|version| version.replace("TLSv", "TLS ").replace('_', ".")),
        alpn: session
            .alpn_protocol()
            .map(|protocol| String::from_utf8_lossy(protocol).into_owned()),
    }
}

#[cfg(not(feature = "tls"))]
fn of(_: &Stream) -> Agreed {
    Agreed::default()
}

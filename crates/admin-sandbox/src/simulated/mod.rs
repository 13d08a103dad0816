//! Devices that hold a real connection to a sandbox, as the vendor's SDKs do: for tests, for load, and to see a logout
//! arrive without writing a program.
//!
//! `session` is the protocol without a connection in it; this is the thin part around it.

pub(crate) mod session;

use std::collections::VecDeque;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use futures_util::{SinkExt, StreamExt};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::time::{Instant, Interval, MissedTickBehavior, interval_at, timeout};
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::{WebSocketStream, client_async_with_config};

use self::session::{Answer, Session};
use crate::plain_http::PlainHttp;
use crate::rules::login_id::new_device;
use crate::server::calls::CountedCall;

/// How often a device says that it is there, in silence: as the Web SDK does.
const HEARTBEAT: Duration = Duration::from_secs(30);

/// How long an answer to a sign-in is waited for: as long as the Web SDK does.
const PATIENCE: Duration = Duration::from_secs(10);

/// The messages of a device are small, and there may be many devices.
const BUFFER: usize = 4 * 1024;

/// What a simulated device signs in with.
///
/// ```
/// use easemob_admin_sandbox::DeviceLogin;
///
/// let login = DeviceLogin::new("ws://127.0.0.1:8080/websocket", "acme#chat", "ann", "YWMt…")
///     .resource("ios_1")
///     .name("iPhone 17");
/// ```
#[derive(Clone)]
pub struct DeviceLogin {
    ws_url: String,
    app_key: String,
    user: String,
    token: String,
    resource: String,
    name: String,
    ext: String,
}

impl std::fmt::Debug for DeviceLogin {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("DeviceLogin")
            .field("ws_url", &self.ws_url)
            .field("user", &self.user)
            .field("resource", &self.resource)
            .finish_non_exhaustive()
    }
}

impl DeviceLogin {
    /// Names the address of the connections, the app (`org#app`), the user, and the user's token.
    #[must_use]
    pub fn new(ws_url: &str, app_key: &str, user: &str, token: &str) -> Self {
        Self {
            ws_url: ws_url.to_owned(),
            app_key: app_key.to_owned(),
            user: user.to_owned(),
            token: token.to_owned(),
            resource: "web_simulated".to_owned(),
            name: "simulated".to_owned(),
            ext: String::new(),
        }
    }

    /// Sets the resource id, whose part before the first `_` is the platform; `web_simulated` by default.
    #[must_use]
    pub fn resource(mut self, resource: &str) -> Self {
        resource.clone_into(&mut self.resource);
        self
    }

    /// Sets a resource id that nobody has, of the form that devices of a platform have.
    #[must_use]
    pub fn platform(mut self, platform: &str) -> Self {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let stamp_ms = u64::try_from(now.as_millis()).unwrap_or(u64::MAX);
        self.resource = new_device(platform, stamp_ms).resource;
        self
    }

    /// Sets the name shown to people; `simulated` by default.
    #[must_use]
    pub fn name(mut self, name: &str) -> Self {
        name.clone_into(&mut self.name);
        self
    }

    /// Sets the text for whoever this sign-in displaces.
    #[must_use]
    pub fn ext(mut self, ext: &str) -> Self {
        ext.clone_into(&mut self.ext);
        self
    }
}

/// What a simulated device is told.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum DeviceEvent {
    /// A message arrived.
    Message {
        /// Its id.
        id: u64,
        /// The sender, with the device if that is told.
        from: String,
        /// The text, if it has one.
        text: String,
    },
    /// Something was told that is no message: `conversation`, `group`, or `contact`.
    Told {
        /// What it is about.
        what: &'static str,
    },
    /// A message of this device was taken.
    Sent {
        /// What [`SimulatedDevice::send_text`] returned.
        message: u64,
        /// The id it got.
        id: u64,
    },
    /// A message of this device was not taken.
    NotSent {
        /// What [`SimulatedDevice::send_text`] returned.
        message: u64,
        /// Why, in the words of the service.
        reason: String,
    },
    /// The session was ended by somebody else; the connection ends after it.
    SignedOut {
        /// The code that SDKs report: 206 evicted, 207 account deleted, 216 new password, 217 by an operator.
        code: u16,
        /// What the device gave along that took the place.
        ext: String,
    },
}

/// Why a simulated device could not sign in.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConnectError {
    /// The server cannot be reached, or speaks no WebSocket.
    #[error("cannot connect to {address}")]
    Unreachable {
        /// Where.
        address: String,
        /// Why.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The server did not let the device in.
    #[error("the server refused the sign-in (error {code}): {reason}")]
    Refused {
        /// The code that SDKs report: 28 wrong token, 56 expired, 57 banned, 204 no such user, 214 too many devices,
        /// 220 the one device is another.
        code: u16,
        /// The words of the service.
        reason: String,
    },
    /// The server answered nothing that is an answer.
    #[error("{address} did not answer the sign-in")]
    NoAnswer {
        /// Where.
        address: String,
    },
}

/// How many frames went which way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Frames {
    /// From the device to the server.
    pub sent: u64,
    /// From the server to the device.
    pub received: u64,
}

/// A device that is signed in and holds a connection, until it is dropped or told to go.
///
/// It does not come back by itself when the connection is lost.
///
/// ```
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// use easemob_admin_sandbox::{DeviceEvent, DeviceLogin, Sandbox, SimulatedDevice};
///
/// let sandbox = Sandbox::start().await?;
/// sandbox.register("ann");
/// let token = sandbox.user_token("ann").unwrap_or_default();
/// let login = DeviceLogin::new(&sandbox.ws_url(), sandbox.app_key(), "ann", &token).resource("ios_1");
/// let mut device = SimulatedDevice::connect(&login).await?;
///
/// sandbox.kick("ann", "ios_1");
/// let event = device.next().await;
/// assert!(matches!(event, Some(DeviceEvent::SignedOut { code: 217, .. })));
/// assert_eq!(device.next().await, None);
/// # Ok(())
/// # }
/// ```
pub struct SimulatedDevice {
    socket: WebSocketStream<Box<dyn Carrier>>,
    session: Session,
    events: VecDeque<DeviceEvent>,
    heartbeat: Interval,
}

impl std::fmt::Debug for SimulatedDevice {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SimulatedDevice")
            .field("session", &self.session)
            .field("events", &self.events)
            .finish_non_exhaustive()
    }
}

impl SimulatedDevice {
    /// Signs a device in.
    ///
    /// # Errors
    /// When the server cannot be reached, does not answer, or does not let the device in.
    pub async fn connect(login: &DeviceLogin) -> Result<Self, ConnectError> {
        Self::begin(login, tcp(&login.ws_url)).await
    }

    /// Signs a device in over a connection to the server, such as one with TLS.
    ///
    /// # Errors
    /// As [`connect`](Self::connect).
    pub async fn connect_over(
        connection: impl AsyncRead + AsyncWrite + Send + Unpin + 'static,
        login: &DeviceLogin,
    ) -> Result<Self, ConnectError> {
        Self::begin(login, async { Ok(Box::new(connection) as Box<dyn Carrier>) }).await
    }

    async fn begin(
        login: &DeviceLogin,
        connecting: impl Future<Output = Result<Box<dyn Carrier>, Box<dyn std::error::Error + Send + Sync>>>,
    ) -> Result<Self, ConnectError> {
        let address = login.ws_url.clone();
        let silent = || ConnectError::NoAnswer {
            address: address.clone(),
        };
        let opening = async { open(&login.ws_url, connecting.await?).await };
        let socket = timeout(PATIENCE, opening).await.map_err(|_| silent())?;
        let socket = socket.map_err(|source| ConnectError::Unreachable {
            address: address.clone(),
            source,
        })?;
        let mut heartbeat = interval_at(Instant::now() + HEARTBEAT, HEARTBEAT);
        heartbeat.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut this = Self {
            socket,
            session: Session::new(
                &login.app_key,
                &login.user,
                &login.resource,
                fastrand::u64(..1 << 62),
            ),
            events: VecDeque::new(),
            heartbeat,
        };
        let asking = this.session.provision(&login.token, &login.name, &login.ext);
        this.send(asking).await.map_err(|()| silent())?;
        let answer = timeout(PATIENCE, read(&mut this.socket)).await.ok().flatten();
        match answer.and_then(|frame| this.session.admitted(&frame)) {
            Some(Answer::In) => {}
            Some(Answer::Refused { code, reason }) => return Err(ConnectError::Refused { code, reason }),
            None => return Err(silent()),
        }
        let unread = this.session.unread();
        this.send(unread).await.map_err(|()| silent())?;
        Ok(this)
    }

    /// Returns `user/resource`.
    #[must_use]
    pub fn login_id(&self) -> String {
        self.session.login_id()
    }

    /// Returns how many frames went which way so far.
    #[must_use]
    pub fn frames(&self) -> Frames {
        self.session.frames
    }

    /// Sends a text to a user, or to one device if `to` is a login id, and returns the device's own id of the message.
    ///
    /// Whether it was taken is told by [`SimulatedDevice::next`]. A connection that is lost is, too.
    pub async fn send_text(&mut self, to: &str, text: &str) -> u64 {
        let (id, frame) = self.session.text(to, text);
        // The end of the connection shows when it is read from.
        let _ = self.send(frame).await;
        id
    }

    /// Sends a message again under the id it had, as a device does that got no answer.
    pub async fn send_again(&mut self, message: u64, to: &str, text: &str) {
        let frame = self.session.text_as(message, to, text);
        let _ = self.send(frame).await;
    }

    /// Waits for the next event; none when the connection has ended.
    ///
    /// Messages are pulled and acknowledged here, and only here: a device nobody waits for is one that does not read.
    pub async fn next(&mut self) -> Option<DeviceEvent> {
        loop {
            if let Some(event) = self.events.pop_front() {
                return Some(event);
            }
            let frame = tokio::select! {
                frame = read(&mut self.socket) => frame?,
                _ = self.heartbeat.tick() => {
                    let unread = self.session.unread();
                    self.send(unread).await.ok()?;
                    continue;
                }
            };
            let step = self.session.take(&frame)?;
            self.events.extend(step.events);
            for frame in step.send {
                self.send(frame).await.ok()?;
            }
        }
    }

    /// Signs out, as a person does who closes the program.
    pub async fn leave(mut self) {
        let logout = self.session.logout();
        let _ = self.send(logout).await;
        let _ = self.socket.close(None).await;
    }

    async fn send(&mut self, frame: Vec<u8>) -> Result<(), ()> {
        self.socket
            .send(Message::Binary(frame.into()))
            .await
            .map_err(|_| ())
    }
}

/// Reads the next frame; none at the end.
async fn read(socket: &mut WebSocketStream<Box<dyn Carrier>>) -> Option<Vec<u8>> {
    loop {
        match socket.next().await? {
            Ok(Message::Binary(bytes)) => return Some(bytes.to_vec()),
            Ok(Message::Ping(_) | Message::Pong(_)) => {}
            Ok(_) | Err(_) => return None,
        }
    }
}

/// Returns whether a sandbox answers at `http://HOST:PORT`, so that nothing simulated goes anywhere else.
pub async fn is_sandbox(rest_url: &str) -> bool {
    let Ok(health) = format!("{rest_url}/sandbox/health").parse() else {
        return false;
    };
    let status = PlainHttp::default().get(&health, PATIENCE).await;
    status.is_some_and(|status| (200..300).contains(&status))
}

/// Returns how often each call got each answer from the sandbox at `http://HOST:PORT`, refusals first; nothing if no sandbox
/// answers there.
pub async fn counted_calls(rest_url: &str) -> Option<Vec<CountedCall>> {
    let url = format!("{rest_url}/sandbox/calls/counted").parse().ok()?;
    let mut answer = PlainHttp::default().get_json(&url, PATIENCE).await?;
    serde_json::from_value(answer["calls"].take()).ok()
}

/// What carries the frames of a device.
trait Carrier: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Carrier for T {}

async fn tcp(url: &str) -> Result<Box<dyn Carrier>, Box<dyn std::error::Error + Send + Sync>> {
    let address = url
        .strip_prefix("ws://")
        .ok_or("the address does not begin with ws://")?;
    let host = address.split('/').next().unwrap_or(address);
    let stream = TcpStream::connect(host).await?;
    stream.set_nodelay(true)?;
    Ok(Box::new(stream))
}

async fn open(
    url: &str,
    stream: Box<dyn Carrier>,
) -> Result<WebSocketStream<Box<dyn Carrier>>, Box<dyn std::error::Error + Send + Sync>> {
    let config = WebSocketConfig::default().read_buffer_size(BUFFER);
    let (socket, _) = client_async_with_config(url, stream, Some(config)).await?;
    Ok(socket)
}

#[cfg(test)]
mod tests;

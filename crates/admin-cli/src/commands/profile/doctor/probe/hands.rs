//! Whoever signs in devices for a probe: simulated devices, the operator, or nobody.

use std::sync::Arc;
use std::time::Duration;

use easemob_admin_api::{AppKey, AppRoot, Client, ExposeSecret as _, UserId};
use easemob_admin_ops::causes::with_causes;
use easemob_admin_ops::probe::devices::Devices;
use easemob_admin_ops::probe::throw_away::ThrowAway;
use easemob_admin_sandbox::{DeviceLogin, SimulatedDevice, is_sandbox};
use easemob_admin_words::t;
use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::context::{Context, Session};
use crate::ui::Ui;

/// How long a person may take.
const PATIENCE_BY_HAND: Duration = Duration::from_secs(120);

/// How long a simulated device may take.
const PATIENCE: Duration = Duration::from_secs(15);

/// Signs devices in and out.
pub(super) enum Hands {
    /// Nobody, and why.
    Nobody(String),
    /// Simulated devices.
    Simulated(Box<Simulated>),
    /// The operator.
    Operator(Operator),
}

impl Hands {
    /// Chooses by the arguments, or by the server.
    pub(super) async fn choose(
        context: &Context,
        session: &Session,
        websocket: Option<&str>,
        by_hand: bool,
    ) -> Self {
        if by_hand {
            return Self::Operator(Operator {
                ui: Arc::clone(&context.ui),
                asked: 0,
            });
        }
        if AppKey::parse(&session.app).is_err() {
            return Self::Nobody(
                t!("devices need an app key, which this app root does not contain; use --by-hand").into(),
            );
        }
        let url = match websocket {
            Some(url) => Some(url.to_owned()),
            None => of_a_sandbox(session).await,
        };
        match url {
            None => {
                Self::Nobody(t!("no --websocket URL is given and no --by-hand, so no device signs in").into())
            }
            Some(url) => match unusable(&url, &session.app_root) {
                Some(why) => Self::Nobody(why),
                None => Self::Simulated(Box::new(Simulated {
                    url,
                    app: session.app.clone(),
                    client: session.server.client().clone(),
                    leave: watch::Sender::new(false),
                    devices: JoinSet::new(),
                })),
            },
        }
    }
}

/// Returns where devices connect, if the server is a sandbox on this machine.
async fn of_a_sandbox(session: &Session) -> Option<String> {
    if let Some(sandbox) = session.sandbox() {
        return Some(sandbox.ws_url());
    }
    let url = format!("ws://{}/websocket", session.address);
    let is_local = session.app_root.starts_with("http://") && is_loopback(&url);
    (is_local && is_sandbox(&format!("http://{}", session.address)).await).then_some(url)
}

/// Returns why no device can connect to an address.
fn unusable(url: &str, app_root: &str) -> Option<String> {
    if url.starts_with("wss://") {
        return None;
    }
    if !url.starts_with("ws://") {
        return Some(t!("the --websocket URL must begin with wss:// or ws://").into());
    }
    let is_open = app_root.starts_with("http://");
    (!is_loopback(url) && !is_open)
        .then(|| t!("a token would be sent to another machine without TLS; use wss:// or --by-hand").into())
}

fn is_loopback(url: &str) -> bool {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let authority = rest.split('/').next().unwrap_or(rest);
    let host = match authority.strip_prefix('[') {
        Some(v6) => v6.split(']').next().unwrap_or_default(),
        None => authority.split(':').next().unwrap_or_default(),
    };
    let address: Result<std::net::IpAddr, _> = host.parse();
    host == "localhost" || address.is_ok_and(|address| address.is_loopback())
}

/// Returns the server that devices connect to over TLS, such as `https://im.example.com`.
fn over_tls(url: &str) -> Option<String> {
    let rest = url.strip_prefix("wss://")?;
    Some(format!("https://{}", rest.split('/').next().unwrap_or(rest)))
}

fn failed(error: &dyn std::error::Error) -> String {
    t!("cannot sign in a device: {}", with_causes(error))
}

/// Simulated devices, each in a task of its own.
pub(super) struct Simulated {
    url: String,
    app: String,
    client: Client,
    leave: watch::Sender<bool>,
    devices: JoinSet<()>,
}

impl Simulated {
    async fn sign_in(&mut self, user: &ThrowAway, resource: &str) -> Result<(), String> {
        let id = UserId::parse(&user.name).map_err(|error| error.to_string())?;
        let token = self.client.inherit_user_token(&id, false, None).await;
        let token = token.map_err(|error| error.to_string())?;
        let login = DeviceLogin::new(&self.url, &self.app, &user.name, token.expose()).resource(resource);
        let device = match over_tls(&self.url) {
            None => SimulatedDevice::connect(&login).await,
            Some(server) => {
                let app = AppKey::parse(&self.app).map_err(|error| error.to_string())?;
                let server = AppRoot::new(&server, &app).map_err(|error| error.to_string())?;
                let connection = self.client.connect(&server).await;
                let connection = connection.map_err(|error| failed(&error))?;
                SimulatedDevice::connect_over(connection, &login).await
            }
        };
        let device = device.map_err(|error| failed(&error))?;
        self.devices.spawn(stay(device, self.leave.subscribe()));
        Ok(())
    }

    async fn sign_out(&mut self) {
        self.leave.send_replace(true);
        while self.devices.join_next().await.is_some() {}
    }
}

/// Keeps a device connected until it is told to leave, or is signed out.
async fn stay(mut device: SimulatedDevice, mut leave: watch::Receiver<bool>) {
    loop {
        tokio::select! {
            event = device.next() => {
                if event.is_none() {
                    return;
                }
            }
            _ = leave.changed() => {
                device.leave().await;
                return;
            }
        }
    }
}

/// The operator at the terminal.
pub(super) struct Operator {
    ui: Arc<Ui>,
    asked: usize,
}

impl Devices for Hands {
    async fn sign_in(&mut self, user: &ThrowAway, resource: &str) -> Result<(), String> {
        match self {
            Self::Nobody(why) => Err(why.clone()),
            Self::Simulated(devices) => devices.sign_in(user, resource).await,
            Self::Operator(operator) => {
                operator.asked += 1;
                operator.ui.say(t!(
                    "Sign in on device {} within 2 minutes: user {}, password {}",
                    operator.asked,
                    user.name,
                    user.password.expose_secret()
                ));
                Ok(())
            }
        }
    }

    async fn sign_out(&mut self) -> Result<(), String> {
        match self {
            Self::Nobody(why) => return Err(why.clone()),
            Self::Simulated(devices) => devices.sign_out().await,
            Self::Operator(operator) => operator.ui.say(t!("Sign out on all devices within 2 minutes.")),
        }
        Ok(())
    }

    fn most(&self) -> usize {
        match self {
            Self::Nobody(_) => 0,
            Self::Simulated(_) => 3,
            Self::Operator(_) => 2,
        }
    }

    fn patience(&self) -> Duration {
        match self {
            Self::Nobody(_) => Duration::ZERO,
            Self::Simulated(_) => PATIENCE,
            Self::Operator(_) => PATIENCE_BY_HAND,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_goes_nowhere_in_the_clear() {
        for (url, root, usable) in [
            (
                "ws://127.0.0.1:8080/websocket",
                "https://im.example.com/a/b",
                true,
            ),
            ("ws://[::1]:8080/websocket", "https://im.example.com/a/b", true),
            ("ws://localhost/websocket", "https://im.example.com/a/b", true),
            (
                "ws://im.example.com/websocket",
                "https://im.example.com/a/b",
                false,
            ),
            ("ws://im.example.com/websocket", "http://im.example.com/a/b", true),
            (
                "ws://127.0.0.1.example.com/websocket",
                "https://im.example.com/a/b",
                false,
            ),
            (
                "wss://im.example.com/websocket",
                "https://im.example.com/a/b",
                true,
            ),
            ("http://127.0.0.1/websocket", "http://127.0.0.1/a/b", false),
        ] {
            assert_eq!(unusable(url, root).is_none(), usable, "{url} {root}");
        }
    }
}

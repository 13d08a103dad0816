//! Requests on connections of our own.

use http::header::{ACCEPT, AUTHORIZATION, HOST, USER_AGENT};
use http::{HeaderMap, HeaderValue, Uri};
use http_body_util::Full;
use tokio::time::{Instant, timeout_at};
use url::Position;

use super::answer_body::Extent;
use super::connect::Connector;
use super::link::{Incoming, Link, Outgoing, Patience, Unanswered};
use super::pool::Pool;
use super::rest::Rest;
use super::{Connections, Received, SetupError, add_own, describe_body};
use crate::app_root::AppRoot;
use crate::endpoint::Request;
use crate::error::TransportError;
use crate::transport::timeouts::Timeouts;

#[derive(Debug)]
pub(super) struct Direct {
    connector: Connector,
    /// Boxed, since they are moved from task to task with every request.
    idle: Pool<Box<Link>>,
    timeouts: Timeouts,
    host: HeaderValue,
    user_agent: HeaderValue,
}

impl Direct {
    pub(super) fn new(root: &AppRoot, connections: &Connections) -> Result<Self, SetupError> {
        let settings = connections.settings();
        Ok(Self {
            connector: Connector::new(root, connections)?,
            idle: Pool::new(settings.most),
            timeouts: settings.timeouts,
            host: root.authority().parse()?,
            user_agent: settings.user_agent.parse()?,
        })
    }

    pub(super) async fn send(
        &self,
        request: &Request,
        authorization: Option<HeaderValue>,
        own: &HeaderMap,
        extent: Extent,
    ) -> Result<Received, TransportError> {
        let mut outgoing = self.outgoing(request, authorization, own)?;
        let start = Instant::now();
        let patience = Patience {
            deadline: start + self.timeouts.total,
            silence: self.timeouts.read,
        };
        // One that the server has closed in the meantime gives the request back unsent.
        while let Some(mut link) = self.idle.take(start).await {
            match link.exchange(outgoing, start, patience, extent).await {
                Err(Unanswered::NotSent(back, _)) => outgoing = *back,
                Err(Unanswered::Failed(error)) => return Err(error),
                Ok(received) => return Ok(self.done(link, received)),
            }
        }
        // Seldom needed, hence kept out of what every call carries along.
        let mut link = Box::pin(self.connect(patience)).await?;
        match link.exchange(outgoing, Instant::now(), patience, extent).await {
            Err(Unanswered::NotSent(_, error)) => Err(TransportError::no_connection().caused_by(error)),
            Err(Unanswered::Failed(error)) => Err(error),
            Ok(received) => Ok(self.done(link, received)),
        }
    }

    fn done(&self, mut link: Box<Link>, (received, rest): (Received, Option<Incoming>)) -> Received {
        if let Some(incoming) = rest {
            let rest = Rest::of_link(link, incoming, self.timeouts.read);
            return Received {
                rest: Some(rest),
                ..received
            };
        }
        if link.is_reusable() {
            let now = link.heard_at();
            self.idle.give_back(link, now);
        }
        received
    }

    async fn connect(&self, patience: Patience) -> Result<Box<Link>, TransportError> {
        let deadline = patience.deadline.min(Instant::now() + self.timeouts.connect);
        let stream = timeout_at(deadline, self.connector.connect())
            .await
            .map_err(|late| TransportError::no_connection_in_time().caused_by(late))?
            .map_err(TransportError::no_connection_because)?;
        Link::new(stream)
            .await
            .map(Box::new)
            .map_err(|error| TransportError::no_connection().caused_by(error))
    }

    fn outgoing(
        &self,
        request: &Request,
        authorization: Option<HeaderValue>,
        own: &HeaderMap,
    ) -> Result<Outgoing, TransportError> {
        let mut outgoing = http::Request::new(Full::new(request.body.clone().unwrap_or_default()));
        let target = &request.url[Position::BeforePath..Position::AfterQuery];
        *outgoing.uri_mut() = Uri::try_from(target).map_err(|error| {
            TransportError::unusable_request("the request could not be made").caused_by(error)
        })?;
        *outgoing.method_mut() = request.method.clone();
        let headers = outgoing.headers_mut();
        headers.reserve(6 + own.len());
        headers.insert(HOST, self.host.clone());
        headers.insert(USER_AGENT, self.user_agent.clone());
        headers.insert(ACCEPT, HeaderValue::from_static("application/json"));
        if let Some(value) = authorization {
            headers.insert(AUTHORIZATION, value);
        }
        add_own(own, headers);
        describe_body(request, headers);
        Ok(outgoing)
    }
}

//! The home of the HTTP library, which knows proxies.

use http::header::{ACCEPT, AUTHORIZATION};
use http::{HeaderMap, HeaderValue};
use reqwest::redirect::Policy;

use super::answer_body::{AnswerBody, Extent};
use super::rest::{self, Rest};
use super::{Connections, Received, SetupError, add_own, describe_body};
use crate::endpoint::Request;
use crate::error::TransportError;

#[derive(Clone, Debug)]
pub(super) struct General {
    client: reqwest::Client,
}

impl General {
    /// Sets the library up; `environment` says whether it heeds the proxies that the environment names.
    pub(super) fn new(connections: &Connections, environment: bool) -> Result<Self, SetupError> {
        let settings = connections.settings();
        let timeouts = &settings.timeouts;
        let mut builder = reqwest::Client::builder()
            .user_agent(&settings.user_agent)
            .pool_max_idle_per_host(settings.most)
            .connect_timeout(timeouts.connect)
            .read_timeout(timeouts.read)
            .timeout(timeouts.total)
            // Following one would repeat a write on, or hand the token to, a server nobody named.
            .redirect(Policy::none())
            .tcp_nodelay(true);
        #[cfg(feature = "tls")]
        {
            builder = builder.tls_backend_preconfigured(connections.tls()?);
        }
        if let Some(proxy) = &settings.proxy {
            builder = builder.proxy(proxy.proxy()?);
        } else if !environment {
            builder = builder.no_proxy();
        }
        Ok(Self {
            client: builder.build()?,
        })
    }

    pub(super) async fn send(
        &self,
        request: &Request,
        authorization: Option<HeaderValue>,
        own: &HeaderMap,
        extent: Extent,
    ) -> Result<Received, TransportError> {
        let mut headers = HeaderMap::with_capacity(4);
        headers.insert(ACCEPT, HeaderValue::from_static("application/json"));
        if let Some(value) = authorization {
            headers.insert(AUTHORIZATION, value);
        }
        add_own(own, &mut headers);
        describe_body(request, &mut headers);
        let mut outgoing = self
            .client
            .request(request.method.clone(), request.url.clone())
            .headers(headers);
        if let Some(body) = &request.body {
            outgoing = outgoing.body(body.clone());
        }
        if matches!(extent, Extent::Beginning(_)) {
            // Whoever reads on may be slow; a silent server is given up all the same.
            outgoing = outgoing.timeout(rest::LONGEST);
        }
        // A runtime that is driven for one call at a time has not heard yet of what was closed in between: it hears of it
        // in the first pause, and the tasks that run the connections act on it in the second.
        tokio::task::yield_now().await;
        tokio::task::yield_now().await;
        let mut response = outgoing.send().await.map_err(transport_error)?;
        let (mut body, mut is_enough) = (AnswerBody::up_to(extent), false);
        while !is_enough && let Some(piece) = response.chunk().await.map_err(transport_error)? {
            is_enough = body.add(piece)?;
        }
        Ok(Received {
            status: response.status(),
            headers: std::mem::take(response.headers_mut()),
            body: body.finish(),
            rest: is_enough.then(|| Rest::of_library(response)),
        })
    }
}

/// Says what is known of the delivery. Addresses are left out of the cause: they are in the call's name.
pub(super) fn transport_error(error: reqwest::Error) -> TransportError {
    let timeout = error.is_timeout();
    let connect = error.is_connect();
    let made = if connect && timeout {
        TransportError::no_connection_in_time()
    } else if connect {
        return TransportError::no_connection_because(error.without_url().into());
    } else if error.is_builder() {
        TransportError::unusable_request("the request could not be made")
    } else if timeout {
        TransportError::no_answer_in_time()
    } else if error.is_body() || error.is_decode() {
        TransportError::answer_broke_off()
    } else {
        TransportError::broke_before_the_answer()
    };
    made.caused_by(error.without_url())
}

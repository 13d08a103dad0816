//! The home of the HTTP library: one request out, one answer in.

use std::time::{Duration, SystemTime};

use bytes::{Bytes, BytesMut};
use http::HeaderMap;
use http::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderValue, RETRY_AFTER};
use reqwest::redirect::Policy;

use super::timeouts::Timeouts;
use crate::app_root::AppRoot;
use crate::endpoint::Request;
use crate::envelope::Answer;
use crate::error::{Delivery, TransportError};

/// The largest answer that is read. A page of 100 users is about 100 KiB.
const LARGEST_BODY: usize = 16 * 1024 * 1024;

/// The longest `Retry-After` that is believed; a foreign number must not overflow the clock.
const LONGEST_WAIT: Duration = Duration::from_hours(24);

#[derive(Clone, Debug)]
pub(crate) struct Http {
    client: reqwest::Client,
}

impl Http {
    pub(crate) fn new(
        root: &AppRoot,
        timeouts: &Timeouts,
        user_agent: &str,
        proxy: bool,
    ) -> Result<Self, reqwest::Error> {
        let mut builder = reqwest::Client::builder()
            .user_agent(user_agent)
            .connect_timeout(timeouts.connect)
            .read_timeout(timeouts.read)
            .timeout(timeouts.total)
            // Following one would repeat a write on, or hand the token to, a server nobody named.
            .redirect(Policy::none())
            .tcp_nodelay(true);
        if !proxy || root.is_loopback() {
            builder = builder.no_proxy();
        }
        Ok(Self {
            client: builder.build()?,
        })
    }

    /// Sends a request and reads the whole answer.
    pub(crate) async fn send(
        &self,
        request: &Request,
        authorization: Option<HeaderValue>,
        now: SystemTime,
    ) -> Result<Answer, TransportError> {
        let mut outgoing = self
            .client
            .request(request.method.clone(), request.url.clone())
            .header(ACCEPT, HeaderValue::from_static("application/json"));
        if let Some(value) = authorization {
            outgoing = outgoing.header(AUTHORIZATION, value);
        }
        if let Some(body) = &request.body {
            outgoing = outgoing
                .header(CONTENT_TYPE, HeaderValue::from_static("application/json"))
                .body(body.clone());
        }
        let response = outgoing.send().await.map_err(transport_error)?;
        let status = response.status().as_u16();
        let headers = response.headers();
        let content_type = text_of(headers, &CONTENT_TYPE).map(str::to_owned);
        let retry_after = text_of(headers, &RETRY_AFTER).and_then(|text| parse_retry_after(text, now));
        let body = read_body(response).await?;
        Ok(Answer {
            status,
            content_type,
            retry_after,
            body,
        })
    }
}

async fn read_body(mut response: reqwest::Response) -> Result<Bytes, TransportError> {
    let Some(first) = response.chunk().await.map_err(transport_error)? else {
        return Ok(Bytes::new());
    };
    let mut whole: Option<BytesMut> = None;
    let mut length = first.len();
    while let Some(chunk) = response.chunk().await.map_err(transport_error)? {
        length += chunk.len();
        if length > LARGEST_BODY {
            return Err(
                TransportError::new(Delivery::Unknown, "the answer is larger than 16 MiB").permanent(),
            );
        }
        whole
            .get_or_insert_with(|| BytesMut::from(&first[..]))
            .extend_from_slice(&chunk);
    }
    Ok(whole.map_or(first, BytesMut::freeze))
}

/// Says what is known of the delivery. Addresses are left out of the cause: they are in the call's name.
fn transport_error(error: reqwest::Error) -> TransportError {
    let timeout = error.is_timeout();
    let connect = error.is_connect();
    let made = if connect && timeout {
        TransportError::new(
            Delivery::NotSent,
            "no connection to the server within the time-out",
        )
    } else if connect {
        TransportError::new(Delivery::NotSent, "no connection to the server")
    } else if error.is_builder() {
        TransportError::new(Delivery::NotSent, "the request could not be made").permanent()
    } else if timeout {
        TransportError::new(Delivery::Unknown, "no answer within the time-out")
    } else if error.is_body() || error.is_decode() {
        TransportError::new(Delivery::Unknown, "the answer broke off")
    } else {
        TransportError::new(Delivery::Unknown, "the connection broke before the answer")
    };
    made.caused_by(error.without_url())
}

fn text_of<'h>(headers: &'h HeaderMap, name: &http::HeaderName) -> Option<&'h str> {
    headers.get(name).and_then(|value| value.to_str().ok())
}

/// Reads `Retry-After`: seconds, or a date.
fn parse_retry_after(text: &str, now: SystemTime) -> Option<Duration> {
    let text = text.trim();
    if let Ok(seconds) = text.parse() {
        return Some(Duration::from_secs(seconds).min(LONGEST_WAIT));
    }
    let date = httpdate::parse_http_date(text).ok()?;
    Some(date.duration_since(now).unwrap_or_default().min(LONGEST_WAIT))
}

#[cfg(test)]
mod tests {
    use std::time::UNIX_EPOCH;

    use super::*;

    #[test]
    fn retry_after_is_seconds_or_a_date() {
        let now = UNIX_EPOCH + Duration::from_secs(784_111_777);
        for (text, seconds) in [
            ("7", Some(7)),
            (" 0 ", Some(0)),
            ("Sun, 06 Nov 1994 08:49:47 GMT", Some(10)),
            ("Sun, 06 Nov 1994 08:49:07 GMT", Some(0)),
            ("18446744073709551615", Some(86_400)),
            ("soon", None),
            ("-1", None),
        ] {
            assert_eq!(
                parse_retry_after(text, now).map(|d| d.as_secs()),
                seconds,
                "{text}"
            );
        }
    }
}

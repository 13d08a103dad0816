//! One call under watch: how far it has come, and who is told of its end.

use std::time::Duration;

use tokio::time::Instant;
use tracing::Span;
use tracing::field::Empty;

use super::manner::Manner;
use super::report::{CallEnd, CallReport, Hook};
use crate::app_root::AppRoot;
use crate::endpoint::{Endpoint, Request};
use crate::error::Error;
use crate::transport::clock::Clock;
use crate::transport::retry::CallState;

/// The target of spans, by which a program can switch them on and off.
const SPANS: &str = "easemob_admin_api::call";

/// How far a call has come, which is known even if it is given up in the middle.
pub(super) struct Progress {
    pub(super) call: CallState,
    /// An attempt before this one may have taken effect.
    pub(super) doubtful: bool,
    /// The client waited for the server, in vain.
    pub(super) server_away: bool,
    /// A request is sent, or its answer waited for.
    pub(super) on_its_way: bool,
    /// The status of the last answer.
    pub(super) status: Option<u16>,
    pub(super) waited_for_token: Duration,
    pub(super) waited_for_budget: Duration,
}

impl Progress {
    pub(super) fn of<E: Endpoint>() -> Self {
        Self {
            call: CallState {
                attempts: 0,
                ..CallState::first(E::EFFECT)
            },
            doubtful: false,
            server_away: false,
            on_its_way: false,
            status: None,
            waited_for_token: Duration::ZERO,
            waited_for_budget: Duration::ZERO,
        }
    }
}

/// Returns the span of a call, by the conventions of OpenTelemetry for HTTP clients.
pub(super) fn span<E: Endpoint>(
    endpoint: &E,
    root: &AppRoot,
    request: Option<&Request>,
    manner: &Manner,
) -> Span {
    let span = tracing::info_span!(
        target: SPANS,
        "easemob.call",
        otel.name = E::NAME,
        otel.kind = "client",
        otel.status_code = Empty,
        "error.type" = Empty,
        http.request.method = endpoint.method().as_str(),
        http.request.resend_count = Empty,
        http.response.status_code = Empty,
        server.address = root.host(),
        server.port = root.port(),
        url.full = Empty,
        easemob.lane = manner.lane.as_str(),
        easemob.waited_for_token_ms = Empty,
        easemob.waited_for_budget_ms = Empty,
    );
    if let Some(request) = request
        && !span.is_disabled()
    {
        span.record("url.full", request.url.as_str());
    }
    span
}

/// A call whose end is told to its span and to the hook, even if its future is dropped.
pub(super) struct Watched<'a, E: Endpoint> {
    pub(super) progress: Progress,
    endpoint: &'a E,
    manner: &'a Manner,
    hook: Option<&'a Hook>,
    clock: &'a dyn Clock,
    span: Span,
    start: Instant,
    told: bool,
}

impl<'a, E: Endpoint> Watched<'a, E> {
    pub(super) fn begin(
        endpoint: &'a E,
        manner: &'a Manner,
        hook: Option<&'a Hook>,
        clock: &'a dyn Clock,
        span: Span,
    ) -> Self {
        Self {
            progress: Progress::of::<E>(),
            endpoint,
            manner,
            hook,
            clock,
            span,
            start: clock.now(),
            told: false,
        }
    }

    pub(super) fn start(&self) -> Instant {
        self.start
    }

    pub(super) fn elapsed(&self) -> Duration {
        self.clock.now().saturating_duration_since(self.start)
    }

    pub(super) fn ended<T>(mut self, outcome: &Result<T, Error>) {
        match outcome {
            Ok(_) => self.tell(|| CallEnd::Succeeded),
            Err(error) => self.tell(|| CallEnd::Failed(error.clone())),
        }
    }

    fn tell(&mut self, end: impl Fn() -> CallEnd) {
        self.told = true;
        if !self.span.is_disabled() {
            self.record(&end());
        }
        if let Some(hook) = self.hook {
            hook.call(&self.report(end()));
        }
    }

    fn record(&self, end: &CallEnd) {
        let (span, progress) = (&self.span, &self.progress);
        let millis = |wait: Duration| u64::try_from(wait.as_millis()).unwrap_or(u64::MAX);
        span.record("easemob.waited_for_token_ms", millis(progress.waited_for_token));
        span.record("easemob.waited_for_budget_ms", millis(progress.waited_for_budget));
        if let Some(status) = progress.status {
            span.record("http.response.status_code", status);
        }
        if progress.call.attempts > 1 {
            span.record("http.request.resend_count", progress.call.attempts - 1);
        }
        if !matches!(end, CallEnd::Succeeded) {
            span.record("otel.status_code", "ERROR");
            span.record("error.type", end.as_str());
        }
    }

    fn report(&self, end: CallEnd) -> CallReport {
        CallReport {
            call: E::NAME,
            target: self.endpoint.target(),
            method: self.endpoint.method(),
            lane: self.manner.lane,
            attempts: self.progress.call.attempts,
            waited_for_token: self.progress.waited_for_token,
            waited_for_budget: self.progress.waited_for_budget,
            elapsed: self.elapsed(),
            status: self.progress.status,
            end,
        }
    }
}

impl<E: Endpoint> Drop for Watched<'_, E> {
    fn drop(&mut self) {
        if !self.told {
            let sent = self.progress.on_its_way || self.progress.doubtful;
            self.tell(|| CallEnd::Dropped { sent });
        }
    }
}

//! Makes a run and begins it, or previews it, whichever request asks for it.

use std::sync::Arc;

use axum::Json;
use axum::body::Body;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use easemob_admin_ops::operations::{Event, Options, StopHandle};
use easemob_admin_ops::run::new;
use easemob_admin_remote::api::{NewRun, RunView, Scope};
use futures_util::{StreamExt as _, stream};

use super::list::List;
use super::new_run::{self, Made, scopes_of};
use super::runs::{begin, glance, id_of, streamed, view};
use crate::access::Caller;
use crate::approvals::gate::{Beginning, Gate};
use crate::apps::App;
use crate::blocking::blocking;
use crate::problem::Refusal;
use crate::service::Service;

/// Makes a run or previews one, and answers that.
pub(super) async fn answer(
    service: &Service,
    app: &Arc<App>,
    caller: &Caller,
    new: NewRun,
    list: Option<List>,
) -> Result<Response, Refusal> {
    if new.dry_run {
        caller.require_any(&[scopes_of(&new.action), &[Scope::SessionsPlan]].concat())?;
    } else {
        caller.require_any(scopes_of(&new.action))?;
    }
    new_run::check(app, &new, list.as_ref(), service.now())?;
    if new.dry_run {
        return preview(service, app, caller, new, list).await;
    }
    let (status, made) = record(service, app, caller, new, list).await?;
    let place = HeaderValue::from_str(&format!("/v1/apps/{}/runs/{}", app.name, made.id));
    let mut response = (status, Json(made)).into_response();
    if let Ok(place) = place {
        response.headers_mut().insert(header::LOCATION, place);
    }
    Ok(response)
}

/// Records a run, and begins it unless it is held. What was asked for has been checked.
pub(super) async fn record(
    service: &Service,
    app: &Arc<App>,
    caller: &Caller,
    new: NewRun,
    list: Option<List>,
) -> Result<(StatusCode, RunView), Refusal> {
    let hold = new.hold;
    let (this, at, by) = (service.clone(), Arc::clone(app), caller.clone());
    let made = blocking(move || {
        let users = list.as_ref().map_or(u64::MAX, |list| list.users);
        let beginning = Beginning {
            service: &this,
            app: &at,
            caller: &by,
            break_glass: new.break_glass,
            starts_itself: !new.hold,
        };
        beginning.can_be_asked(&new.action, users)?;
        let made = new_run::make(&this, &at, new, list.as_ref(), by.operator(&this))?;
        // Whoever sends a request again may have heard nothing, because the process died before the work was begun.
        let made = match made {
            Made::Before(header) if !hold => new_run::open_if_not_begun(&this, header)?,
            made => made,
        };
        // A run that is held passes when it is started, unless it has to be asked for.
        let gate = match &made {
            Made::New(open) | Made::NotBegun(open) if !hold => Some(beginning.pass(&open.header)?),
            _ => None,
        };
        Ok::<_, Refusal>((made, gate))
    });
    let (made, gate) = made.await?;
    let run = match &made {
        Made::New(open) | Made::NotBegun(open) => open.header.run.clone(),
        Made::Before(header) => header.run.clone(),
    };
    let status = match (&made, &gate) {
        (Made::New(_) | Made::NotBegun(_), Some(Gate::Waits(_))) => StatusCode::ACCEPTED,
        (Made::New(_), _) => StatusCode::CREATED,
        (Made::NotBegun(_) | Made::Before(_), _) => StatusCode::OK,
    };
    if let (Made::New(open) | Made::NotBegun(open), Some(Gate::Open)) = (made, gate) {
        begin(service, app, caller.operator(service), *open, Options::default()).await?;
    }
    let (this, at, id) = (service.clone(), Arc::clone(app), id_of(&run)?);
    let made = blocking(move || glance(&this, &at, &id).map(|listed| view(&this, listed))).await?;
    Ok((status, made))
}

async fn preview(
    service: &Service,
    app: &App,
    caller: &Caller,
    new: NewRun,
    list: Option<List>,
) -> Result<Response, Refusal> {
    let operations = app.operations(service.stores(), caller.operator(service));
    let run = new::NewRun {
        allowance: new.max_logouts,
        reading: new.reading,
        ..new::NewRun::new(new.action, new::Mandate::default())
    };
    let users = list.map(|list| list.items()).transpose()?;
    let users = stream::iter(users.into_iter().flatten().map(|item| item.map(|item| item.user)));
    let (events, stop) = operations.preview(run, users).await?;
    // Whoever goes away has seen enough.
    let stop = StopWhenDropped(stop);
    let lines = events.map(move |event| {
        let _ = &stop;
        line(&event.map_err(std::io::Error::other)?)
    });
    Ok(streamed(Body::from_stream(lines)))
}

struct StopWhenDropped(StopHandle);

impl Drop for StopWhenDropped {
    fn drop(&mut self) {
        self.0.abort();
    }
}

fn line(event: &Event) -> std::io::Result<Vec<u8>> {
    let mut line = serde_json::to_vec(event)?;
    line.push(b'\n');
    Ok(line)
}

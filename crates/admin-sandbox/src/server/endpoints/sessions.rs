//! Forced logout (pages "force logout" of all devices and of one).

use serde_json::{Value, json};

use crate::server::envelope::Envelope;
use crate::server::errors::{ApiError, result_of};
use crate::server::request::Request;

/// Logs every device out; a GET in spite of that.
pub(in crate::server) fn logout_all(request: &mut Request<'_>) -> Result<Value, ApiError> {
    let name = request.arg(0).to_owned();
    let habits = &request.settings.habits;
    let result = match request.app.sign_out_all(&name) {
        Some(ended) if !ended.is_empty() => true,
        Some(_) => result_of(&habits.logout_offline)?,
        None => result_of(&habits.logout_unknown_user)?,
    };
    Ok(Envelope::new(request, "get")
        .data(json!({"result": result}))
        .field("count", 0)
        .finish())
}

/// Logs one device out; by default, `result` says whether it was online (undocumented, the likeliest meaning).
pub(in crate::server) fn logout_device(request: &mut Request<'_>) -> Result<Value, ApiError> {
    request.user()?;
    let (name, resource) = (request.arg(0).to_owned(), request.arg(1).to_owned());
    let habits = &request.settings.habits;
    let ended = if habits.single_logout_ends {
        request.app.sign_out(&name, &resource).is_some()
    } else {
        let user = request.app.users.find(&name);
        user.is_some_and(|user| user.devices.iter().any(|device| device.resource == resource))
    };
    let result = ended || result_of(&habits.logout_unknown_device)?;
    Ok(Envelope::new(request, "delete")
        .app()
        .data(json!({"result": result}))
        .finish())
}

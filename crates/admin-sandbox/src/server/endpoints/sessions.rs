//! Forced logout (pages "force logout" of all devices and of one).

use serde_json::{Value, json};

use crate::server::envelope::Envelope;
use crate::server::errors::ApiError;
use crate::server::request::Request;

/// Logs every device out; a GET in spite of that.
pub(in crate::server) fn logout_all(request: &mut Request<'_>) -> Result<Value, ApiError> {
    let name = request.arg(0).to_owned();
    request
        .app
        .sign_out_all(&name)
        .ok_or_else(ApiError::no_resource)?;
    Ok(Envelope::new(request, "get")
        .data(json!({"result": true}))
        .field("count", 0)
        .finish())
}

/// Logs one device out; whether it was online is what `result` says (undocumented, the likeliest meaning).
pub(in crate::server) fn logout_device(request: &mut Request<'_>) -> Result<Value, ApiError> {
    request.user()?;
    let (name, resource) = (request.arg(0).to_owned(), request.arg(1).to_owned());
    let result = request.app.sign_out(&name, &resource).is_some();
    Ok(Envelope::new(request, "delete")
        .app()
        .data(json!({"result": result}))
        .finish())
}

//! `GET /users/{u}/resources` (page "list of online devices").

use serde_json::{Value, json};

use crate::server::envelope::Envelope;
use crate::server::errors::ApiError;
use crate::server::request::Request;

/// Lists a user's devices sorted by resource: the real call tells neither login time nor order.
pub(in crate::server) fn list(request: &mut Request<'_>) -> Result<Value, ApiError> {
    let user = request.user()?;
    let mut devices: Vec<_> = user.devices.iter().collect();
    devices.sort_by(|one, other| one.resource.cmp(&other.resource));
    let data: Vec<_> = devices
        .into_iter()
        .map(|device| {
            json!({
                "res": device.resource,
                "device_uuid": device.device_uuid,
                "device_name": device.device_name,
            })
        })
        .collect();
    let path = format!("/users/{}/resources", user.name);
    Ok(Envelope::new(request, "get")
        .app()
        .path(&path)
        .entities([])
        .data(data)
        .finish())
}

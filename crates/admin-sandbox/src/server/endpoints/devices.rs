//! `GET /users/{u}/resources` (page "list of online devices").

use serde_json::{Value, json};

use crate::server::envelope::Envelope;
use crate::server::errors::ApiError;
use crate::server::request::Request;

/// Lists a user's devices; the real call tells no login time, and no page an order.
pub(in crate::server) fn list(request: &mut Request<'_>) -> Result<Value, ApiError> {
    let user = request.user()?;
    let devices = request.settings.habits.order(user.devices.iter().collect());
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

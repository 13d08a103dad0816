use serde_json::{Map, Value, json};

use super::request::Request;
use crate::rules::App;
use crate::rules::push::PushSettings;
use crate::rules::users::User;

/// The frame most answers come in; which fields it has differs from call to call.
pub(crate) struct Envelope<'a> {
    request: &'a Request<'a>,
    fields: Map<String, Value>,
}

impl<'a> Envelope<'a> {
    /// Starts an answer that has the fields all of them have.
    pub(crate) fn new(request: &'a Request<'a>, action: &str) -> Self {
        let duration = u64::try_from(request.started.elapsed().as_millis()).unwrap_or(u64::MAX);
        let mut fields = Map::new();
        fields.insert("action".into(), action.into());
        fields.insert("timestamp".into(), request.now_ms.into());
        fields.insert("duration".into(), duration.into());
        Self { request, fields }
    }

    /// Adds the fields that name the app.
    pub(crate) fn app(self) -> Self {
        let app: &App = self.request.app;
        let (org, name) = app.names();
        let (uuid, org, name) = (json!(app.uuid), json!(org), json!(name));
        self.field("application", uuid)
            .field("organization", org)
            .field("applicationName", name)
    }

    /// Adds the path and the address made of it.
    pub(crate) fn path(self, path: &str) -> Self {
        let uri = format!("{}{path}", self.request.app_root);
        self.field("path", path).field("uri", uri)
    }

    /// Adds only the address.
    pub(crate) fn uri(self, path: &str) -> Self {
        let uri = format!("{}{path}", self.request.app_root);
        self.field("uri", uri)
    }

    /// Adds one field.
    pub(crate) fn field(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.fields.insert(name.to_owned(), value.into());
        self
    }

    pub(crate) fn data(self, data: impl Into<Value>) -> Self {
        self.field("data", data)
    }

    pub(crate) fn entities<'u>(self, users: impl IntoIterator<Item = &'u User>) -> Self {
        let entities: Vec<_> = users.into_iter().map(entity).collect();
        self.field("entities", entities)
    }

    pub(crate) fn finish(self) -> Value {
        Value::Object(self.fields)
    }
}

/// Writes a user as the service shows it.
pub(crate) fn entity(user: &User) -> Value {
    let mut entity = json!({
        "uuid": user.uuid,
        "type": "user",
        "created": user.created_ms,
        "modified": user.modified_ms,
        "username": user.name,
        "activated": user.activated,
    });
    if let Some(nickname) = &user.nickname {
        entity["nickname"] = json!(nickname);
    }
    let PushSettings {
        display_style,
        no_disturbing,
        no_disturbing_start,
        no_disturbing_end,
    } = user.push_settings;
    for (name, setting) in [
        ("notification_display_style", display_style.map(Value::from)),
        ("notification_no_disturbing", no_disturbing.map(Value::from)),
        (
            "notification_no_disturbing_start",
            no_disturbing_start.map(Value::from),
        ),
        (
            "notification_no_disturbing_end",
            no_disturbing_end.map(Value::from),
        ),
    ] {
        if let Some(setting) = setting {
            entity[name] = setting;
        }
    }
    entity
}

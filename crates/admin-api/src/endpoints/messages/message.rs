//! What is sent (page "send messages", on the body of each type).

use serde_json::{Map, Value, json};

use crate::model::UserId;

/// Something that was uploaded before.
///
/// ```
/// use easemob_admin_api::endpoints::messages::{FileKind, Message};
///
/// let photo = Message::file(FileKind::Image, "https://im.example.com/acme/chat/chatfiles/55f12940").field("filename", "a.jpg");
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum FileKind {
    /// A picture.
    Image,
    /// A recording.
    Audio,
    /// A film.
    Video,
    /// Any other file.
    File,
}

/// A message without recipients.
///
/// ```
/// use easemob_admin_api::UserId;
/// use easemob_admin_api::endpoints::messages::Message;
///
/// let notice = Message::text("Maintenance at ten").from(UserId::parse("support")?).ext("ticket", 7);
/// // What it says is the users' business.
/// assert!(!format!("{notice:?}").contains("Maintenance"));
/// # Ok::<(), easemob_admin_api::InvalidId>(())
/// ```
#[derive(Clone, PartialEq)]
#[must_use = "a message does nothing until it is sent"]
pub struct Message {
    kind: String,
    fields: Map<String, Value>,
    from: Option<UserId>,
    ext: Map<String, Value>,
    online_only: bool,
    sync_device: bool,
}

impl Message {
    /// Makes a message of a type that this version does not know, or with fields that it does not know: `kind` is what the
    /// page calls `type`, the fields are those of `body`.
    pub fn of_kind(kind: impl Into<String>, fields: Map<String, Value>) -> Self {
        Self {
            kind: kind.into(),
            fields,
            from: None,
            ext: Map::new(),
            online_only: false,
            sync_device: false,
        }
    }

    fn with(kind: &str, fields: Value) -> Self {
        let fields = match fields {
            Value::Object(fields) => fields,
            _ => Map::new(),
        };
        Self::of_kind(kind, fields)
    }

    /// Makes a text for people.
    pub fn text(text: impl Into<String>) -> Self {
        Self::with("txt", json!({ "msg": text.into() }))
    }

    /// Makes a word for a program, which SDKs do not show.
    pub fn command(action: impl Into<String>) -> Self {
        Self::with("cmd", json!({ "action": action.into() }))
    }

    /// Makes an event of the app's own; the name is 1 to 32 of `a-zA-Z0-9-_/.`, and there are at most 16 parameters.
    pub fn custom<K: Into<String>, V: Into<String>>(
        event: impl Into<String>,
        parameters: impl IntoIterator<Item = (K, V)>,
    ) -> Self {
        let parameters = parameters.into_iter();
        let parameters: Map<String, Value> = parameters
            .map(|(name, value)| (name.into(), Value::String(value.into())))
            .collect();
        Self::with(
            "custom",
            json!({ "customEvent": event.into(), "customExts": parameters }),
        )
    }

    /// Makes a place, in degrees, with its address in words.
    pub fn location(latitude: f64, longitude: f64, address: impl Into<String>) -> Self {
        let fields = json!({
            // Texts, as the page has them.
            "lat": latitude.to_string(),
            "lng": longitude.to_string(),
            "addr": address.into(),
        });
        Self::with("loc", fields)
    }

    /// Makes a file that was uploaded before, by its address; its name, size and secret are added with
    /// [`field`](Self::field).
    pub fn file(kind: FileKind, url: impl Into<String>) -> Self {
        let kind = match kind {
            FileKind::Image => "img",
            FileKind::Audio => "audio",
            FileKind::Video => "video",
            FileKind::File => "file",
        };
        Self::with(kind, json!({ "url": url.into() }))
    }

    /// Adds a field to what it says, such as `filename` or `secret`.
    pub fn field(mut self, name: impl Into<String>, value: impl Into<Value>) -> Self {
        self.fields.insert(name.into(), value.into());
        self
    }

    /// Sets the sender, whom the server does not look up; default `admin`.
    pub fn from(mut self, user: UserId) -> Self {
        self.from = Some(user);
        self
    }

    /// Adds a field of the app's own, which SDKs hand to the app.
    pub fn ext(mut self, name: impl Into<String>, value: impl Into<Value>) -> Self {
        self.ext.insert(name.into(), value.into());
        self
    }

    /// Is lost for whoever is not connected; default is to wait for them. Broadcasts do not know this.
    pub fn online_only(mut self) -> Self {
        self.online_only = true;
        self
    }

    /// Also goes to the devices of the sender; default no. For messages to users only.
    pub fn sync_device(mut self) -> Self {
        self.sync_device = true;
        self
    }

    /// The newer form: recipients, type, and the fields in a body of their own.
    pub(super) fn to_body(&self, to: &[impl AsRef<str>]) -> Value {
        let to: Vec<&str> = to.iter().map(AsRef::as_ref).collect();
        let mut body = json!({ "to": to, "type": self.kind, "body": self.fields });
        if self.online_only {
            body["routetype"] = json!("ROUTE_ONLINE");
        }
        if self.sync_device {
            body["sync_device"] = json!(true);
        }
        self.add_sender_and_ext(&mut body);
        body
    }

    /// The older form, which broadcasts still have: the type is among the fields.
    pub(super) fn to_older_body(&self) -> Value {
        let mut said = self.fields.clone();
        said.insert("type".to_owned(), json!(self.kind));
        let mut body = json!({ "msg": said });
        self.add_sender_and_ext(&mut body);
        body
    }

    fn add_sender_and_ext(&self, body: &mut Value) {
        if let Some(from) = &self.from {
            body["from"] = json!(from);
        }
        if !self.ext.is_empty() {
            body["ext"] = json!(self.ext);
        }
    }
}

impl std::fmt::Debug for Message {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Message")
            .field("kind", &self.kind)
            .field("from", &self.from)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_type_is_written_as_the_page_has_it() {
        let url = "https://x/chatfiles/1";
        for (message, kind, body) in [
            (Message::text("hi"), "txt", json!({"msg": "hi"})),
            (Message::command("run"), "cmd", json!({"action": "run"})),
            (
                Message::custom("gift", [("size", "16")]),
                "custom",
                json!({"customEvent": "gift", "customExts": {"size": "16"}}),
            ),
            (
                Message::location(39.966, 116.322, "here"),
                "loc",
                json!({"lat": "39.966", "lng": "116.322", "addr": "here"}),
            ),
            (
                Message::file(FileKind::Audio, url).field("length", 10),
                "audio",
                json!({"url": url, "length": 10}),
            ),
            (Message::file(FileKind::Image, url), "img", json!({"url": url})),
            (Message::file(FileKind::Video, url), "video", json!({"url": url})),
            (Message::file(FileKind::File, url), "file", json!({"url": url})),
        ] {
            assert_eq!(
                message.to_body(&["bob"]),
                json!({"to": ["bob"], "type": kind, "body": body})
            );
            let mut older = body;
            older["type"] = json!(kind);
            assert_eq!(message.to_older_body(), json!({ "msg": older }));
        }
    }

    #[test]
    fn what_is_not_set_is_not_sent() {
        let ann = UserId::parse("ann").unwrap();
        let message = Message::text("hi")
            .from(ann)
            .ext("k", 1)
            .online_only()
            .sync_device();
        assert_eq!(
            message.to_body(&["bob"]),
            json!({
                "to": ["bob"], "type": "txt", "body": {"msg": "hi"}, "from": "ann", "ext": {"k": 1},
                "routetype": "ROUTE_ONLINE", "sync_device": true,
            })
        );
    }
}

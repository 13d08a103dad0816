//! What messages say, on the wire and as the service writes it in JSON: for messages by REST, and for the files of past ones
//! (page "message history"). Pure.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::frames::{KeyValue, MessageContent, Size, content_kind, value_kind};
use crate::rules::content::{File, FileKind, Said};

/// Puts what REST sends into its wire form.
pub(crate) fn write(said: &Said) -> MessageContent {
    match said {
        Said::Text(text) => MessageContent {
            kind: content_kind::TEXT,
            text: text.clone(),
            ..MessageContent::default()
        },
        Said::Command(action) => MessageContent {
            kind: content_kind::COMMAND,
            action: action.clone(),
            ..MessageContent::default()
        },
        Said::Custom(event, exts) => MessageContent {
            kind: content_kind::CUSTOM,
            custom_event: event.clone(),
            custom_exts: exts.iter().map(|(key, value)| text(key, value)).collect(),
            ..MessageContent::default()
        },
        Said::Location {
            latitude,
            longitude,
            address,
        } => MessageContent {
            kind: content_kind::LOCATION,
            latitude: *latitude,
            longitude: *longitude,
            address: address.clone(),
            ..MessageContent::default()
        },
        Said::File(file) => MessageContent {
            kind: match file.kind {
                FileKind::Image => content_kind::IMAGE,
                FileKind::Audio => content_kind::VOICE,
                FileKind::Video => content_kind::VIDEO,
                FileKind::Other => content_kind::FILE,
            },
            display_name: file.name.clone(),
            remote_path: file.url.clone(),
            secret_key: file.secret.clone(),
            file_length: file.bytes,
            duration: file.seconds,
            size: file.size.map(|(width, height)| Size { width, height }),
            thumbnail_path: file.thumb.clone(),
            thumbnail_secret: file.thumb_secret.clone(),
            ..MessageContent::default()
        },
    }
}

/// Puts the app's own fields into their wire form.
pub(crate) fn write_ext(ext: &Map<String, Value>) -> Vec<KeyValue> {
    let field = |(key, value): (&String, &Value)| match value {
        Value::String(value) => text(key, value),
        Value::Bool(yes) => KeyValue {
            key: key.clone(),
            kind: value_kind::BOOL,
            whole_value: Some(i64::from(*yes)),
            ..KeyValue::default()
        },
        other => KeyValue {
            kind: value_kind::JSON,
            ..text(key, &other.to_string())
        },
    };
    ext.iter().map(field).collect()
}

fn text(key: &str, value: &str) -> KeyValue {
    KeyValue {
        key: key.to_owned(),
        kind: value_kind::STRING,
        string_value: value.to_owned(),
        ..KeyValue::default()
    }
}

/// Writes a part of a message as files of past messages have it.
pub(crate) fn to_json(content: &MessageContent) -> Value {
    let file = |kind: &str| {
        let mut json = json!({
            "type": kind,
            "filename": content.display_name,
            "url": content.remote_path,
            "secret": content.secret_key,
            "file_length": content.file_length,
        });
        if let Some(Size { width, height }) = content.size {
            json["size"] = json!({"width": width, "height": height});
        }
        if matches!(kind, "audio" | "video") {
            json["length"] = json!(content.duration);
        }
        if kind == "video" {
            json["thumb"] = json!(content.thumbnail_path);
            json["thumb_secret"] = json!(content.thumbnail_secret);
        }
        json
    };
    match content.kind {
        content_kind::TEXT => json!({"type": "txt", "msg": content.text}),
        content_kind::COMMAND => json!({"type": "cmd", "action": content.action}),
        content_kind::CUSTOM => {
            let exts = content.custom_exts.iter();
            let exts: BTreeMap<&str, &str> = exts.map(|ext| (&*ext.key, &*ext.string_value)).collect();
            json!({"type": "custom", "customEvent": content.custom_event, "v2:customExts": exts})
        }
        content_kind::LOCATION => json!({
            "type": "loc",
            "lat": content.latitude,
            "lng": content.longitude,
            "addr": content.address,
        }),
        content_kind::IMAGE => file("img"),
        content_kind::VOICE => file("audio"),
        content_kind::VIDEO => file("video"),
        _ => file("file"),
    }
}

/// Writes the app's own fields as files of past messages have them.
pub(crate) fn ext_to_json(ext: &[KeyValue]) -> Value {
    let field = |field: &KeyValue| {
        let value = match field.kind {
            value_kind::BOOL => json!(field.whole_value.unwrap_or_default() != 0),
            value_kind::JSON => serde_json::from_str(&field.string_value).unwrap_or(Value::Null),
            value_kind::STRING => json!(field.string_value),
            _ => json!(field.whole_value),
        };
        (field.key.clone(), value)
    };
    ext.iter().map(field).collect()
}

/// Reads a file as the page names its fields.
pub(crate) fn file_of(kind: FileKind, fields: &Map<String, Value>) -> File {
    let text = |name: &str| match fields.get(name) {
        Some(Value::String(text)) => text.clone(),
        _ => String::new(),
    };
    let number = |value: Option<&Value>| match value {
        Some(Value::Number(number)) => number.as_f64(),
        Some(Value::String(text)) => text.parse().ok(),
        _ => None,
    };
    #[expect(clippy::cast_possible_truncation, reason = "lengths beyond saturate")]
    let whole = |names: &[&str]| {
        let given = names.iter().find_map(|name| number(fields.get(*name)));
        given.map_or(0, |number| number as i32)
    };
    let size = fields.get("size").and_then(Value::as_object);
    File {
        kind,
        name: text("filename"),
        url: text("url"),
        secret: text("secret"),
        bytes: whole(&["file_length"]),
        // The table of the page writes it with a capital, the examples without.
        seconds: whole(&["length", "Length"]),
        size: size.and_then(|size| Some((number(size.get("width"))?, number(size.get("height"))?))),
        thumb: text("thumb"),
        thumb_secret: text("thumb_secret"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fields(json: Value) -> Map<String, Value> {
        match json {
            Value::Object(fields) => fields,
            other => panic!("{other}"),
        }
    }

    #[test]
    fn every_kind_of_message_is_written_and_read_as_the_page_has_it() {
        let video = json!({
            "type": "video", "filename": "a.mp4", "url": "https://x/1", "secret": "s", "file_length": 58103,
            "length": 10, "thumb": "https://x/2", "thumb_secret": "t", "size": {"width": 360.0, "height": 480.0},
        });
        let file = Said::File(file_of(FileKind::Video, &fields(video.clone())));
        let custom = BTreeMap::from([("k".to_owned(), "v".to_owned())]);
        for (said, expected) in [
            (Said::Text("hi".into()), json!({"type": "txt", "msg": "hi"})),
            (
                Said::Command("run".into()),
                json!({"type": "cmd", "action": "run"}),
            ),
            (
                Said::Custom("gift".into(), custom),
                json!({"type": "custom", "customEvent": "gift", "v2:customExts": {"k": "v"}}),
            ),
            (
                Said::Location {
                    latitude: 39.9,
                    longitude: 116.3,
                    address: "here".into(),
                },
                json!({"type": "loc", "lat": 39.9, "lng": 116.3, "addr": "here"}),
            ),
            (file, video),
        ] {
            assert_eq!(to_json(&write(&said)), expected);
        }
    }

    #[test]
    fn the_apps_own_fields_come_back_as_they_went() {
        let ext = json!({"text": "x", "yes": true, "number": 1.5, "object": {"a": [1]}});
        let written = write_ext(&fields(ext.clone()));
        assert_eq!(ext_to_json(&written), ext);
        assert_eq!(
            (written[1].kind, written[3].kind),
            (value_kind::JSON, value_kind::BOOL)
        );
    }

    #[test]
    fn numbers_of_files_may_be_texts() {
        let audio = fields(json!({"Length": "7", "file_length": "12", "url": "u"}));
        let file = file_of(FileKind::Audio, &audio);
        assert_eq!((file.seconds, file.bytes, file.url.as_str()), (7, 12, "u"));
    }
}

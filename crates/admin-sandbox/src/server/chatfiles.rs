//! Files of apps: `POST /{org}/{app}/chatfiles` takes one, `GET /{org}/{app}/chatfiles/{uuid}` gives it out to whoever knows its
//! name, which nobody can guess.

use axum::response::{IntoResponse, Response};
use http::header::{CONTENT_SECURITY_POLICY, CONTENT_TYPE, X_CONTENT_TYPE_OPTIONS};
use http::request::Parts;
use http::{HeaderMap, HeaderValue, Method, StatusCode};
use serde_json::{Value, json};
use uuid::Uuid;

use super::envelope::Envelope;
use super::errors::ApiError;
use super::path;
use super::request::Request;
use crate::rules::files::StoredFile;
use crate::service::Service;

/// The name of the call that gives files out.
pub(super) const DOWNLOAD: &str = "files.download";

/// The name of the call that takes files.
pub(super) const UPLOAD: &str = "files.upload";

/// No file is larger, in bytes (page "upload files").
pub(super) const LARGEST: usize = 10 * 1024 * 1024;

/// Takes a file out of a form, and returns under which id it is kept.
pub(super) fn take(request: &mut Request<'_>) -> Result<(String, StoredFile), ApiError> {
    let file = first_file(request.headers, request.body)
        .ok_or_else(|| ApiError::illegal_argument("the body must be a form with a file"))?;
    if file.content.len() > LARGEST {
        return Err(ApiError::too_large());
    }
    let uuid = Uuid::new_v4().to_string();
    if !request.app.history.keep_file(&uuid, &file) {
        return Err(ApiError::of_status(StatusCode::INTERNAL_SERVER_ERROR));
    }
    Ok((uuid, file))
}

/// Answers an upload.
pub(super) fn upload(request: &mut Request<'_>) -> Result<Value, ApiError> {
    let (uuid, _) = take(request)?;
    let secret = Uuid::new_v4().simple().to_string();
    let entity = json!({"uuid": uuid, "type": "chatfile", "share-secret": secret});
    Ok(Envelope::new(request, "post")
        .app()
        .path("/chatfiles")
        .field("entities", vec![entity])
        .finish())
}

/// A file that a call asks for.
pub(super) struct WantedFile {
    uuid: String,
    /// The group or chat room with which it has to be shared.
    group: Option<String>,
}

/// Returns the file that a call asks for, if it asks for one.
pub(super) fn wanted(parts: &Parts) -> Option<WantedFile> {
    let segments = path::segments(parts.uri.path())?;
    let segments: Vec<&str> = segments.iter().map(String::as_str).collect();
    let (group, uuid) = match segments[..] {
        [_, _, "chatfiles", uuid] => (None, uuid),
        [_, _, "chatgroups" | "chatrooms", group, "share_files", uuid] => (Some(group), uuid),
        _ => return None,
    };
    (parts.method == Method::GET).then(|| WantedFile {
        uuid: uuid.to_owned(),
        group: group.map(str::to_owned),
    })
}

/// Gives out a file; browsers show pictures and play sounds, and run nothing.
pub(super) fn answer(service: &Service, wanted: &WantedFile) -> Response {
    let WantedFile { uuid, group } = wanted;
    let file = service.read(|app| {
        let shared = group.as_ref().is_none_or(|group| app.shares(group, uuid));
        app.history.file(uuid).filter(|_| shared)
    });
    let Some(file) = file else {
        let body = ApiError::no_resource().body(service.clock.now_ms());
        return (StatusCode::NOT_FOUND, body.to_string()).into_response();
    };
    let media = HeaderValue::try_from(file.media);
    let octets = HeaderValue::from_static("application/octet-stream");
    let headers = [
        (CONTENT_TYPE, media.unwrap_or(octets)),
        (X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
        (CONTENT_SECURITY_POLICY, HeaderValue::from_static("sandbox")),
    ];
    (StatusCode::OK, headers, file.content).into_response()
}

/// Reads the first file of a form (RFC 7578).
fn first_file(headers: &HeaderMap, body: &[u8]) -> Option<StoredFile> {
    let content_type = headers.get(CONTENT_TYPE)?.to_str().ok()?;
    let (media, parameters) = content_type.split_once(';')?;
    if !media.trim().eq_ignore_ascii_case("multipart/form-data") {
        return None;
    }
    let boundary = parameter(parameters, "boundary").filter(|text| !text.is_empty())?;
    let opening = format!("--{boundary}\r\n");
    let closing = format!("\r\n--{boundary}");
    let mut rest = &body[find(body, opening.as_bytes())? + opening.len()..];
    loop {
        let (head, content) = rest.split_at_checked(find(rest, b"\r\n\r\n")?)?;
        let content = &content[4..];
        let end = find(content, closing.as_bytes())?;
        let head = String::from_utf8_lossy(head);
        let line = |name: &str| {
            head.lines().find_map(|line| {
                let (key, value) = line.split_once(':')?;
                key.trim().eq_ignore_ascii_case(name).then(|| value.trim())
            })
        };
        let name = line("content-disposition").and_then(|value| parameter(value, "filename"));
        if let Some(name) = name {
            return Some(StoredFile {
                name: name.to_owned(),
                media: line("content-type")
                    .unwrap_or("application/octet-stream")
                    .to_owned(),
                content: content[..end].to_vec(),
            });
        }
        rest = content[end + closing.len()..].strip_prefix(b"\r\n")?;
    }
}

/// Returns a parameter of a header, without its quotes.
fn parameter<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    text.split(';').find_map(|part| {
        let (key, value) = part.split_once('=')?;
        key.trim()
            .eq_ignore_ascii_case(name)
            .then(|| value.trim().trim_matches('"'))
    })
}

fn find(text: &[u8], wanted: &[u8]) -> Option<usize> {
    let first = *wanted.first()?;
    let mut from = 0;
    while let Some(place) = text.get(from..)?.iter().position(|byte| *byte == first) {
        if text[from + place..].starts_with(wanted) {
            return Some(from + place);
        }
        from += place + 1;
    }
    None
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn form(boundary: &str) -> HeaderMap {
        let media = format!("multipart/form-data; boundary={boundary}");
        HeaderMap::from_iter([(CONTENT_TYPE, media.parse().unwrap())])
    }

    #[test]
    fn a_file_is_taken_out_of_a_form() {
        let body = b"--x\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\nnot this\r\n\
            --x\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a.png\"\r\nContent-Type: image/png\r\n\r\n\
            \x00\r\n--y\r\n\x01\r\n--x--\r\n";
        let file = first_file(&form("x"), body).unwrap();
        assert_eq!((file.name.as_str(), file.media.as_str()), ("a.png", "image/png"));
        assert_eq!(file.content, b"\x00\r\n--y\r\n\x01");
        assert_eq!(first_file(&form("z"), body), None);
        assert_eq!(first_file(&HeaderMap::new(), body), None);
    }

    proptest! {
        #[test]
        fn whatever_is_sent_is_a_file_or_is_none(body in proptest::collection::vec(any::<u8>(), 0..200)) {
            let mut text = b"--x\r\n".to_vec();
            text.extend(body);
            first_file(&form("x"), &text);
        }
    }
}

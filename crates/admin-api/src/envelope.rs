//! Answers: told apart into refusals and successes, and opened as far as a call needs.
//!
//! No field of the envelope is required, and unknown ones are ignored; token and presence answers do not
//! use it at all. Fields stay raw until an endpoint asks for them.

mod fields;
pub(crate) mod outline;

use std::borrow::Cow;
use std::time::Duration;

use bytes::Bytes;
use http::HeaderValue;
use serde::de::DeserializeOwned;
use serde_json::Value;
use serde_json::value::RawValue;

use self::fields::{Fields, as_text};
use crate::error::{DecodeError, Excerpt, Refusal};
use crate::model::{Integer, UnixMillis, without_lone_surrogates};
use crate::page::OddEntry;

/// An answer as it came in.
#[derive(Clone, Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) content_type: Option<HeaderValue>,
    pub(crate) retry_after: Option<Duration>,
    /// Where a redirect leads.
    pub(crate) location: Option<HeaderValue>,
    /// A proxy names itself as its author.
    pub(crate) by_a_proxy: bool,
    pub(crate) body: Bytes,
    /// Why the body could not be unpacked, in words.
    pub(crate) packed: Option<String>,
}

impl Answer {
    fn excerpt(&self) -> Excerpt {
        let content_type = self.content_type.as_ref();
        Excerpt::new(content_type.and_then(|value| value.to_str().ok()), &self.body)
    }

    fn redirect(&self) -> Option<String> {
        let location = self.location.as_ref()?.to_str().ok()?;
        (300..400).contains(&self.status).then(|| location.to_owned())
    }

    fn undecodable(&self, problem: impl Into<String>) -> DecodeError {
        DecodeError {
            problem: problem.into(),
            status: self.status,
            answer: self.excerpt(),
            foreign: false,
        }
    }

    /// The answer is not the service's.
    fn foreign(&self, problem: impl Into<String>) -> DecodeError {
        DecodeError {
            foreign: true,
            ..self.undecodable(problem)
        }
    }
}

/// What an answer turned out to be.
pub(crate) enum Classified<'a> {
    Success(Envelope<'a>),
    Refused(Refusal),
    Undecodable(DecodeError),
}

/// Tells a success from a refusal.
///
/// A 2xx with a non-empty `error` is a refusal. A 2xx that is not a JSON object, or an object in which nothing is the
/// service's, is neither: it may come from a proxy or a captive portal, and must not pass for a success of a call that
/// returns nothing, nor for a list that is empty.
pub(crate) fn classify(answer: &Answer) -> Classified<'_> {
    let fields = Fields::of(&answer.body);
    let api = fields.as_ref().ok().and_then(Fields::api_error);
    let by_the_service = fields.as_ref().is_ok_and(Fields::is_error_envelope);
    if !(200..300).contains(&answer.status) {
        return Classified::Refused(Refusal {
            status: answer.status,
            api,
            by_the_service,
            excerpt: answer.excerpt(),
            retry_after: answer.retry_after,
            location: answer.redirect(),
            by_a_proxy: answer.by_a_proxy,
        });
    }
    match fields {
        Ok(_) if api.as_ref().is_some_and(|api| !api.error.is_empty()) => Classified::Refused(Refusal {
            status: answer.status,
            api,
            by_the_service,
            excerpt: answer.excerpt(),
            retry_after: answer.retry_after,
            location: None,
            by_a_proxy: false,
        }),
        Ok(fields) if fields.is_an_answer() => Classified::Success(Envelope { fields, answer }),
        Ok(_) => Classified::Undecodable(answer.foreign("no field of the service is in the body")),
        Err(_) if answer.status == 204 && answer.body.is_empty() => Classified::Success(Envelope {
            fields: Fields::default(),
            answer,
        }),
        Err(error) => {
            let problem = format!("the body is not a JSON object: {error}");
            Classified::Undecodable(answer.foreign(answer.packed.clone().unwrap_or(problem)))
        }
    }
}

/// A successful answer, opened on demand.
///
/// ```
/// use easemob_admin_api::endpoint::Endpoint;
/// use easemob_admin_api::endpoints::devices::ListDevices;
/// use easemob_admin_api::envelope::Envelope;
/// use easemob_admin_api::UserId;
///
/// let endpoint = ListDevices { user: UserId::parse("ann")? };
/// let devices = Envelope::decode(&endpoint, br#"{"data":[{"res":"ios_77e1"}]}"#)?;
/// assert_eq!(devices[0].id.as_str(), "ios_77e1");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Envelope<'a> {
    fields: Fields<'a>,
    answer: &'a Answer,
}

fn present(raw: Option<&RawValue>) -> Option<&RawValue> {
    raw.filter(|raw| raw.get() != "null")
}

/// Reads again what could not be read for the half of a character in it, which anyone can put into a name of theirs.
fn mended<T: DeserializeOwned>(json: &str, error: serde_json::Error) -> serde_json::Result<T> {
    without_lone_surrogates(json).map_or(Err(error), |mended| serde_json::from_str(&mended))
}

/// Decodes items one by one, so that an odd one does not hide the others.
fn each<T: DeserializeOwned>(items: &[Box<RawValue>]) -> (Vec<T>, Vec<OddEntry>) {
    let (mut good, mut odd) = (Vec::with_capacity(items.len()), Vec::new());
    for (index, item) in items.iter().enumerate() {
        match serde_json::from_str(item.get()).or_else(|error| mended(item.get(), error)) {
            Ok(item) => good.push(item),
            Err(error) => odd.push(OddEntry::new(index, &error)),
        }
    }
    (good, odd)
}

impl Envelope<'_> {
    /// Decodes a body with the rules of an endpoint, as if it had come with status 200.
    ///
    /// # Errors
    /// When the body is a refusal or lacks what the call is made for.
    pub fn decode<E: crate::endpoint::Endpoint>(endpoint: &E, body: &[u8]) -> Result<E::Output, DecodeError> {
        let answer = Answer {
            location: None,
            by_a_proxy: false,
            status: 200,
            content_type: Some(HeaderValue::from_static("application/json")),
            retry_after: None,
            body: Bytes::copy_from_slice(body),
            packed: None,
        };
        let decoded = match classify(&answer) {
            Classified::Success(envelope) => endpoint.decode(&envelope),
            Classified::Undecodable(error) => Err(error),
            Classified::Refused(refusal) => Err(answer.undecodable(format!("the server refused: {refusal}"))),
        };
        decoded.map_err(|error| if E::SECRET { error.withheld() } else { error })
    }

    /// Returns the body as it came, for whoever passes it on.
    ///
    /// ```
    /// use easemob_admin_api::DecodeError;
    /// use easemob_admin_api::endpoint::{Effect, Endpoint, Method, Path};
    /// use easemob_admin_api::envelope::Envelope;
    ///
    /// struct FirstPage;
    ///
    /// impl Endpoint for FirstPage {
    ///     const NAME: &'static str = "users.first_page";
    ///     const EFFECT: Effect = Effect::Read;
    ///     type Output = Vec<u8>;
    ///
    ///     fn method(&self) -> Method {
    ///         Method::GET
    ///     }
    ///
    ///     fn path(&self) -> Path {
    ///         Path::new(["users"])
    ///     }
    ///
    ///     fn decode(&self, answer: &Envelope<'_>) -> Result<Vec<u8>, DecodeError> {
    ///         Ok(answer.body().to_vec())
    ///     }
    /// }
    ///
    /// let body = br#"{"entities":[],"timestamp":1542595598924,"duration":0}"#;
    /// assert_eq!(Envelope::decode(&FirstPage, body)?, body);
    /// # Ok::<(), DecodeError>(())
    /// ```
    #[must_use]
    pub fn body(&self) -> &[u8] {
        &self.answer.body
    }

    /// Returns when the server answered, by its own clock; nothing if the answer does not tell.
    #[must_use]
    pub fn timestamp(&self) -> Option<UnixMillis> {
        let millis: Integer = serde_json::from_str(self.fields.timestamp?.get()).ok()?;
        u64::try_from(millis.0).ok().map(UnixMillis)
    }

    /// Returns the field `data`, decoded.
    ///
    /// # Errors
    /// When it is absent or of another form.
    pub fn data<T: DeserializeOwned>(&self) -> Result<T, DecodeError> {
        self.optional_data()?
            .ok_or_else(|| self.problem("there is no `data`"))
    }

    /// Returns the field `data`, decoded, or `None` when it is absent or null.
    ///
    /// # Errors
    /// When it is of another form.
    pub fn optional_data<T: DeserializeOwned>(&self) -> Result<Option<T>, DecodeError> {
        self.field("data", self.fields.data)
    }

    /// Returns the field `entities`, decoded. An absent list is an error: it is not an empty one.
    ///
    /// # Errors
    /// When it is absent, or not an array of the asked form.
    pub fn entities<T: DeserializeOwned>(&self) -> Result<Vec<T>, DecodeError> {
        self.optional_entities()?
            .ok_or_else(|| self.problem("there is no `entities`"))
    }

    /// Returns the field `entities`, decoded, or `None` when it is absent or null.
    ///
    /// # Errors
    /// When it is not an array of the asked form.
    pub fn optional_entities<T: DeserializeOwned>(&self) -> Result<Option<Vec<T>>, DecodeError> {
        self.field("entities", self.fields.entities)
    }

    /// Returns the items of `entities`, each decoded by itself, and those that cannot be.
    ///
    /// # Errors
    /// When it is absent, or not an array.
    pub fn each_entity<T: DeserializeOwned>(&self) -> Result<(Vec<T>, Vec<OddEntry>), DecodeError> {
        Ok(each(&self.entities::<Box<RawValue>>()?))
    }

    /// Returns the items of `data`, each decoded by itself, and those that cannot be.
    ///
    /// # Errors
    /// When it is absent, or not an array.
    pub fn each_datum<T: DeserializeOwned>(&self) -> Result<(Vec<T>, Vec<OddEntry>), DecodeError> {
        Ok(each(&self.data::<Vec<Box<RawValue>>>()?))
    }

    /// Accepts the answer to a call that returns nothing: `{}`, or an envelope that does not say no.
    ///
    /// # Errors
    /// When `result`, or `result` in `data`, is there and says anything but yes.
    pub fn acknowledged(&self) -> Result<(), DecodeError> {
        let outer: Option<Value> = self.field("result", self.fields.result)?;
        let data: Option<Value> = self.optional_data()?;
        let inner = data.as_ref().and_then(|data| data.get("result"));
        for said in [outer.as_ref(), inner].into_iter().flatten() {
            let yes = match said {
                Value::Bool(yes) => *yes,
                Value::String(text) => {
                    ["ok", "true", "success"].contains(&text.to_ascii_lowercase().as_str())
                }
                _ => false,
            };
            if !yes {
                return Err(self.problem("`result` does not say that it was done"));
            }
        }
        Ok(())
    }

    /// Returns the field `result`, decoded.
    ///
    /// # Errors
    /// When it is absent or of another form.
    pub fn result<T: DeserializeOwned>(&self) -> Result<T, DecodeError> {
        self.field("result", self.fields.result)?
            .ok_or_else(|| self.problem("there is no `result`"))
    }

    /// Returns the field `cursor`; an absent, null or empty one is `None`.
    #[must_use]
    pub fn cursor(&self) -> Option<String> {
        present(self.fields.cursor)
            .map(as_text)
            .filter(|text| !text.is_empty())
            .map(Cow::into_owned)
    }

    /// Returns the whole body, decoded.
    ///
    /// # Errors
    /// When it is of another form.
    pub fn whole<T: DeserializeOwned>(&self) -> Result<T, DecodeError> {
        serde_json::from_slice(&self.answer.body)
            .or_else(|error| mended(std::str::from_utf8(&self.answer.body).unwrap_or_default(), error))
            .map_err(|error| self.problem(error.to_string()))
    }

    /// Makes an error about this answer.
    #[must_use]
    pub fn problem(&self, problem: impl Into<String>) -> DecodeError {
        self.answer.undecodable(problem)
    }

    fn field<T: DeserializeOwned>(
        &self,
        name: &str,
        raw: Option<&RawValue>,
    ) -> Result<Option<T>, DecodeError> {
        present(raw)
            .map(|raw| serde_json::from_str(raw.get()).or_else(|error| mended(raw.get(), error)))
            .transpose()
            .map_err(|error| self.problem(format!("`{name}` is of another form: {error}")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Delivery;

    fn answer(status: u16, body: &str) -> Answer {
        Answer {
            location: None,
            by_a_proxy: false,
            status,
            content_type: None,
            retry_after: None,
            body: Bytes::copy_from_slice(body.as_bytes()),
            packed: None,
        }
    }

    fn refused(status: u16, body: &str) -> Refusal {
        match classify(&answer(status, body)) {
            Classified::Refused(refusal) => refusal,
            _ => panic!("{status} {body} is not a refusal"),
        }
    }

    #[test]
    fn the_body_is_what_the_server_sent() {
        let body = r#"{"entities":[ ],"timestamp":1}"#;
        let answer = answer(200, body);
        let Classified::Success(envelope) = classify(&answer) else {
            panic!("{body} is a success")
        };
        assert_eq!(envelope.body(), body.as_bytes());
    }

    #[test]
    fn error_bodies_of_every_kind_are_refusals() {
        let full = r#"{"error":"reach_limit","exception":"x.Y","timestamp":1,"duration":0,"error_description":"slow"}"#;
        assert_eq!(refused(429, full).api.unwrap().to_string(), "reach_limit: slow");
        assert_eq!(
            refused(400, r#"{"error_description":"only text"}"#)
                .api
                .unwrap()
                .description,
            "only text"
        );
        assert_eq!(refused(400, r#"{"error":""}"#).api.unwrap().error, "");
        assert_eq!(
            refused(500, r#"{"error":{"code":7}}"#).api.unwrap().error,
            r#"{"code":7}"#
        );
        for body in ["", "<html>Bad Gateway</html>", r#"{"error":"#, "[]", "\u{fffd}"] {
            assert!(refused(502, body).api.is_none(), "{body}");
        }
    }

    #[test]
    fn a_503_is_before_any_work_only_in_the_words_of_the_service() {
        let service =
            r#"{"error":"busy","exception":"x.Y","timestamp":1,"duration":0,"error_description":"later"}"#;
        assert_eq!(refused(503, service).delivery(), Delivery::Rejected);
        for other in [
            r#"{"timestamp":"2026-01-05T09:36:35Z","status":503,"error":"Service Unavailable","path":"/"}"#,
            r#"{"timestamp":1,"status":503,"error":"Service Unavailable","exception":"x.Y","message":"no"}"#,
            r#"{"error":"temporarily_unavailable","error_description":"the upstream is gone"}"#,
            r#"{"error":"busy","error_description":null,"timestamp":1}"#,
            "<html>Service Unavailable</html>",
        ] {
            assert_eq!(refused(503, other).delivery(), Delivery::Unknown, "{other}");
        }
    }

    #[test]
    fn a_success_status_with_an_error_is_a_refusal() {
        assert_eq!(
            refused(200, r#"{"error":"illegal_argument","entities":[]}"#).error_type(),
            "illegal_argument"
        );
    }

    #[test]
    fn an_empty_or_null_error_beside_data_is_a_success() {
        for body in [r#"{"error":"","data":{}}"#, r#"{"error":null}"#, "{}"] {
            assert!(
                matches!(classify(&answer(200, body)), Classified::Success(_)),
                "{body}"
            );
        }
        assert!(matches!(classify(&answer(204, "")), Classified::Success(_)));
    }

    #[test]
    fn what_is_not_a_json_object_never_passes_for_success() {
        for body in [
            "",
            "ok",
            "<html>sign in to the hotel</html>",
            "[1]",
            r#"{"data":"#,
            "null",
        ] {
            match classify(&answer(200, body)) {
                Classified::Undecodable(error) => assert_eq!(error.answer.text, body),
                _ => panic!("{body:?} passed"),
            }
        }
    }

    #[test]
    fn a_body_of_something_else_is_never_a_success() {
        for body in [
            r#"{"code":0,"message":"ok"}"#,
            r#"{"code":0,"msg":"ok","data":[]}"#,
            r#"{"status":"ok"}"#,
            r#"{"login":"https://portal"}"#,
        ] {
            match classify(&answer(200, body)) {
                Classified::Undecodable(error) => assert!(error.foreign, "{body}"),
                _ => panic!("{body} passed"),
            }
        }
    }

    #[test]
    fn a_call_that_returns_nothing_is_done_unless_the_answer_says_no() {
        for (body, done) in [
            ("{}", true),
            (r#"{"action":"activate user"}"#, true),
            (r#"{"result":"ok"}"#, true),
            (r#"{"result":true}"#, true),
            (r#"{"data":{"result":"ok"}}"#, true),
            (r#"{"data":{}}"#, true),
            (r#"{"result":"failed"}"#, false),
            (r#"{"result":false}"#, false),
            (r#"{"result":1}"#, false),
            (r#"{"data":{"result":false}}"#, false),
            (r#"{"action":"x","data":{"result":"no"}}"#, false),
        ] {
            let answer = answer(200, body);
            let Classified::Success(envelope) = classify(&answer) else {
                panic!("{body}")
            };
            assert_eq!(envelope.acknowledged().is_ok(), done, "{body}");
        }
    }

    #[test]
    fn absent_entities_are_an_error_and_odd_ones_are_told_by_their_place() {
        let read = |body: &str| {
            let answer = answer(200, body);
            let Classified::Success(envelope) = classify(&answer) else {
                panic!("{body}")
            };
            envelope
                .each_entity::<crate::model::User>()
                .map(|(good, odd)| (good.len(), odd.iter().map(|odd| odd.index).collect::<Vec<_>>()))
        };
        for body in [
            "{}",
            r#"{"entities":null,"count":0}"#,
            r#"{"entities":{}}"#,
            r#"{"data":[]}"#,
        ] {
            assert!(read(body).is_err(), "{body}");
        }
        for (body, good, odd) in [
            (r#"{"entities":[]}"#, 0, vec![]),
            (r#"{"entities":[{"username":"ann"}]}"#, 1, vec![]),
            (
                r#"{"entities":[null,{"username":"ann"},{"username":7},{},"bob",{"username":null}]}"#,
                1,
                vec![0, 2, 3, 4, 5],
            ),
            (r#"{"entities":[{"username":"pwn\ud83d"}]}"#, 1, vec![]),
        ] {
            assert_eq!(read(body).unwrap(), (good, odd), "{body}");
        }
    }

    #[test]
    fn the_cursor_may_be_absent_null_or_empty() {
        for (body, expected) in [
            ("{}", None),
            (r#"{"cursor":null}"#, None),
            (r#"{"cursor":""}"#, None),
            (r#"{"cursor":"LTk"}"#, Some("LTk")),
        ] {
            let answer = answer(200, body);
            let Classified::Success(envelope) = classify(&answer) else {
                panic!("{body}")
            };
            assert_eq!(envelope.cursor().as_deref(), expected);
        }
    }

    #[test]
    fn only_a_redirect_has_a_place_that_it_leads_to() {
        for (status, leads) in [(299, false), (300, true), (307, true), (399, true), (400, false)] {
            let answer = Answer {
                location: Some(http::HeaderValue::from_static("https://a2.easemob.com/")),
                ..answer(status, "")
            };
            let location = answer.redirect();
            assert_eq!(location.is_some(), leads, "{status}");
            assert!(location.is_none_or(|location| location == "https://a2.easemob.com/"));
        }
        assert_eq!(answer(307, "").redirect(), None);
    }

    #[test]
    fn the_time_of_an_answer_is_an_integer_of_milliseconds() {
        for (body, expected) in [
            (r#"{"timestamp":1712345678901}"#, Some(1_712_345_678_901)),
            (r#"{"timestamp":"soon","data":1}"#, None),
            (r#"{"timestamp":-1}"#, None),
            ("{}", None),
        ] {
            let answer = answer(200, body);
            let Classified::Success(envelope) = classify(&answer) else {
                panic!("{body}")
            };
            assert_eq!(envelope.timestamp().map(|time| time.0), expected, "{body}");
        }
    }

    #[test]
    fn odd_entries_of_the_data_are_told_by_their_place() {
        let read = |body: &str| {
            let answer = answer(200, body);
            let Classified::Success(envelope) = classify(&answer) else {
                panic!("{body}")
            };
            envelope
                .each_datum::<u8>()
                .map(|(good, odd)| (good, odd.iter().map(|odd| odd.index).collect::<Vec<_>>()))
        };
        assert_eq!(read(r#"{"data":[7,"x",9]}"#).unwrap(), (vec![7, 9], vec![1]));
        assert_eq!(read(r#"{"data":[]}"#).unwrap(), (vec![], vec![]));
        for body in ["{}", r#"{"data":null}"#, r#"{"data":{}}"#] {
            assert!(read(body).is_err(), "{body}");
        }
    }

    #[test]
    fn a_body_is_the_services_by_what_it_has_and_by_what_others_have() {
        for (body, is_ours) in [
            ("{}", true),
            (r#"{"uri":"x"}"#, true),
            (r#"{"uri":"x","code":0}"#, false),
            (r#"{"action":"get","code":0}"#, true),
            (r#"{"action":null,"code":0}"#, false),
            (r#"{"entities":[],"code":0}"#, true),
            (r#"{"entities":null,"code":0}"#, false),
            (r#"{"timestamp":1}"#, true),
            (r#"{"timestamp":"2026-01-05T09:36:35Z"}"#, false),
            (r#"{"anything":1}"#, false),
        ] {
            let is_a_success = matches!(classify(&answer(200, body)), Classified::Success(_));
            assert_eq!(is_a_success, is_ours, "{body}");
        }
        let twice = r#"{"data":1,"data":2}"#;
        assert!(matches!(
            classify(&answer(200, twice)),
            Classified::Undecodable(_)
        ));
    }
}

//! The top-level fields of a body, and whether the service wrote it.
//!
//! Gateways, portals and frameworks answer in JSON too, and a verdict about a user may come from the service only. No
//! field of its envelope is required, so a body is recognised by what it has, and by what a foreign one has.

use std::borrow::Cow;
use std::fmt;

use serde::de::{Error as _, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;

use crate::error::ApiError;
use crate::model::Integer;

/// The fields that calls read, still raw, and the marks of who wrote the body.
#[derive(Debug, Default)]
#[expect(clippy::struct_excessive_bools, reason = "each is a mark of its own")]
pub(super) struct Fields<'a> {
    pub(super) error: Option<&'a RawValue>,
    pub(super) error_description: Option<&'a RawValue>,
    pub(super) data: Option<&'a RawValue>,
    pub(super) entities: Option<&'a RawValue>,
    pub(super) cursor: Option<&'a RawValue>,
    pub(super) result: Option<&'a RawValue>,
    pub(super) timestamp: Option<&'a RawValue>,
    /// There is at least one field, of whatever name.
    any: bool,
    /// A field that answers of the service have.
    known: bool,
    /// A field that answers of others do not have.
    own: bool,
    /// A field that answers of the service do not have, and those of gateways and frameworks do.
    foreign: bool,
}

#[derive(Clone, Copy, Deserialize)]
#[serde(field_identifier, rename_all = "snake_case")]
enum Name {
    Error,
    ErrorDescription,
    Data,
    Entities,
    Cursor,
    Result,
    Timestamp,
    #[serde(
        rename = "action",
        alias = "application",
        alias = "applicationName",
        alias = "organization",
        alias = "access_token",
        alias = "deploy_name"
    )]
    Own,
    #[serde(
        rename = "uri",
        alias = "params",
        alias = "duration",
        alias = "count",
        alias = "exception",
        alias = "expires_in",
        alias = "expire_timestamp",
        alias = "msgs",
        alias = "user"
    )]
    Known,
    #[serde(
        rename = "code",
        alias = "Code",
        alias = "errcode",
        alias = "errCode",
        alias = "err_code",
        alias = "errorCode",
        alias = "error_code",
        alias = "resultCode",
        alias = "returnCode",
        alias = "retcode",
        alias = "ret",
        alias = "msg",
        alias = "message",
        alias = "Message",
        alias = "errmsg",
        alias = "errMsg",
        alias = "err_msg",
        alias = "success",
        alias = "ok",
        alias = "status",
        alias = "statusCode",
        alias = "status_code",
        alias = "detail",
        alias = "title"
    )]
    Foreign,
    #[serde(other)]
    Other,
}

impl<'de: 'a, 'a> Deserialize<'de> for Fields<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct FieldsVisitor;

        impl<'de> Visitor<'de> for FieldsVisitor {
            type Value = Fields<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Fields<'de>, A::Error> {
                let mut fields = Fields::default();
                while let Some((name, value)) = map.next_entry::<Name, &'de RawValue>()? {
                    fields.any = true;
                    let (slot, is_known) = match name {
                        Name::Error => (&mut fields.error, true),
                        Name::ErrorDescription => (&mut fields.error_description, true),
                        Name::Data => (&mut fields.data, true),
                        Name::Cursor => (&mut fields.cursor, true),
                        Name::Result => (&mut fields.result, true),
                        Name::Entities => {
                            fields.own |= value.get().starts_with('[');
                            (&mut fields.entities, true)
                        }
                        // Frameworks write the time as text.
                        Name::Timestamp => (&mut fields.timestamp, is_integer(value)),
                        Name::Own => {
                            fields.own |= value.get() != "null";
                            continue;
                        }
                        Name::Known => {
                            fields.known = true;
                            continue;
                        }
                        Name::Foreign => {
                            fields.foreign = true;
                            continue;
                        }
                        Name::Other => continue,
                    };
                    fields.known |= is_known;
                    if slot.replace(value).is_some() {
                        return Err(A::Error::custom("a field comes twice"));
                    }
                }
                Ok(fields)
            }
        }

        deserializer.deserialize_map(FieldsVisitor)
    }
}

/// Types of errors that nobody else has (error catalogue of the error page).
const OWN_TYPES: [&str; 18] = [
    "application_already_exists",
    "auth_bad_access_token",
    "concurrent_operation_error",
    "duplicate_unique_property_exists",
    "entity_not_found",
    "expired_token",
    "group_authorization",
    "illegal_argument",
    "message_rewrite_error",
    "no_full_text_index",
    "organization_application_not_found",
    "reach_limit",
    "required_property_not_found",
    "resource_limited",
    "service open exception",
    "service_resource_not_found",
    "storage_object_not_found",
    "unsupported_service_operation",
];

/// How descriptions begin that prove the service under a type that others have as well (token and error pages).
const OWN_WORDS: [(&str, &[&str]); 4] = [
    (
        "invalid_grant",
        &[
            "client_id does not match",
            "client_secret does not match",
            "invalid password",
            "invalid username or password",
            "user not activated",
            "user not found",
        ],
    ),
    (
        "unauthorized",
        &[
            "unable to authenticate",
            "subject does not have permission",
            "open registration doesn't allow",
            "registration is not open",
            "token is illegal",
        ],
    ),
    ("management", &["user with id"]),
    ("web_application", &["http 4", "http 5", "javax.ws.rs"]),
];

impl<'a> Fields<'a> {
    /// Reads an object.
    pub(super) fn of(body: &'a [u8]) -> serde_json::Result<Self> {
        serde_json::from_slice(body)
    }

    /// Returns true if a body with a success status may be the service's: `{}`, or one that has a field of the envelope
    /// and none that only gateways and frameworks write.
    pub(super) fn is_an_answer(&self) -> bool {
        !self.any || self.own || (self.known && !self.foreign)
    }

    /// Returns true if an error is in the form of the service: the whole envelope as servers have been seen to write it,
    /// a type that only the service has, or its very words.
    pub(super) fn is_error_envelope(&self) -> bool {
        let Some(error) = text_of(self.error) else {
            return false;
        };
        let description = text_of(self.error_description);
        if description.is_some() && self.timestamp.is_some_and(is_integer) {
            return true;
        }
        if self.foreign {
            return false;
        }
        let (error, said) = (
            error.to_ascii_lowercase(),
            description.unwrap_or_default().to_ascii_lowercase(),
        );
        OWN_TYPES.contains(&error.as_str())
            || OWN_WORDS.iter().any(|(kind, words)| {
                *kind == error && words.iter().any(|words| said.trim_start().starts_with(words))
            })
    }

    pub(super) fn api_error(&self) -> Option<ApiError> {
        // An empty type is documented for some presence errors, so its presence alone counts.
        let field = |raw: Option<&'a RawValue>| raw.filter(|raw| raw.get() != "null").map(as_text);
        let (error, description) = (field(self.error), field(self.error_description));
        (error.is_some() || description.is_some()).then(|| ApiError {
            error: error.unwrap_or_default().into_owned(),
            description: description.unwrap_or_default().into_owned(),
        })
    }
}

fn is_integer(raw: &RawValue) -> bool {
    serde_json::from_str::<Integer>(raw.get()).is_ok()
}

/// A JSON string; nothing for anything else.
fn text_of(raw: Option<&RawValue>) -> Option<String> {
    serde_json::from_str(raw?.get()).ok()
}

/// A JSON string as its text, `null` as nothing, anything else as it stands.
pub(super) fn as_text(raw: &RawValue) -> Cow<'_, str> {
    match serde_json::from_str::<String>(raw.get()) {
        Ok(text) => Cow::Owned(text),
        Err(_) if raw.get() == "null" => Cow::Borrowed(""),
        Err(_) => Cow::Borrowed(raw.get()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_counts_only_in_the_form_of_the_service() {
        for (body, own) in [
            // As servers have been seen to write it, with and without the fields that some lack.
            (
                r#"{"error":"anything","exception":"x.Y","timestamp":1,"duration":0,"error_description":"d"}"#,
                true,
            ),
            (
                r#"{"error_description":"d","error":"any","timestamp":1712000000001}"#,
                true,
            ),
            (
                r#"{"error":"","error_description":"resource not exist","timestamp":1}"#,
                true,
            ),
            (r#"{"error":"service_resource_not_found"}"#, true),
            (
                r#"{"error":"Service_Resource_Not_Found","error_description":"Service resource not found"}"#,
                true,
            ),
            (r#"{"error":"reach_limit","exception":"x"}"#, true),
            (
                r#"{"error":"service open exception","error_description":"no"}"#,
                true,
            ),
            (
                r#"{"error":"invalid_grant","error_description":"client_secret does not match"}"#,
                true,
            ),
            (
                r#"{"error":"unauthorized","error_description":"Unable to authenticate (OAuth)"}"#,
                true,
            ),
            // Frameworks and gateways.
            (
                r#"{"timestamp":"2026-01-05T09:36:35Z","status":404,"error":"Not Found","path":"/a"}"#,
                false,
            ),
            (
                r#"{"timestamp":1767605795325,"status":404,"error":"Not Found","message":"No","path":"/a"}"#,
                false,
            ),
            (
                r#"{"timestamp":1,"status":500,"error":"E","exception":"x.Y","message":"no"}"#,
                false,
            ),
            (r#"{"message":"no Route matched with those values"}"#, false),
            (r#"{"error":"Not Found"}"#, false),
            (
                r#"{"error":"not_found","error_description":"no such route"}"#,
                false,
            ),
            (
                r#"{"error":"unauthorized","error_description":"Full authentication is required"}"#,
                false,
            ),
            (r#"{"error":"unauthorized"}"#, false),
            (r#"{"error":"invalid_grant"}"#, false),
            (
                r#"{"error":"invalid_token","error_description":"expired"}"#,
                false,
            ),
            (r#"{"code":404,"msg":"not found"}"#, false),
            (r#"{"code":404,"error":"service_resource_not_found"}"#, false),
            (r#"{"error":{"code":404,"message":"no"}}"#, false),
            (
                r#"{"error":{"code":404},"error_description":"d","timestamp":1}"#,
                false,
            ),
            (r#"{"error":"e","error_description":null,"timestamp":1}"#, false),
            (
                r#"{"error":"e","error_description":"d","timestamp":"today"}"#,
                false,
            ),
            (r#"{"error_description":"only text","timestamp":1}"#, false),
            (r#"{"errors":[{"detail":"no"}]}"#, false),
            ("{}", false),
        ] {
            assert_eq!(
                Fields::of(body.as_bytes()).unwrap().is_error_envelope(),
                own,
                "{body}"
            );
        }
    }

    #[test]
    fn a_success_counts_only_with_a_field_of_the_envelope() {
        for (body, own) in [
            ("{}", true),
            (" { } ", true),
            (r#"{"action":"activate user","timestamp":1,"duration":2}"#, true),
            (r#"{"entities":[]}"#, true),
            (r#"{"data":{"result":true}}"#, true),
            (r#"{"result":"ok"}"#, true),
            (r#"{"error":null}"#, true),
            (r#"{"timestamp":1712000000001}"#, true),
            (r#"{"access_token":"YWMt","expires_in":1}"#, true),
            (r#"{"action":"get","status":"ok","data":[]}"#, true),
            (r#"{"data":[],"surprise":1}"#, true),
            (r#"{"code":0,"message":"ok"}"#, false),
            (r#"{"code":0,"msg":"ok","data":[]}"#, false),
            (r#"{"code":200,"success":true,"data":{"result":true}}"#, false),
            (r#"{"status":"ok"}"#, false),
            (r#"{"status":"UP","timestamp":1}"#, false),
            (r#"{"message":"hello"}"#, false),
            (r#"{"entities":null,"code":0}"#, false),
            (r#"{"action":null,"code":0}"#, false),
            (r#"{"timestamp":"2026-01-05T09:36:35Z","path":"/"}"#, false),
            (r#"{"portal":"sign in"}"#, false),
        ] {
            assert_eq!(Fields::of(body.as_bytes()).unwrap().is_an_answer(), own, "{body}");
        }
    }

    #[test]
    fn only_an_object_has_fields() {
        for body in [
            "",
            "[]",
            "[null,1]",
            "1",
            "null",
            r#""{}""#,
            "{",
            r#"{"data":1,"data":2}"#,
        ] {
            assert!(Fields::of(body.as_bytes()).is_err(), "{body}");
        }
        let error = Fields::of(b"[]").err().unwrap().to_string();
        assert!(error.contains("expected an object"), "{error}");
    }

    #[test]
    fn what_is_no_text_is_shown_as_it_stands_and_null_is_nothing() {
        for (raw, text) in [(r#""a\"b""#, "a\"b"), ("null", ""), ("7", "7"), ("[1]", "[1]")] {
            let raw: &RawValue = serde_json::from_str(raw).unwrap();
            assert_eq!(as_text(raw), text);
        }
    }
}

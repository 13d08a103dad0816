//! The file that records what a server was found to do.

use std::fmt;
use std::time::Duration;

use easemob_admin_api::DisconnectVerb;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// The newest format that this version reads, and the one it writes.
pub const FORMAT: u32 = 1;

/// What the server of one app root was found to do, and when.
///
/// ```
/// use easemob_admin_ops::probe::capabilities::Capabilities;
///
/// let text = r#"{
///   "easemob_admin_capabilities": 1,
///   "tool": "0.3.0",
///   "probed_at": "2026-11-29T12:00:00Z",
///   "app_root": "https://im.example.com/acme/test",
///   "answers": {"logout_verbs": {"delete": false, "get": true}}
/// }"#;
/// let known = Capabilities::read(text.as_bytes())?;
/// assert!(known.answers.logout_verbs.is_some_and(|verbs| verbs.get));
/// assert_eq!(known.answers.batch_status, None);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Capabilities {
    /// The format of the file.
    #[serde(rename = "easemob_admin_capabilities")]
    pub format: u32,
    /// The version of the tool.
    pub tool: String,
    /// When the server was asked.
    pub probed_at: Timestamp,
    /// The root URL of all calls.
    pub app_root: String,
    /// The answers. A question that was not answered is absent.
    pub answers: Answers,
}

/// The answers to the questions of a probe.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Answers {
    /// What statuses of many users say about a name that does not exist.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub batch_status: Option<BatchStatus>,
    /// The largest body.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub largest_body: Option<LargestBody>,
    /// What happens above the rate limit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rate_limit: Option<RateLimit>,
    /// The answer to a logout of all devices of a user who has none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub logout_offline: Option<LogoutAnswer>,
    /// The answer to a logout of all devices of a user who does not exist.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub logout_unknown_user: Option<LogoutAnswer>,
    /// The answer to a logout of a device that is not online.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub logout_unknown_device: Option<LogoutAnswer>,
    /// Which methods log out one device.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub logout_verbs: Option<LogoutVerbs>,
    /// The cursor of the last page of a listing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_page: Option<LastPage>,
    /// How long after the device list the status shows a sign-in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sign_in_lag: Option<Lag>,
    /// The order of device lists.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub device_order: Option<DeviceOrder>,
    /// Whether the logout of one device ends it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub single_logout_ends: Option<bool>,
    /// How long after the device list the status shows a sign-out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sign_out_lag: Option<Lag>,
}

/// A status and an error type that say no.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refusal {
    /// The HTTP status.
    pub status: u16,
    /// The error type; empty if there is none.
    pub error: String,
}

/// What statuses of many users say about a name that does not exist.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BatchStatus {
    /// The name is offline.
    Offline,
    /// The answer leaves the name out.
    LeftOut,
    /// The whole call is refused.
    Refused(Refusal),
    /// The server does not have the call.
    Missing,
}

/// The largest body, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct LargestBody {
    /// The largest body that was accepted.
    pub accepted: usize,
    /// The smallest body that was refused with 413; absent if none was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refused: Option<usize>,
}

/// What happens above the rate limit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RateLimit {
    /// How many calls passed before the first refusal, or in all.
    pub passed: u64,
    /// The refusal; absent if no call was refused.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refusal: Option<RateRefusal>,
    /// The same for statuses of many users; absent if it was not found out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub batch_status: Option<BatchPool>,
}

/// The refusal of a call above the rate limit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RateRefusal {
    /// The HTTP status.
    pub status: u16,
    /// The error type; empty if there is none.
    pub error: String,
    /// The seconds of the `Retry-After` header; absent without one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry_after: Option<u64>,
}

/// The pool of statuses of many users.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct BatchPool {
    /// Whether they are still accepted while other calls are refused.
    pub own: bool,
    /// How many passed before the first refusal, or in all.
    pub passed: u64,
    /// Whether one was refused.
    pub limited: bool,
}

/// The answer to a logout that ends nothing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LogoutAnswer {
    /// 200 with this `result`.
    Result(bool),
    /// A refusal.
    Refused(Refusal),
}

/// Which methods log out one device.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogoutVerbs {
    /// Whether DELETE does, which the public page documents.
    pub delete: bool,
    /// Whether GET does, which the vendor's Java library sends.
    pub get: bool,
}

impl LogoutVerbs {
    /// Returns the method to use: DELETE if both work.
    #[must_use]
    pub fn best(self) -> Option<DisconnectVerb> {
        if self.delete {
            Some(DisconnectVerb::Delete)
        } else {
            self.get.then_some(DisconnectVerb::Get)
        }
    }
}

/// The cursor of the last page of a listing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LastPage {
    /// The last page has none.
    NoCursor,
    /// The last page has one, which leads to an empty page.
    EmptyPage,
    /// The last page repeats the cursor that it was asked for with.
    Repeated,
}

/// How long the status takes to follow.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Lag {
    /// So many milliseconds.
    WithinMs(u64),
    /// More milliseconds than this.
    LongerThanMs(u64),
}

impl Lag {
    /// Returns true if the status takes longer than `limit`, as far as that is known.
    #[must_use]
    pub fn is_longer_than(self, limit: Duration) -> bool {
        let limit = u64::try_from(limit.as_millis()).unwrap_or(u64::MAX);
        match self {
            Self::WithinMs(lag) => lag > limit,
            Self::LongerThanMs(lag) => lag >= limit,
        }
    }
}

/// The order of device lists.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DeviceOrder {
    /// The device that signed in first comes first.
    OldestFirst,
    /// The device that signed in last comes first.
    NewestFirst,
    /// Neither.
    Other,
}

/// Why a file does not say what a server does.
#[derive(Debug, thiserror::Error)]
pub enum CapabilitiesError {
    /// The file is something else, or damaged.
    #[error("this is not a capability file, or a damaged one: {0}")]
    Foreign(String),
    /// It was written by a newer version.
    #[error(
        "the file has format {format} of easemob-admin {}, but this version reads up to {FORMAT}; use a newer easemob-admin",
        tool.as_deref().unwrap_or("(unknown version)")
    )]
    Newer {
        /// Its format.
        format: u32,
        /// The version that wrote it.
        tool: Option<String>,
    },
}

#[derive(Deserialize)]
struct AnyFormat {
    easemob_admin_capabilities: u32,
    tool: Option<String>,
}

impl Capabilities {
    /// Reads the content of a capability file. Unknown fields are ignored.
    ///
    /// # Errors
    /// When it is not one, has a newer format, or has a value that this version does not know.
    pub fn read(bytes: &[u8]) -> Result<Self, CapabilitiesError> {
        let foreign = |error: serde_json::Error| CapabilitiesError::Foreign(error.to_string());
        let any: AnyFormat = serde_json::from_slice(bytes).map_err(foreign)?;
        match any.easemob_admin_capabilities {
            FORMAT => serde_json::from_slice(bytes).map_err(foreign),
            0 => Err(CapabilitiesError::Foreign("there is no format 0".into())),
            format => Err(CapabilitiesError::Newer {
                format,
                tool: any.tool,
            }),
        }
    }

    /// Returns the content of the file.
    ///
    /// # Errors
    /// When it cannot be written as JSON, which is a defect.
    pub fn to_json(&self) -> serde_json::Result<String> {
        serde_json::to_string_pretty(self).map(|text| text + "\n")
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.error.as_str() {
            "" => write!(f, "{}", self.status),
            error => write!(f, "{} {error}", self.status),
        }
    }
}

impl fmt::Display for BatchStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Offline => f.write_str("an unknown name is offline"),
            Self::LeftOut => f.write_str("an unknown name is left out"),
            Self::Refused(refusal) => write!(f, "an unknown name makes the whole call fail with {refusal}"),
            Self::Missing => f.write_str("the server does not have the call"),
        }
    }
}

impl fmt::Display for LargestBody {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.refused {
            Some(refused) => write!(
                f,
                "{} bytes are accepted, {refused} are answered with 413",
                self.accepted
            ),
            None => write!(f, "{} bytes are accepted", self.accepted),
        }
    }
}

impl fmt::Display for RateLimit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.refusal {
            None => write!(f, "none of {} calls was refused", self.passed)?,
            Some(refusal) => {
                let said = Refusal {
                    status: refusal.status,
                    error: refusal.error.clone(),
                };
                write!(f, "{said} after {} calls, ", self.passed)?;
                match refusal.retry_after {
                    Some(seconds) => write!(f, "Retry-After: {seconds}")?,
                    None => f.write_str("no Retry-After")?,
                }
            }
        }
        match self.batch_status {
            None => Ok(()),
            Some(pool) => {
                let kind = if pool.own {
                    "of their own"
                } else {
                    "shared with other calls"
                };
                write!(f, "; statuses of many users: a pool {kind}, ")?;
                if pool.limited {
                    write!(f, "refused after {}", pool.passed)
                } else {
                    write!(f, "none of {} refused", pool.passed)
                }
            }
        }
    }
}

impl fmt::Display for LogoutAnswer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Result(result) => write!(f, "result: {result}"),
            Self::Refused(refusal) => write!(f, "refused with {refusal}"),
        }
    }
}

impl fmt::Display for LogoutVerbs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match (self.delete, self.get) {
            (true, true) => "DELETE and GET",
            (true, false) => "DELETE only",
            (false, true) => "GET only",
            (false, false) => "neither DELETE nor GET",
        })
    }
}

impl fmt::Display for LastPage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NoCursor => "has no cursor",
            Self::EmptyPage => "has a cursor that leads to an empty page",
            Self::Repeated => "repeats the cursor of the call",
        })
    }
}

impl fmt::Display for Lag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (word, millis) = match self {
            Self::WithinMs(millis) => ("", *millis),
            Self::LongerThanMs(millis) => ("more than ", *millis),
        };
        write!(f, "{word}{:.1} s", Duration::from_millis(millis).as_secs_f64())
    }
}

impl fmt::Display for DeviceOrder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::OldestFirst => "oldest first",
            Self::NewestFirst => "newest first",
            Self::Other => "neither oldest nor newest first",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(format: u32, answers: &str) -> String {
        format!(
            r#"{{"easemob_admin_capabilities": {format}, "tool": "9.1.0", "probed_at": "2026-11-29T12:00:00Z",
                "app_root": "https://im.example.com/a/b", "later": 1, "answers": {answers}}}"#
        )
    }

    #[test]
    fn what_is_written_is_read_again() {
        let refusal = Refusal {
            status: 404,
            error: "entity_not_found".into(),
        };
        let all = Capabilities {
            format: FORMAT,
            tool: "1.0.0".into(),
            probed_at: "2026-11-29T12:00:00Z".parse().unwrap(),
            app_root: "https://im.example.com/a/b".into(),
            answers: Answers {
                batch_status: Some(BatchStatus::Refused(refusal.clone())),
                largest_body: Some(LargestBody {
                    accepted: 5_000,
                    refused: Some(5_001),
                }),
                rate_limit: Some(RateLimit {
                    passed: 100,
                    refusal: Some(RateRefusal {
                        status: 429,
                        error: "reach_limit".into(),
                        retry_after: Some(1),
                    }),
                    batch_status: Some(BatchPool {
                        own: true,
                        passed: 50,
                        limited: true,
                    }),
                }),
                logout_offline: Some(LogoutAnswer::Result(true)),
                logout_unknown_user: Some(LogoutAnswer::Refused(refusal)),
                logout_unknown_device: Some(LogoutAnswer::Result(false)),
                logout_verbs: Some(LogoutVerbs {
                    delete: true,
                    get: false,
                }),
                last_page: Some(LastPage::EmptyPage),
                sign_in_lag: Some(Lag::WithinMs(480)),
                device_order: Some(DeviceOrder::NewestFirst),
                single_logout_ends: Some(true),
                sign_out_lag: Some(Lag::LongerThanMs(100_000)),
            },
        };
        let text = all.to_json().unwrap();
        assert_eq!(Capabilities::read(text.as_bytes()).unwrap(), all);
        insta::assert_snapshot!(text);
    }

    #[test]
    fn unknown_fields_are_ignored_and_other_files_refused() {
        let read = |text: &str| Capabilities::read(text.as_bytes());
        assert_eq!(
            read(&file(1, r#"{"smell": "sweet"}"#)).unwrap().answers,
            Answers::default()
        );
        let newer = read(&file(2, r#"{"batch_status": 7}"#)).unwrap_err().to_string();
        assert!(newer.contains("format 2 of easemob-admin 9.1.0"), "{newer}");
        for other in [
            "",
            "{}",
            "[1]",
            "not JSON",
            &file(0, "{}"),
            &file(1, "7"),
            &file(1, r#"{"last_page": "torn"}"#),
        ] {
            let error = read(other).unwrap_err();
            assert!(matches!(error, CapabilitiesError::Foreign(_)), "{other}: {error}");
        }
    }

    #[test]
    fn a_lag_is_longer_or_not() {
        let minute = Duration::from_secs(60);
        for (lag, longer) in [
            (Lag::WithinMs(0), false),
            (Lag::WithinMs(60_000), false),
            (Lag::WithinMs(60_001), true),
            (Lag::LongerThanMs(59_999), false),
            (Lag::LongerThanMs(60_000), true),
        ] {
            assert_eq!(lag.is_longer_than(minute), longer, "{lag:?}");
        }
    }
}

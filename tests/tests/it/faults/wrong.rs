//! What can go wrong.

use std::time::Duration;

use super::line::Strike;

/// A fault, and how it is brought about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Wrong {
    /// Something on the way to the server or back.
    Line(OnLine, Often),
    /// Every call is answered with 503, until the tool says that it waits.
    Away,
    /// Every call is cut off, until the tool says that it waits.
    CutOff,
    /// The name of the server cannot be resolved.
    NoSuchHost,
    /// The certificate is for another name.
    OtherName,
    /// Nothing can be written any more.
    FullDisk,
    /// Nothing can be written at all.
    ReadOnlyDisk,
    /// The program is asked to end.
    Terminated,
    /// The program is ended.
    Killed,
}

/// How often the line strikes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Often {
    Once,
    Always,
}

/// What happens on the line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum OnLine {
    TooMany,
    ServerError,
    GatewayPage,
    Unavailable,
    TokenRefused,
    ResetBefore,
    ClosedAfter,
    HalfOpen,
    Trickle,
    TooShort,
    TooLong,
    HugeBody,
    NotUtf8,
    ClockJump,
}

impl OnLine {
    const ALL: [Self; 14] = [
        Self::TooMany,
        Self::ServerError,
        Self::GatewayPage,
        Self::Unavailable,
        Self::TokenRefused,
        Self::ResetBefore,
        Self::ClosedAfter,
        Self::HalfOpen,
        Self::Trickle,
        Self::TooShort,
        Self::TooLong,
        Self::HugeBody,
        Self::NotUtf8,
        Self::ClockJump,
    ];

    fn name(self) -> &'static str {
        match self {
            Self::TooMany => "429",
            Self::ServerError => "500",
            Self::GatewayPage => "502 with a page",
            Self::Unavailable => "503 with `Retry-After`",
            Self::TokenRefused => "401 in the middle",
            Self::ResetBefore => "reset before the request was read",
            Self::ClosedAfter => "closed after the effect, without an answer",
            Self::HalfOpen => "connection that stays open and silent",
            Self::Trickle => "answer that comes byte by byte",
            Self::TooShort => "`Content-Length` too small",
            Self::TooLong => "`Content-Length` too large",
            Self::HugeBody => "body without end",
            Self::NotUtf8 => "body that is not UTF-8",
            Self::ClockJump => "the server's clock jumps by 90 days",
        }
    }

    /// What the line does to a request.
    pub(super) fn strike(self) -> Strike {
        let error = |status: &str, more: &str, kind: &str, body: &str| {
            let length = body.len();
            let head = format!(
                "HTTP/1.1 {status}\r\ncontent-type: {kind}\r\n{more}content-length: {length}\r\n\r\n{body}"
            );
            Strike::Answer(head.into_bytes())
        };
        let json = |status: &str, more: &str, what: &str| {
            let body = format!(r#"{{"error":"{what}","error_description":"made up","timestamp":1}}"#);
            error(status, more, "application/json", &body)
        };
        match self {
            Self::TooMany => json("429 Too Many Requests", "", "reach_limit"),
            Self::ServerError => json("500 Internal Server Error", "", "internal_server_error"),
            Self::GatewayPage => error("502 Bad Gateway", "", "text/html", "<html>Bad gateway</html>"),
            Self::Unavailable => json(
                "503 Service Unavailable",
                "retry-after: 1\r\n",
                "service_unavailable",
            ),
            Self::TokenRefused => json("401 Unauthorized", "", "unauthorized"),
            Self::ResetBefore => Strike::ResetBefore,
            Self::ClosedAfter => Strike::CloseAfter,
            Self::HalfOpen => Strike::Silence,
            Self::Trickle => Strike::Trickle(Duration::from_millis(50)),
            Self::TooShort => Strike::Length(-10),
            Self::TooLong => Strike::Length(10),
            Self::HugeBody => Strike::Endless,
            Self::NotUtf8 => {
                let mut answer =
                    b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 29\r\n\r\n"
                        .to_vec();
                answer.extend(b"{\"data\":[{\"res\":\"ios_\xff\xfe_1\"}]}");
                Strike::Answer(answer)
            }
            Self::ClockJump => Strike::Tell,
        }
    }
}

impl Wrong {
    /// Returns the rows of the table.
    pub(super) fn all() -> Vec<Self> {
        let jump = |what: &OnLine| *what == OnLine::ClockJump;
        let once = OnLine::ALL.map(|what| Self::Line(what, Often::Once));
        // A clock jumps once.
        let always = OnLine::ALL.into_iter().filter(|what| !jump(what));
        let always: Vec<Self> = always.map(|what| Self::Line(what, Often::Always)).collect();
        let others = [
            Self::Away,
            Self::CutOff,
            Self::NoSuchHost,
            Self::OtherName,
            Self::FullDisk,
            Self::ReadOnlyDisk,
            Self::Terminated,
            Self::Killed,
        ];
        [&once[..], &always, &others].concat()
    }

    pub(super) fn name(self) -> String {
        match self {
            Self::Line(OnLine::ClockJump, _) => OnLine::ClockJump.name().into(),
            Self::Line(what, Often::Once) => format!("{}, once", what.name()),
            Self::Line(what, Often::Always) => format!("{}, always", what.name()),
            Self::Away => "503 to every call for a while".into(),
            Self::CutOff => "every connection reset for a while".into(),
            Self::NoSuchHost => "name that does not resolve".into(),
            Self::OtherName => "certificate for another name".into(),
            Self::FullDisk => "full disk".into(),
            Self::ReadOnlyDisk => "read-only disk".into(),
            Self::Terminated => "SIGTERM".into(),
            Self::Killed => "SIGKILL".into(),
        }
    }
}

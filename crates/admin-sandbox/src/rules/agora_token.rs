//! Tokens of Agora's kind (`AccessToken2`), which the service takes in exchange for its own (page "token server" of Agora Chat).
//!
//! `007`, and base64 of what zlib makes of: the signature, and what is signed (app id, time of issue, life, salt, and for each
//! service its privileges and whose they are). Numbers are little-endian, texts begin with their length.

use std::io::Read as _;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use flate2::read::ZlibDecoder;
use hmac::{Hmac, Mac as _};
use sha2::Sha256;

use super::App;
use super::tokens::{Subject, TokenError};

const VERSION: &str = "007";

/// The services whose privileges a token may hold, by the texts that follow them.
const TEXTS: [(u16, usize); 5] = [(1, 2), (2, 1), (4, 0), (CHAT, 1), (7, 2)];
const CHAT: u16 = 5;
const PRIVILEGE_USER: u16 = 1;
const PRIVILEGE_APP: u16 = 2;

/// No token is longer, unpacked.
const LONGEST: u64 = 64 * 1024;

/// Whom a token stands for, and until when in milliseconds since 1970.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Exchanged {
    pub(crate) subject: Subject,
    pub(crate) end_ms: u64,
}

struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn take(&mut self, count: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(count)?;
        self.0 = rest;
        Some(taken)
    }

    fn u16(&mut self) -> Option<u16> {
        Some(u16::from_le_bytes(self.take(2)?.try_into().ok()?))
    }

    fn u32(&mut self) -> Option<u32> {
        Some(u32::from_le_bytes(self.take(4)?.try_into().ok()?))
    }

    fn text(&mut self) -> Option<&'a [u8]> {
        let length = self.u16()?;
        self.take(usize::from(length))
    }
}

/// What a token says, as far as it is about chat.
struct Claims<'a> {
    app_id: &'a [u8],
    issued_s: u32,
    salt: u32,
    /// The privilege, and for how many seconds.
    privileges: Vec<(u16, u32)>,
    lives_s: u32,
    user: &'a [u8],
}

fn claims(signed: &[u8]) -> Option<Claims<'_>> {
    let mut reader = Reader(signed);
    let mut claims = Claims {
        app_id: reader.text()?,
        issued_s: reader.u32()?,
        lives_s: reader.u32()?,
        salt: reader.u32()?,
        privileges: Vec::new(),
        user: &[],
    };
    for _ in 0..reader.u16()? {
        let service = reader.u16()?;
        let mut privileges = Vec::new();
        for _ in 0..reader.u16()? {
            privileges.push((reader.u16()?, reader.u32()?));
        }
        let (_, texts) = TEXTS.into_iter().find(|(known, _)| *known == service)?;
        let mut last: &[u8] = &[];
        for _ in 0..texts {
            last = reader.text()?;
        }
        if service == CHAT {
            (claims.privileges, claims.user) = (privileges, last);
        }
        if service == 7 {
            // A role follows.
            reader.u16()?;
        }
    }
    Some(claims)
}

fn hmac(key: &[u8], text: &[u8]) -> Vec<u8> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).unwrap_or_else(|_| unreachable!("HMAC takes any key"));
    mac.update(text);
    mac.finalize().into_bytes().to_vec()
}

fn signature(certificate: &str, claims: &Claims<'_>, signed: &[u8]) -> Vec<u8> {
    let by_time = hmac(&claims.issued_s.to_le_bytes(), certificate.as_bytes());
    let by_salt = hmac(&claims.salt.to_le_bytes(), &by_time);
    hmac(&by_salt, signed)
}

impl App {
    /// Reads a token of Agora's kind.
    ///
    /// # Errors
    /// When it is not of that form, not signed for this app, has no privilege for chat, or its time is over.
    pub(crate) fn check_agora_token(&self, token: &str, now_ms: u64) -> Result<Exchanged, TokenError> {
        let packed = token
            .strip_prefix(VERSION)
            .and_then(|rest| STANDARD.decode(rest).ok());
        let packed = packed.ok_or(TokenError::Malformed)?;
        let mut unpacked = Vec::new();
        ZlibDecoder::new(packed.as_slice())
            .take(LONGEST)
            .read_to_end(&mut unpacked)
            .map_err(|_| TokenError::Malformed)?;
        let mut reader = Reader(&unpacked);
        let given = reader.text().ok_or(TokenError::Malformed)?;
        let signed = reader.0;
        let claims = claims(signed).ok_or(TokenError::Malformed)?;
        if claims.app_id != self.agora_id.as_bytes()
            || given != signature(&self.agora_certificate, &claims, signed)
        {
            return Err(TokenError::Foreign);
        }
        let user = String::from_utf8_lossy(claims.user).into_owned();
        let held = |wanted| claims.privileges.iter().find(|(held, _)| *held == wanted);
        let (subject, lives_s) = match (held(PRIVILEGE_USER), held(PRIVILEGE_APP)) {
            (Some((_, lives_s)), _) if !user.is_empty() => (Subject::User(user), *lives_s),
            (_, Some((_, lives_s))) => (Subject::App, *lives_s),
            _ => return Err(TokenError::Foreign),
        };
        let end_s = u64::from(claims.issued_s) + u64::from(lives_s.min(claims.lives_s));
        if end_s * 1_000 <= now_ms {
            return Err(TokenError::Expired);
        }
        Ok(Exchanged {
            subject,
            end_ms: end_s * 1_000,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// From the tests that Agora publishes with its own tools: three services, of which the last is chat.
    const PUBLISHED: &str = "007eJxTYPg19dsX8xO2Nys/bpSeoH/0j9CvSs1JWib9291PKC53l85UYLA0N3B2NDZNSTUzSDYxMTMxTUpKTLVINDI0NTAzTDI2dv8iwBDBxMDAyMDAwAwkWYAYxGcCk8xgkgVMKjCYp5gbGZuZpiZZWhibWJgaW5qnGqcap1mmmJgZJKWkJHIxGFlYGBmbGBqZGzMBzYGYxMlQklpcEl9anFrEChdEVgoAw6ct/Q==";

    fn app() -> App {
        let mut app = App::new("o#a", None);
        app.agora_id = "970CA35de60c44645bbae8a215061b33".into();
        app.agora_certificate = "5CFd2fd1755d40ecb72977518be15d3b".into();
        app
    }

    #[test]
    fn a_published_token_is_read_and_ends_at_its_time() {
        let end_ms = (1_111_111 + 600) * 1_000;
        let exchanged = app().check_agora_token(PUBLISHED, end_ms - 1).unwrap();
        let subject = Subject::User("2882341273".into());
        assert_eq!(exchanged, Exchanged { subject, end_ms });
        assert_eq!(
            app().check_agora_token(PUBLISHED, end_ms),
            Err(TokenError::Expired)
        );
    }

    #[test]
    fn a_token_of_another_app_or_certificate_is_foreign_and_anything_else_malformed() {
        let mut other = app();
        other.agora_certificate = "0".repeat(32);
        assert_eq!(other.check_agora_token(PUBLISHED, 0), Err(TokenError::Foreign));
        let mut other = app();
        other.agora_id = "0".repeat(32);
        assert_eq!(other.check_agora_token(PUBLISHED, 0), Err(TokenError::Foreign));
        for text in ["", "007", "007AAAA", "YWMtabc", "006eJxT", &PUBLISHED[..60]] {
            assert_eq!(
                app().check_agora_token(text, 0),
                Err(TokenError::Malformed),
                "{text}"
            );
        }
    }
}

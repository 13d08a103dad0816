//! Files that a page gives, with a name that leads nowhere, sent while they are read.

use std::collections::VecDeque;
use std::future::Future;
use std::io;

use axum::body::{Body, Bytes};
use axum::http::{HeaderMap, HeaderName, HeaderValue, header};
use axum::response::{IntoResponse as _, Response};
use easemob_admin_remote::api::{Page, Problem};
use futures_util::stream;
use jiff::Timestamp;
use jiff::tz::TimeZone;

/// Returns the headers of a file. Its name has what it is, the app, and the time.
pub(crate) fn headers(what: &str, app: &str, at: Timestamp, end: &str) -> HeaderMap {
    let at = at.to_zoned(TimeZone::UTC).strftime("%Y%m%d-%H%M%S").to_string();
    let name = format!("attachment; filename=\"{what}-{}-{at}.{end}\"", safe(app));
    let mut headers = HeaderMap::new();
    let mut insert = |header: HeaderName, value: &str| {
        if let Ok(value) = HeaderValue::from_str(value) {
            headers.insert(header, value);
        }
    };
    insert(header::CONTENT_DISPOSITION, &name);
    insert(header::CACHE_CONTROL, "no-store");
    if end == "csv" {
        insert(header::CONTENT_TYPE, "text/csv; charset=utf-8");
    }
    headers
}

/// Returns a name that is a file's name everywhere.
fn safe(name: &str) -> String {
    let plain = |sign: char| {
        if sign.is_ascii_alphanumeric() || sign == '-' || sign == '_' {
            sign
        } else {
            '_'
        }
    };
    name.chars().map(plain).take(60).collect()
}

/// Sends a table page by page, from one that was read already: whatever is wrong with the question is said before. If a later page
/// cannot be read, the answer breaks off, so that nobody takes a part for the whole.
pub(crate) fn pages<T, Read, Answer>(
    headers: HeaderMap,
    titles: &str,
    first: Page<T>,
    read: Read,
    line: fn(&T) -> String,
) -> Response
where
    T: Send + 'static,
    Read: Fn(String) -> Answer + Send + 'static,
    Answer: Future<Output = Result<Page<T>, Problem>> + Send,
{
    struct Sending<Read> {
        read: Read,
        ready: VecDeque<Bytes>,
        next: Option<String>,
    }
    let lines = move |page: &Page<T>| Bytes::from(page.items.iter().map(line).collect::<String>());
    let sending = Sending {
        read,
        ready: VecDeque::from([Bytes::from(format!("{titles}\r\n")), lines(&first)]),
        next: first.next,
    };
    let pieces = stream::unfold(Some(sending), move |sending| async move {
        let mut sending = sending?;
        if let Some(piece) = sending.ready.pop_front() {
            return Some((Ok::<_, io::Error>(piece), Some(sending)));
        }
        match (sending.read)(sending.next.take()?).await {
            Ok(page) => {
                let piece = lines(&page);
                sending.next = page.next;
                Some((Ok(piece), Some(sending)))
            }
            Err(problem) => Some((Err(io::Error::other(problem.title)), None)),
        }
    });
    (headers, Body::from_stream(pieces)).into_response()
}

/// Sends the lines of an answer as another table: each line of it becomes what `line` makes of it.
pub(crate) fn lines(
    headers: HeaderMap,
    titles: &str,
    answer: Response,
    line: fn(&[u8]) -> io::Result<String>,
) -> Response {
    use futures_util::StreamExt as _;
    let first = stream::once(std::future::ready(Ok(Bytes::from(format!("{titles}\r\n")))));
    let pieces = answer.into_body().into_data_stream();
    // The end of the last piece, which may be the beginning of a line.
    let rest = pieces
        .map(|piece| piece.map_err(io::Error::other))
        .chain(stream::once(std::future::ready(Ok(Bytes::from_static(b"\n")))))
        .scan(Vec::new(), move |rest: &mut Vec<u8>, piece| {
            std::future::ready(Some(piece.and_then(|piece| {
                rest.extend_from_slice(&piece);
                let whole = rest
                    .iter()
                    .rposition(|byte| *byte == b'\n')
                    .map_or(0, |end| end + 1);
                let whole: Vec<u8> = rest.drain(..whole).collect();
                let lines = whole.split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
                lines.map(line).collect::<io::Result<String>>().map(Bytes::from)
            })))
        });
    (headers, Body::from_stream(first.chain(rest))).into_response()
}

#[cfg(test)]
mod tests {
    use http_body_util::BodyExt as _;

    use super::*;

    #[test]
    fn a_download_has_a_name_that_leads_nowhere() {
        assert_eq!(safe("prod"), "prod");
        assert_eq!(safe("../../etc/passwd"), "______etc_passwd");
        assert_eq!(safe("a\"; x=\"\r\nb: c"), "a___x____b__c");
        assert_eq!(safe(&"x".repeat(500)).len(), 60);
        let at = "2026-11-28T01:42:18Z".parse().unwrap();
        assert_eq!(
            headers("users", "a\"b", at, "csv")[header::CONTENT_DISPOSITION],
            "attachment; filename=\"users-a_b-20261128-014218.csv\""
        );
    }

    fn page(items: &[u32], next: Option<&str>) -> Page<u32> {
        Page {
            items: items.to_vec(),
            next: next.map(str::to_owned),
        }
    }

    #[tokio::test]
    async fn every_page_is_sent_and_a_part_is_not_the_whole() {
        let line = |number: &u32| format!("{number}\r\n");
        let read = |after: String| async move {
            match after.as_str() {
                "a" => Ok(page(&[3], Some("b"))),
                "b" => Ok(page(&[4], None)),
                _ => Err(crate::api::broken("away")),
            }
        };
        let whole = pages(HeaderMap::new(), "number", page(&[1, 2], Some("a")), read, line);
        let sent = whole.into_body().collect().await.unwrap().to_bytes();
        assert_eq!(sent, "number\r\n1\r\n2\r\n3\r\n4\r\n");
        let part = pages(HeaderMap::new(), "number", page(&[1], Some("c")), read, line);
        assert!(part.into_body().collect().await.is_err());
    }

    #[tokio::test]
    async fn lines_may_come_in_any_pieces() {
        let pieces = ["on", "e\ntwo\nth", "ree"].map(|piece| Ok::<_, io::Error>(Bytes::from(piece)));
        let answer = Body::from_stream(stream::iter(pieces)).into_response();
        let line = |line: &[u8]| Ok(format!("{}!\r\n", String::from_utf8_lossy(line)));
        let sent = lines(HeaderMap::new(), "word", answer, line);
        let sent = sent.into_body().collect().await.unwrap().to_bytes();
        assert_eq!(sent, "word\r\none!\r\ntwo!\r\nthree!\r\n");
    }
}

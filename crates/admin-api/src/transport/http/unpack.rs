//! Bodies that come compressed although nobody asked for that, or with a byte-order mark.

use std::io::{self, Read};

use bytes::Bytes;
use flate2::read::{DeflateDecoder, MultiGzDecoder, ZlibDecoder};
use http::HeaderMap;
use http::header::CONTENT_ENCODING;

use super::answer_body::LARGEST;

/// What every gzip stream begins with.
const GZIP: [u8; 2] = [0x1f, 0x8b];
/// The most encodings on top of each other that are undone. A stream can unpack to itself, at any size.
const MOST_LAYERS: usize = 4;
/// The byte-order mark of UTF-8.
const MARK: &[u8] = b"\xef\xbb\xbf";

/// Unpacks a body; if it cannot be, returns it as it came, and why.
pub(super) fn unpacked(headers: &HeaderMap, body: Bytes) -> (Bytes, Option<String>) {
    let named: Vec<String> = headers
        .get_all(CONTENT_ENCODING)
        .iter()
        .flat_map(|value| value.to_str().unwrap_or("of no readable name").split(','))
        .map(|name| name.trim().to_ascii_lowercase())
        .filter(|name| !name.is_empty() && name != "identity")
        .collect();
    if named.len() > MOST_LAYERS && !is_plain(&body) {
        return (body, Some(format!("the body is encoded {} times", named.len())));
    }
    let mut body = body;
    // The last one named was applied last. Some proxies name an encoding and send the plain body.
    for name in named.iter().rev() {
        let read = match name.as_str() {
            _ if is_plain(&body) => break,
            "gzip" | "x-gzip" => whole(MultiGzDecoder::new(&body[..])),
            // By the standard with a frame of zlib, and in fact often without.
            "deflate" => {
                whole(ZlibDecoder::new(&body[..])).or_else(|_| whole(DeflateDecoder::new(&body[..])))
            }
            other => {
                let problem = format!(
                    "the body is encoded as `{}`, which nobody asked for",
                    other.escape_debug()
                );
                return (body, Some(problem));
            }
        };
        match read {
            Ok(read) => body = read,
            Err(error) => {
                let problem = format!(
                    "the body is encoded as `{name}`, which nobody asked for, and is damaged: {error}"
                );
                return (body, Some(problem));
            }
        }
    }
    if body.starts_with(&GZIP) {
        match whole(MultiGzDecoder::new(&body[..])) {
            Ok(read) => body = read,
            Err(error) => {
                let problem = format!("the body is gzip, which nobody asked for, and is damaged: {error}");
                return (body, Some(problem));
            }
        }
    }
    if body.starts_with(MARK) {
        body = body.slice(MARK.len()..);
    }
    (body, None)
}

/// Returns the beginning of a long body, which must not be packed.
pub(super) fn plain_beginning(headers: &HeaderMap, body: Bytes) -> (Bytes, Option<String>) {
    if !is_plain(&body) && (headers.contains_key(CONTENT_ENCODING) || body.starts_with(&GZIP)) {
        return (
            body,
            Some("the body is packed, which nobody asked for, and too long".to_owned()),
        );
    }
    let mark = if body.starts_with(MARK) { MARK.len() } else { 0 };
    (body.slice(mark..), None)
}

/// Whether a body is empty or begins as JSON or HTML does, which no compressed one does.
fn is_plain(body: &[u8]) -> bool {
    let text = body.strip_prefix(MARK).unwrap_or(body);
    text.is_empty() || text.trim_ascii_start().starts_with(b"{") || text.trim_ascii_start().starts_with(b"<")
}

/// Reads a stream to its end, up to the size that any answer may have.
fn whole(stream: impl Read) -> io::Result<Bytes> {
    let mut read = Vec::new();
    let most = u64::try_from(LARGEST).unwrap_or(u64::MAX);
    stream.take(most.saturating_add(1)).read_to_end(&mut read)?;
    if read.len() > LARGEST {
        return Err(io::Error::other("it is larger than 16 MiB"));
    }
    Ok(read.into())
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use flate2::Compression;
    use flate2::write::{DeflateEncoder, GzEncoder, ZlibEncoder};
    use http::HeaderValue;

    use super::*;

    fn gzip(text: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
        encoder.write_all(text).unwrap();
        encoder.finish().unwrap()
    }

    fn zlib(text: &[u8]) -> Vec<u8> {
        let mut encoder = ZlibEncoder::new(Vec::new(), Compression::best());
        encoder.write_all(text).unwrap();
        encoder.finish().unwrap()
    }

    fn deflate(text: &[u8]) -> Vec<u8> {
        let mut encoder = DeflateEncoder::new(Vec::new(), Compression::best());
        encoder.write_all(text).unwrap();
        encoder.finish().unwrap()
    }

    fn read(encoding: &str, body: Vec<u8>) -> (Bytes, Option<String>) {
        let mut headers = HeaderMap::new();
        if !encoding.is_empty() {
            headers.insert(CONTENT_ENCODING, HeaderValue::from_str(encoding).unwrap());
        }
        unpacked(&headers, body.into())
    }

    #[test]
    fn a_packed_body_is_read_and_a_plain_one_left_alone() {
        let json: &[u8] = br#"{"data":[]}"#;
        let marked = [MARK, json].concat();
        for (encoding, body) in [
            ("", json.to_vec()),
            ("identity", json.to_vec()),
            ("gzip", gzip(json)),
            ("x-gzip", gzip(json)),
            ("GZIP", gzip(json)),
            ("", gzip(json)),
            ("deflate", zlib(json)),
            ("deflate", deflate(json)),
            ("gzip, identity", gzip(json)),
            ("deflate, gzip", gzip(&zlib(json))),
            ("gzip, gzip", gzip(&gzip(json))),
            ("gzip", [gzip(&json[..4]), gzip(&json[4..])].concat()),
            ("", marked.clone()),
            ("gzip", gzip(&marked)),
            // Named, and not done.
            ("gzip", json.to_vec()),
            ("br", json.to_vec()),
            ("br", marked),
        ] {
            let (read, problem) = read(encoding, body);
            assert_eq!((&read[..], problem), (json, None), "{encoding}");
        }
        assert_eq!(read("gzip", vec![]), (Bytes::new(), None));
    }

    #[test]
    fn what_cannot_be_unpacked_is_named() {
        let packed = gzip(br#"{"data":[]}"#);
        for (encoding, body, named) in [
            ("br", vec![0x0b, 0x05, 0x80], "`br`"),
            ("zstd", vec![0x28, 0xb5, 0x2f, 0xfd], "`zstd`"),
            ("gzip", packed[..packed.len() - 6].to_vec(), "`gzip`"),
            ("gzip", vec![1, 2, 3], "`gzip`"),
            ("deflate", vec![0xff, 0xff, 0xff], "`deflate`"),
            ("", packed[..5].to_vec(), "gzip"),
            ("a\"b", vec![1], "a\\\"b"),
            ("gzip,gzip,gzip,gzip,gzip", packed.clone(), "5 times"),
        ] {
            let (kept, problem) = read(encoding, body.clone());
            assert_eq!(kept, body, "{encoding}");
            let problem = problem.unwrap();
            assert!(problem.contains(named), "{problem}");
        }
    }

    #[test]
    fn a_bomb_is_not_unpacked() {
        let bomb = gzip(&vec![b' '; LARGEST + 1]);
        assert!(bomb.len() < 100_000);
        let (_, problem) = read("gzip", bomb);
        assert!(problem.unwrap().contains("larger than 16 MiB"));
        let fits = gzip(&vec![b' '; LARGEST]);
        assert_eq!(read("", fits).1, None);
    }
}

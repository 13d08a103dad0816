//! Heads that are posted as JSON.

use std::time::Duration;

use easemob_admin_audit::TOOL;
use easemob_admin_store_pg::trail::heads::NewHead;
use serde_json::{Value, json};

use super::Unsent;
use crate::posting::client_for;

/// How long a post may take. A command waits for it at its end.
const TIMEOUT: Duration = Duration::from_secs(4);

/// Posts each head, and takes any 2xx for an answer.
pub(super) fn post(address: &str, heads: &[NewHead]) -> Result<(), Unsent> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    runtime.block_on(async {
        let client = client_for(address, TIMEOUT, None)?;
        for head in heads {
            let status = client.post(address, &body(head)).await?;
            if !(200..300).contains(&status) {
                return Err(format!("it answered with status {status}").into());
            }
        }
        Ok(())
    })
}

fn body(head: &NewHead) -> Value {
    json!({
        "kind": "audit.head",
        "trail": head.origin,
        "entries": head.size,
        "head": head.head,
        "key_id": head.key.id(),
        "key": head.key.pem(),
        "host": whoami::hostname().unwrap_or_default(),
        "tool": TOOL,
    })
}

#[cfg(test)]
mod tests {
    use std::io::{Read as _, Write as _};
    use std::net::TcpListener;
    use std::thread;

    use super::*;
    use crate::heads::tests::head;

    fn served(answer: &'static str) -> (Result<(), Unsent>, String) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = format!("http://{}/hooks/s3cret?x=1", listener.local_addr().unwrap());
        let server = thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let (mut read, mut buffer) = (String::new(), [0; 4096]);
            while !read.ends_with('}') {
                let count = stream.read(&mut buffer).unwrap();
                read += std::str::from_utf8(&buffer[..count]).unwrap();
            }
            stream.write_all(answer.as_bytes()).unwrap();
            read
        });
        let posted = post(&address, &[head("one", 7)]);
        (posted, server.join().unwrap())
    }

    #[test]
    fn a_head_is_posted_with_its_key() {
        let (posted, request) = served("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok");
        posted.unwrap();
        assert!(
            request.starts_with("POST /hooks/s3cret?x=1 HTTP/1.1\r\n"),
            "{request}"
        );
        assert!(!request.to_lowercase().contains("authorization"), "{request}");
        let body: Value = serde_json::from_str(request.split("\r\n\r\n").nth(1).unwrap()).unwrap();
        assert_eq!(
            (&body["head"], &body["entries"]),
            (&json!("head.of.one-7"), &json!(7))
        );
        assert!(body["key"].as_str().unwrap().contains("PUBLIC KEY"));
    }

    #[test]
    fn a_refusal_is_told_without_the_address() {
        let (posted, _) = served("HTTP/1.1 410 Gone\r\ncontent-length: 0\r\n\r\n");
        let error = posted.unwrap_err().to_string();
        assert!(error.contains("410") && !error.contains("s3cret"), "{error}");
        let error = easemob_admin_ops::causes::with_causes(
            &*post("http://127.0.0.1:1/hooks/s3cret", &[head("one", 7)]).unwrap_err(),
        );
        assert!(!error.contains("s3cret"), "{error}");
    }
}

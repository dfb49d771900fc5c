//! HTTP as bytes, for requests that no HTTP library would send.

use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use serde_json::Value;
use ureq::http::{HeaderMap, HeaderName, HeaderValue};

use crate::support::Answer;

/// If the vault neither sends nor closes for this long, it hangs.
const HANG: Duration = Duration::from_secs(20);

/// Sends bytes and reads one answer; returns `None` if the vault closes without one.
pub(crate) fn exchange(address: SocketAddr, request: &[u8]) -> Option<Answer> {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(HANG)).unwrap();
    // The vault may answer and close before it has read everything.
    let _ = stream.write_all(request);
    read_answer(&mut stream, request.starts_with(b"HEAD "))
}

/// Sends a request that must be answered. Tries again, since a busy machine may stop this thread before the
/// first byte for longer than a vault with a short timeout waits.
pub(crate) fn answer_to(address: SocketAddr, request: &[u8]) -> Option<Answer> {
    (0..5).find_map(|_| exchange(address, request))
}

/// Reads one answer. Fails if nothing arrives for too long.
pub(crate) fn read_answer(stream: &mut TcpStream, is_head: bool) -> Option<Answer> {
    let mut bytes = Vec::new();
    loop {
        if let Some(answer) = parse(&bytes, is_head) {
            return Some(answer);
        }
        let mut buffer = [0; 16 * 1024];
        match stream.read(&mut buffer) {
            Ok(0) => return None,
            Ok(n) => bytes.extend_from_slice(&buffer[..n]),
            Err(e) if [ErrorKind::WouldBlock, ErrorKind::TimedOut].contains(&e.kind()) => {
                panic!("the vault hangs");
            }
            Err(_) => return None,
        }
    }
}

/// Returns the answer if it is complete.
fn parse(bytes: &[u8], is_head: bool) -> Option<Answer> {
    let end = bytes.windows(4).position(|window| window == b"\r\n\r\n")?;
    let head = std::str::from_utf8(&bytes[..end]).unwrap();
    let mut lines = head.split("\r\n");
    let status = lines.next().unwrap().split(' ').nth(1).unwrap();
    let headers: HeaderMap = lines.map(header).collect();
    if status.starts_with('1') {
        // This is an informational response; the answer follows.
        return parse(&bytes[end + 4..], is_head);
    }
    let length = headers.get("content-length");
    let length: usize = length.map_or(0, |text| text.to_str().unwrap().parse().unwrap());
    let body = &bytes[end + 4..];
    if !is_head && body.len() < length {
        return None;
    }
    Some(Answer {
        status: status.parse().unwrap(),
        headers,
        body: if is_head || length == 0 {
            Value::Null
        } else {
            serde_json::from_slice(&body[..length]).unwrap()
        },
    })
}

fn header(line: &str) -> (HeaderName, HeaderValue) {
    let (name, value) = line.split_once(": ").unwrap();
    (name.parse().unwrap(), value.parse().unwrap())
}

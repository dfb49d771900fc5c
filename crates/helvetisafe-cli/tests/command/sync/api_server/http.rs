//! HTTP/1.1 as far as the clients need it.

use std::io::{Read, Write};

use serde_json::Value;

use super::store::Refusal;

pub(super) struct Request {
    pub(super) method: String,
    pub(super) path: String,
    pub(super) query: String,
    headers: Vec<(String, String)>,
    pub(super) body: Vec<u8>,
}

impl Request {
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        let mut headers = self.headers.iter();
        let found = headers.find(|(found, _)| found.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value.as_str())
    }

    /// Returns a parameter of the query; the tests' need no decoding.
    pub(super) fn parameter(&self, name: &str) -> Option<&str> {
        let mut pairs = self
            .query
            .split('&')
            .filter_map(|pair| pair.split_once('='));
        pairs
            .find(|(found, _)| *found == name)
            .map(|(_, value)| value)
    }

    /// Returns the namespace and the name; the name of a new Secret is in the body.
    pub(super) fn secret(&self) -> Result<(&str, &str), Refusal> {
        let parts: Vec<_> = self.path.trim_matches('/').split('/').collect();
        match parts[..] {
            ["api", "v1", "namespaces", namespace, "secrets", name] => Ok((namespace, name)),
            ["api", "v1", "namespaces", namespace, "secrets"] => Ok((namespace, "")),
            _ => Err(Refusal::new(
                404,
                "NotFound",
                "the server could not find it",
            )),
        }
    }
}

/// Reads a request; `None` at the end of the connection.
pub(super) fn read(stream: &mut impl Read) -> Option<Request> {
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") {
        if stream.read(&mut byte).ok()? == 0 {
            return None;
        }
        head.push(byte[0]);
    }
    let head = String::from_utf8(head).unwrap();
    let mut lines = head.lines();
    let mut first = lines.next().unwrap().split(' ');
    let (method, target) = (first.next().unwrap(), first.next().unwrap());
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let headers = lines.filter_map(|line| line.split_once(": "));
    let headers: Vec<_> = headers
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect();
    let mut request = Request {
        method: method.to_owned(),
        path: path.to_owned(),
        query: query.trim_matches('&').to_owned(),
        headers,
        body: Vec::new(),
    };
    let length = request.header("content-length").unwrap_or("0");
    request.body = vec![0; length.parse().unwrap()];
    stream.read_exact(&mut request.body).ok()?;
    Some(request)
}

pub(super) fn respond(stream: &mut impl Write, (code, body): (u16, Value)) {
    let body = body.to_string();
    let head = format!(
        "HTTP/1.1 {code} Status\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n",
        body.len()
    );
    // The client may be gone.
    let _ = stream.write_all((head + &body).as_bytes());
    let _ = stream.flush();
}

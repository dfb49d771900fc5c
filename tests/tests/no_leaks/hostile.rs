//! Answers of a vault that repeats every secret it knows wherever it can.

use crate::fake::answer;

const STATUSES: [u16; 12] = [400, 401, 403, 404, 408, 409, 418, 429, 500, 501, 502, 503];

/// All of them, for one token. The host of a redirect has no canary, since the error names the host.
pub(crate) fn answers(token: &str) -> Vec<Vec<u8>> {
    let json = serde_json::to_string(token).unwrap();
    let error = format!(r#"{{"error":{json},"error_description":{json}}}"#);
    let headers = format!("Retry-After: {token}\r\nDate: {token}\r\nX-Echo: {token}\r\n");
    let mut answers = Vec::new();
    for status in STATUSES {
        answers.push(answer(&format!("{status} {token}"), &headers, &error));
        answers.push(answer(&format!("{status} X"), "", token));
    }
    answers.extend(redirects(token));
    answers.extend(malformed_heads(token));
    answers.extend(malformed_bodies(&json).map(|body| answer("200 OK", "", &body)));
    answers
}

fn redirects(token: &str) -> [Vec<u8>; 4] {
    let hosts = [
        "https://evil.example/",
        "https://evil.example/?",
        "https://evil.example/#",
        "",
    ];
    hosts.map(|host| answer("302 Found", &format!("Location: {host}{token}\r\n"), token))
}

fn malformed_heads(token: &str) -> [Vec<u8>; 11] {
    [
        format!("{token}\r\n\r\n"),
        format!("{token}/1.1 200 OK\r\n\r\n"),
        format!("HTTP/1.1 {token}\r\n\r\n"),
        format!("HTTP/{token} 200 OK\r\n\r\n"),
        format!("HTTP/1.1 200 OK\r\n{token} : x\r\n\r\n"),
        format!("HTTP/1.1 200 OK\r\nX: {token}\0\r\n\r\n"),
        format!("HTTP/1.1 200 OK\r\nContent-Length: {token}\r\n\r\n"),
        format!("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n{token}\r\n{token}\r\n"),
        format!("HTTP/1.1 200 OK\r\nTransfer-Encoding: {token}\r\n\r\n{token}"),
        format!("HTTP/1.1 200 OK\r\nContent-Length: 9999\r\n\r\n{token}"),
        format!(
            "HTTP/1.1 200 OK\r\n{}\r\n",
            format!("X: {token}\r\n").repeat(3000)
        ),
    ]
    .map(String::into_bytes)
}

fn malformed_bodies(token: &str) -> [String; 9] {
    [
        token.to_owned(),
        format!("{{{token}:{token}}}"),
        format!("{{{token}:{token},{token}"),
        format!(r#"{{"access_token":[{token}]}}"#),
        format!(r#"{{"access_token":{token},"access_token":{token}}}"#),
        format!(r#"{{"access_token":{token},"token_type":{token}}}"#),
        format!(r#"{{"key":{token},"value":{token},"nonce":{token}}}"#),
        format!(r#"{{"key":"db","value":{token},"nonce":{token},"encrypted_org_key":{token}}}"#),
        format!(r#"{{"keys":{token},"created_at":{token},"updated_at":{token}}}"#),
    ]
}

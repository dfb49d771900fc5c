use super::bodies;
use super::draft::{Draft, Framing, Known};
use crate::random::Random;

/// Changes one part of the request.
pub(super) fn apply(draft: &mut Draft, known: &Known, random: &mut Random) {
    match random.below(20) {
        0 => method(draft, random),
        1 | 2 => target(draft, known, random),
        3 => encode(draft, random),
        4..6 => header(draft, random),
        6..9 => credential(draft, known, random),
        9..11 => content_type(draft, random),
        11 => framing(draft, random),
        12 => draft.flips += 1 + random.below(4),
        _ => bodies::spoil(draft, known, random),
    }
}

/// The first bytes of other protocols, and of none.
pub(super) fn no_http(random: &mut Random) -> Vec<u8> {
    let length = random.below(5_000);
    match random.below(6) {
        0 => b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0".to_vec(),
        1 => [
            &b"\x16\x03\x01\x02\0\x01\0\x01\xfc\x03\x03"[..],
            &random.bytes(500),
        ]
        .concat(),
        2 => b"SSH-2.0-OpenSSH_9.9\r\n".to_vec(),
        3 => b"\r\n".repeat(1 + length),
        4 => b"GET /health\r\n\r\n".to_vec(),
        _ => random.bytes(1 + length),
    }
}

fn method(draft: &mut Draft, random: &mut Random) {
    draft.change_operation();
    let long = "X".repeat(5000);
    draft.method = random
        .pick(&[
            "HEAD", "PATCH", "OPTIONS", "TRACE", "CONNECT", "QUERY", "PROPFIND", "get", "G\0T", "",
            "GET GET", "PRI", "DELETE", "PUT", "POST", "GET", &long,
        ])
        .into();
}

fn target(draft: &mut Draft, known: &Known, random: &mut Random) {
    let long = "a".repeat(1 + random.below(20_000));
    let huge = "a".repeat(70_000);
    let end = random.pick(&[
        "/",
        "//",
        "/..",
        "/../credentials/org-key",
        "/%2e%2e/%2e%2e",
        "%2f",
        "%00",
        "%0a",
        "%ff",
        "%",
        "%zz",
        "?a=b",
        "?key=theirs",
        "?%ff",
        "#a",
        "\\",
        " ",
        "\t",
        ";a",
        "{key}",
        "*",
        "-",
        "é",
        "\u{202e}",
        "\u{0}",
        &long,
        &huge,
    ]);
    let whole = random.pick(&[
        "*",
        "",
        "/",
        "//",
        "http://127.0.0.1/api/v1/secrets",
        "http://elsewhere/health",
        "a",
        "https:///",
        "/api/v1/secrets/../secrets",
        "/API/V1/SECRETS",
        "/api/v1/secrets/",
        "/api//v1/secrets",
        "/.well-known/openid-configuration",
        "/oauth/token/",
        "\u{7f}",
    ]);
    // A query has no effect, and any name is allowed.
    match random.below(4) {
        0 => draft.target.extend_from_slice(b"?theirs=1&%"),
        1 => {
            draft.change_operation();
            draft.target = whole.into();
        }
        2 => {
            draft.change_operation();
            let name = random.pick(&known.names);
            draft.target = format!("/api/v1/secrets/{name}{end}").into();
        }
        _ => {
            draft.change_operation();
            draft.target.extend_from_slice(end.as_bytes());
        }
    }
}

/// Percent-encodes some characters that do not need it, which gives an equivalent path.
fn encode(draft: &mut Draft, random: &mut Random) {
    draft.change_operation();
    let mut target = Vec::new();
    for &byte in &draft.target {
        if byte != b'/' && random.once_in(4) {
            target.extend(format!("%{byte:02x}").into_bytes());
        } else {
            target.push(byte);
        }
    }
    draft.target = target;
}

fn header(draft: &mut Draft, random: &mut Random) {
    let huge = "h".repeat(1 + random.below(600_000));
    match random.below(12) {
        0 => draft.header("x-huge", &huge),
        1 => (0..random.below(200)).for_each(|n| draft.header(&format!("x-{n}"), "a")),
        2 => draft.headers.push((random.bytes(8), random.bytes(30))),
        3 => draft
            .headers
            .push((b"x-bytes".to_vec(), vec![0xff, 0xfe, 0x80])),
        4 => draft.header("expect", random.pick(&["100-continue", "nothing"])),
        5 => draft.header(
            "connection",
            random.pick(&["close", "upgrade", "keep-alive", "\u{1}"]),
        ),
        6 => draft.header("upgrade", random.pick(&["h2c", "websocket"])),
        7 => draft.header("content-encoding", random.pick(&["gzip", "br", "identity"])),
        8 => draft.header(
            "host",
            random.pick(&["", "elsewhere", "a b", "127.0.0.1:99999"]),
        ),
        9 => draft.remove("host"),
        10 => draft.header("x-forwarded-for", "::1"),
        _ => draft.header("range", "bytes=0-1"),
    }
}

fn credential(draft: &mut Draft, known: &Known, random: &mut Random) {
    let token = &known.api_token;
    if random.once_in(3) {
        draft.remove("authorization");
        draft.remove("x-aegis-token");
    }
    let cut = &token[..random.below(token.len())];
    let value = match random.below(10) {
        0 => return,
        1 => format!("Bearer {cut}"),
        2 => format!("Bearer {token}{token}"),
        3 => format!("Bearer {}", token.to_ascii_uppercase()),
        4 => format!("Basic {token}"),
        5 => "Basic Og==".to_owned(),
        6 => "Basic ////".to_owned(),
        7 => "Bearer\t ".to_owned(),
        8 => format!("Bearer {}", "x".repeat(20_000)),
        _ => token.clone(),
    };
    let name = random.pick(&["authorization", "x-aegis-token", "X-AEGIS-TOKEN", "cookie"]);
    if random.once_in(8) {
        draft.headers.push((name.into(), random.bytes(20)));
        // The value may contain a line break.
        draft.change_operation();
    } else {
        draft.header(name, &value);
    }
}

fn content_type(draft: &mut Draft, random: &mut Random) {
    draft.remove("content-type");
    let kind = random.pick(&[
        "",
        "application/json",
        "application/json; charset=utf-16",
        "APPLICATION/JSON",
        "text/json",
        "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=a",
        "text/xml",
        ";",
        "/",
        "application/json, text/plain",
        "application/merge-patch+json",
        "\u{ff}",
    ]);
    if !kind.is_empty() {
        draft.header("content-type", kind);
    }
}

fn framing(draft: &mut Draft, random: &mut Random) {
    let length = draft.body.len();
    let said = match random.below(12) {
        0 => format!("content-length: {}\r\n", length + 1 + random.below(1000)),
        1 => format!("content-length: {}\r\n", random.below(length + 1)),
        2 => "content-length: -1\r\n".to_owned(),
        3 => "content-length: 99999999999999999999999\r\n".to_owned(),
        4 => "content-length: 1\r\ncontent-length: 2\r\n".to_owned(),
        5 => "content-length: 5\r\ntransfer-encoding: chunked\r\n".to_owned(),
        6 => "transfer-encoding: gzip\r\n".to_owned(),
        7 => "transfer-encoding: chunked, chunked\r\n".to_owned(),
        8 => "transfer-encoding: chunked\r\n".to_owned(),
        9 => {
            draft.version = random.pick(&["HTTP/1.0", "HTTP/0.9", "HTTP/2.0", "HTTP/9", "", "FTP"]);
            return;
        }
        _ => {
            draft.framing = Framing::Chunked;
            return;
        }
    };
    draft.framing = Framing::Raw(said.into_bytes());
}

//! The memory budgets of requests and answers, and unread bodies.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::document::Document;
use crate::raw::{answer_to, read_answer};
use crate::support::{Answer, NONCE, Site, secret, site, site_of};

const LATE: Duration = Duration::from_secs(15);

/// The size of a body. The budget has room for two of them, but not for three.
const SIZE: usize = 400_000;
const BUDGET: usize = 1_000_000;

fn connect(site: &Site) -> TcpStream {
    let stream = TcpStream::connect(site.vault.address()).unwrap();
    stream.set_read_timeout(Some(LATE)).unwrap();
    stream
}

fn head(site: &Site, line: &str, rest: &str) -> String {
    let token = &site.token;
    format!(
        "{line} HTTP/1.1\r\nhost: a\r\nx-aegis-token: {token}\r\n\
         content-type: application/json\r\n{rest}\r\n"
    )
}

/// Sends a write without its last byte.
fn begin_write(site: &Site) -> TcpStream {
    let mut stream = connect(site);
    let length = format!("content-length: {}\r\n", SIZE + 1);
    let head = head(site, "PUT /api/v1/secrets/a", &length);
    stream.write_all(head.as_bytes()).unwrap();
    stream.write_all(&vec![b' '; SIZE]).unwrap();
    stream
}

fn write(site: &Site, size: usize) -> Answer {
    let mut body = secret("a");
    body["padding"] = json!("x".repeat(size));
    site.call("POST", "/api/v1/secrets/a", Some(body))
}

/// Waits until the vault answers with the status.
fn until(status: u16, ask: impl Fn() -> Answer) -> Answer {
    let start = Instant::now();
    loop {
        let answer = ask();
        if answer.status == status {
            return answer;
        }
        assert!(start.elapsed() < LATE, "{answer:?}");
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// Checks the answer to a body that does not fit the budget.
pub(crate) fn over_the_budget() -> Answer {
    let site = site_of(
        crate::support::builder()
            .body_limit(BUDGET)
            .body_budget(BUDGET),
    );
    let unfinished = [begin_write(&site), begin_write(&site)];
    let answer = until(503, || write(&site, SIZE));
    assert_eq!(answer.headers["retry-after"], "1");
    // Small bodies and reads are still served, and the memory is returned.
    write(&site, 1).success(201);
    site.read("a").success(200);
    drop(unfinished);
    until(200, || write(&site, SIZE));
    answer
}

#[test]
fn one_body_always_fits_the_budget() {
    let site = site_of(crate::support::builder().body_limit(BUDGET).body_budget(0));
    write(&site, SIZE).success(201);
    write(&site, 2 * BUDGET).error(413);
}

/// Each reader holds an answer.
#[test]
fn slow_readers_hold_bounded_memory() {
    let site = site_of(crate::support::builder().answer_budget(4_000_000));
    let value = |letter: &str| json!({ "value": letter.repeat(1_400_000), "nonce": NONCE });
    let put = |letter: &str| site.call("POST", "/api/v1/secrets/a", Some(value(letter)));
    let request = head(&site, "GET /api/v1/secrets/a", "");
    let mut slow = Vec::new();
    for letter in ["A", "B"] {
        put(letter);
        let mut stream = connect(&site);
        // Several requests, since the buffers of both sockets hold the first answers.
        stream.write_all(request.repeat(20).as_bytes()).unwrap();
        // The vault has started to answer.
        stream.read_exact(&mut [0]).unwrap();
        std::thread::sleep(Duration::from_millis(300));
        slow.push(stream);
    }
    put("C").success(200);
    let answer = site.read("a");
    answer.error(503);
    let document = Document::new();
    let mut operations = document.operations().into_iter();
    let read =
        operations.find(|operation| operation.method == "GET" && operation.path.contains("{key}"));
    document.check(read.unwrap(), &answer);
    drop(slow);
    let read: Value = until(200, || site.read("a")).body;
    assert_eq!(read["value"].as_str().unwrap().len(), 1_400_000);
}

/// A page is read and serialized in memory, so its share of the budget is taken before.
#[test]
fn a_page_takes_its_share_before_it_is_read() {
    let site = site_of(crate::support::builder().answer_budget(4_000_000));
    let value = json!({ "value": "A".repeat(1_400_000), "nonce": NONCE });
    site.call("POST", "/api/v1/secrets/a", Some(value))
        .success(201);
    let mut slow = connect(&site);
    let request = head(&site, "GET /api/v1/secrets/a", "");
    slow.write_all(request.repeat(20).as_bytes()).unwrap();
    slow.read_exact(&mut [0]).unwrap();
    std::thread::sleep(Duration::from_millis(300));
    let page = |limit: u32| site.call("GET", &format!("/api/v1/secrets?limit={limit}"), None);
    let answer = page(10_000);
    answer.error(503);
    assert_eq!(answer.headers["retry-after"], "1");
    page(100).success(200);
    drop(slow);
    until(200, || page(10_000));
    // A page that is sent takes no more than its length.
    page(10_000).success(200);
}

#[test]
fn a_refused_request_is_answered_before_its_body() {
    let site = site();
    for (line, status) in [
        ("PUT /api/v1/secrets/a", 401),
        ("POST /nothing", 404),
        ("POST /health", 405),
    ] {
        let mut stream = connect(&site);
        let request = format!("{line} HTTP/1.1\r\nhost: a\r\ncontent-length: 1000000\r\n\r\n");
        stream.write_all(request.as_bytes()).unwrap();
        let answer = read_answer(&mut stream, false).unwrap();
        assert_eq!(answer.status, status, "{line}");
        assert!(!answer.headers.contains_key("connection"));
        // The connection serves the next request after the body has arrived.
        stream.write_all(&vec![b'x'; 1_000_000]).unwrap();
        stream
            .write_all(b"GET /health HTTP/1.1\r\nhost: a\r\n\r\n")
            .unwrap();
        read_answer(&mut stream, false).unwrap().success(200);
    }
}

#[test]
fn a_refused_request_gets_no_100_continue() {
    let site = site();
    let mut stream = connect(&site);
    let expect = "content-length: 5\r\nexpect: 100-continue\r\n";
    let request = format!("PUT /api/v1/secrets/a HTTP/1.1\r\nhost: a\r\n{expect}\r\n");
    stream.write_all(request.as_bytes()).unwrap();
    let mut all = String::new();
    stream.read_to_string(&mut all).unwrap();
    assert!(all.starts_with("HTTP/1.1 401 "), "{all}");
    assert!(all.contains("connection: close\r\n"), "{all}");

    let body = secret("a").to_string();
    let expect = format!("content-length: {}\r\nexpect: 100-continue\r\n", body.len());
    let mut stream = connect(&site);
    let request = head(&site, "POST /api/v1/secrets/a", &expect);
    stream.write_all(request.as_bytes()).unwrap();
    let mut goes_on = [0; 25];
    stream.read_exact(&mut goes_on).unwrap();
    assert_eq!(&goes_on, b"HTTP/1.1 100 Continue\r\n\r\n");
    stream.write_all(body.as_bytes()).unwrap();
    read_answer(&mut stream, false).unwrap().success(201);
}

/// The body is discarded, and the connection stays open.
#[test]
fn an_unexpected_body_does_no_harm() {
    let site = site();
    site.create("a").success(201);
    for line in [
        "GET /health",
        "GET /api/v1/secrets/a",
        "DELETE /api/v1/secrets/a",
    ] {
        let request = head(&site, line, "content-length: 5\r\n") + "[1,2]";
        let answer = answer_to(site.vault.address(), request.as_bytes()).unwrap();
        assert!(answer.status < 300, "{line}: {answer:?}");
    }
}

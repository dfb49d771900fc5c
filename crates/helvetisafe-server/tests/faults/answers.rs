//! Faults that replace the vault's answer.

use std::io::Read;
use std::time::Duration;

use helvetisafe_server::faults::{
    Answer, Fault, Framing, Handled, HeaderName, HeaderValue, Requests, Route, StatusCode,
};

use crate::support::{End, site};

#[test]
fn an_answer_can_have_any_status_headers_and_body() {
    let site = site();
    let name = HeaderName::from_static("x-test");
    let teapot = Answer::status(StatusCode::IM_A_TEAPOT)
        .header(name, HeaderValue::from_static("yes"))
        .body("short and stout");
    site.faults.on(Route::List).then(Fault::answer(teapot));
    let answer = site.list();
    assert_eq!(answer.status(), 418);
    assert!(answer.head().contains("x-test: yes"));
    assert_eq!(answer.body(), b"short and stout");
    assert_eq!(site.faults.log()[0].vault, Handled::Never);
}

#[test]
fn a_busy_vault_sends_retry_after() {
    let site = site();
    let wait = Duration::from_millis(1500);
    site.faults
        .on(Route::List)
        .then(Fault::too_many_requests(wait));
    let answer = site.list();
    assert_eq!(answer.status(), 429);
    assert!(
        answer.head().contains("retry-after: 2"),
        "{}",
        answer.head()
    );
    assert!(answer.json()["error"].is_string());
}

#[test]
fn an_answer_after_acting_hides_the_outcome() {
    let site = site();
    let unavailable = Answer::status(StatusCode::SERVICE_UNAVAILABLE).retry_after(Duration::ZERO);
    site.faults
        .on(Route::Create)
        .then(Fault::answer_after_acting(unavailable));
    let answer = site.create("a");
    assert_eq!(answer.status(), 503);
    assert!(answer.head().contains("retry-after: 0"));
    assert_eq!(site.stored(), ["a"]);
    let log = site.faults.log();
    assert_eq!(log[0].vault, Handled::Answered(StatusCode::CREATED));
    assert_eq!(log[0].fault.as_deref(), Some("answer 503 after acting"));
}

#[test]
fn a_gateways_page_is_html_and_a_redirect_names_its_target() {
    let site = site();
    let page = Fault::answer(Answer::html_page(StatusCode::BAD_GATEWAY));
    site.faults.on(Route::List).once().then(page);
    let answer = site.list();
    assert_eq!(answer.status(), 502);
    assert!(answer.head().contains("content-type: text/html"));
    assert!(answer.body().starts_with(b"<!DOCTYPE html>"));

    let target = HeaderValue::from_static("https://evil.example/steal");
    site.faults
        .on(Route::List)
        .then(Fault::answer(Answer::redirect(target)));
    let answer = site.list();
    assert_eq!(answer.status(), 302);
    assert!(
        answer
            .head()
            .contains("location: https://evil.example/steal")
    );
}

#[test]
fn raw_bytes_are_sent_as_they_are() {
    let site = site();
    site.faults
        .on(Requests::any())
        .then(Fault::raw("SSH-2.0-OpenSSH\r\n"));
    let answer = site.list();
    assert_eq!(answer.bytes, b"SSH-2.0-OpenSSH\r\n");
    assert_eq!(answer.end, End::Closed);
    assert_eq!(site.faults.log()[0].vault, Handled::Never);
}

#[test]
fn an_oversized_body_has_the_announced_size() {
    const SIZE: usize = 3_000_001;
    let site = site();
    site.faults
        .on(Route::List)
        .once()
        .then(Fault::oversized_body(SIZE, Framing::Length));
    let answer = site.list();
    assert!(answer.head().contains(&format!("content-length: {SIZE}")));
    assert_eq!((answer.body().len(), answer.end), (SIZE, End::Open));
    site.faults
        .on(Route::List)
        .then(Fault::oversized_body(SIZE, Framing::Chunked));
    let answer = site.list();
    assert!(answer.head().contains("transfer-encoding: chunked"));
    assert!(answer.body().len() > SIZE && answer.end == End::Closed);
    assert!(answer.body().ends_with(b"\r\n0\r\n\r\n"));
}

#[test]
fn an_endless_body_continues_until_the_client_leaves() {
    let site = site();
    site.faults.on(Route::List).then(Fault::endless_body());
    let mut wire = site.wire();
    wire.send(&site.request("GET", "/api/v1/secrets", None));
    let mut much = vec![0; 30_000_000];
    wire.0.read_exact(&mut much).unwrap();
    assert!(much.starts_with(b"HTTP/1.1 200 OK\r\n"));
    drop(wire);
    site.faults.clear();
    assert_eq!(site.list().status(), 200, "the vault lives on");
}

#[test]
fn informational_answers_continue_until_the_client_leaves() {
    let site = site();
    let flood = Fault::endless_informational(StatusCode::EARLY_HINTS);
    site.faults.on(Route::List).then(flood);
    let mut wire = site.wire();
    wire.send(&site.request("GET", "/api/v1/secrets", None));
    let mut much = vec![0; 1_000_000];
    wire.0.read_exact(&mut much).unwrap();
    let head = b"HTTP/1.1 103 Early Hints\r\n\r\n";
    assert!(much.chunks(head.len()).all(|chunk| head.starts_with(chunk)));
    assert_eq!(site.faults.log()[0].vault, Handled::Never);
}

#[test]
fn a_compressed_body_can_be_a_bomb() {
    let site = site();
    site.faults.on(Route::List).then(Fault::gzip_bomb());
    let answer = site.list();
    assert_eq!((answer.status(), answer.end), (200, End::Open));
    assert!(answer.head().contains("content-encoding: gzip"));
    let body = answer.body();
    assert_eq!(body[..3], [0x1f, 0x8b, 8], "RFC 1952 section 2.3.1");
    assert!(body.len() < 40_000, "{}", body.len());
    // RFC 1952 section 2.3.1: the last four bytes are the length of the decompressed data.
    let length = u32::from_le_bytes(body[body.len() - 4..].try_into().unwrap());
    assert!(length > 16 << 20, "{length}");
}

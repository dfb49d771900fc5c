//! Metrics and the access log.

use std::net::SocketAddr;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde_json::Value;

use crate::drain::connect;
use crate::process::{Serve, run};
use crate::state::State;
use crate::tls::ask;

/// Returns the text of the metrics.
pub(crate) fn scrape(address: SocketAddr) -> String {
    let answer = ask(&mut connect(address), "/metrics").unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    assert!(head.starts_with("HTTP/1.1 200"), "{head}");
    assert!(
        head.contains("content-type: text/plain; version=0.0.4"),
        "{head}"
    );
    body.to_owned()
}

/// Sends a request with a head of the test's own, and returns the status.
fn send(address: SocketAddr, head: &str, body: &str) -> u16 {
    use std::io::{Read, Write};
    let mut stream = connect(address);
    let length = body.len();
    let request = format!(
        "{head} HTTP/1.1\r\nhost: a\r\nconnection: close\r\ncontent-length: {length}\r\n\
         content-type: application/x-www-form-urlencoded\r\n\r\n{body}"
    );
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer.split(' ').nth(1).unwrap().parse().unwrap()
}

/// Names and credentials that must be in no label and no line.
const CANARIES: [&str; 4] = ["canary-name", "canary-query", "canary-path", "CANARY"];

/// Logs in with the account's secret, or with another one.
fn log_in(state: &State, address: SocketAddr, other: Option<&str>) -> u16 {
    use helvetisafe_server::ExposeSecret;
    let account = &state.account;
    let (id, secret) = (&account.client_id, account.client_secret.expose_secret());
    let secret = other.unwrap_or(secret);
    let form = format!("grant_type=client_credentials&client_id={id}&client_secret={secret}");
    send(address, "POST /oauth/token", &form)
}

fn make_requests(state: &State, address: SocketAddr) {
    assert_eq!(log_in(state, address, None), 200);
    assert_eq!(log_in(state, address, Some("wrong")), 401);
    assert_eq!(log_in(state, address, Some("wrong")), 429);
    for _ in 0..3 {
        assert_eq!(
            send(
                address,
                "GET /api/v1/secrets/canary-name?q=canary-query",
                ""
            ),
            401
        );
    }
    assert_eq!(send(address, "GET /canary-path/x", ""), 404);
    assert_eq!(send(address, "CANARY /health", ""), 405);
}

#[test]
fn requests_are_counted_by_template_and_no_label_has_data() {
    let state = State::new();
    let options = [
        "--metrics-listen",
        "127.0.0.1:0",
        "--limit-failed-logins",
        "1/3600",
    ];
    let mut serve = Serve::start(&state, &options);
    let metrics = serve.metrics_address();
    let before = scrape(metrics);
    make_requests(&state, serve.address);
    let text = scrape(metrics);
    for line in [
        r#"helvetisafe_http_requests_total{method="POST",route="/oauth/token",status="200"} 1"#,
        r#"helvetisafe_http_requests_total{method="POST",route="/oauth/token",status="401"} 1"#,
        r#"helvetisafe_http_requests_total{method="POST",route="/oauth/token",status="429"} 1"#,
        r#"helvetisafe_http_requests_total{method="GET",route="/api/v1/secrets/{key}",status="401"} 3"#,
        r#"helvetisafe_http_requests_total{method="GET",route="other",status="404"} 1"#,
        r#"helvetisafe_http_requests_total{method="other",route="/health",status="405"} 1"#,
        r#"helvetisafe_http_request_duration_seconds_count{method="POST",route="/oauth/token"} 3"#,
        r#"helvetisafe_throttled_requests_total{limit="failed_logins"} 1"#,
        r#"helvetisafe_throttled_requests_total{limit="requests"} 0"#,
        "helvetisafe_tokens_issued_total 1",
        "helvetisafe_connections_accepted_total 8",
        "helvetisafe_connections_refused_total 0",
    ] {
        assert!(text.lines().any(|it| it == line), "{line}\n{text}");
    }
    assert!(
        before.contains("helvetisafe_tokens_issued_total 0\n"),
        "{before}"
    );
    for canary in CANARIES
        .iter()
        .chain([&&*state.account.client_id, &&*state.token])
    {
        assert!(!text.contains(canary), "{text}");
    }
    assert!(!text.contains("certificate"), "there is none");
    let answer = ask(&mut connect(metrics), "/api/v1/secrets").unwrap();
    assert!(answer.starts_with("HTTP/1.1 404"), "{answer}");
    let answer = ask(&mut connect(serve.address), "/metrics").unwrap();
    assert!(answer.starts_with("HTTP/1.1 404"), "{answer}");
    serve.stop();
}

#[test]
fn the_access_log_has_templates_and_no_credentials() {
    let state = State::new();
    let options = [
        "--access-log",
        "--log-format=json",
        "--limit-failed-logins",
        "1/3600",
    ];
    let serve = Serve::start(&state, &options);
    make_requests(&state, serve.address);
    // At once: the lines that wait are written before the end.
    let lines = serve.stop();
    let objects: Vec<Value> = lines
        .iter()
        .map(|it| serde_json::from_str(it).unwrap())
        .collect();
    let access: Vec<_> = objects
        .iter()
        .filter(|it| it["message"] == "access")
        .collect();
    assert_eq!(access.len(), 8, "{lines:#?}");
    let throttled = access[2];
    assert_eq!(throttled["route"], "/oauth/token");
    assert_eq!(throttled["code"], "too_many_failed_logins");
    assert_eq!(
        (&throttled["status"], &throttled["client"]),
        (&429.into(), &"127.0.0.1".into())
    );
    assert!(throttled["milliseconds"].as_f64().unwrap() > 0.0);
    assert_eq!(access[3]["route"], "/api/v1/secrets/{key}");
    let text = lines.join("\n");
    for canary in CANARIES
        .iter()
        .chain([&&*state.account.client_id, &&*state.token, &"wrong"])
    {
        assert!(!text.contains(canary), "{text}");
    }
    assert!(
        objects
            .iter()
            .all(|it| it["time"].is_string() && it["level"].is_string())
    );

    let serve = Serve::start(&state, &[]);
    make_requests_without_a_log(&serve);
    assert!(!serve.stop().join("\n").contains("access"));
}

fn make_requests_without_a_log(serve: &Serve) {
    ask(&mut connect(serve.address), "/health").unwrap();
}

/// The write happens all the same, so it must leave a trace.
/// Another process holds the lock of a writer, for longer than a write waits for it.
#[test]
fn a_busy_database_is_logged_once_and_not_for_each_request() {
    let state = State::new();
    let serve = Serve::start(&state, &[]);
    let other = rusqlite::Connection::open(state.path()).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| assert_eq!(log_in(&state, serve.address, None), 503));
        }
    });
    other.execute_batch("ROLLBACK").unwrap();
    assert_eq!(log_in(&state, serve.address, None), 200);
    let lines = serve.stop();
    let busy = lines.iter().filter(|it| it.contains("database is busy;"));
    assert_eq!(busy.count(), 1, "{lines:#?}");
}

#[test]
fn a_request_whose_client_disconnects_is_logged_and_counted() {
    use std::io::Write;
    let state = State::new();
    let options = ["--access-log", "--metrics-listen", "127.0.0.1:0"];
    let mut serve = Serve::start(&state, &options);
    let metrics = serve.metrics_address();
    // The write waits for this transaction.
    let other = rusqlite::Connection::open(state.path()).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    let body = r#"{"key":"a","value":"AAAAAAAAAAAAAAAAAAAAAA==","nonce":"AAAAAAAAAAAAAAAA"}"#;
    let mut stream = connect(serve.address);
    let request = format!(
        "POST /api/v1/secrets HTTP/1.1\r\nhost: a\r\nx-aegis-token: {}\r\n\
         content-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
        state.token,
        body.len()
    );
    stream.write_all(request.as_bytes()).unwrap();
    std::thread::sleep(Duration::from_millis(500));
    drop(stream);
    let line = serve.line("access");
    for field in [
        r#"method="POST" route="/api/v1/secrets" status=499"#,
        r#"code="client_gone""#,
        r#"client="127.0.0.1""#,
    ] {
        assert!(line.contains(field), "{field} in {line}");
    }
    other.execute_batch("ROLLBACK").unwrap();
    let text = scrape(metrics);
    let count =
        r#"helvetisafe_http_requests_total{method="POST",route="/api/v1/secrets",status="499"} 1"#;
    assert!(text.lines().any(|it| it == count), "{text}");
    serve.stop();
    let (key,): (String,) = other
        .query_row("SELECT key FROM secrets", [], |row| Ok((row.get(0)?,)))
        .unwrap();
    assert_eq!(key, "a");
}

#[test]
fn an_address_of_the_metrics_that_is_taken_is_an_error() {
    let state = State::new();
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let database = state.database();
    let options = ["--listen", "127.0.0.1:0", "--metrics-listen", &address];
    let mut arguments = vec!["serve", "--database", &database];
    arguments.extend(options);
    let (code, _, stderr) = run(&arguments);
    assert_eq!(code, Some(1));
    assert!(
        stderr.contains(&address) && stderr.contains("in use"),
        "{stderr}"
    );
}

/// In JSON the level says that it is a warning; in text the message does.
#[test]
fn a_warning_has_its_level_once() {
    let (state, authority) = (State::new(), crate::certificates::Authority::new());
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    let soon = rcgen::date_time_ymd(1970, 1, 1) + now + Duration::from_secs(9 * 86_400);
    let pair = authority.pair_with(|it| it.not_after = soon);
    let files = pair.write(state.folder.path());
    let part = "expires at";
    let mut serve = Serve::start_tls(&state, &files, &["--log-format=json"]);
    let line: Value = serde_json::from_str(&serve.line(part)).unwrap();
    assert_eq!(line["level"], "warning");
    let message = line["message"].as_str().unwrap();
    assert!(!message.contains("WARNING"), "{message}");
    serve.stop();
    let mut serve = Serve::start_tls(&state, &files, &[]);
    let line = serve.line(part);
    assert!(line.contains("Z helvetisafe-server: WARNING: "), "{line}");
    serve.stop();
}

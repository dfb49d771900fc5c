//! «Redirects, plain `http://`.»

use std::net::TcpListener;

use helvetisafe::{Client, Credentials, ErrorKind, KeySource};
use helvetisafe_server::faults::{Answer, Fault, HeaderValue, Requests, Route, StatusCode};

use crate::world::World;

/// A listener that no client should reach, and its address.
fn trap() -> (TcpListener, HeaderValue) {
    let trap = TcpListener::bind("127.0.0.1:0").unwrap();
    trap.set_nonblocking(true).unwrap();
    let address = format!("http://{}/steal", trap.local_addr().unwrap());
    (trap, address.parse().unwrap())
}

#[test]
fn a_redirect_is_never_followed_and_its_target_named() {
    for status in [301, 302, 303, 307, 308] {
        let (trap, target) = trap();
        let world = World::new();
        let client = world.client();
        let name = helvetisafe_server::faults::HeaderName::from_static("location");
        let status = StatusCode::from_u16(status).unwrap();
        let answer = Answer::status(status).header(name, target.clone());
        world.faults.on(Requests::any()).then(Fault::answer(answer));
        let secrets = client.secrets();
        for outcome in [
            secrets.get("a").map(drop),
            secrets.list().map(drop),
            secrets.create("a", "v", None).map(drop),
            secrets.delete("a"),
            world.builder().connect().map(drop),
        ] {
            let error = outcome.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Api, "{status}");
            assert!(error.to_string().contains("127.0.0.1"), "{error}");
        }
        assert_eq!(world.faults.count(Route::Read), 1, "and not tried again");
        let came = trap.accept().map(drop).map_err(|error| error.kind());
        assert_eq!(
            came,
            Err(std::io::ErrorKind::WouldBlock),
            "{status}: no client connected"
        );
    }
}

#[test]
fn plain_http_is_allowed_for_loopback_only() {
    for url in [
        "http://vault.example",
        "http://192.168.1.1:8200",
        "http://127.0.0.1.vault.example",
        "http://localhost.vault.example",
        "ftp://127.0.0.1",
    ] {
        let builder = Client::builder(url, Credentials::api_token("t"), KeySource::password("p"));
        assert_eq!(
            builder.connect().unwrap_err().kind(),
            ErrorKind::Config,
            "{url}"
        );
    }
}

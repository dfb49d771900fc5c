//! «Endless, stalled, truncated, compressed, deep or duplicate-key JSON.»

use std::num::NonZeroUsize;
use std::time::{Duration, Instant};

use helvetisafe::{BodyLimits, ClientBuilder, Error, ErrorKind, Timeouts};
use helvetisafe_server::faults::{Answer, Fault, Framing, Requests, Route, StatusCode};

use crate::cost::cost;
use crate::world::World;

/// Far below the defaults, since the tests run in real time, but enough for a busy machine.
fn quick(builder: ClientBuilder) -> ClientBuilder {
    builder.attempts(1).timeouts(Timeouts {
        connect: Duration::from_secs(5),
        attempt: Duration::from_secs(3),
        silence: Duration::from_secs(1),
        operation: Duration::from_secs(8),
    })
}

/// The error of each call that meets this fault.
fn every_call(world: &World, fault: &Fault) -> Vec<(&'static str, Error)> {
    world.faults.clear();
    let client = world.builder().attempts(1).connect().unwrap();
    let only = |route: Route| {
        world.faults.clear();
        world.faults.on(route).then(fault.clone());
    };
    let secrets = client.secrets();
    let mut errors = Vec::new();
    for route in [Route::Token, Route::OrgKey, Route::PrivateKey] {
        only(route);
        let name = ["token", "org key", "private key"][errors.len()];
        errors.push((
            name,
            world.password_builder().attempts(1).connect().unwrap_err(),
        ));
    }
    only(Route::List);
    errors.push(("list", secrets.list().unwrap_err()));
    only(Route::Read);
    errors.push(("read", secrets.get("a").unwrap_err()));
    errors
}

fn is_one_of(error: &Error, kinds: &[ErrorKind]) -> bool {
    kinds.contains(&error.kind())
}

#[test]
fn an_endless_or_oversized_answer_is_refused() {
    let world = World::new();
    for fault in [
        Fault::endless_body(),
        Fault::oversized_body(64 << 20, Framing::Length),
        Fault::oversized_body(64 << 20, Framing::Chunked),
    ] {
        for (call, error) in every_call(&world, &fault) {
            assert_eq!(error.kind(), ErrorKind::Api, "{call}: {fault:?}: {error}");
            assert!(
                error.to_string().contains("larger than allowed"),
                "{call}: {error}"
            );
        }
    }
}

#[test]
fn an_oversized_answer_is_read_by_a_client_with_higher_limits() {
    let world = World::new();
    let size = BodyLimits::default().list + 1;
    let list = format!("{{\"keys\":[]}}{}", " ".repeat(size - 11));
    world.answer(Route::List, list);
    let error = world.client().secrets().list().unwrap_err();
    assert!(error.to_string().contains("larger than allowed"), "{error}");
    let limits = BodyLimits {
        list: size,
        ..BodyLimits::default()
    };
    let careless = world.builder().body_limits(limits).connect().unwrap();
    assert!(
        careless.secrets().list().unwrap().is_empty(),
        "it took all of it"
    );
}

#[test]
fn a_stalled_or_dripping_answer_ends_in_time() {
    let world = World::new();
    let forever = Duration::from_secs(60);
    for fault in [
        Fault::stall_before_acting(forever),
        Fault::stall_after_acting(forever),
        Fault::stall_at(40, forever),
        Fault::drip(NonZeroUsize::MIN, Duration::from_millis(100)),
    ] {
        world.faults.clear();
        let client = quick(world.builder()).connect().unwrap();
        world.faults.on(Route::List).then(fault.clone());
        let begin = Instant::now();
        let error = client.secrets().list().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Transport, "{fault:?}: {error}");
        assert!(begin.elapsed() < Duration::from_secs(10), "{fault:?}");
    }
}

#[test]
fn a_stall_holds_a_client_with_longer_timeouts() {
    let world = World::new();
    let patient = world.client();
    let hasty = quick(world.builder()).connect().unwrap();
    let stall = Duration::from_millis(2500);
    world
        .faults
        .on(Route::List)
        .then(Fault::stall_after_acting(stall));
    hasty.secrets().list().unwrap_err();
    let begin = Instant::now();
    patient.secrets().list().unwrap();
    assert!(begin.elapsed() >= stall, "it was held up");
}

#[test]
fn a_truncated_answer_is_an_error() {
    let world = World::new();
    let client = world.builder().attempts(1).connect().unwrap();
    client.secrets().create("a", "v", None).unwrap();
    for at in (0..).step_by(9) {
        world.faults.clear();
        world.faults.on(Route::Read).then(Fault::truncate_at(at));
        match client.secrets().get("a") {
            Ok(secret) => {
                assert!(
                    at > 100,
                    "a cut beyond the end is none, but this is not there: {at}"
                );
                assert_eq!(secret.expose_secret(), "v");
                return;
            }
            Err(error) => {
                let kinds = [ErrorKind::Transport, ErrorKind::Api];
                assert!(is_one_of(&error, &kinds), "{at}: {error}");
            }
        }
    }
}

#[test]
fn a_compressed_answer_is_not_decompressed() {
    let world = World::new();
    let client = world.builder().attempts(1).connect().unwrap();
    world.faults.on(Route::List).then(Fault::gzip_bomb());
    let (outcome, time) = cost(|| client.secrets().list());
    assert_eq!(outcome.unwrap_err().kind(), ErrorKind::Api);
    assert!(time < Duration::from_millis(200), "{time:?}");
}

#[test]
fn a_deep_answer_is_refused_without_a_deep_stack() {
    let world = World::new();
    for open in ["[", "{\"a\":", "{\"keys\":[", "{\"key\":{\"value\":"] {
        let bomb = open.repeat((60 << 10) / open.len());
        let answer = Answer::status(StatusCode::OK).json(bomb);
        for (call, error) in every_call(&world, &Fault::answer(answer)) {
            assert_eq!(error.kind(), ErrorKind::Api, "{call}: {open}: {error}");
        }
    }
}

#[test]
fn doubled_members_are_refused() {
    let world = World::new();
    let client = world.client();
    client.secrets().create("a", "v", None).unwrap();
    for (route, body) in [
        (Route::Token, r#"{"access_token":"a","access_token":"b"}"#),
        (
            Route::OrgKey,
            r#"{"encrypted_org_key":"","encrypted_org_key":""}"#,
        ),
        (
            Route::PrivateKey,
            r#"{"encrypted_private_key":"","nonce":"","salt":"","auth_tag":"","salt":""}"#,
        ),
    ] {
        world.faults.clear();
        world.answer(route, body);
        let error = world.password_builder().connect().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Api, "{route:?}: {error}");
    }
    world.faults.clear();
    world.answer(Route::List, r#"{"keys":[],"keys":[{"key":"a"}]}"#);
    assert_eq!(client.secrets().list().unwrap_err().kind(), ErrorKind::Api);
    world.answer(
        Route::Read,
        r#"{"key":"a","value":"","nonce":"","nonce":""}"#,
    );
    assert_eq!(
        client.secrets().get("a").unwrap_err().kind(),
        ErrorKind::Api
    );
}

#[test]
fn invalid_http_and_gateway_pages_are_errors() {
    let world = World::new();
    let client = world.builder().attempts(1).connect().unwrap();
    let page = Fault::answer(Answer::html_page(StatusCode::OK));
    for fault in [Fault::raw("SSH-2.0-OpenSSH\r\n"), Fault::raw(""), page] {
        world.faults.clear();
        world.faults.on(Requests::any()).then(fault.clone());
        let error = client.secrets().list().unwrap_err();
        assert!(
            is_one_of(&error, &[ErrorKind::Transport, ErrorKind::Api]),
            "{fault:?}: {error}"
        );
    }
}

//! The header of a portal API token.

use helvetisafe::{ApiTokenHeader, ErrorKind};
use helvetisafe_test_support::{ORG_KEY, World, answer, earlier};

#[test]
fn the_services_own_header_is_tried_first_and_reused() {
    let world = World::new(|_, _| None);
    let client = world.builder_for(world.api_token()).connect().unwrap();
    client.secrets().list().unwrap();
    let log = world.proxy.log();
    assert_eq!(log.len(), 2, "no token request");
    for seen in log {
        assert!(seen.header("x-aegis-token").is_some());
        assert!(seen.header("authorization").is_none());
    }
}

#[test]
fn after_a_401_on_the_first_call_the_other_header_is_used_from_then_on() {
    let world = World::new(|seen, _| seen.header("x-aegis-token").map(|_| answer(401, "")));
    let client = world.builder_for(world.api_token()).connect().unwrap();
    client.secrets().list().unwrap();
    let bearer: Vec<_> = world
        .proxy
        .log()
        .iter()
        .map(|seen| {
            seen.header("authorization")
                .is_some_and(|value| value.starts_with("Bearer "))
        })
        .collect();
    assert_eq!(bearer, [false, true, true]);
}

#[test]
fn a_token_that_fails_with_both_headers_is_refused() {
    let world = World::new(|_, _| None);
    let credentials = helvetisafe::Credentials::api_token("wrong");
    let error = world.builder_for(credentials).connect().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Auth);
    assert_eq!(world.proxy.count("GET", ORG_KEY), 2);
}

#[test]
fn a_later_401_does_not_change_the_header() {
    let world = World::new(|seen, before| {
        (seen.is("GET", "/api/v1/secrets") && earlier(before, "GET", "/api/v1/secrets") == 0)
            .then(|| answer(401, ""))
    });
    let client = world.builder_for(world.api_token()).connect().unwrap();
    assert_eq!(client.secrets().list().unwrap_err().kind(), ErrorKind::Auth);
    assert_eq!(world.proxy.log().len(), 2);
    client.secrets().list().unwrap();
    assert!(world.proxy.log()[2].header("x-aegis-token").is_some());
}

#[test]
fn a_fixed_header_is_the_only_one() {
    for (header, name) in [
        (ApiTokenHeader::XAegisToken, "x-aegis-token"),
        (ApiTokenHeader::Bearer, "authorization"),
    ] {
        let world = World::new(|_, _| None);
        let builder = world
            .builder_for(world.api_token())
            .api_token_header(header);
        builder.connect().unwrap();
        assert!(world.proxy.log()[0].header(name).is_some());

        let world = World::new(|_, _| Some(answer(401, "")));
        let builder = world
            .builder_for(world.api_token())
            .api_token_header(header);
        assert_eq!(builder.connect().unwrap_err().kind(), ErrorKind::Auth);
        assert_eq!(world.proxy.log().len(), 1);
    }
}

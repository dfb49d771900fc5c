//! Access tokens that expire or are revoked, by the real clock. The proxy counts the requests.

use std::thread::{self, sleep};
use std::time::Duration;

use helvetisafe::{Client, ErrorKind, Expiry};
use helvetisafe_server::Vault;
use helvetisafe_tests::proxy::RecordingProxy;
use helvetisafe_tests::{By, Combination, With, World};

/// A world with this token lifetime in seconds, and a client behind the proxy.
fn of_token_life(seconds: u64) -> (World, RecordingProxy, Client) {
    let life = Duration::from_secs(seconds);
    let world = World::of(Vault::builder().token_life(life));
    let proxy = RecordingProxy::start(world.vault.address());
    let client = world.member.client(&proxy.base_url());
    client.secrets().create("a", "1", None).unwrap();
    (world, proxy, client)
}

fn tokens(proxy: &RecordingProxy) -> usize {
    proxy.requests("POST /oauth/token ")
}

#[test]
fn a_token_is_used_for_all_requests() {
    let (_world, proxy, client) = of_token_life(3600);
    for _ in 0..10 {
        client.secrets().get("a").unwrap();
    }
    assert_eq!(proxy.requests("GET /api/v1/secrets/a "), 10);
    assert_eq!(tokens(&proxy), 1);
}

#[test]
fn a_token_is_renewed_before_it_ends() {
    let (_world, proxy, client) = of_token_life(4);
    client.secrets().get("a").unwrap();
    assert_eq!(tokens(&proxy), 1);
    // Half its lifetime: a short token is renewed then.
    sleep(Duration::from_millis(2100));
    for _ in 0..3 {
        client.secrets().get("a").unwrap();
    }
    assert_eq!(tokens(&proxy), 2);
    assert_eq!(
        proxy.answers(401),
        0,
        "no request was sent with a token that had ended"
    );
}

#[test]
fn an_expired_token_is_replaced() {
    let (_world, proxy, client) = of_token_life(2);
    sleep(Duration::from_millis(2200));
    client.secrets().get("a").unwrap();
    assert_eq!(proxy.answers(401), 0);
    assert!(tokens(&proxy) >= 2);
}

#[test]
fn a_revoked_token_is_replaced_transparently() {
    let (world, proxy, client) = of_token_life(3600);
    world.vault.revoke_tokens(&world.member.account).unwrap();
    assert_eq!(client.secrets().get("a").unwrap().expose_secret(), "1");
    assert_eq!((tokens(&proxy), proxy.answers(401)), (2, 1));
    client.secrets().update("a", "2", Expiry::Keep).unwrap();
    assert_eq!((tokens(&proxy), proxy.answers(401)), (2, 1));
}

#[test]
fn a_write_that_met_a_revoked_token_happens_once() {
    let (world, proxy, client) = of_token_life(3600);
    world.vault.revoke_tokens(&world.member.account).unwrap();
    client.secrets().create("b", "2", None).unwrap();
    world.vault.revoke_tokens(&world.member.account).unwrap();
    client.secrets().delete("b").unwrap();
    assert_eq!((tokens(&proxy), proxy.answers(401)), (3, 2));
}

#[test]
fn one_renewal_serves_many_threads() {
    let (world, proxy, client) = of_token_life(3600);
    world.vault.revoke_tokens(&world.member.account).unwrap();
    thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| client.secrets().get("a").unwrap());
        }
    });
    assert_eq!(tokens(&proxy), 2);
}

#[test]
fn a_revoked_api_token_is_an_error_that_says_what_to_check() {
    let world = World::new();
    let combination = Combination(By::ApiToken, With::PemBytes);
    let builder = world.member.builder(world.vault.base_url(), combination);
    let client = builder.connect().unwrap();
    client.secrets().create("a", "1", None).unwrap();
    world
        .vault
        .revoke_api_tokens(&world.member.account)
        .unwrap();
    let error = client.secrets().get("a").unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Auth, "{error}");
    assert!(error.to_string().contains("API token"), "{error}");
}

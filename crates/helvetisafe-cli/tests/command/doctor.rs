//! The checks of `doctor` against hosts and vaults that a transcript cannot provide. The others are in
//! `doctor.txt`.

use helvetisafe_test_support::{Action, answer, server, tls_server};
use serde_json::Value;

use crate::world::{World, start_proxy};

/// Returns the status, and the outcome and message of each check.
fn doctor(
    world: &World,
    base_url: &str,
    arguments: &[&str],
) -> (i32, Vec<(String, String, String)>) {
    let mut command = world.command();
    command
        .env("HELVETISAFE_BASE_URL", base_url)
        .args(["doctor", "--json", "--timeout", "10s"])
        .args(arguments);
    let output = command.output().unwrap();
    let lines: Vec<Value> = serde_json::from_slice(&output.stdout).unwrap();
    let text = |line: &Value, name: &str| line[name].as_str().unwrap().to_owned();
    let lines = lines.iter().map(|line| {
        (
            text(line, "check"),
            text(line, "outcome"),
            text(line, "message"),
        )
    });
    (output.status.code().unwrap(), lines.collect())
}

fn find<'a>(lines: &'a [(String, String, String)], check: &str) -> (&'a str, &'a str) {
    let line = lines.iter().find(|line| line.0 == check).unwrap();
    (&line.1, &line.2)
}

#[test]
fn an_unresolvable_host_is_named() {
    let world = World::new();
    let (status, lines) = doctor(&world, "https://vault.invalid", &[]);
    let (outcome, message) = find(&lines, "name");
    assert_eq!((status, outcome), (9, "failed"));
    assert!(
        message.starts_with("vault.invalid has no address"),
        "{message}"
    );
    assert_eq!(find(&lines, "connection"), ("skipped", "needs name"));
}

#[test]
fn a_proxy_may_resolve_an_unknown_host() {
    let world = World::new();
    let mut command = world.command();
    command
        .env("HELVETISAFE_BASE_URL", "https://vault.invalid")
        .env("HTTPS_PROXY", server::closed_url())
        .args(["doctor", "--timeout", "5s"]);
    let output = command.output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(9), "{text}");
    assert!(text.contains("warning  name"), "{text}");
    assert!(text.contains("failed   connection"), "{text}");
    assert!(text.contains("the proxy in HTTPS_PROXY"), "{text}");
}

#[test]
fn a_different_clock_is_only_a_warning() {
    let world = World::new();
    let proxy = start_proxy(|seen, _| {
        let token = r#"{"access_token":"x"}"#;
        let date = "Date: Thu, 01 Jan 2026 00:00:00 GMT\r\n";
        match seen.is("POST", "/oauth/token") {
            true => Action::Answer(200, date, token.into()),
            false => Action::Forward,
        }
    });
    let (status, lines) = doctor(&world, &proxy.base_url(), &[]);
    let (outcome, message) = find(&lines, "clock");
    assert_eq!(outcome, "warning", "{lines:?}");
    assert!(
        message.contains("s ahead of the vault's; set it"),
        "{message}"
    );
    // The proxy does not return a valid token.
    assert_eq!((status, find(&lines, "token").0), (3, "failed"));
}

#[test]
fn a_certificate_of_an_unknown_authority_is_reported() {
    let world = World::new();
    let (port, _) = tls_server::start();
    let (status, lines) = doctor(&world, &format!("https://localhost:{port}"), &[]);
    let (outcome, message) = find(&lines, "connection");
    assert_eq!((status, outcome), (9, "failed"));
    assert!(message.contains("certificate"), "{message}");
    assert!(message.contains("--ca-certificate"), "{message}");
}

#[test]
fn a_round_trip_leaves_nothing_behind() {
    let world = World::new();
    let proxy = start_proxy(|_, _| Action::Forward);
    let (status, _) = doctor(&world, &proxy.base_url(), &[]);
    assert_eq!((status, proxy.count("POST", "/api/v1/secrets")), (0, 0));
    let (status, lines) = doctor(&world, &proxy.base_url(), &["--round-trip"]);
    assert_eq!((status, find(&lines, "round-trip").0), (0, "ok"));
    assert_eq!(proxy.count("POST", "/api/v1/secrets"), 1);

    let listed = world.command().args(["list", "--keys"]).output().unwrap();
    assert_eq!(listed.stdout, b"");
}

#[test]
fn the_secret_of_a_round_trip_expires_if_it_cannot_be_deleted() {
    let world = World::new();
    let forbidden = start_proxy(|seen, _| match seen.method.as_str() {
        "DELETE" => answer(403, r#"{"error":"missing scope secrets:delete"}"#),
        _ => Action::Forward,
    });
    let (status, lines) = doctor(&world, &forbidden.base_url(), &["--round-trip"]);
    let (outcome, message) = find(&lines, "round-trip");
    assert_eq!((status, outcome), (4, "failed"));
    assert!(message.contains("expires in 5 minutes"), "{message}");
}

#[test]
fn no_credential_is_printed() {
    let world = World::new();
    for arguments in [
        &["doctor"][..],
        &["doctor", "--json", "--verbose", "--round-trip"],
    ] {
        let output = world.command().args(arguments).output().unwrap();
        let text = [output.stdout, output.stderr].concat();
        let text = String::from_utf8(text).unwrap();
        let secret = world.name("CLIENT_SECRET");
        assert!(!text.contains(&secret), "{text}");
    }
}

/// Returns the lines with these failover URLs.
fn doctor_at(world: &World, base_url: &str, further: &str) -> (i32, Vec<(String, String, String)>) {
    doctor(world, base_url, &["--failover-urls", further])
}

#[test]
fn each_address_is_tested_on_its_own() {
    let world = World::new();
    let [one, two] = [(); 2].map(|()| start_proxy(|_, _| Action::Forward));
    let (up, other, down) = (one.base_url(), two.base_url(), server::closed_url());
    let (status, lines) = doctor_at(&world, &up, &other);
    let (outcome, message) = find(&lines, "configuration");
    assert_eq!((status, outcome), (0, "ok"), "{lines:?}");
    let urls = format!("{up}, failover URLs {other}, no profile");
    assert_eq!(message, urls);
    let (outcome, message) = find(&lines, "connection");
    assert_eq!(outcome, "ok");
    assert!(
        message.starts_with("each of the 2 addresses answers; plain HTTP"),
        "{message}"
    );
    assert_eq!(
        [&one, &two].map(|it| it.count("POST", "/oauth/token")),
        [1, 1]
    );

    for (base, further) in [(&down, &up), (&up, &down)] {
        let (status, lines) = doctor_at(&world, base, further);
        let (outcome, message) = find(&lines, "connection");
        assert_eq!((status, outcome), (0, "warning"), "{lines:?}");
        let expected = format!("{up} works, but not each of the 2 addresses: {down}: ");
        assert!(
            message.starts_with(&expected) && message.contains("refused"),
            "{message}"
        );
        assert_eq!(find(&lines, "binding").0, "ok");
    }
    let (status, lines) = doctor_at(&world, &down, &server::closed_url());
    assert_eq!(
        (status, find(&lines, "connection").0),
        (9, "failed"),
        "{lines:?}"
    );
}

#[test]
fn a_name_without_an_address_is_a_warning_if_another_works() {
    let world = World::new();
    let proxy = start_proxy(|_, _| Action::Forward);
    let (status, lines) = doctor_at(&world, "https://vault.invalid", &proxy.base_url());
    let (outcome, message) = find(&lines, "name");
    assert_eq!((status, outcome), (0, "warning"), "{lines:?}");
    assert!(
        message.contains("vault.invalid has no address"),
        "{message}"
    );
    assert_eq!(find(&lines, "connection").0, "warning");
}

/// Commands stop at such an address.
#[test]
fn an_untrusted_certificate_of_one_address_is_a_failure() {
    let world = World::new();
    let proxy = start_proxy(|_, _| Action::Forward);
    let (port, _) = tls_server::start();
    let (status, lines) = doctor_at(
        &world,
        &proxy.base_url(),
        &format!("https://localhost:{port}"),
    );
    let (outcome, message) = find(&lines, "connection");
    assert_eq!((status, outcome), (9, "failed"), "{lines:?}");
    assert!(message.contains("--ca-certificate"), "{message}");
}

#[test]
fn an_address_of_another_vault_is_a_failure() {
    let world = World::new();
    let proxy = start_proxy(|_, _| Action::Forward);
    let foreign = world.foreign_org_key();
    let other = start_proxy(
        move |seen, _| match seen.is("GET", "/api/v1/credentials/org-key") {
            true => answer(200, foreign.clone()),
            false => Action::Forward,
        },
    );
    let (status, lines) = doctor_at(&world, &proxy.base_url(), &other.base_url());
    let (outcome, message) = find(&lines, "connection");
    assert_eq!((status, outcome), (8, "failed"), "{lines:?}");
    assert!(
        message.contains("they are different vaults; correct the failover URLs"),
        "{message}"
    );
}

/// Commands go on from an address that is down, and not from one that refuses.
#[test]
fn a_refusing_address_is_a_failure_if_commands_reach_it_first() {
    let world = World::new();
    let up = start_proxy(|_, _| Action::Forward).base_url();
    let refusing = start_proxy(|_, _| answer(401, r#"{"error":"invalid_client"}"#)).base_url();
    let down = server::closed_url();
    let spare = start_proxy(|_, _| Action::Forward).base_url();
    for (base, further) in [
        (&refusing, format!("{up} {spare}")),
        (&down, format!("{refusing} {up}")),
    ] {
        let (status, lines) = doctor_at(&world, base, &further);
        let (outcome, message) = find(&lines, "connection");
        assert_eq!((status, outcome), (3, "failed"), "{lines:?}");
        assert!(message.starts_with(&format!("{refusing}: ")), "{message}");
        let part = format!(
            "commands end there, although {up} works: the address may belong to another vault"
        );
        assert!(message.contains(&part), "{message}");
        let mut command = world.command();
        command
            .env("HELVETISAFE_BASE_URL", base)
            .env("HELVETISAFE_FAILOVER_URLS", &further);
        let got = command.args(["get", "KEY"]).output().unwrap();
        assert_eq!(got.status.code(), Some(3), "{got:?}");
    }

    let (status, lines) = doctor_at(&world, &up, &refusing);
    let (outcome, message) = find(&lines, "connection");
    assert_eq!((status, outcome), (0, "warning"), "{lines:?}");
    let part = "while the addresses before it are down, commands end with this error: the address may belong to another vault";
    assert!(message.contains(part), "{message}");

    // No address works: the credential is wrong, as with a single address.
    let (status, lines) = doctor_at(
        &world,
        &refusing,
        &refusing.replace("127.0.0.1", "localhost"),
    );
    assert_eq!(
        (status, find(&lines, "token").0),
        (3, "failed"),
        "{lines:?}"
    );
}

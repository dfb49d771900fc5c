//! Connections: failures to connect, plain HTTP to another host, and the requested scopes.

use std::process::{Command, Output};

use helvetisafe_test_support::{Action, answer, server};
use secrecy::ExposeSecret;

use crate::world::{World, start_proxy, vault_address};

const TOKEN: &str = "/oauth/token";

fn messages(command: &mut Command) -> (Option<i32>, String) {
    let Output { status, stderr, .. } = command.output().unwrap();
    (status.code(), String::from_utf8(stderr).unwrap())
}

#[test]
fn a_failure_to_connect_names_the_host_the_proxy_and_doctor() {
    let world = World::new();
    let (url, proxy) = (server::closed_url(), server::closed_url());
    let host = |url: &str| url.replace("http://", "");
    let cases = [
        (url.clone(), vec![host(&url)]),
        (
            "https://vault.invalid".to_owned(),
            vec!["vault.invalid through the proxy".to_owned(), host(&proxy)],
        ),
    ];
    let all: [&[&str]; 4] = [
        &["get", "KEY"],
        &["list"],
        &["set", "KEY", "--generate"],
        &["run", "--key", "KEY", "--", "true"],
    ];
    for (url, names) in cases {
        for arguments in all {
            let mut command = world.command();
            command
                .env("HELVETISAFE_BASE_URL", &url)
                .env("HTTPS_PROXY", &proxy);
            let (_, message) = messages(command.args(arguments));
            for name in names
                .iter()
                .map(String::as_str)
                .chain(["`helvetisafe doctor`"])
            {
                assert!(message.contains(name), "{arguments:?} {name}: {message}");
            }
            assert_eq!(message.lines().count(), 1, "{message}");
        }
    }
}

/// The vault of these tests speaks plain HTTP.
#[test]
fn https_to_a_port_without_tls_is_named() {
    let world = World::new();
    let address = vault_address();
    let url = format!("https://{address}");
    let without_tls = format!("{address} does not speak TLS; is it http://?");
    for (arguments, advice) in [
        (&["get", "KEY"][..], "`helvetisafe doctor`"),
        (&["doctor"], "use http:// in the base URL"),
    ] {
        let mut command = world.command();
        command.env("HELVETISAFE_BASE_URL", &url).args(arguments);
        let Output {
            status,
            stdout,
            stderr,
        } = command.output().unwrap();
        let text = [stdout, stderr]
            .map(|text| String::from_utf8(text).unwrap())
            .concat();
        assert_eq!(status.code(), Some(9), "{text}");
        assert!(
            text.contains(&without_tls) && text.contains(advice),
            "{text}"
        );
        assert!(!text.contains("certificate"), "{text}");
    }
}

#[test]
fn verbose_shows_the_url_of_each_request_and_the_addresses_that_do_not_answer() {
    let world = World::new();
    let url = world.name("URL");
    let (_, log) = messages(world.command().args(["list", "-v"]));
    assert!(
        log.contains(&format!("GET {url}/api/v1/secrets (attempt 1)")),
        "{log}"
    );
    let closed = server::closed_url().replace("127.0.0.1", "localhost");
    let mut command = world.command();
    command.env("HELVETISAFE_BASE_URL", &closed);
    let (_, log) = messages(command.args(["list", "-v", "--timeout", "2s"]));
    assert!(
        log.contains(&format!("POST {closed}{TOKEN} (attempt 1)")),
        "{log}"
    );
    let is_address = |line: &str| line.contains("localhost is ") && line.contains("127.0.0.1");
    assert!(log.lines().any(is_address), "{log}");
}

/// `0.0.0.0` leads to this machine, but is no loopback address.
#[cfg(target_os = "linux")]
#[test]
fn plain_http_to_another_host_needs_a_setting_that_names_it() {
    let world = World::new();
    world.set("KEY", "value");
    let url = world.name("URL").replace("127.0.0.1", "0.0.0.0");
    let get = |allowed: Option<&str>, arguments: &[&str]| {
        let mut command = world.command();
        command.env("HELVETISAFE_BASE_URL", &url).args(arguments);
        if let Some(host) = allowed {
            command.env("HELVETISAFE_ALLOW_PLAIN_HTTP", host);
        }
        let Output {
            status,
            stdout,
            stderr,
        } = command.output().unwrap();
        let stderr = String::from_utf8(stderr).unwrap();
        (status.code(), String::from_utf8(stdout).unwrap(), stderr)
    };
    let cost = "everyone on the network in between";
    let (status, _, message) = get(None, &["get", "KEY"]);
    assert_eq!(status, Some(2), "{message}");
    assert!(
        message.contains(cost) && message.contains("--allow-plain-http 0.0.0.0"),
        "{message}"
    );
    for other in ["true", "1.2.3.4", "0.0.0.0:80", "*"] {
        let (status, _, message) = get(Some(other), &["get", "KEY"]);
        assert_eq!(status, Some(2), "{other}: {message}");
        assert!(
            message.contains(&format!("allows the host `{other}` alone")),
            "{message}"
        );
    }
    let (status, value, message) = get(Some("0.0.0.0"), &["get", "KEY"]);
    assert_eq!((status, value.as_str()), (Some(0), "value"), "{message}");
    assert!(message.contains(cost), "{message}");
    let (_, value, message) = get(Some("0.0.0.0"), &["get", "KEY", "--quiet"]);
    assert_eq!((value.as_str(), message.as_str()), ("value", ""));
    let by_flag = ["--allow-plain-http", "0.0.0.0", "doctor"];
    let (status, report, _) = get(Some("other.example"), &by_flag);
    assert_eq!(status, Some(0), "{report}");
    let connection = report
        .lines()
        .find(|line| line.contains(" connection "))
        .unwrap();
    assert!(
        connection.starts_with("warning") && connection.contains(cost),
        "{report}"
    );
}

/// A server may refuse a token with an unknown scope, or with one that the account does not have.
#[test]
fn a_vault_that_refuses_too_many_scopes_works_with_fewer() {
    let world = World::new();
    world.set("KEY", "value");
    let proxy = start_proxy(|seen, _| {
        let body = String::from_utf8_lossy(&seen.body).into_owned();
        let is_few = body.contains("scope=secrets%3Aread+credentials%3Aread");
        let is_refused = seen.is("POST", TOKEN) && !is_few;
        match is_refused {
            true => answer(400, r#"{"error":"invalid_scope"}"#),
            false => Action::Forward,
        }
    });
    let get = || {
        let mut command = world.command_through(&proxy);
        command.args(["get", "KEY"]);
        command
    };
    let (status, message) = messages(&mut get());
    assert_eq!(status, Some(3), "{message}");
    assert!(
        message.contains("--scopes, HELVETISAFE_SCOPES, or scopes in the profile"),
        "{message}"
    );

    for scopes in [
        "secrets:read credentials:read",
        "secrets:read,credentials:read",
    ] {
        let mut command = get();
        let (status, message) = messages(command.args(["--scopes", scopes]));
        assert_eq!(status, Some(0), "{scopes}: {message}");
        let (status, message) = messages(get().env("HELVETISAFE_SCOPES", scopes));
        assert_eq!(status, Some(0), "{scopes}: {message}");
        let profile = format!("[profiles.default]\nscopes = \"{scopes}\"\n");
        world.write("config.toml", &profile, 0o600);
        let (status, message) = messages(get().env("HELVETISAFE_CONFIG", "config.toml"));
        assert_eq!(status, Some(0), "{scopes}: {message}");
    }
}

/// A TLS server answers plain HTTP with an alert, or with a page.
#[test]
fn plain_http_to_a_tls_port_suggests_https() {
    for reply in [
        Action::Raw(b"\x15\x03\x01\x00\x02\x02\x16".to_vec()),
        answer(
            400,
            "<h1>The plain HTTP request was sent to HTTPS port</h1>",
        ),
    ] {
        let world = World::new();
        let proxy = start_proxy(move |_, _| reply.clone());
        for command in ["list", "doctor"] {
            let output = world.command_through(&proxy).arg(command).output().unwrap();
            let text = [output.stdout, output.stderr].concat();
            let text = String::from_utf8(text).unwrap();
            assert!(text.contains("use https:// in the base URL"), "{text}");
        }
    }
}

/// Runs `get KEY` with a profile that has these `failover_urls`, in TOML.
fn get_with_profile(world: &World, base_url: &str, further: &str, more: &[(&str, &str)]) -> Output {
    let client_id = &world.owner.client_id;
    world.write("secret", world.owner.client_secret.expose_secret(), 0o600);
    let profile = format!(
        "[profiles.p]\nbase_url = \"{base_url}\"\nfailover_urls = {further}\nclient_id = \"{client_id}\"\n\
         client_secret_file = \"secret\"\nprivate_key_path = \"key.pem\"\n"
    );
    world.write("config.toml", &profile, 0o600);
    let mut command = world.command();
    for (name, _) in world.credentials() {
        command.env_remove(name);
    }
    command.env_remove("HELVETISAFE_BASE_URL");
    for (name, value) in more {
        match name.starts_with("--") {
            true => command.args([name, value]),
            false => command.env(name, value),
        };
    }
    let arguments = ["--config", "config.toml", "--profile", "p", "get", "KEY"];
    command.args(arguments).output().unwrap()
}

#[test]
fn another_address_of_the_vault_is_used_if_the_first_one_is_down() {
    let world = World::new();
    world.set("KEY", "hunter2");
    let (down, up) = (server::closed_url(), format!("http://{}", vault_address()));
    let further = format!("{} {up}", server::closed_url());
    let list = format!("[\"{}\", \"{up}\"]", server::closed_url());
    for further in [format!("\"{further}\""), list] {
        let found = get_with_profile(&world, &down, &further, &[]);
        assert_eq!(found.stdout, b"hunter2", "{found:?}");
    }

    let mut command = world.command();
    command
        .env("HELVETISAFE_BASE_URL", &down)
        .env("HELVETISAFE_FAILOVER_URLS", format!("{further},{down}"));
    let found = command.args(["get", "KEY"]).output().unwrap();
    assert_eq!(found.stdout, b"hunter2", "{found:?}");
}

#[test]
fn an_error_says_how_many_addresses_were_tried() {
    let world = World::new();
    let down = || server::closed_url();
    let failed = get_with_profile(&world, &down(), &format!("\"{} {}\"", down(), down()), &[]);
    let message = String::from_utf8(failed.stderr).unwrap();
    assert_eq!(failed.status.code(), Some(9), "{message}");
    assert!(
        message.contains("; 3 addresses of the vault were tried"),
        "{message}"
    );
    let failed = get_with_profile(&world, &down(), "\"\"", &[]);
    let message = String::from_utf8(failed.stderr).unwrap();
    assert!(!message.contains("tried"), "{message}");
}

/// The credential of one vault would be sent to another one.
#[test]
fn further_addresses_count_only_with_the_base_url_of_their_source() {
    let world = World::new();
    let proxy = start_proxy(|_, _| Action::Forward);
    let (down, other) = (server::closed_url(), proxy.base_url());
    let variable = [("HELVETISAFE_FAILOVER_URLS", other.as_str())];
    let is_warned = |message: &str| {
        let warning = "HELVETISAFE_FAILOVER_URLS is not used, since the base URL is from ";
        message.contains(warning) && message.contains("give the URLs with --failover-urls")
    };
    for (profile, more) in [
        ("", &variable[..]),
        (other.as_str(), &[("--base-url", down.as_str())][..]),
    ] {
        let base = match profile {
            "" => &down,
            _ => &other,
        };
        let failed = get_with_profile(&world, base, &format!("\"{profile}\""), more);
        assert_eq!(failed.status.code(), Some(9), "{failed:?}");
        let message = String::from_utf8(failed.stderr).unwrap();
        // A flag for another vault replaces the profile's on purpose.
        assert_eq!(is_warned(&message), profile.is_empty(), "{message}");
    }
    assert_eq!(proxy.log().len(), 0);
    // A flag is for the base URL in use.
    let flag = [("--failover-urls", other.as_str())];
    let failed = get_with_profile(&world, &down, "[]", &flag);
    assert_eq!(failed.status.code(), Some(5), "{failed:?}");
    assert!(!proxy.log().is_empty());

    for wrong in ["http://vault.example", "https://ada:hunter2@vault.example"] {
        let failed = get_with_profile(&world, &down, &format!("[\"{other}\", \"{wrong}\"]"), &[]);
        let message = String::from_utf8(failed.stderr).unwrap();
        assert!(message.contains("failover_urls"), "{message}");
        assert!(message.contains("URL 2 of the list"), "{message}");
        assert!(!message.contains("hunter2"), "{message}");
        assert_eq!(failed.status.code(), Some(2), "{message}");
    }

    // A variable without a base URL does not replace the list of the profile.
    world.set("KEY", "hunter2");
    let found = get_with_profile(
        &world,
        &down,
        &format!("[\"{other}\"]"),
        &[("HELVETISAFE_FAILOVER_URLS", &down)],
    );
    assert_eq!(found.stdout, b"hunter2", "{found:?}");
    let message = String::from_utf8(found.stderr).unwrap();
    assert!(is_warned(&message), "{message}");
}

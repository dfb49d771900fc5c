//! A command that is run again takes settings from the folder of its account, and stores new ones there.

use std::fs;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use helvetisafe_test_support::{server, tls_server};

use crate::organization::{Organization, fails, json, losing, ok, run};
use crate::world::{World, bootstrap_token};

const FAILOVER: &str = "failover_urls = ";

fn config(organization: &Organization, folder: &str) -> String {
    fs::read_to_string(organization.path(folder).join("config.toml")).unwrap()
}

/// Adds a line to the profile, as a user does with an editor.
fn edit(organization: &Organization, folder: &str, line: &str) {
    let text = config(organization, folder) + line + "\n";
    let name = format!("{folder}/config.toml");
    organization.world.write(&name, &text, 0o600);
}

/// The first address is down in all runs, and the answer of the other one is lost in the first run.
#[test]
fn a_join_that_is_run_again_reaches_the_vault_by_the_addresses_of_its_folder() {
    let organization = Organization::new();
    let is_lost = Arc::new(AtomicBool::new(true));
    let proxy = losing("POST", "/api/v1/join", &is_lost);
    let (down, up) = (server::closed_url(), proxy.base_url());
    let code = organization.invite("bob", "member");
    let join = ["join", "--output-dir", "bob"];
    let run = |more: &[&str]| {
        let arguments = [&join[..], more].concat();
        run(&organization.world, None, &arguments, &code)
    };
    let base = ["--base-url", &down];
    let addresses = [&base[..], &["--failover-urls", &up]].concat();
    let lost = [&addresses[..], &["--timeout", "9s"]].concat();
    fails(&run(&lost), 9);
    let before = config(&organization, "bob");
    assert!(before.contains(&format!("{FAILOVER}\"{up}\"")), "{before}");
    is_lost.store(false, Ordering::Relaxed);
    for more in [&[][..], &base] {
        ok(run(more));
        assert_eq!(config(&organization, "bob"), before);
    }
    // A variable is for its own vault.
    let elsewhere = Some("http://127.0.0.1:1");
    ok(crate::organization::run(
        &organization.world,
        elsewhere,
        &join,
        &code,
    ));
    assert_eq!(config(&organization, "bob"), before);

    // The addresses of the account of another code are not used.
    let other = organization.invite("carol", "member");
    let output = crate::organization::run(&organization.world, None, &join, &other);
    let messages = fails(&output, 6);
    assert!(messages.contains("for another invitation"), "{messages}");
}

#[test]
fn a_founding_that_is_run_again_needs_no_address() {
    let world = World::new();
    let is_lost = Arc::new(AtomicBool::new(true));
    let proxy = losing("POST", "/api/v1/organizations", &is_lost);
    let (down, up, token) = (server::closed_url(), proxy.base_url(), bootstrap_token());
    let create = ["org", "create", "--output-dir", "ada", "--name", "ada"];
    let addresses = [
        "--base-url",
        &down,
        "--failover-urls",
        &up,
        "--timeout",
        "9s",
    ];
    let first = [&create[..], &addresses].concat();
    fails(&run(&world, None, &first, &token), 9);
    is_lost.store(false, Ordering::Relaxed);
    ok(run(&world, None, &create, &token));
    ok(run(
        &world,
        None,
        &["--config", "ada/config.toml", "list"],
        "",
    ));
}

/// The profile of a complete account may have been edited.
#[test]
fn new_addresses_are_stored_in_the_profile_of_a_complete_account_and_nothing_else_is_changed() {
    let organization = Organization::new();
    let (_, authority) = tls_server::config("localhost");
    organization.world.write("ca.pem", &authority, 0o600);
    let code = organization.invite("bob", "administrator");
    ok(organization.join(&code, "bob"));
    ok(organization.with("ada", &["org", "confirm", "bob", "--yes"]));
    let kit = ["org", "recovery-kit", "--output-dir", "kit"];
    ok(organization.with("ada", &kit));

    let commands = [
        (
            "ada",
            None,
            &["org", "create", "--output-dir", "ada", "--name", "ada"][..],
        ),
        ("bob", None, &["join", "--output-dir", "bob"]),
        ("kit", Some("ada"), &kit),
    ];
    for (folder, administrator, command) in commands {
        let run = |more: &[&str]| {
            let arguments = [command, more].concat();
            match administrator {
                Some(administrator) => organization.with(administrator, &arguments),
                None => run(&organization.world, None, &arguments, &code),
            }
        };
        edit(&organization, folder, "keep_token = true # mine");
        let edited = config(&organization, folder);
        ok(run(&[]));
        assert_eq!(config(&organization, folder), edited);

        let further = ["--failover-urls", "https://a.example https://b.example"];
        let more = [&further[..], &["--ca-certificate", "ca.pem"]].concat();
        let dry = run(&[&more[..], &["--dry-run"]].concat());
        let text = [&dry.stdout[..], &dry.stderr].concat();
        let text = String::from_utf8(text).unwrap();
        let written = "would write failover_urls and ca_certificate into the profile";
        assert!(text.contains(written), "{folder}: {text}");
        assert_eq!(config(&organization, folder), edited);

        let output = run(&more);
        let messages = fails(&output, 0);
        let written = "wrote failover_urls and ca_certificate into ";
        assert!(messages.contains(written), "{folder}: {messages}");
        let lines = format!(
            "{edited}{FAILOVER}\"https://a.example https://b.example\"\nca_certificate = \"ca-certificate.pem\"\n"
        );
        assert_eq!(config(&organization, folder), lines);
        let copy = organization.path(folder).join("ca-certificate.pem");
        assert_eq!(fs::read_to_string(copy).unwrap(), authority);
        ok(organization.with(folder, &["list"]));

        // The same ones are no change, and none are removed.
        for more in [&more[..], &[]] {
            let messages = fails(&run(more), 0);
            assert!(!messages.contains("wrote"), "{messages}");
            assert_eq!(config(&organization, folder), lines);
        }
    }
}

/// The account has moved to another URL: the further ones would be those of the old one.
#[test]
fn a_profile_with_another_url_is_not_changed() {
    let organization = Organization::new();
    let text = config(&organization, "ada");
    let moved = text.replacen("base_url = \"", "base_url = \"https://moved.example/", 1);
    assert_ne!(moved, text);
    organization.world.write("ada/config.toml", &moved, 0o600);
    let create = ["org", "create", "--output-dir", "ada", "--name", "ada"];
    let again = json(&ok(run(
        &organization.world,
        None,
        &[&create[..], &["--json"]].concat(),
        "",
    )));
    assert_eq!(again["action"], "unchanged");
    let further = ["--failover-urls", "https://a.example"];
    let output = run(
        &organization.world,
        None,
        &[&create[..], &further].concat(),
        "",
    );
    let messages = fails(&output, 2);
    assert!(messages.contains("has another base URL"), "{messages}");
    assert_eq!(config(&organization, "ada"), moved);
}

//! The names and the filters of `audit`.

use std::fs;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use helvetisafe_test_support::Action;
use serde_json::Value;

use crate::organization::{Organization, fails, json, ok};
use crate::world::{World, start_proxy};

/// The acts that a command prints, each with the name of its actor.
fn acts(organization: &Organization, folder: &str, options: &[&str]) -> Vec<(String, String)> {
    let arguments = [&["audit", "--json"], options].concat();
    let printed = json(&ok(organization.with(folder, &arguments)));
    let text = |value: &Value| value.as_str().unwrap_or("-").to_owned();
    let acts = printed.as_array().unwrap().iter();
    acts.map(|act| (text(&act["act"]), text(&act["actor_name"])))
        .collect()
}

fn account(organization: &Organization, folder: &str) -> String {
    let plan = fs::read_to_string(organization.path(&format!("{folder}/account.json")));
    let client_id = &json(&plan.unwrap())["client_id"];
    client_id.as_str().unwrap().to_owned()
}

/// A name of two accounts stands for both, and is shown with the account.
#[test]
fn acts_have_the_names_of_the_chain_also_of_former_members() {
    let organization = Organization::new();
    for folder in ["bob-1", "bob-2"] {
        let code = organization.invite("bob", "reader tokens:write");
        ok(organization.join(&code, folder));
        ok(organization.with("ada", &["org", "confirm", "bob", "--yes"]));
        ok(organization.with(folder, &["token", "create", "x", "--scopes", "reader"]));
        if folder == "bob-1" {
            ok(organization.with("ada", &["org", "disable", "bob", "--yes"]));
        }
    }
    organization.member("eve", "credentials:read audit:read");
    let own = |name: &str, who: &str| (name.to_owned(), who.to_owned());
    let second = [
        own("token.create", "bob"),
        own("organization.confirm", "ada"),
        own("organization.join", "-"),
    ];
    let first = [
        own("token.create", "bob"),
        own("organization.confirm", "ada"),
        own("organization.join", "-"),
    ];
    let both = [&second[..], &[own("organization.disable", "ada")], &first].concat();
    assert_eq!(acts(&organization, "ada", &["--member", "bob"]), both);
    // An auditor needs no other scope of administration.
    assert_eq!(acts(&organization, "eve", &["--member", "bob"]), both);
    let id = account(&organization, "bob-2");
    assert_eq!(acts(&organization, "ada", &["--member", &id]), second);
    let options = ["--member", "bob", "--action", "token", "--since", "1h"];
    let tokens = acts(&organization, "ada", &options);
    assert_eq!(tokens, [second[0].clone(), first[0].clone()]);
    let options = ["--member", "bob", "--limit", "4"];
    assert_eq!(acts(&organization, "ada", &options), both[..4]);

    let rows = ok(organization.with("ada", &["audit", "--action", "organization.disable"]));
    let row: Vec<_> = rows.trim_end().split('\t').skip(1).collect();
    let subject = format!("bob ({})", account(&organization, "bob-1"));
    assert_eq!(row[..3], ["organization.disable", "ada", &subject]);
    // The person has joined, and is not in the chain yet.
    let code = organization.invite("dave", "reader");
    ok(organization.join(&code, "dave"));
    let id = account(&organization, "dave");
    let joined = acts(&organization, "ada", &["--member", &id]);
    assert_eq!(joined, [own("organization.join", "-")]);
    let unknown = organization.with("ada", &["audit", "--member", "dave"]);
    assert!(fails(&unknown, 5).contains("no member has or had the name"));
}

/// The vault has many acts, of which few are selected.
#[test]
fn a_filter_selects_from_all_pages() {
    let organization = Organization::new();
    for n in 0..52 {
        let name = format!("person-{n}");
        organization.invite(&name, "reader");
        ok(organization.with("ada", &["org", "withdraw", &name]));
    }
    let found = acts(&organization, "ada", &["--action", "organization.found"]);
    assert_eq!(found, [("organization.found".to_owned(), "ada".to_owned())]);
    // A mistyped act, and the reads of secrets, which this vault does not record.
    for act in ["organization.withdrawn", "secrets"] {
        let none = organization.with("ada", &["audit", "--action", act]);
        let known = "no act matches; those that were examined are: organization.found, organization.invite, organization.withdraw\n";
        assert!(fails(&none, 0).ends_with(known), "{none:?}");
        assert!(none.stdout.is_empty());
    }
    let options = ["--action", "organization.withdraw", "--limit", "51"];
    assert_eq!(acts(&organization, "ada", &options).len(), 51);
}

/// The record is the vault's in any case, so a chain that is refused takes only the names away. The status says so.
#[test]
fn a_refused_chain_takes_the_names_away() {
    let is_dishonest = Arc::new(AtomicBool::new(false));
    let is_set = Arc::clone(&is_dishonest);
    let proxy = start_proxy(move |request, _| {
        let is_chain = request.path.starts_with("/api/v1/organization/chain");
        match is_chain && is_set.load(Ordering::SeqCst) {
            true => Action::Answer(
                200,
                "content-type: application/json\r\n",
                br#"{"entries":[],"has_more":false}"#.to_vec(),
            ),
            false => Action::Forward,
        }
    });
    let organization = Organization::at(World::new(), proxy.base_url());
    is_dishonest.store(true, Ordering::SeqCst);
    let audit = organization.with("ada", &["audit"]);
    let messages = fails(&audit, 8);
    let id = account(&organization, "ada");
    let rows = String::from_utf8_lossy(&audit.stdout).into_owned();
    let row: Vec<_> = rows.trim_end().split('\t').skip(1).collect();
    assert_eq!(row, ["organization.found", &id, &id, "ada"], "{messages}");
    let named = organization.with("ada", &["audit", "--member", "ada"]);
    fails(&named, 8);
    assert!(named.stdout.is_empty());
}

#[test]
fn without_a_trusted_part_of_the_chain_there_are_no_names() {
    let organization = Organization::new();
    organization.member("eve", "credentials:read audit:read");
    let config = organization.path("eve/config.toml");
    let profile = fs::read_to_string(&config).unwrap();
    let lines = profile
        .lines()
        .filter(|it| !it.starts_with("verification_key"));
    let profile: String = lines.map(|it| format!("{it}\n")).collect();
    fs::write(&config, profile).unwrap();
    fs::remove_dir_all(organization.path(".local/state/helvetisafe")).unwrap();
    let rows = ok(organization.with("eve", &["audit", "--limit", "1"]));
    assert!(rows.contains(&account(&organization, "eve")), "{rows}");
    let named = organization.with("eve", &["audit", "--member", "ada"]);
    let messages = fails(&named, 2);
    assert!(messages.contains("give the client id"), "{messages}");
}

//! A vault that gives a replaced org key to a member who has not seen the rotation. What is sealed under it would be stored as a
//! value of the present key, which no other member could open.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use helvetisafe_test_support::{Action, answer};

use super::*;
use crate::world::{start_proxy, vault_address};

/// The message about a key that the signed chain has replaced.
const REPLACED: &str = "in its place";
/// The advice that would destroy a good value.
const WRITE_AGAIN: &str = "write it again";

/// Returns the status of a refused org key: `run` has one status for all its own failures.
fn status(line: &str) -> i32 {
    if line.starts_with("run") { 125 } else { 8 }
}

impl Stage {
    /// An organization whose founder has replaced the org key since Bob has read and written.
    fn rotated() -> Self {
        let stage = Self::new();
        stage.organization.member("bob", "member");
        for line in ["set KEY --generate", "set OLD --generate"] {
            ok(stage.ada(line));
        }
        ok(stage.ada("set MANY --field A --generate"));
        ok(stage.bob("get KEY"));
        ok(stage.ada("org rotate --yes"));
        let world = &stage.organization.world;
        world.write("new.env", "NEW=one\n", 0o600);
        stage
    }

    fn bob(&self, line: &str) -> Output {
        self.with("bob", line)
    }

    fn values(&self) -> Vec<String> {
        let read = |line: &&str| ok(self.ada(line));
        let lines = ["get KEY", "get OLD", "get MANY --field A"];
        lines.iter().map(read).collect()
    }

    /// Returns the remembered fingerprint and number of an account.
    fn known(&self, folder: &str) -> (String, Value) {
        let known = json(&self.remembered());
        let mut vaults = known["vaults"].as_array().unwrap().iter();
        let vault = vaults.find(|it| it["account"] == self.account(folder));
        let vault = vault.unwrap();
        let fingerprint = vault["fingerprint"].as_str().unwrap().to_owned();
        (fingerprint, vault["org_key_number"].clone())
    }

    /// Bob's next commands follow the honest rotation, and nothing was lost.
    fn is_whole(&self, values: &[String]) {
        let read = fails(&self.bob("get KEY"), 0);
        assert!(read.contains("as the signed chain shows"), "{read}");
        ok(self.bob("set OLD --generate"));
        let now = self.values();
        assert_eq!((&now[0], &now[2]), (&values[0], &values[2]));
        ok(self.ada("org rotate --yes"));
        ok(self.bob("get OLD"));
    }
}

/// Check: `Trust::doubt`, since the number of a key never changes. Then the signed chain decides.
#[test]
fn an_old_key_under_the_present_number_is_not_used() {
    let stage = Stage::rotated();
    let values = stage.values();
    for line in [
        "get KEY",
        "set NEW --generate",
        "set OLD --generate --drop-fields",
        "update OLD --generate",
        "create NEW --generate",
        "set MANY --field A --generate",
        "copy KEY COPY",
        "import new.env",
        "rotate KEY --generate",
        "run --key KEY -- true",
        "run --watch 1s --key KEY -- true",
        "list",
        "trust",
        "account show",
    ] {
        stage.lies(Route::OrgKey, Lie::OldOrgKey);
        let check = match line {
            "trust" => "the signed chain names",
            _ => REPLACED,
        };
        let messages = stage.stops(status(line), check, || stage.bob(line));
        assert!(!messages.contains(WRITE_AGAIN), "{messages}");
        assert!(!messages.contains("trust pin"), "{messages}");
    }
    stage.lies(Route::OrgKey, Lie::OldOrgKey);
    assert_eq!(stage.bob("doctor").status.code(), Some(8));
    stage.faults.clear();
    assert_eq!(stage.values(), values);
    stage.is_whole(&values);
}

/// The vault gives the number of then, too. Check: the signed chain, which is asked after the refusal of a write and for a value
/// that does not open, in `Trust::ask_chain`.
#[test]
fn an_old_key_under_its_own_number_is_explained() {
    let stage = Stage::rotated();
    let values = stage.values();
    stage.replays(Route::OrgKey);
    for line in [
        "get KEY",
        "set NEW --generate",
        "set OLD --generate",
        "set OLD --generate --drop-fields",
        "update OLD --generate",
        "set MANY --field A --generate",
        "copy KEY COPY",
        "import new.env",
        "run --key KEY -- true",
    ] {
        let before = (stage.remembered(), stage.faults.writes());
        let messages = fails(&stage.bob(line), status(line));
        assert!(messages.contains(REPLACED), "{line}: {messages}");
        for advice in [WRITE_AGAIN, "--drop-fields", "trust pin"] {
            assert!(!messages.contains(advice), "{line}: {messages}");
        }
        let after = (stage.remembered(), stage.faults.writes());
        assert_eq!(after, before, "{line}");
    }
    // With an old chain, too, the chain says so.
    stage.lies(Route::Chain, Lie::Withhold(1));
    let messages = fails(&stage.bob("set NEW --generate"), 8);
    assert!(
        messages.contains("one of its answers is wrong"),
        "{messages}"
    );
    stage.faults.clear();
    assert_eq!(stage.values(), values);
    stage.is_whole(&values);
}

/// A value that does not open although the key is the present one may be written again.
#[test]
fn a_value_that_does_not_open_under_the_key_of_the_chain_may_be_written_again() {
    let stage = Stage::rotated();
    ok(stage.bob("get KEY"));
    let flip = Fault::flip_bit_of(helvetisafe_server::faults::Part::Tag);
    stage.faults.on(Route::Read).then(flip);
    let messages = fails(&stage.bob("get KEY"), 8);
    assert!(
        messages.contains("the signed chain has the org key in use"),
        "{messages}"
    );
    assert!(messages.contains(WRITE_AGAIN), "{messages}");
}

/// A configured fingerprint has no remembered number. Check: `Trust::check_configured`, before each write.
#[test]
fn an_old_key_that_is_configured_seals_nothing() {
    let stage = Stage::rotated();
    let values = stage.values();
    let (old, _) = stage.known("bob");
    for line in [
        "set NEW --generate",
        "set OLD --generate --drop-fields",
        "update OLD --generate --drop-fields",
        "create NEW --generate",
        "import new.env --overwrite --drop-fields",
    ] {
        stage.lies(Route::OrgKey, Lie::OldOrgKey);
        let line = format!("{line} --org-key-fingerprint {old}");
        let messages = stage.stops(8, REPLACED, || stage.bob(&line));
        assert!(!messages.contains(WRITE_AGAIN), "{messages}");
    }
    stage.faults.clear();
    assert_eq!(stage.values(), values);
    stage.is_whole(&values);
}

/// Without a chain the number alone shows that the vault contradicts itself. Check: `Trust::doubt`.
#[test]
fn without_a_chain_another_number_of_the_remembered_key_is_refused() {
    let stage = Stage::rotated();
    let mut known = json(&stage.remembered());
    for vault in known["vaults"].as_array_mut().unwrap() {
        vault.as_object_mut().unwrap().remove("organization");
    }
    let world = &stage.organization.world;
    let file = ".local/state/helvetisafe/known-vaults.json";
    world.write(file, &known.to_string(), 0o600);
    let profile = stage.organization.path("bob/config.toml");
    let text = fs::read_to_string(&profile).unwrap();
    let lines = text
        .lines()
        .filter(|it| !it.starts_with("verification_key"));
    fs::write(&profile, lines.collect::<Vec<_>>().join("\n")).unwrap();
    for line in ["get KEY", "set NEW --generate", "trust"] {
        stage.lies(Route::OrgKey, Lie::OldOrgKey);
        let check = "the number 2, and this machine remembers it with the number 1";
        stage.stops(8, check, || stage.bob(line));
    }
    // The replaced key under its own number: the vault refuses what it asks for.
    stage.replays(Route::OrgKey);
    let messages = fails(&stage.bob("set NEW --generate"), 8);
    assert!(
        messages.contains("one of its answers is wrong"),
        "{messages}"
    );
    let messages = fails(&stage.bob("get KEY"), 8);
    assert!(
        messages.contains("number 2 sealed it, and gives the org key with the number 1"),
        "{messages}"
    );
    assert!(!messages.contains(WRITE_AGAIN), "{messages}");
}

/// An administrator who has not seen the rotation either.
#[test]
fn the_message_of_an_administrator_names_both_keys() {
    let stage = Stage::of_two();
    ok(stage.grace("set KEY --generate"));
    let (old, _) = stage.known("grace");
    ok(stage.ada("org rotate --yes"));
    let (new, _) = stage.known("ada");
    for line in [
        "org rotate --yes",
        "org rotate --dry-run",
        "org members",
        "audit",
    ] {
        stage.lies(Route::OrgKey, Lie::OldOrgKey);
        let messages = stage.stops(8, REPLACED, || stage.grace(line));
        let sentence =
            format!("still gives the org key {old}, and the signed chain has {new} in its place");
        assert!(messages.contains(&sentence), "{messages}");
    }
    ok(stage.grace("org rotate --yes"));
}

/// The number in the trust memory is that of the remembered key, from the first contact on.
#[test]
fn number_and_fingerprint_are_remembered_together() {
    let stage = Stage::new();
    stage.organization.member("bob", "member");
    let (first, epoch) = stage.known("bob");
    assert_eq!(epoch, 1);
    assert_eq!(stage.known("ada"), (first.clone(), 1.into()));
    ok(stage.ada("org rotate --yes"));
    let (second, epoch) = stage.known("ada");
    assert_eq!(epoch, 2);
    for _ in 0..2 {
        ok(stage.bob("list"));
        assert_eq!(stage.known("bob"), (second.clone(), 2.into()));
    }
    ok(stage.ada("org rotate --yes"));
    ok(stage.bob("set NEW --generate"));
    assert_eq!(stage.known("bob"), stage.known("ada"));
    // While nothing contradicts what is remembered, no call is made for the chain.
    let before = stage.faults.count(Route::Chain);
    for line in ["get NEW", "set NEW --generate", "list"] {
        ok(stage.bob(line));
    }
    assert_eq!(stage.faults.count(Route::Chain), before);
    // The number of a key that is pinned by hand is unknown, and the chain states it.
    let (third, _) = stage.known("bob");
    for (pinned, status) in [(&third, 0), (&second, 0), (&first, 0)] {
        let line = format!("trust pin {pinned} --yes");
        ok(stage.bob(&line));
        assert_eq!(stage.known("bob"), ((*pinned).clone(), Value::Null));
        fails(&stage.bob("list"), status);
        assert_eq!(stage.known("bob"), (third.clone(), 3.into()));
    }
}

/// The vault gives the present org key another number. Remembered, it would vouch for this key once it is replaced by one that has
/// the number. Check: `is_of_chain`, and `NumberedKey::numbered_by` for what is remembered.
#[test]
fn the_number_of_an_org_key_is_that_of_the_signed_chain() {
    let number = Arc::new(AtomicUsize::new(0));
    let lie = Arc::clone(&number);
    let proxy = start_proxy(move |request, _| {
        let stated = lie.load(Ordering::SeqCst);
        if stated == 0 || request.path != "/api/v1/credentials/org-key" {
            return Action::Forward;
        }
        let honest = String::from_utf8(request.forward(vault_address())).unwrap();
        let (_, body) = honest.split_once("\r\n\r\n").unwrap();
        let mut body = json(body);
        body["key_epoch"] = stated.into();
        answer(200, body.to_string())
    });
    let organization = Organization::at(World::new(), proxy.base_url());
    let ada = |line: &str| organization.with("ada", &line.split(' ').collect::<Vec<_>>());
    let known = || {
        let path = organization
            .world
            .folder
            .path()
            .join(".local/state/helvetisafe/known-vaults.json");
        let known = json(&std::fs::read_to_string(path).unwrap());
        known["vaults"][0].clone()
    };
    ok(ada("set KEY --generate"));
    let fingerprint = known()["fingerprint"].as_str().unwrap().to_owned();
    ok(ada("trust forget"));

    number.store(7, Ordering::SeqCst);
    let pinned = format!("org members --org-key-fingerprint {fingerprint}");
    let refused = fails(&ada(&pinned), 8);
    assert!(refused.contains("the number 7"), "{refused}");
    ok(ada("trust pin --yes"));
    assert_eq!(known()["fingerprint"], fingerprint.as_str());
    assert_ne!(known()["org_key_number"], 7);
    let refused = fails(&ada("trust"), 8);
    assert!(refused.contains("number 7"), "{refused}");
    // A write follows the chain, and is sealed under the number of the chain.
    ok(ada("set KEY --generate"));
    assert_eq!(known()["org_key_number"], 1);

    number.store(0, Ordering::SeqCst);
    ok(ada("org members"));
    ok(ada("set KEY --generate"));
    assert_eq!(known()["org_key_number"], 1);
}

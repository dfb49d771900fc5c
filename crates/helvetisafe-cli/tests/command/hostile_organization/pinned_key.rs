//! An org key that was pinned by mistake, or that a hostile vault offers to pin: the signed chain never had it.

use super::*;

const STRANGE: &str = "SHA256:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

impl Stage {
    /// Returns the remembered fingerprint of an account.
    fn pinned(&self, folder: &str) -> String {
        let known = json(&self.remembered());
        let mut vaults = known["vaults"].as_array().unwrap().iter();
        let vault = vaults.find(|it| it["account"] == self.account(folder));
        vault.unwrap()["fingerprint"].as_str().unwrap().to_owned()
    }
}

#[test]
fn trust_pin_refuses_a_key_that_the_signed_chain_never_had() {
    let stage = Stage::new();
    stage.organization.member("bob", "member");
    for folder in ["ada", "bob"] {
        ok(stage.with(folder, "list"));
        let present = stage.pinned(folder);
        let messages = fails(
            &stage.with(folder, &format!("trust pin {STRANGE} --yes")),
            8,
        );
        for said in [
            "never had the org key",
            STRANGE,
            &present,
            "nothing was pinned",
            "--force",
        ] {
            assert!(messages.contains(said), "{said}: {messages}");
        }
        assert_eq!(stage.pinned(folder), present);
        // The present one, and one before it, may be pinned.
        ok(stage.with(folder, &format!("trust pin {present} --yes")));
        ok(stage.with(folder, "list"));
    }
    // The key that a hostile vault gives.
    stage.lies(Route::OrgKey, Lie::OwnOrgKey);
    stage.stops(8, "never had the org key", || stage.ada("trust pin --yes"));
    // A vault that does not answer is asked in vain, and the user decides.
    let fault = Fault::status(http::StatusCode::FORBIDDEN);
    stage.faults.on(Route::Chain).then(fault);
    let messages = fails(&stage.with("bob", &format!("trust pin {STRANGE} --yes")), 0);
    assert!(
        messages.contains("cannot verify that the signed chain ever had"),
        "{messages}"
    );
    assert!(messages.contains("trust forget"), "{messages}");
}

/// Each command names the cause, the source of the pin and the remedy, and the remedy works.
#[test]
fn a_key_that_was_pinned_by_mistake_is_explained_alike_by_every_command() {
    let stage = Stage::new();
    stage.organization.member("bob", "member");
    ok(stage.ada("set KEY --generate"));
    ok(stage.with("bob", "get KEY"));
    let present = stage.pinned("ada");
    let pin = format!("trust pin {STRANGE} --yes --force");
    for (folder, lines) in [
        (
            "ada",
            &[
                "get KEY",
                "set KEY --generate",
                "org members",
                "org rotate --yes",
                "org rotate --dry-run",
                "account show",
                "token list",
                "doctor",
                "trust show",
            ][..],
        ),
        (
            "bob",
            &["get KEY", "account show", "doctor", "trust show"][..],
        ),
    ] {
        ok(stage.with(folder, &pin));
        for line in lines {
            let output = stage.with(folder, line);
            let text = format!(
                "{}{}",
                fails(&output, 8),
                String::from_utf8_lossy(&output.stdout)
            );
            for said in [
                &format!("the signed chain never had the org key {STRANGE}"),
                "by `trust pin` or a first use",
                &format!("its present one is {present}"),
                "ask an administrator",
                &format!("`helvetisafe trust pin {present} --config {folder}/config.toml`"),
                &format!("`helvetisafe trust forget --config {folder}/config.toml`"),
            ] {
                assert!(text.contains(said), "{line}: {said}: {text}");
            }
            assert!(!text.contains("another administrator"), "{line}: {text}");
            assert!(!text.contains("has changed"), "{line}: {text}");
        }
        ok(stage.with(folder, &format!("trust pin {present} --yes")));
        ok(stage.with(folder, "get KEY"));
        ok(stage.with(folder, &pin));
        ok(stage.with(folder, "trust forget"));
        ok(stage.with(folder, "get KEY"));
    }
}

#[test]
fn a_wrong_configured_fingerprint_is_explained_alike_by_every_command() {
    let stage = Stage::new();
    ok(stage.ada("set KEY --generate"));
    let present = stage.pinned("ada");
    for line in [
        "get KEY",
        "org members",
        "org rotate --yes",
        "org rotate --dry-run",
    ] {
        let text = fails(
            &stage.ada(&format!("{line} --org-key-fingerprint {STRANGE}")),
            8,
        );
        let said = format!(
            "the org key of this vault is {present}, and --org-key-fingerprint expects {STRANGE}"
        );
        assert!(text.contains(&said), "{line}: {text}");
        assert!(
            text.contains("change the configured fingerprint"),
            "{line}: {text}"
        );
    }
}

/// A member has no other administrators to ask.
#[test]
fn a_member_is_not_taken_for_an_administrator() {
    let stage = Stage::new();
    stage.organization.member("bob", "member");
    ok(stage.ada("set KEY --generate"));
    ok(stage.with("bob", "get KEY"));
    ok(stage.ada("org rotate --yes"));
    for lie in [Lie::OldOrgKey, Lie::OwnOrgKey] {
        for line in ["get KEY", "doctor", "trust show", "account show"] {
            stage.lies(Route::OrgKey, lie);
            let output = stage.with("bob", line);
            stage.faults.clear();
            let text = format!(
                "{}{}",
                fails(&output, 8),
                String::from_utf8_lossy(&output.stdout)
            );
            assert!(
                text.contains("ask an administrator"),
                "{lie:?} {line}: {text}"
            );
            assert!(
                !text.contains("another administrator"),
                "{lie:?} {line}: {text}"
            );
        }
    }
}

//! A command writes a secret while an administrator replaces the org key.

use super::*;

/// The message of a command that has followed the signed chain.
const FOLLOWED: &str = "as the signed chain shows";

impl Stage {
    /// An organization with two administrators and a secret with two fields.
    fn with_secrets() -> Self {
        let stage = Self::of_two();
        for line in [
            "set KEY --generate",
            "set MANY --field A --generate",
            "set MANY --field B --generate --allow-unbound",
        ] {
            ok(stage.ada(line));
        }
        stage
    }

    fn rotates(&self) {
        ok(self.grace("org rotate --yes"));
    }

    /// Asserts that a command of Ada has followed the rotation, and that the next one finds the key that it has remembered.
    fn followed(&self, written: &Output) {
        let messages = fails(written, 0);
        assert_eq!(messages.matches(FOLLOWED).count(), 1, "{messages}");
        assert!(!messages.contains("trust pin"), "{messages}");
        let next = fails(&self.ada("get KEY"), 0);
        assert_eq!(next, "");
    }

    fn follows(&self, line: &str, route: Route) {
        let written = self.while_waiting(line, route, || self.rotates());
        self.followed(&written);
    }

    fn value(&self, line: &str) -> String {
        ok(self.ada(line)).trim_end().to_owned()
    }
}

#[test]
fn set_and_update_follow_the_rotation() {
    let stage = Stage::with_secrets();
    for line in ["set KEY --generate", "update KEY --generate"] {
        let before = stage.value("get KEY");
        stage.follows(line, Route::Update);
        assert_ne!(stage.value("get KEY"), before, "{line}");
    }
    stage.follows("create NEW --generate", Route::Create);
    ok(stage.with("grace", "get NEW"));
}

#[test]
fn edit_and_rotate_follow_the_rotation() {
    let stage = Stage::with_secrets();
    let mut edit = stage.command("edit KEY");
    let world = &stage.organization.world;
    world.write("editor", "#!/bin/sh\necho edited > \"$1\"\n", 0o700);
    edit.env("EDITOR", stage.organization.path("editor"));
    let edited = stage.while_command_waits(edit, Route::Update, || stage.rotates());
    stage.followed(&edited);
    assert_eq!(stage.value("get KEY"), "edited");
    stage.follows("rotate KEY --generate", Route::Update);
    assert_ne!(stage.value("get KEY"), "edited");
}

#[test]
fn copy_and_move_follow_the_rotation() {
    let stage = Stage::with_secrets();
    let value = stage.value("get KEY");
    stage.follows("copy KEY COPY", Route::Create);
    ok(stage.ada("set COPY --generate"));
    stage.follows("copy KEY COPY --overwrite", Route::Update);
    ok(stage.ada("set OTHER --generate"));
    let other = stage.value("get OTHER");
    stage.follows("move OTHER KEY --overwrite", Route::Update);
    assert_eq!(stage.value("get COPY"), value);
    assert_eq!(stage.value("get KEY"), other);
}

/// The write of the other administrator is older than the rotation, and changes the version.
#[test]
fn a_field_of_another_client_is_not_lost() {
    let stage = Stage::with_secrets();
    let [a, b] = ["get MANY --field A", "get MANY --field B"];
    let before = stage.value(a);
    let mut other = String::new();
    let written = stage.while_waiting("set MANY --field A --generate", Route::Update, || {
        ok(stage.grace("set MANY --field B --generate"));
        other = ok(stage.grace(b)).trim_end().to_owned();
        stage.rotates();
    });
    stage.followed(&written);
    assert_ne!(stage.value(a), before);
    assert_eq!(stage.value(b), other);
}

/// The vault claims a rotation, and offers a key of its own to seal under.
#[test]
fn nothing_is_sealed_under_a_key_that_the_chain_does_not_have() {
    let stage = Stage::with_secrets();
    let remembered = stage.remembered();
    let before = stage.faults.count(Route::Update);
    let written = stage.while_waiting("set KEY --generate", Route::Update, || {
        stage.rotates();
        stage.lies(Route::OrgKey, Lie::OwnOrgKey);
    });
    stage.faults.clear();
    let messages = fails(&written, 8);
    assert!(messages.contains("signed chain"), "{messages}");
    assert!(!messages.contains("trust pin"), "{messages}");
    assert_eq!(stage.faults.count(Route::Update), before + 1);
    assert_eq!(stage.remembered(), remembered);
    // The same command follows an honest vault.
    stage.followed(&stage.ada("set KEY --generate"));
}

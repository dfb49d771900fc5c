//! Lies about requests to join: about that of a new recovery kit, whose keys the command has, and in the list of them.

use helvetisafe_server::faults::StatusCode;

use super::*;

const KIT: &str = "org recovery-kit --output-dir kit";

/// Advice about a person, who does not exist.
const ABOUT_A_PERSON: [&str; 6] = [
    "ask the person",
    "do not confirm it",
    "ask for a new one",
    "not confirmed yet",
    "org confirm bob",
    "and invite again",
];

/// Makes a kit as Bob, an administrator who has joined, at a vault that lies. Returns the message.
fn kit_of_bob(route: Route, fault: Fault, status: i32) -> String {
    let stage = Stage::new();
    stage.organization.member("bob", "administrator");
    stage.faults.on(route).then(fault);
    let text = fails(&stage.with("bob", KIT), status);
    for advice in ABOUT_A_PERSON {
        assert!(!text.contains(advice), "{advice}: {text}");
    }
    let folder = stage.organization.path("kit");
    assert!(text.contains(folder.to_str().unwrap()), "{text}");
    text
}

#[test]
fn a_lie_about_a_recovery_kit_is_explained_as_one() {
    for (route, lie, said) in [
        (Route::Invitations, Lie::SwapPublicKey, "another public key"),
        (Route::Invitations, Lie::OtherSignature, "another signature"),
        (
            Route::Invitation,
            Lie::MoreScopes,
            "the invitation has other scopes",
        ),
    ] {
        let text = kit_of_bob(route, Fault::lie(attacker(), lie), 8);
        for said in [
            said,
            "the vault contradicts what was sent for the new account",
            "do not continue, and ask the vault's operator",
            "`helvetisafe org withdraw recovery-kit --config bob/config.toml`",
        ] {
            assert!(text.contains(said), "{said}: {text}");
        }
    }
    let text = kit_of_bob(Route::Invite, Fault::pretend(), 5);
    assert!(text.contains("the vault did not store it"), "{text}");
}

#[test]
fn a_refused_login_of_a_recovery_kit_is_not_that_of_its_maker() {
    let text = kit_of_bob(Route::Confirm, Fault::pretend(), 3);
    for said in [
        "the login of the account `recovery-kit`",
        "ask the vault's operator",
    ] {
        assert!(text.contains(said), "{said}: {text}");
    }
    assert!(!text.contains("`bob`"), "{text}");
}

#[test]
fn a_kit_with_the_name_of_a_person_is_warned_of() {
    let stage = Stage::new();
    let warning = "does not begin with recovery-kit";
    let output = stage.ada("org recovery-kit --output-dir kit --name kit-of-the-year --dry-run");
    let text = fails(&output, 0);
    assert!(text.contains(warning), "{text}");
    let text = fails(
        &stage.ada("org recovery-kit --output-dir kit --name recovery-kit-2"),
        0,
    );
    assert!(!text.contains(warning), "{text}");
}

/// Check: `JoinRequest::verify`, the tag, before anything is shown to compare.
#[test]
fn the_list_of_requests_marks_those_that_do_not_verify() {
    let stage = Stage::new();
    for name in ["bob", "eve"] {
        let code = stage.organization.invite(name, "member");
        ok(stage.organization.join(&code, name));
    }
    stage.organization.invite("joe", "member");
    let words = ok(stage.ada("org pending"));
    assert_eq!(words.matches("joined").count(), 2, "{words}");
    for lie in [Lie::SwapPublicKey, Lie::SwapRequests, Lie::OtherSignature] {
        stage.lies(Route::Invitations, lie);
        let output = stage.ada("org pending --json");
        let messages = fails(&output, 8);
        let listed = json(&String::from_utf8_lossy(&output.stdout));
        let states: Vec<_> = listed
            .as_array()
            .unwrap()
            .iter()
            .map(|it| &it["state"])
            .collect();
        assert!(
            !states.iter().any(|it| *it == "joined"),
            "{lie:?}: {states:?}"
        );
        assert!(
            states.iter().any(|it| *it == "refused"),
            "{lie:?}: {states:?}"
        );
        assert!(
            messages.contains("the request of `bob` is refused"),
            "{messages}"
        );
        let output = stage.ada("org pending");
        stage.faults.clear();
        let messages = fails(&output, 8);
        assert!(!messages.contains("compare the words"), "{messages}");
    }
    // Without the signing key the list is what the vault states.
    let profile = fs::read_to_string(stage.organization.path("ada/config.toml")).unwrap();
    let lines = profile
        .lines()
        .filter(|it| !it.starts_with("signing_key_path"));
    let text = lines.collect::<Vec<_>>().join("\n");
    let world = &stage.organization.world;
    world.write("ada/no-key.toml", &text, 0o600);
    let line = ["--config", "ada/no-key.toml", "org", "pending"];
    let listed = ok(command(world, None, &line, "").output().unwrap());
    assert_eq!(listed.matches("joined").count(), 2, "{listed}");
}

#[test]
fn a_request_that_cannot_be_verified_is_not_shown_as_verified() {
    let stage = Stage::new();
    let code = stage.organization.invite("bob", "member");
    ok(stage.organization.join(&code, "bob"));
    // The list is answered, and the same call of the verification is not.
    let refusal = Fault::status(StatusCode::NOT_FOUND);
    stage.faults.on(Route::Invitations).after(1).then(refusal);
    let output = stage.ada("org pending --json");
    let messages = fails(&output, 0);
    let listed = json(&String::from_utf8_lossy(&output.stdout));
    assert_eq!(listed[0]["state"], "joined", "{listed}");
    assert!(listed[0]["words"].is_null(), "{listed}");
    let warning = "the request of `bob` was not verified: ";
    assert!(messages.contains(warning), "{messages}");
    assert!(
        messages.contains("helvetisafe org confirm --dry-run"),
        "{messages}"
    );
    stage.faults.clear();
    // A signing key that cannot be used is no reason to show the request as the vault states it.
    let world = &stage.organization.world;
    world.write("ada/signing-key.pem", "no key", 0o600);
    let text = fails(&stage.ada("org pending"), 2);
    assert!(text.contains("signing-key.pem"), "{text}");
}

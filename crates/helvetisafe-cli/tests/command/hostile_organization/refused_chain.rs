//! Chains that the administrators did not sign. The refusal says what that means, and whom to ask.

use super::*;

const ADVICE: [&str; 3] = [
    "the vault, or an intermediary,",
    "do not continue",
    "ask the vault's operator and an administrator",
];

#[test]
fn a_chain_that_nobody_signed_is_refused_with_advice() {
    let stage = Stage::new();
    for name in ["bob", "eve"] {
        stage.organization.member(name, "reader");
    }
    let code = stage.organization.invite("joe", "reader");
    for lie in [
        Lie::ConfirmItself,
        Lie::ForgeSignature,
        Lie::Omit(1),
        Lie::Repeat(1),
    ] {
        for line in COMMANDS.into_iter().chain(["doctor"]) {
            stage.lies(Route::Chain, lie);
            let output = stage.ada(line);
            stage.faults.clear();
            let text = format!(
                "{}{}",
                fails(&output, 8),
                String::from_utf8_lossy(&output.stdout)
            );
            for said in ADVICE {
                assert_eq!(text.matches(said).count(), 1, "{lie:?} {line}: {text}");
            }
            if ["invite", "confirm", "disable"]
                .iter()
                .any(|it| line.contains(it))
            {
                assert!(
                    text.contains("nothing was sent or changed"),
                    "{line}: {text}"
                );
            }
        }
        stage.lies(Route::JoinChain, lie);
        let text = fails(&stage.organization.join(&code, "joe"), 8);
        stage.faults.clear();
        for said in ADVICE {
            assert!(text.contains(said), "{lie:?}: {text}");
        }
    }
    // A machine that has seen nothing of the chain.
    stage.lies(Route::Chain, Lie::Invent);
    let text = fails(&stage.elsewhere("machine", "bob", "get KEY"), 8);
    for said in ADVICE {
        assert!(text.contains(said), "{text}");
    }
}

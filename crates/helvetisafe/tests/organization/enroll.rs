//! An account whose keys the administrator has: made in one call, which can be repeated after any failure.

use helvetisafe::ErrorKind;
use helvetisafe::organization::*;

use crate::people::{ADMINISTRATOR, Acme, BOTH, READER, invite, noon, other_keys};

const CALLS: [&str; 3] = [
    "POST /api/v1/organization/invitations",
    "POST /api/v1/join",
    "POST /api/v1/organization/members",
];

#[test]
fn an_account_is_made_in_one_call_which_changes_nothing_when_repeated() {
    for kind in BOTH {
        let acme = Acme::new(kind);
        let (ada, kit) = (acme.client(), other_keys(true));
        ada.create("db", "s3cr3t-v@lue").unwrap();
        let new = invite("kit", ADMINISTRATOR);
        let made = ada.enroll(&acme.administrator(), &new, &kit).unwrap();
        assert_eq!(made.account, kit.client_id);
        let client = kind.connect(&acme.vault, noon(), &kit, None).unwrap();
        assert_eq!(client.get("db").unwrap(), "s3cr3t-v@lue");
        let chain = client.follow(&acme.anchor).unwrap();
        assert_eq!(*chain.head(), made.head);
        let key = kit.signing_key.as_ref().unwrap().verification_key();
        assert_eq!(chain.administrators().get(&kit.client_id), Some(&key));

        let posts = |acme: &Acme| {
            let state = acme.vault.state();
            let posts = state.calls.iter().filter(|it| it.starts_with("POST /api"));
            posts.count()
        };
        let before = posts(&acme);
        let again = ada.enroll(&acme.administrator(), &new, &kit).unwrap();
        assert_eq!((again, posts(&acme)), (made, before));
    }
}

/// The vault acts and every answer is lost, also that of the repetition.
#[test]
fn a_lost_answer_of_any_step_is_completed_by_the_same_call() {
    for kind in BOTH {
        for call in CALLS {
            let acme = Acme::new(kind);
            let (ada, kit) = (acme.client(), other_keys(true));
            let new = invite("kit", ADMINISTRATOR);
            let lost = [call; 16].map(str::to_owned);
            acme.vault.state().lost.extend(lost);
            let error = ada.enroll(&acme.administrator(), &new, &kit).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Ambiguous, "{call}: {error}");
            acme.vault.state().lost.clear();
            ada.enroll(&acme.administrator(), &new, &kit).unwrap();
            let members = ada.members(&acme.anchor).unwrap();
            let active = members.iter().all(|it| it.standing == Standing::Active);
            assert!(active && members.len() == 2, "{call}: {members:?}");
            assert_eq!(ada.invitations().unwrap(), [], "{call}");
            kind.connect(&acme.vault, noon(), &kit, None).unwrap();
        }
    }
}

#[test]
fn an_invitation_with_other_scopes_or_another_request_is_not_used() {
    for kind in BOTH {
        let acme = Acme::new(kind);
        let kit = other_keys(false);
        let enroll = |name: &str| {
            let new = invite(name, READER);
            let outcome = acme.client().enroll(&acme.administrator(), &new, &kit);
            outcome.unwrap_err()
        };
        acme.invite("member", "secrets:read secrets:write credentials:read");
        acme.joined("bob", READER);
        for name in ["member", "bob"] {
            let error = enroll(name);
            assert_eq!(error.kind(), ErrorKind::Conflict, "{error}");
        }
        let wrong = acme.client().enroll(
            &acme.administrator(),
            &invite("kit", ADMINISTRATOR),
            &other_keys(false),
        );
        assert_eq!(wrong.unwrap_err().kind(), ErrorKind::Config);
        assert_eq!(acme.vault.state().chain.len(), 1);
    }
}

/// The vault stores the request of the member Mallory, who has the org key and so can open the sealed secret.
#[test]
fn a_request_with_another_key_is_not_confirmed() {
    for kind in BOTH {
        let acme = Acme::new(kind);
        let kit = other_keys(false);
        let code = acme.invite("kit", READER);
        let mallory = AccountKeys {
            client_id: kit.client_id.clone(),
            ..crate::people::keys(false)
        };
        kind.join(&acme.vault, noon(), &code, &mallory).unwrap();
        let new = invite("kit", READER);
        let error = acme.client().enroll(&acme.administrator(), &new, &kit);
        let error = error.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Crypto);
        assert!(
            error.to_string().contains("has another public key"),
            "{error}"
        );
        assert_eq!(acme.vault.state().chain.len(), 1);
    }
}

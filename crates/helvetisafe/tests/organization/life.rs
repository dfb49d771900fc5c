//! The whole life of an organization, and lost answers.

use helvetisafe::organization::*;
use helvetisafe::{ErrorKind, ExposeSecret};
use helvetisafe_proto::endpoint::organization::AuditRecord as Row;

use crate::people::{
    ADMINISTRATOR, Acme, BOTH, READER, founding, invite, keys, noon, other_keys, time,
};
use crate::vault::FakeVault;

#[test]
fn an_organization_is_founded_grows_and_shrinks() {
    for kind in BOTH {
        let acme = Acme::new(kind);
        let ada = acme.client();
        let account = ada.account().unwrap();
        assert_eq!(account.account, acme.ada.client_id);
        assert_eq!(account.organization, acme.founded.organization);
        ada.create("db", "s3cr3t-v@lue").unwrap();

        let invited = ada
            .invite(&acme.administrator(), &invite("bob", READER))
            .unwrap();
        assert_eq!(invited.code.fingerprint, acme.founded.fingerprint);
        assert_eq!(invited.code.base_url, crate::people::URL);
        let code = InvitationCode::parse(&invited.code.encode()).unwrap();
        let terms = kind.invitation(&acme.vault, noon(), &code).unwrap();
        assert_eq!(
            (terms.name.as_str(), terms.status),
            ("bob", InvitationStatus::Pending)
        );
        assert_eq!(terms.scopes.as_str(), READER);
        assert_eq!(terms.fingerprint, acme.founded.fingerprint);

        let bob = other_keys(false);
        let joining = kind.join(&acme.vault, noon(), &code, &bob).unwrap();
        let pending = ada.invitations().unwrap();
        let request = pending[0].request.as_ref().unwrap();
        assert_eq!(request.words, Some(joining.words));
        assert_eq!(request.account, bob.client_id);
        let unconfirmed = kind.connect(&acme.vault, noon(), &bob, None);
        assert_eq!(unconfirmed.err().unwrap().kind(), ErrorKind::Auth);

        let confirmed = ada.confirm(&acme.administrator(), "bob").unwrap();
        assert_eq!(confirmed.account, bob.client_id);
        let terms = kind.invitation(&acme.vault, noon(), &code).unwrap();
        assert_eq!(terms.status, InvitationStatus::Confirmed);
        let client = kind.connect(&acme.vault, noon(), &bob, None).unwrap();
        assert_eq!(client.fingerprint(), terms.fingerprint);
        assert_eq!(client.get("db").unwrap(), "s3cr3t-v@lue");
        let chain = client.follow(&Anchor::Head(joining.head)).unwrap();
        assert_eq!(*chain.head(), confirmed.head);
        assert_eq!(chain.members().len(), 2);

        let disabled = ada.disable(&acme.administrator(), &bob.client_id).unwrap();
        let members = ada.members(&Anchor::Head(disabled.head)).unwrap();
        let standings: Vec<_> = members.iter().map(|it| it.standing).collect();
        assert_eq!(standings, [Standing::Active, Standing::Disabled]);
        assert_eq!(client.get("db").unwrap_err().kind(), ErrorKind::Auth);
    }
}

#[test]
fn a_second_administrator_confirms_and_the_last_one_stays() {
    for kind in BOTH {
        let acme = Acme::new(kind);
        let eve = acme.member("eve", ADMINISTRATOR);
        let client = kind.connect(&acme.vault, noon(), &eve, None).unwrap();
        let chain = client.follow(&acme.anchor).unwrap();
        assert_eq!(chain.administrators().len(), 2);
        let own = Administrator {
            signing_key: eve.signing_key.as_ref().unwrap(),
            anchor: &acme.anchor,
        };
        client.disable(&own, &acme.ada.client_id).unwrap();
        let last = client.disable(&own, &eve.client_id).unwrap_err();
        assert_eq!(last.kind(), ErrorKind::Conflict);
        assert!(
            last.to_string()
                .contains("the last administrator cannot be"),
            "{last}"
        );
        // Ada's signing key is no longer an administrator's, but still signed an entry.
        let ada = client.invite(&acme.administrator(), &invite("bob", READER));
        let former = ada.err().unwrap();
        assert_eq!(former.kind(), ErrorKind::Forbidden);
        assert!(
            former
                .to_string()
                .contains("not an administrator's in the chain"),
            "{former}"
        );
    }
}

#[test]
fn a_request_is_confirmed_with_its_words_alone() {
    for (kind, scopes) in BOTH
        .into_iter()
        .flat_map(|kind| [(kind, READER), (kind, ADMINISTRATOR)])
    {
        let acme = Acme::new(kind);
        let client = acme.client();
        acme.joined("bob", scopes);
        let shown = client.shown("bob").unwrap();
        let mut heard = shown.clone();
        heard.request.as_mut().unwrap().words = Some(
            "abacus abdomen abdominal abide abiding ability ablaze able"
                .parse()
                .unwrap(),
        );
        let error = client.confirm_shown(&acme.administrator(), &heard);
        let error = error.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Crypto);
        assert!(
            error.to_string().contains("the words are not those"),
            "{error}"
        );
        client.confirm_shown(&acme.administrator(), &shown).unwrap();
    }
}

#[test]
fn a_lost_answer_is_repeated_with_the_same_content() {
    for kind in BOTH {
        let acme = Acme::new(kind);
        let calls = [
            "POST /api/v1/organization/invitations",
            "POST /api/v1/join",
            "POST /api/v1/organization/members",
        ];
        acme.vault.state().lost.extend(calls.map(str::to_owned));
        acme.member("bob", READER);
        for call in calls {
            let state = acme.vault.state();
            assert_eq!(
                state.calls.iter().filter(|it| *it == call).count(),
                2,
                "{call}"
            );
        }
    }
}

#[test]
fn a_lost_founding_is_completed_with_the_same_keys() {
    for kind in BOTH {
        let (vault, ada) = (FakeVault::new(), keys(true));
        vault.state().lost.push("POST /api/v1/organizations".into());
        let lost = kind.found(&vault, &founding(&ada)).unwrap_err();
        assert_eq!(lost.kind(), ErrorKind::Ambiguous);
        let founded = kind.found(&vault, &founding(&ada)).unwrap();
        assert_eq!(vault.state().chain.len(), 1);
        let client = kind.connect(&vault, noon(), &ada, None).unwrap();
        assert_eq!(client.fingerprint(), founded.fingerprint);
        // With other keys, the token is used.
        let refused = kind.found(&vault, &founding(&keys(true))).unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::Auth);
        assert!(
            refused.to_string().contains("the bootstrap token is"),
            "{refused}"
        );
    }
}

#[test]
fn a_change_of_another_administrator_is_followed_and_the_change_made_again() {
    for kind in BOTH {
        let acme = Acme::new(kind);
        let eve = acme.member("eve", ADMINISTRATOR);
        acme.joined("bob", READER);
        // Eve disables herself between Ada's reading of the chain and her confirmation.
        let chain = acme.client().follow(&acme.anchor).unwrap();
        let entry = chain
            .disable(&eve.client_id, eve.signing_key.as_ref().unwrap())
            .unwrap();
        acme.vault.state().before = Some(Box::new(move |state, call| {
            if call == "POST /api/v1/organization/members" {
                let _ = state.append(vec![entry.to_bytes().into()]);
            }
        }));
        acme.client().confirm(&acme.administrator(), "bob").unwrap();
        acme.vault.state().before = None;
        let chain = acme.client().follow(&acme.anchor).unwrap();
        assert_eq!((chain.head().sequence, chain.members().len()), (4, 2));
    }
}

#[test]
fn wrong_arguments_are_refused_before_anything_is_sent() {
    for kind in BOTH {
        let acme = Acme::new(kind);
        let ada = acme.client();
        let code = acme.invite("bob", READER);
        let administrators = acme.invite("eve", ADMINISTRATOR);
        let calls = |acme: &Acme| {
            acme.vault
                .state()
                .calls
                .iter()
                .filter(|it| it.starts_with("POST"))
                .count()
        };
        let before = calls(&acme);
        let mut founder = founding(&acme.ada);
        founder.scopes = ScopeList::parse(READER).unwrap();
        let errors = [
            kind.found(&acme.vault, &founder).unwrap_err(),
            kind.found(&acme.vault, &founding(&keys(false)))
                .unwrap_err(),
            kind.join(&acme.vault, noon(), &code, &other_keys(true))
                .unwrap_err(),
            kind.join(&acme.vault, noon(), &administrators, &other_keys(false))
                .unwrap_err(),
            ada.invite(&acme.administrator(), &invite("b\x1b[2Job", READER))
                .err()
                .unwrap(),
            ada.invite(&acme.administrator(), &invite(" ", READER))
                .err()
                .unwrap(),
        ];
        for error in errors {
            assert_eq!(error.kind(), ErrorKind::Config, "{error}");
        }
        let mut late = invite("joe", READER);
        late.expires_at = time("2026-11-29T11:59:59Z");
        let error = ada.invite(&acme.administrator(), &late).err().unwrap();
        assert!(
            error.to_string().contains("the invitation expired at"),
            "{error}"
        );
        assert_eq!(calls(&acme), before);
    }
}

#[test]
fn missing_records_have_their_own_error() {
    for kind in BOTH {
        let acme = Acme::new(kind);
        let ada = acme.client();
        acme.invite("bob", READER);
        let early = ada.confirm(&acme.administrator(), "bob").unwrap_err();
        assert_eq!(early.kind(), ErrorKind::NotFound);
        assert!(
            early.to_string().contains("has not yet sent a request"),
            "{early}"
        );
        let shown = ada.shown("bob").unwrap();
        let id = shown.id;
        ada.withdraw(id).unwrap();
        let closed = ada.confirm_shown(&acme.administrator(), &shown);
        assert_eq!(closed.unwrap_err().kind(), ErrorKind::NotFound);
        let gone = ada.withdraw(id).unwrap_err();
        assert_eq!(gone.kind(), ErrorKind::NotFound);
        assert!(
            gone.to_string().contains("none of this name or id"),
            "{gone}"
        );
        let stranger = ada
            .disable(&acme.administrator(), "hs_client_stranger")
            .unwrap_err();
        assert_eq!(stranger.kind(), ErrorKind::Conflict);
    }
}

#[test]
fn tokens_and_audit() {
    for kind in BOTH {
        let acme = Acme::new(kind);
        let ada = acme.client();
        let new = NewToken {
            name: "ci".into(),
            scopes: ScopeList::parse(READER).unwrap(),
            expires_at: Some(time("2027-01-01T00:00:00Z")),
        };
        let (token, record) = ada.create_token(&new).unwrap();
        assert_eq!(token.expose_secret().len(), 43);
        assert_eq!(ada.tokens().unwrap(), std::slice::from_ref(&record));
        assert_eq!(record.expires_at, new.expires_at);
        ada.revoke_token(record.id).unwrap();
        assert_eq!(
            ada.revoke_token(record.id).unwrap_err().kind(),
            ErrorKind::NotFound
        );
        let late = NewToken {
            expires_at: Some(time("2026-01-01T00:00:00Z")),
            ..new
        };
        assert_eq!(
            ada.create_token(&late).unwrap_err().kind(),
            ErrorKind::Config
        );

        let row = |n: u8| Row {
            id: [n; 8].into(),
            at: time("2026-11-29T12:00:00Z"),
            actor: None,
            act: "organization.invite".into(),
            subject: None,
            detail: None,
        };
        acme.vault.state().audit = (0..5).rev().map(row).collect();
        let (mut ids, mut before) = (vec![], None);
        loop {
            let page = ada.audit(before).unwrap();
            ids.extend(page.records.iter().map(|record| record.id.to_bytes()[0]));
            before = page.next;
            if before.is_none() {
                break;
            }
        }
        assert_eq!(ids, [4, 3, 2, 1, 0]);
    }
}

//! Attacks that the faults of the vault do not include, by a change of the state of a vault in memory. Each test names the check
//! that stops it, by its message. The other attacks are in `real/hostile.rs`.

use helvetisafe::organization::*;
use helvetisafe::{Error, ErrorKind};
use helvetisafe_proto::endpoint::organization::MemberStatus;

use crate::people::{
    ADMINISTRATOR, Acme, At, BOTH, READER, founding, keys, noon, other_keys, time,
};
use crate::vault::{FakeVault, State};

/// Checks the kind of an error and the check that it names.
fn assert_stopped(error: &Error, kind: ErrorKind, check: &str) {
    assert_eq!(error.kind(), kind, "{error}");
    assert!(error.to_string().contains(check), "{error}");
}

const TAG: &str = "was not made with this invitation, or was changed";

/// An attack on a stored invitation, and the check that stops it.
struct Attack {
    what: &'static str,
    change: fn(&mut State),
    check: &'static str,
}

#[test]
fn a_changed_request_is_not_confirmed() {
    let attacks = [
        Attack {
            what: "another client secret",
            change: |state| request(state).client_secret_hash = [7; 32].into(),
            check: TAG,
        },
        Attack {
            what: "another account",
            change: |state| request(state).account = "hs_client_mallory".into(),
            check: TAG,
        },
        Attack {
            what: "an added verification key",
            change: |state| {
                let key = SigningKey::generate().unwrap().verification_key();
                request(state).verification_key = Some(key.as_bytes().to_vec().into());
            },
            check: TAG,
        },
        Attack {
            what: "another epoch",
            change: |state| request(state).epoch = 2,
            check: TAG,
        },
        Attack {
            what: "a short tag",
            change: |state| request(state).tag.0.truncate(31),
            check: "no valid tag",
        },
        Attack {
            what: "bytes that are no public key",
            change: |state| request(state).public_key = vec![1].into(),
            check: "no valid public key",
        },
    ];
    for kind in BOTH {
        for attack in &attacks {
            let acme = Acme::new(kind);
            acme.joined("bob", READER);
            (attack.change)(&mut acme.vault.state());
            let error = acme.refused("bob");
            assert_eq!(error.kind(), ErrorKind::Crypto, "{}", attack.what);
            assert!(
                error.to_string().contains(attack.check),
                "{}: {error}",
                attack.what
            );
        }
    }
}

#[test]
fn changed_terms_are_not_confirmed() {
    const TERMS: &str = "the sealed secret does not fit the invitation";
    let attacks = [
        Attack {
            what: "another id",
            change: |state| state.invitations[0].invitation.id = [3; 32].into(),
            check: TERMS,
        },
        Attack {
            what: "a changed envelope",
            change: |state| state.invitations[0].invitation.sealed.value.0[0] ^= 1,
            check: TERMS,
        },
    ];
    for kind in BOTH {
        for attack in &attacks {
            let acme = Acme::new(kind);
            acme.joined("bob", READER);
            (attack.change)(&mut acme.vault.state());
            let error = acme.refused("bob");
            assert_eq!(error.kind(), ErrorKind::Crypto, "{}", attack.what);
            assert!(
                error.to_string().contains(attack.check),
                "{}: {error}",
                attack.what
            );
        }
    }
}

/// A member has the org key, and seals a secret of its own under the terms of Bob's invitation. The vault stores the
/// member's request with it.
#[test]
fn a_secret_that_a_member_sealed_is_not_confirmed() {
    const INVITER: &str = "the invitation is not signed by an administrator";
    for kind in BOTH {
        let acme = Acme::new(kind);
        acme.joined("bob", READER);
        let mallory = other_keys(false);
        let org_key = {
            let wrap = acme.vault.state().accounts[0].wrap.clone();
            let wrap = helvetisafe_crypto::WrappedOrgKey::decode(&wrap).unwrap();
            acme.ada.private_key.unwrap_org_key(&wrap).unwrap()
        };
        let mut state = acme.vault.state();
        let invitation = &mut state.invitations[0].invitation;
        let secret = InvitationSecret::generate().unwrap();
        let terms = Invitation {
            organization: acme.founded.organization.to_string(),
            epoch: 1,
            name: "bob".into(),
            scopes: READER.split(' ').map(str::to_owned).collect(),
            expires_at: invitation.expires_at.as_second().try_into().unwrap(),
        };
        let (nonce, value) = secret.seal(&org_key, &terms).unwrap().into_parts();
        invitation.id = secret.id().into();
        (invitation.sealed.nonce, invitation.sealed.value) = (nonce.to_vec().into(), value.into());
        state.invitations[0].request = None;
        drop(state);
        let code = InvitationCode {
            secret,
            base_url: crate::people::URL.into(),
            fingerprint: acme.founded.fingerprint,
            inviter: acme.founded.verification_key,
            head: acme.founded.head,
        };
        kind.join(&acme.vault, noon(), &code, &mallory).unwrap();
        assert_stopped(&acme.refused("bob"), ErrorKind::Crypto, INVITER);
    }
}

/// The invited person leaves out the verification key of an administrator, or adds one.
#[test]
fn a_verification_key_has_to_fit_the_scopes() {
    for kind in BOTH {
        for (scopes, sent) in [(READER, ADMINISTRATOR), (ADMINISTRATOR, READER)] {
            let acme = Acme::new(kind);
            let code = acme.invite("bob", scopes);
            let keys = other_keys(sent == ADMINISTRATOR);
            let secret = InvitationSecret::from_bytes(code.secret.expose_secret());
            let request = JoinRequest {
                organization: acme.founded.organization.to_string(),
                epoch: 1,
                fingerprint: acme.founded.fingerprint,
                name: "bob".into(),
                scopes: scopes.split(' ').map(str::to_owned).collect(),
                account: keys.client_id.clone(),
                public_key: PublicKeyInfo::try_from(&keys.private_key.public_key()).unwrap(),
                client_secret_hash: [7; 32],
                verification_key: keys.signing_key.as_ref().map(SigningKey::verification_key),
                locked_private_key: None,
            };
            let tag = request.authenticate(&secret);
            let key = request
                .verification_key
                .map(|key| key.as_bytes().to_vec().into());
            acme.vault.state().invitations[0].request =
                Some(helvetisafe_proto::endpoint::organization::JoinBody {
                    epoch: 1,
                    fingerprint: (*request.fingerprint.as_bytes()).into(),
                    account: request.account,
                    public_key: request.public_key.as_der().to_vec().into(),
                    client_secret_hash: [7; 32].into(),
                    verification_key: key,
                    private_key: None,
                    tag: tag.to_vec().into(),
                });
            let error = acme.refused("bob");
            assert_stopped(
                &error,
                ErrorKind::Crypto,
                "the request to join and its scopes do not agree",
            );
        }
    }
}

#[test]
fn an_expired_invitation_is_refused_by_the_clock_of_each_side() {
    for kind in BOTH {
        let acme = Acme::new(kind);
        let late = At(time("2026-11-30T12:00:00Z"));
        let code = acme.invite("bob", READER);
        let bob = other_keys(false);
        let expired = "the invitation expired at";
        let error = kind.invitation(&acme.vault, late, &code).unwrap_err();
        assert_stopped(&error, ErrorKind::Auth, expired);
        let error = kind.join(&acme.vault, late, &code, &bob).unwrap_err();
        assert_stopped(&error, ErrorKind::Auth, expired);
        kind.join(&acme.vault, noon(), &code, &bob).unwrap();
        let ada = kind.connect(&acme.vault, late, &acme.ada, None).unwrap();
        let error = ada.confirm(&acme.administrator(), "bob").unwrap_err();
        assert_stopped(&error, ErrorKind::Auth, expired);
    }
}

#[test]
fn an_empty_page_is_noticed() {
    for kind in BOTH {
        let acme = Acme::new(kind);
        acme.member("bob", READER);
        let ada = acme.client();
        acme.vault.state().page = 0;
        let error = ada.follow(&acme.anchor).unwrap_err();
        assert_stopped(
            &error,
            ErrorKind::Crypto,
            "an entry of the chain is missing",
        );
    }
}

/// A code with the org key of another organization.
#[test]
fn a_code_needs_an_org_key_of_the_chain() {
    for kind in BOTH {
        let (acme, other) = (Acme::new(kind), Acme::new(kind));
        let mut code = acme.invite("bob", READER);
        code.fingerprint = other.founded.fingerprint;
        let joined = kind.join(&acme.vault, noon(), &code, &other_keys(false));
        assert_stopped(
            &joined.unwrap_err(),
            ErrorKind::Crypto,
            "never had the org key of the invitation code",
        );
        assert!(acme.vault.state().invitations[0].request.is_none());
    }
}

#[test]
fn what_only_one_side_has_is_marked() {
    for kind in BOTH {
        let acme = Acme::new(kind);
        let (bob, joe) = (acme.member("bob", READER), acme.member("joe", READER));
        let mut state = acme.vault.state();
        state.account(&bob.client_id).member.status = MemberStatus::Disabled;
        state.account(&joe.client_id).member.public_key = Some(state_key());
        drop(state);
        let standing = |members: &[Member], id: &str| {
            members.iter().find(|it| it.account == id).unwrap().standing
        };
        let ada = acme.client();
        let members = ada.members(&acme.anchor).unwrap();
        assert_eq!(standing(&members, &bob.client_id), Standing::OnlyInChain);
        assert_eq!(standing(&members, &joe.client_id), Standing::OtherKey);
        let mut state = acme.vault.state();
        state
            .accounts
            .retain(|it| it.member.account != bob.client_id);
        let id = acme.ada.client_id.clone();
        state.account(&id).member.verification_key = None;
        drop(state);
        let members = ada.members(&acme.anchor).unwrap();
        assert_eq!(standing(&members, &bob.client_id), Standing::OnlyInChain);
        assert_eq!(standing(&members, &id), Standing::OtherKey);
    }
}

/// The vault answers a repeated founding with an organization that others founded.
#[test]
fn a_repeated_founding_notices_another_founder() {
    for kind in BOTH {
        let (vault, ada) = (FakeVault::new(), keys(true));
        vault.state().lost.push("POST /api/v1/organizations".into());
        kind.found(&vault, &founding(&ada)).unwrap_err();
        let own = OrgKey::generate().unwrap();
        let wrap = ada.private_key.public_key().wrap_org_key(&own).unwrap();
        let honest = std::mem::replace(
            &mut vault.state().account(&ada.client_id).wrap,
            wrap.encode(),
        );
        let error = kind.found(&vault, &founding(&ada)).unwrap_err();
        assert_stopped(
            &error,
            ErrorKind::OrgKeyRefused,
            "the chain has the org key",
        );
        vault.state().account(&ada.client_id).wrap = honest;
        vault.state().chain = Acme::new(kind).vault.state().chain.clone();
        let error = kind.found(&vault, &founding(&ada)).unwrap_err();
        assert_stopped(
            &error,
            ErrorKind::Crypto,
            "genesis is not the one that these keys signed",
        );
    }
}

fn request(state: &mut State) -> &mut helvetisafe_proto::endpoint::organization::JoinBody {
    state.invitations[0].request.as_mut().unwrap()
}

/// The public key of another account.
fn state_key() -> helvetisafe_proto::Base64 {
    let key = PublicKeyInfo::try_from(&keys(false).private_key.public_key()).unwrap();
    key.as_der().to_vec().into()
}

/// The key of `ci` was stolen, so Ada disabled it and invited `ci` again. The vault shows the first invitation and its
/// request. Check: `Chain::confirm` (former member).
#[test]
fn the_request_of_a_disabled_member_is_not_confirmed_again() {
    for kind in BOTH {
        let acme = Acme::new(kind);
        let stolen = acme.member("ci", READER);
        let ada = acme.client();
        ada.disable(&acme.administrator(), &stolen.client_id)
            .unwrap();
        acme.joined("ci", READER);
        let mut state = acme.vault.state();
        let used = state.confirmed.remove(0);
        state.invitations.insert(0, used);
        drop(state);
        let check = "was a member before";
        assert_stopped(&acme.refused("ci"), ErrorKind::Conflict, check);
    }
}

/// The same vault with a thief of the first code, who joins with it again under a new account. Check: `Chain::confirm` (used
/// invitation).
#[test]
fn a_used_invitation_is_not_confirmed_again() {
    for kind in BOTH {
        let acme = Acme::new(kind);
        let code = acme.invite("ci", READER);
        let first = other_keys(false);
        kind.join(&acme.vault, noon(), &code, &first).unwrap();
        let ada = acme.client();
        ada.confirm(&acme.administrator(), "ci").unwrap();
        ada.disable(&acme.administrator(), &first.client_id)
            .unwrap();
        let mut used = acme.vault.state().confirmed.remove(0);
        used.request = None;
        acme.vault.state().invitations.push(used);
        kind.join(&acme.vault, noon(), &code, &other_keys(false))
            .unwrap();
        let check = "the invitation was used before";
        assert_stopped(&acme.refused("ci"), ErrorKind::Conflict, check);
    }
}

/// Bob was invited as an administrator, that was withdrawn, and then as a reader; he joined with both codes. The vault shows
/// the second invitation, and answers the confirmation with the first. Checks: `confirm::open_invitation` (id),
/// `confirm::check_shown` (scopes, account).
#[test]
fn an_invitation_other_than_the_one_shown_is_not_confirmed() {
    let as_administrator = |acme: &Acme| {
        acme.joined("bob", ADMINISTRATOR);
        let first = acme.vault.state().invitations[0].clone();
        acme.client().withdraw(first.invitation.id).unwrap();
        first
    };
    for kind in BOTH {
        let acme = Acme::new(kind);
        let first = as_administrator(&acme);
        acme.joined("bob", READER);
        let ada = acme.client();
        let shown = ada.shown("bob").unwrap();
        acme.vault.state().invitations = vec![first.clone()];
        let confirm = |shown: &PendingInvitation| {
            let confirmed = ada.confirm_shown(&acme.administrator(), shown);
            confirmed.unwrap_err()
        };
        let error = confirm(&shown);
        assert_stopped(&error, ErrorKind::NotFound, "is not open any more");
        // The vault already showed the first id.
        let first = ada.shown("bob").unwrap();
        for field in 0..4 {
            let mut other = first.clone();
            let request = other.request.as_mut().unwrap();
            match field {
                0 => other.name.push('2'),
                1 => other.scopes = shown.scopes.clone(),
                2 => request.account.push('A'),
                _ => other.request = None,
            }
            let error = confirm(&other);
            let check = "another request than the one that was shown";
            assert_stopped(&error, ErrorKind::Crypto, check);
        }
        assert_eq!(acme.vault.state().chain.len(), 1);
    }
}

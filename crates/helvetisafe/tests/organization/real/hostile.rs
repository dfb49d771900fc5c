//! The vault of this project as a hostile one: each attack is a switch of its `faults`, and each test names the one check that
//! stops it. The table is in `docs/testing.md`.

use std::sync::LazyLock;

use helvetisafe_server::faults::{Attacker, Fault, Lie, Part, Route, Version};

use super::*;

/// The keys of the vault.
fn attacker() -> &'static Attacker {
    static ATTACKER: LazyLock<Attacker> = LazyLock::new(|| Attacker::generate().unwrap());
    &ATTACKER
}

impl Real {
    /// From now on the answers to a call are lies.
    fn lies(&self, route: Route, lie: Lie) {
        self.faults.on(route).then(Fault::lie(attacker(), lie));
    }

    /// From now on the answers to a call are those from before.
    fn replays(&self, route: Route) {
        self.faults.on(route).then(Fault::replay(Version::Previous));
    }

    /// Runs an attack. It must fail with this kind and this check, after an answer was changed, and nothing may be sent
    /// but requests that read. Afterwards the vault is honest again.
    fn stops<T>(&self, kind: ErrorKind, check: &str, attack: impl FnOnce() -> Result<T, Error>) {
        let before = self.faults.log().len();
        let error = attack()
            .err()
            .unwrap_or_else(|| panic!("not stopped: {check}"));
        let log = self.faults.log().split_off(before);
        self.faults.clear();
        assert_eq!(error.kind(), kind, "{error}");
        assert!(error.to_string().contains(check), "{check}: {error}");
        assert!(
            log.iter().any(|seen| seen.fault.is_some()),
            "{check}: {log:?}"
        );
        let mut writes = log
            .iter()
            .filter(|seen| seen.method != "GET" && seen.path != "/oauth/token");
        assert_eq!(writes.next(), None, "{check}");
    }

    /// The administration of Ada from a head that she has seen.
    fn by_head<'a>(&'a self, seen: &'a Anchor) -> Administrator<'a> {
        Administrator {
            anchor: seen,
            ..self.administrator()
        }
    }

    fn head(&self) -> Anchor {
        Anchor::Head(*self.ada().follow(&self.anchor).unwrap().head())
    }

    /// Ada's client, which takes each org key that the vault has.
    fn without_chain(&self) -> AnyClient {
        self.connect_by(&self.ada, ADMINISTRATOR, OrgKeyRotation::refuse())
            .unwrap()
    }
}

const TAG: &str = "was not made with this invitation, or was changed";
const TERMS: &str = "the sealed secret does not fit the invitation";
const INVITER: &str = "the invitation is not signed by an administrator";
const EPOCH: &str = "the invitation is not of the present epoch";
const EXPIRED: &str = "the invitation expired at 2001-01-01T00:00:00Z";
const OLDER: &str = "the chain is older than one that was seen before";
const FORK: &str = "is not the one that was seen before";
const GAP: &str = "an entry of the chain is missing or repeated";
const SIGNER: &str = "signed by a key that was not an administrator's";
const SIGNATURE: &str = "a signature in the chain is not valid";
const UNTRUSTED: &str = "the trusted verification key signed no entry";
const ORGANIZATION: &str = "an entry of the chain is of another organization";
const OTHER_ORG_KEY: &str = "the chain has the org key";

/// Checks: `JoinRequest::verify` (tag, inviter), `InvitationSecret::open` (terms), `confirm::open` (epoch), `check_expiry`.
#[test]
fn a_changed_invitation_or_request_is_not_confirmed() {
    let attacks = [
        (Lie::SwapPublicKey, ErrorKind::Crypto, TAG),
        (Lie::SwapRequests, ErrorKind::Crypto, TAG),
        (Lie::MoreScopes, ErrorKind::Crypto, TERMS),
        (Lie::LaterExpiry, ErrorKind::Crypto, TERMS),
        (Lie::PastExpiry, ErrorKind::Auth, EXPIRED),
        (Lie::OtherEpoch, ErrorKind::Crypto, EPOCH),
        (Lie::OtherSignature, ErrorKind::Crypto, INVITER),
    ];
    for kind in BOTH {
        let real = Real::new(kind);
        for name in ["bob", "eve"] {
            let code = real.invite(name, READER);
            real.join(&code, &other_keys(false)).unwrap();
        }
        let ada = real.ada();
        for (lie, kind, check) in attacks {
            real.lies(Route::Invitations, lie);
            real.stops(kind, check, || ada.confirm(&real.administrator(), "bob"));
        }
        ada.confirm(&real.administrator(), "bob").unwrap();
    }
}

/// The vault gives the invited person more scopes, and shows the administrator the sealed ones. Check: `JoinRequest::verify`
/// (tag).
#[test]
fn a_request_for_other_scopes_than_the_sealed_ones_is_not_confirmed() {
    for kind in BOTH {
        let real = Real::new(kind);
        let code = real.invite("bob", READER);
        real.lies(Route::Invitation, Lie::MoreScopes);
        real.join(&code, &other_keys(false)).unwrap();
        real.faults.clear();
        let confirmed = real.ada().confirm(&real.administrator(), "bob");
        let error = confirmed.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Crypto);
        assert!(error.to_string().contains(TAG), "{error}");
    }
}

/// Check: `Chain::confirm`. The request was a good one, so no other check stops it.
#[test]
fn a_replayed_invitation_is_not_confirmed() {
    for kind in BOTH {
        let real = Real::new(kind);
        let bob = real.member("bob", READER);
        let ada = real.ada();
        real.replays(Route::Invitations);
        real.stops(
            ErrorKind::Conflict,
            "it is a member or an administrator already",
            || ada.confirm(&real.administrator(), "bob"),
        );
        // Bob's key was stolen. The thief wants the next org key, and Ada expects the request of Bob's new key.
        ada.disable(&real.administrator(), &bob.client_id).unwrap();
        real.invite("bob", READER);
        let first = Fault::replay(Version::First);
        real.faults.on(Route::Invitations).then(first);
        real.stops(ErrorKind::Conflict, "was a member before", || {
            ada.confirm(&real.administrator(), "bob")
        });
    }
}

/// Checks: `joining::verify` (id, expiry), `Chain::start` (organization), `Anchor::check` (head), `Chain::append`.
#[test]
fn an_invited_person_is_not_led_to_another_chain() {
    let attacks = [
        (
            Route::Invitation,
            Lie::OtherId,
            ErrorKind::Crypto,
            "another invitation than that of the code",
        ),
        (Route::Invitation, Lie::PastExpiry, ErrorKind::Auth, EXPIRED),
        (
            Route::Invitation,
            Lie::OtherOrganization,
            ErrorKind::Crypto,
            ORGANIZATION,
        ),
        (Route::JoinChain, Lie::Invent, ErrorKind::Crypto, FORK),
        (Route::JoinChain, Lie::Withhold(1), ErrorKind::Crypto, OLDER),
        (
            Route::JoinChain,
            Lie::Withhold(9),
            ErrorKind::Crypto,
            "does not start with its genesis",
        ),
        (Route::JoinChain, Lie::Omit(1), ErrorKind::Crypto, GAP),
        (Route::JoinChain, Lie::Repeat(1), ErrorKind::Crypto, GAP),
        (
            Route::JoinChain,
            Lie::ConfirmItself,
            ErrorKind::Crypto,
            SIGNER,
        ),
        (
            Route::JoinChain,
            Lie::ForgeSignature,
            ErrorKind::Crypto,
            SIGNATURE,
        ),
    ];
    for kind in BOTH {
        let real = Real::new(kind);
        real.member("eve", READER);
        real.member("joe", READER);
        let code = real.invite("bob", READER);
        let bob = other_keys(false);
        for (route, lie, kind, check) in attacks {
            real.lies(route, lie);
            real.stops(kind, check, || real.join(&code, &bob));
        }
        real.join(&code, &bob).unwrap();
    }
}

/// Checks: `Anchor::check` for both anchors, `Chain::start` (organization), `Chain::append` for the others.
#[test]
fn an_administrator_is_not_led_to_another_chain() {
    let attacks = [
        (Route::Chain, Lie::Withhold(1), None, OLDER),
        (Route::Chain, Lie::Invent, Some(UNTRUSTED), FORK),
        (Route::Chain, Lie::Omit(1), Some(GAP), GAP),
        (Route::Chain, Lie::Repeat(1), Some(GAP), GAP),
        (Route::Chain, Lie::ConfirmItself, Some(SIGNER), SIGNER),
        (
            Route::Chain,
            Lie::ForgeSignature,
            Some(SIGNATURE),
            SIGNATURE,
        ),
        (
            Route::Account,
            Lie::OtherOrganization,
            Some(ORGANIZATION),
            ORGANIZATION,
        ),
    ];
    for kind in BOTH {
        let real = Real::new(kind);
        let bob = real.member("bob", READER);
        real.join(&real.invite("joe", READER), &other_keys(false))
            .unwrap();
        let ada = real.ada();
        // The disabling is the last entry.
        ada.disable(&real.administrator(), &bob.client_id).unwrap();
        let seen = real.head();
        for (route, lie, by_key, by_head) in attacks {
            let anchors = [(Some(by_head), seen), (by_key, real.anchor)];
            for (check, anchor) in anchors {
                let Some(check) = check else { continue };
                let own = real.by_head(&anchor);
                let stops = |attack: &dyn Fn() -> Result<(), Error>| {
                    real.lies(route, lie);
                    real.stops(ErrorKind::Crypto, check, attack);
                };
                stops(&|| ada.follow(&anchor).map(drop));
                stops(&|| ada.members(&anchor).map(drop));
                stops(&|| ada.confirm(&own, "joe").map(drop));
                stops(&|| ada.invite(&own, &invitation("eve", READER)).map(drop));
                stops(&|| ada.disable(&own, &real.ada.client_id).map(drop));
                let new = NewOrgKey::generate().unwrap();
                stops(&|| ada.rotate(&own, &new, |_| {}).map(drop));
            }
        }
    }
}

/// The vault says that it disabled Bob. Then it shows the chain as it was, or as another administrator continued it. Checks:
/// `Anchor::check`, with the head of the entry that Ada signed.
#[test]
fn a_change_that_the_vault_only_pretends_to_store_is_noticed() {
    for kind in BOTH {
        let real = Real::new(kind);
        let (bob, eve) = (
            real.member("bob", READER),
            real.member("eve", ADMINISTRATOR),
        );
        let ada = real.ada();
        real.faults.on(Route::Disable).once().then(Fault::pretend());
        let disabled = ada.disable(&real.administrator(), &bob.client_id).unwrap();
        let seen = Anchor::Head(disabled.head);
        let noticed = |check: &str| {
            let error = ada.members(&seen).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Crypto);
            assert!(error.to_string().contains(check), "{error}");
        };
        noticed(OLDER);
        let eves = real.connect(&eve, ADMINISTRATOR).unwrap();
        let own = Administrator {
            signing_key: eve.signing_key.as_ref().unwrap(),
            anchor: &real.anchor,
        };
        eves.invite(&own, &invitation("joe", READER)).unwrap();
        eves.disable(&own, &real.ada.client_id).unwrap();
        let error = real.connect(&eve, ADMINISTRATOR).unwrap().follow(&seen);
        let error = error.unwrap_err();
        assert!(error.to_string().contains(FORK), "{error}");
    }
}

/// Check: `members::compare`, and `rotate::verified` before a rotation wraps anything.
#[test]
fn an_account_that_the_chain_does_not_have_gets_nothing() {
    for kind in BOTH {
        let real = Real::new(kind);
        let bob = real.member("bob", READER);
        let ada = real.ada();
        let attacks = [
            (Lie::AddMember, Attacker::ACCOUNT, Standing::OnlyInVault),
            (
                Lie::SwapPublicKey,
                bob.client_id.as_str(),
                Standing::OtherKey,
            ),
            (
                Lie::OmitMember,
                bob.client_id.as_str(),
                Standing::OnlyInChain,
            ),
            (Lie::SwapNames, bob.client_id.as_str(), Standing::OtherName),
        ];
        for (lie, account, expected) in attacks {
            real.lies(Route::Members, lie);
            let members = ada.members(&real.anchor).unwrap();
            let found = members.iter().find(|it| it.account == account).unwrap();
            assert_eq!(found.standing, expected, "{lie:?}");
            let name = (account == bob.client_id).then_some("bob");
            assert_eq!(found.name.as_deref(), name, "{lie:?}");
            let check = "the vault and the chain do not agree about";
            real.stops(ErrorKind::Crypto, check, || {
                ada.check_rotation(&real.administrator())
            });
            real.lies(Route::Members, lie);
            real.stops(ErrorKind::Crypto, check, || {
                ada.rotate(
                    &real.administrator(),
                    &NewOrgKey::generate().unwrap(),
                    |_| {},
                )
            });
        }
        // The vault withholds that Bob was disabled, in the list alone.
        ada.disable(&real.administrator(), &bob.client_id).unwrap();
        real.replays(Route::Members);
        let members = ada.members(&real.anchor).unwrap();
        let found = members.iter().find(|it| it.account == bob.client_id);
        assert_eq!(found.unwrap().standing, Standing::OnlyInVault);
        let new = NewOrgKey::generate().unwrap();
        real.stops(ErrorKind::Crypto, &bob.client_id, || {
            ada.rotate(&real.administrator(), &new, |_| {})
        });
    }
}

/// The vault gives Mallory and Bob each other's name. Check: `members::compare`, which takes the names of the chain.
#[test]
fn a_name_is_that_of_the_chain() {
    for kind in BOTH {
        let real = Real::new(kind);
        let mallory = real.member("mallory", READER);
        let bob = real.member("bob", READER);
        let ada = real.ada();
        real.lies(Route::Members, Lie::SwapNames);
        let members = ada.members(&real.anchor).unwrap();
        assert!(members.iter().all(|it| it.standing == Standing::OtherName));
        let named = |name| members.iter().find(|it| it.name.as_deref() == Some(name));
        let named = named("mallory").unwrap();
        assert_eq!(named.account, mallory.client_id);
        ada.disable(&real.administrator(), &named.account).unwrap();
        real.faults.clear();
        let members = ada.members(&real.anchor).unwrap();
        let names: Vec<_> = members
            .iter()
            .map(|it| (it.name.as_deref(), it.standing))
            .collect();
        assert!(names.contains(&(Some("mallory"), Standing::Disabled)));
        let chain = ada.follow(&real.anchor).unwrap();
        assert!(chain.members().contains_key(&bob.client_id));
        assert!(!chain.members().contains_key(&mallory.client_id));
    }
}

/// Check: `Readers::open_invitations`.
#[test]
fn an_invitation_that_no_administrator_signed_is_not_sealed_again() {
    for kind in BOTH {
        let real = Real::new(kind);
        real.invite("carol", READER);
        let ada = real.ada();
        for lie in [Lie::MoreScopes, Lie::OtherSignature, Lie::OtherEpoch] {
            real.lies(Route::Invitations, lie);
            let check = "the open invitation `carol` does not verify";
            real.stops(ErrorKind::Crypto, check, || {
                ada.rotate(
                    &real.administrator(),
                    &NewOrgKey::generate().unwrap(),
                    |_| {},
                )
            });
        }
    }
}

/// The vault lists the invitation of a member again. Check: `Readers::open_invitations` (used).
#[test]
fn a_used_invitation_is_not_sealed_again() {
    for kind in BOTH {
        let real = Real::new(kind);
        real.member("bob", READER);
        let ada = real.ada();
        real.replays(Route::Invitations);
        let check = "the open invitation `bob` does not verify";
        real.stops(ErrorKind::Crypto, check, || {
            ada.rotate(
                &real.administrator(),
                &NewOrgKey::generate().unwrap(),
                |_| {},
            )
        });
    }
}

/// Check: `Operation::stage`.
#[test]
fn a_secret_that_does_not_open_is_named_and_nothing_is_staged() {
    for kind in BOTH {
        let real = Real::new(kind);
        let ada = real.ada();
        ada.create("db", "s3cr3t-v@lue").unwrap();
        real.faults
            .on(Route::Unstaged)
            .then(Fault::flip_bit_of(Part::Tag));
        let new = NewOrgKey::generate().unwrap();
        let refused = ada.rotate(&real.administrator(), &new, |_| {}).unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::Crypto);
        let text = refused.to_string();
        assert!(
            text.contains("do not open under the org key: `db`"),
            "{text}"
        );
        assert_eq!(real.faults.count(Route::Stage), 0);
        assert_eq!(ada.get("db").unwrap(), "s3cr3t-v@lue");
    }
}

/// Checks: `OrgKeys::confirm_by` for a client that follows the chain, `UnconfirmedKey::confirmed_by` for the administration
/// by a client that does not.
#[test]
fn an_org_key_of_the_vault_opens_seals_and_wraps_nothing() {
    for kind in BOTH {
        let real = Real::new(kind);
        let ada = real.ada();
        ada.create("db", "s3cr3t-v@lue").unwrap();
        real.join(&real.invite("bob", READER), &other_keys(false))
            .unwrap();
        real.lies(Route::OrgKey, Lie::OwnOrgKey);
        real.stops(ErrorKind::OrgKeyRefused, OTHER_ORG_KEY, || {
            real.connect(&real.ada, ADMINISTRATOR)
        });
        real.lies(Route::OrgKey, Lie::OwnOrgKey);
        let misled = real.without_chain();
        assert_eq!(misled.fingerprint(), attacker().org_key().fingerprint());
        let own = real.administrator();
        let stops = |attack: &dyn Fn() -> Result<(), Error>| {
            real.lies(Route::OrgKey, Lie::OwnOrgKey);
            real.stops(ErrorKind::OrgKeyRefused, OTHER_ORG_KEY, attack);
        };
        stops(&|| misled.confirm(&own, "bob").map(drop));
        stops(&|| misled.invite(&own, &invitation("joe", READER)).map(drop));
        let new = NewOrgKey::generate().unwrap();
        stops(&|| misled.rotate(&own, &new, |_| {}).map(drop));
    }
}

/// The vault goes back to the first org key, which a former member knows. Checks: `Anchor::check` if it withholds the rotation
/// too, `OrgKeys::confirm_by` if it does not.
#[test]
fn an_old_epoch_is_refused_after_the_new_one_was_seen() {
    for kind in BOTH {
        let real = Real::new(kind);
        let ada = real.ada();
        ada.create("db", "s3cr3t-v@lue").unwrap();
        let without_chain = real.without_chain();
        let new = NewOrgKey::generate().unwrap();
        ada.rotate(&real.administrator(), &new, |_| {}).unwrap();
        assert_eq!(ada.get("db").unwrap(), "s3cr3t-v@lue");
        let head = ada.head().unwrap();
        let seen = Anchor::Head(head);

        real.lies(Route::OrgKey, Lie::OldOrgKey);
        real.stops(ErrorKind::OrgKeyRefused, OTHER_ORG_KEY, || {
            real.connect(&real.ada, ADMINISTRATOR)
        });
        real.replays(Route::OrgKey);
        real.lies(Route::Chain, Lie::Withhold(1));
        real.stops(ErrorKind::Crypto, OLDER, || {
            let rotation = OrgKeyRotation::follow_chain(seen);
            real.connect_by(&real.ada, ADMINISTRATOR, rotation)
        });
        // An administrator's client that does not follow wraps nothing under the old key.
        real.join(&real.invite("bob", READER), &other_keys(false))
            .unwrap();
        real.lies(Route::OrgKey, Lie::OldOrgKey);
        real.stops(ErrorKind::OrgKeyRefused, OTHER_ORG_KEY, || {
            without_chain.confirm(&real.administrator(), "bob")
        });
        assert_eq!(ada.head(), Some(head));
    }
}

const STILL_REPLACED: &str = "refuses the org key";

/// The vault gives the replaced key to a client that lives through a rotation, which it has not seen: under the number of the
/// present key, and under its own. Checks: `OrgKeys::judge`, and the chain that is followed after it.
#[test]
fn a_replaced_key_is_not_used_by_a_client_that_has_not_seen_the_rotation() {
    for kind in BOTH {
        let real = Real::new(kind);
        let ada = real.ada();
        ada.create("db", "s3cr3t-v@lue").unwrap();
        let bob = real.member("bob", MEMBER);
        let connect = |rotation| real.connect_by(&bob, MEMBER, rotation).unwrap();
        let following = connect(OrgKeyRotation::follow_chain(real.anchor));
        let refusing = connect(OrgKeyRotation::refuse());
        let asking = connect(OrgKeyRotation::ask(|_| true));
        let new = NewOrgKey::generate().unwrap();
        ada.rotate(&real.administrator(), &new, |_| {}).unwrap();
        let writes = real.faults.writes();
        let stops = |check: &str, attack: &dyn Fn() -> Result<(), Error>| {
            let error = attack().unwrap_err();
            assert!(error.to_string().contains(check), "{check}: {error}");
            assert_eq!(real.faults.writes(), writes, "{check}");
        };
        let get = |client: &AnyClient| client.get("db").map(drop);
        for is_renumbered in [true, false] {
            match is_renumbered {
                true => real.lies(Route::OrgKey, Lie::OldOrgKey),
                false => real.replays(Route::OrgKey),
            }
            stops(OTHER_ORG_KEY, &|| get(&following));
            stops(OTHER_ORG_KEY, &|| following.create("new", "v@lue"));
            stops(OTHER_ORG_KEY, &|| following.put("db", "v@lue"));
            let check = match is_renumbered {
                true => "a key keeps its number",
                false => STILL_REPLACED,
            };
            for client in [&refusing, &asking] {
                stops(check, &|| client.create("new", "v@lue"));
                stops(check, &|| client.put("db", "v@lue"));
                let error = client.get("db").unwrap_err();
                assert!(error.may_be_replaced_org_key(), "{error}");
            }
            real.faults.clear();
        }
        assert_eq!(ada.get("db").unwrap(), "s3cr3t-v@lue");
        following.put("db", "v@lue").unwrap();
        assert_eq!(following.fingerprint(), new.key.fingerprint());
        assert_eq!(
            (following.key_epoch(), asking.get("db").unwrap().as_str()),
            (Some(2), "v@lue")
        );
        assert_eq!(ada.get("db").unwrap(), "v@lue");
    }
}

/// A rotation comes between the fetch of the org key and that of the chain.
#[test]
fn the_key_of_a_newer_chain_is_fetched_again() {
    for kind in BOTH {
        let real = Real::new(kind);
        let (ada, early) = (real.ada(), real.without_chain());
        let new = NewOrgKey::generate().unwrap();
        ada.rotate(&real.administrator(), &new, |_| {}).unwrap();
        let chain = early.follow(&real.anchor).unwrap();
        let first = early.fingerprint();
        real.lies(Route::OrgKey, Lie::OldOrgKey);
        real.stops(ErrorKind::OrgKeyRefused, OTHER_ORG_KEY, || {
            early.use_org_key(&chain)
        });
        assert_eq!(early.fingerprint(), first);
        early.use_org_key(&chain).unwrap();
        assert_eq!(early.fingerprint(), new.key.fingerprint());
        assert_eq!(early.key_epoch(), Some(2));
        early.create("db", "s3cr3t-v@lue").unwrap();
        assert_eq!(ada.get("db").unwrap(), "s3cr3t-v@lue");
    }
}

/// The chain states the epoch. The vault's number for the same key changes nothing: writes name that of the chain.
#[test]
fn another_number_for_the_same_org_key_is_ignored() {
    for kind in BOTH {
        let real = Real::new(kind);
        real.lies(Route::OrgKey, Lie::OtherEpoch);
        let ada = real.ada();
        ada.create("db", "s3cr3t-v@lue").unwrap();
        assert_eq!(ada.get("db").unwrap(), "s3cr3t-v@lue");
        real.join(&real.invite("bob", READER), &other_keys(false))
            .unwrap();
        ada.confirm(&real.administrator(), "bob").unwrap();
        assert!(real.faults.log().iter().any(|seen| seen.fault.is_some()));
    }
}

#[test]
fn a_code_is_used_once() {
    for kind in BOTH {
        let real = Real::new(kind);
        let (code, bob) = (real.invite("bob", READER), other_keys(false));
        real.join(&code, &bob).unwrap();
        real.join(&code, &bob).unwrap();
        let thief = real.join(&code, &other_keys(false)).unwrap_err();
        assert_eq!(thief.kind(), ErrorKind::Conflict);
        let text = thief.to_string();
        assert!(
            text.contains("the vault has other content under this id"),
            "{text}"
        );
    }
}

/// A thief of the code joins first. Check: `confirm::verify` (words), which Bob reads out.
#[test]
fn the_words_exclude_a_thief_of_the_code() {
    for kind in BOTH {
        let real = Real::new(kind);
        let (code, bob) = (real.invite("bob", READER), other_keys(false));
        let thief = keys(false);
        real.join(&code, &thief).unwrap();
        assert_eq!(
            real.join(&code, &bob).unwrap_err().kind(),
            ErrorKind::Conflict
        );
        let bobs = PublicKeyInfo::try_from(&bob.private_key.public_key()).unwrap();
        let words = Words::of_public_key(&bobs);
        let ada = real.ada();
        let mut heard = ada.shown("bob").unwrap();
        heard.request.as_mut().unwrap().words = Some(words);
        let refused = ada.confirm_shown(&real.administrator(), &heard);
        let refused = refused.unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::Crypto);
        assert!(
            refused.to_string().contains("the words are not those"),
            "{refused}"
        );
        assert_eq!(real.faults.count(Route::Confirm), 0);
        // Without words the thief is confirmed, as SECURITY.md says.
        ada.confirm(&real.administrator(), "bob").unwrap();
        real.connect(&thief, READER).unwrap();
    }
}

/// The limits, section "What this does not stop" of `docs/organization-keys.md`.
mod limits {
    use super::*;

    /// A client that only has a verification key gets the chain without its newest entries.
    #[test]
    fn a_frozen_chain_is_accepted_at_first_contact() {
        for kind in BOTH {
            let real = Real::new(kind);
            let bob = real.member("bob", READER);
            let ada = real.ada();
            let old = ada.fingerprint();
            ada.disable(&real.administrator(), &bob.client_id).unwrap();
            let new = NewOrgKey::generate().unwrap();
            let rotated = ada.rotate(&real.administrator(), &new, |_| {}).unwrap();

            // The list of before has a member that the chain has without its last two entries.
            real.lies(Route::Chain, Lie::Withhold(2));
            real.replays(Route::OrgKey);
            let misled = real.connect(&real.ada, ADMINISTRATOR).unwrap();
            assert_eq!(misled.fingerprint(), old);
            let chain = misled.follow(&real.anchor).unwrap();
            assert!(chain.members().contains_key(&bob.client_id));
            assert_eq!(chain.epoch(), 1);
            // It is detected with a newer head from elsewhere.
            real.stops(ErrorKind::Crypto, OLDER, || {
                misled.follow(&Anchor::Head(rotated.head))
            });
        }
    }

    /// Withdrawals are not in the chain. A person who compares the words sees those of another key.
    #[test]
    fn a_withdrawn_invitation_is_confirmed_if_the_vault_shows_it_again() {
        for kind in BOTH {
            let real = Real::new(kind);
            let ada = real.ada();
            let thief = keys(false);
            real.join(&real.invite("bob", READER), &thief).unwrap();
            let pending = ada.invitations().unwrap();
            ada.withdraw(pending[0].id).unwrap();
            real.invite("bob", READER);
            real.replays(Route::Invitations);
            real.faults.on(Route::Confirm).then(Fault::pretend());
            let confirmed = ada.confirm(&real.administrator(), "bob").unwrap();
            assert_eq!(confirmed.account, thief.client_id);
        }
    }

    /// Its words are shown, so comparing them detects it.
    #[test]
    fn after_a_rotation_a_withdrawn_invitation_is_refused() {
        for kind in BOTH {
            let real = Real::new(kind);
            let ada = real.ada();
            real.join(&real.invite("bob", READER), &keys(false))
                .unwrap();
            let pending = ada.invitations().unwrap();
            ada.withdraw(pending[0].id).unwrap();
            let new = NewOrgKey::generate().unwrap();
            ada.rotate(&real.administrator(), &new, |_| {}).unwrap();
            real.replays(Route::Invitations);
            real.stops(ErrorKind::Crypto, EPOCH, || {
                ada.confirm(&real.administrator(), "bob")
            });
        }
    }
}

use helvetisafe_crypto::organization::InvitationSecret;
use helvetisafe_proto::endpoint::organization::Confirmation;
use helvetisafe_proto::{Base64, ErrorCode};
use serde_json::json;

use super::world::{Changes, Invited, Person, World, check};

struct Confirming {
    world: World,
    bob: Person,
    invited: Invited,
    confirmation: Confirmation,
}

impl Confirming {
    fn new(is_administrator: bool) -> Self {
        let world = World::new();
        let bob = Person::new("Bob", is_administrator);
        let invited = world.join(&bob);
        let key = world.ada.signing_key();
        let confirmation = world.confirmation(&bob, &invited, &world.chain(), key);
        Self {
            world,
            bob,
            invited,
            confirmation,
        }
    }

    fn with(&self, change: impl Fn(&mut Confirmation)) -> Confirmation {
        let mut confirmation = self.confirmation.clone();
        change(&mut confirmation);
        confirmation
    }
}

#[test]
fn a_repeated_confirmation_has_the_same_answer_and_another_one_is_refused() {
    for is_administrator in [false, true] {
        let it = Confirming::new(is_administrator);
        for _ in 0..2 {
            let answer = it.world.confirm(&it.confirmation).success(200);
            assert_eq!(answer, json!({}));
        }
        let wrapped = it.bob.wrap(&it.world.org_key);
        let other = it.with(|it| it.encrypted_org_key.clone_from(&wrapped));
        check(&it.world.confirm(&other), ErrorCode::IdTaken);
        let none = it.with(|it| it.entries.clear());
        check(&it.world.confirm(&none), ErrorCode::IdTaken);
        assert_eq!(it.world.entries().len(), 2 + usize::from(is_administrator));
    }
}

#[test]
fn a_wrong_confirmation_changes_nothing() {
    let it = Confirming::new(true);
    let entry = |number: usize| it.confirmation.entries[number].clone();
    let forged = {
        let mut bytes = entry(0).0;
        let last = bytes.len() - 1;
        bytes[last] ^= 1;
        Base64(bytes)
    };
    // Ada signs another name or another invitation for the account.
    let signed = |name: &str, secret: [u8; 32]| {
        let (by, chain) = (it.world.ada.signing_key(), it.world.chain());
        let mut invited = it.world.invitation(name, super::world::MEMBER);
        invited.secret = InvitationSecret::from_bytes(&secret);
        invited.terms = invited.terms.invitation.sign(&invited.secret.id(), by);
        it.world.confirmation(&it.bob, &invited, &chain, by).entries
    };
    let secret = *it.invited.secret.expose_secret();
    let (renamed, other) = (signed("Eve", secret), signed("Bob", [9; 32]));
    assert_eq!(signed("Bob", secret), it.confirmation.entries);
    let changes: Changes<'_, ErrorCode, Confirmation> = &[
        (ErrorCode::RecordNotFound, &|it| {
            it.invitation = [0; 32].into()
        }),
        (ErrorCode::IdTaken, &|it| {
            it.public_key_hash = [0; 32].into()
        }),
        (ErrorCode::KeyEpochMismatch, &|it| it.key_epoch = 2),
        (ErrorCode::InvalidMember, &|it| {
            it.encrypted_org_key = "x".to_owned()
        }),
        (ErrorCode::InvalidMember, &|it| it.entries.clear()),
        (ErrorCode::InvalidMember, &|it| it.entries.truncate(1)),
        (ErrorCode::InvalidMember, &|it| it.entries.reverse()),
        (ErrorCode::InvalidMember, &|it| it.entries.push(entry(0))),
        (ErrorCode::InvalidMember, &|it| {
            it.entries[0] = Base64(vec![1])
        }),
        (ErrorCode::InvalidMember, &|it| {
            it.entries[0] = forged.clone()
        }),
        (ErrorCode::InvalidMember, &|it| {
            it.entries.clone_from(&renamed)
        }),
        (ErrorCode::InvalidMember, &|it| {
            it.entries.clone_from(&other)
        }),
    ];
    for (code, change) in changes {
        check(&it.world.confirm(&it.with(change)), *code);
    }
    // A pending invitation has no request.
    let pending = it.world.invitation("Eve", super::world::MEMBER);
    it.world.invite(&pending).success(200);
    let confirmation = it.with(|it| it.invitation = pending.body.id);
    check(&it.world.confirm(&confirmation), ErrorCode::RecordNotFound);
    assert_eq!(it.world.entries().len(), 1);
    it.world.confirm(&it.confirmation).success(200);
}

/// The members of another organization do not exist.
#[test]
fn another_organization_confirms_and_disables_nothing() {
    let it = Confirming::new(false);
    let other = World::of(it.world.vault);
    check(&other.confirm(&it.confirmation), ErrorCode::RecordNotFound);
    check(&other.withdraw(&it.invited), ErrorCode::RecordNotFound);
    let disabling = json!({
        "account": it.world.ada.account, "entry": it.confirmation.entries[0],
    });
    let path = "/api/v1/organization/members/disable";
    let answer = other.post(path, &other.ada.token, &disabling);
    check(&answer, ErrorCode::RecordNotFound);
    assert_eq!(other.members().as_array().unwrap().len(), 1);
}

#[test]
fn a_disabled_account_is_disabled_once() {
    let it = Confirming::new(false);
    it.world.confirm(&it.confirmation).success(200);
    let disabling = it.world.disabling(&it.bob);
    for _ in 0..2 {
        it.world.disable(&disabling).success(200);
    }
    assert_eq!(it.world.entries().len(), 3);
    for account in [Person::new("", false).account, "x".to_owned()] {
        let mut unknown = disabling.clone();
        unknown.account = account;
        let status = it.world.disable(&unknown).status;
        assert!([404, 422].contains(&status), "{status}");
    }
}

#[test]
fn the_last_administrator_and_a_stale_entry_are_refused() {
    let it = Confirming::new(false);
    let world = &it.world;
    world.confirm(&it.confirmation).success(200);
    let stale = world.disabling(&it.bob);
    let mut eve = Person::new("Eve", false);
    world.enroll(&mut eve);
    check(&world.disable(&stale), ErrorCode::ChainMoved);
    let mut ada = world.disabling(&it.bob);
    ada.account.clone_from(&world.ada.account);
    check(&world.disable(&ada), ErrorCode::LastAdministrator);
    let mut other = world.disabling(&it.bob);
    other.account.clone_from(&eve.account);
    check(&world.disable(&other), ErrorCode::InvalidMember);
    assert_eq!(world.members().as_array().unwrap().len(), 3);
    world.disable(&world.disabling(&it.bob)).success(200);
}

/// The chain admits one entry after another.
#[test]
fn of_two_administrators_who_confirm_at_once_one_tries_again() {
    let world = World::new();
    let mut eve = Person::new("Eve", true);
    world.enroll(&mut eve);
    let (bob, kim) = (Person::new("Bob", false), Person::new("Kim", false));
    let (of_bob, of_kim) = (world.join(&bob), world.join(&kim));
    let chain = world.chain();
    let by_ada = world.confirmation(&bob, &of_bob, &chain, world.ada.signing_key());
    let by_eve = world.confirmation(&kim, &of_kim, &chain, eve.signing_key());
    let path = "/api/v1/organization/members";
    let (one, two) = std::thread::scope(|scope| {
        let eve = scope.spawn(|| world.post(path, &eve.token, &by_eve));
        (world.confirm(&by_ada), eve.join().unwrap())
    });
    let is_first = one.status == 200;
    let (first, second) = if is_first { (one, two) } else { (two, one) };
    first.success(200);
    check(&second, ErrorCode::ChainMoved);
    let (loser, invited) = if is_first {
        (&kim, &of_kim)
    } else {
        (&bob, &of_bob)
    };
    let key = world.ada.signing_key();
    let again = world.confirmation(loser, invited, &world.chain(), key);
    world.confirm(&again).success(200);
    assert_eq!(world.chain().members().len(), 4);
}

//! Organizations in one vault are separate; the members of one share its secrets.

use helvetisafe::{Client, ErrorKind, Expiry};
use helvetisafe_crypto::PrivateKey;
use helvetisafe_server::NewAccount;
use helvetisafe_tests::{By, Member, With, World, test_key};

/// A member of a second organization in the world's vault, with another RSA key.
fn stranger(world: &World) -> Member {
    let pem = include_str!("../../../crates/helvetisafe-crypto/tests/data/rsa-3072-pkcs8.pem");
    let account = NewAccount::default().private_key(PrivateKey::from_pem(pem).unwrap());
    let organization = world.vault.new_organization().unwrap();
    Member::new(&world.vault, &organization, account)
}

#[test]
fn organizations_cannot_see_or_change_each_others_secrets() {
    let world = World::new();
    let (one, two) = (
        world.client(),
        stranger(&world).client(world.vault.base_url()),
    );
    one.secrets().create("a", "of one", None).unwrap();

    assert_eq!(two.secrets().list().unwrap(), []);
    assert!(!two.secrets().exists("a").unwrap());
    for error in [
        two.secrets().get("a").unwrap_err(),
        two.secrets()
            .update("a", "of two", Expiry::Keep)
            .unwrap_err(),
        two.secrets().delete("a").unwrap_err(),
    ] {
        assert_eq!(error.kind(), ErrorKind::NotFound, "{error}");
    }
    assert_eq!(one.secrets().get("a").unwrap().expose_secret(), "of one");
}

#[test]
fn two_organizations_can_use_the_same_name() {
    let world = World::new();
    let (one, two) = (
        world.client(),
        stranger(&world).client(world.vault.base_url()),
    );
    one.secrets().create("a", "of one", None).unwrap();
    two.secrets().create("a", "of two", None).unwrap();
    assert_eq!(one.secrets().get("a").unwrap().expose_secret(), "of one");
    assert_eq!(two.secrets().get("a").unwrap().expose_secret(), "of two");
    two.secrets().delete("a").unwrap();
    assert!(one.secrets().exists("a").unwrap());
}

#[test]
fn each_has_its_own_org_key_and_its_own_private_keys() {
    let world = World::new();
    let other = stranger(&world);
    let fingerprint = |member: &Member| member.client(world.vault.base_url()).org_key_fingerprint();
    assert_ne!(fingerprint(&world.member), fingerprint(&other));

    // The private key of one account does not open the org key of the other.
    for with in [With::PemFile, With::PemBytes] {
        let credentials = world.member.credentials(By::ApiToken);
        let mixed = Client::builder(world.vault.base_url(), credentials, other.key_source(with));
        assert_eq!(mixed.connect().unwrap_err().kind(), ErrorKind::Crypto);
    }
    let credentials = other.credentials(By::ServiceAccount);
    let password = world.member.key_source(With::Password);
    let mixed = Client::builder(world.vault.base_url(), credentials, password);
    assert_eq!(mixed.connect().unwrap_err().kind(), ErrorKind::Crypto);
}

#[test]
fn members_of_one_organization_share_its_secrets() {
    let world = World::new();
    let account = NewAccount::default().private_key(test_key());
    let colleague = Member::new(&world.vault, &world.organization, account);
    let (one, two) = (world.client(), colleague.client(world.vault.base_url()));
    assert_eq!(one.org_key_fingerprint(), two.org_key_fingerprint());
    one.secrets().create("a", "1", None).unwrap();
    two.secrets().update("a", "2", Expiry::Keep).unwrap();
    assert_eq!(one.secrets().get("a").unwrap().expose_secret(), "2");
}

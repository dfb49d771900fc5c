//! The refusals of a real vault, and of the client before it sends a request.

use helvetisafe::{Client, Credentials, Error, ErrorKind, Expiry, KeySource, Scope, Scopes};
use helvetisafe_server::{NewAccount, NewApiToken};
use helvetisafe_tests::proxy::RecordingProxy;
use helvetisafe_tests::{By, COMBINATIONS, Member, With, World, test_key};

/// Names that the published Python client refuses, and some that it accepts.
const BAD_NAMES: [&str; 14] = [
    "my key", "my-key", "my.key", "key!", "key@host", "key#1", "key$var", "key/path", "key<>", "",
    "key\n", "..", "%2e", "clé",
];
const GOOD_NAMES: [&str; 8] = [
    "username",
    "PASSWORD",
    "db_host",
    "API_KEY_V2",
    "port123",
    "_leading",
    "a",
    "9",
];

#[test]
fn good_names_work_and_bad_ones_are_refused_before_anything_is_sent() {
    let world = World::new();
    let proxy = RecordingProxy::start(world.vault.address());
    let client = world.member.client(&proxy.base_url());
    let secrets = client.secrets();
    let before = proxy
        .connections()
        .iter()
        .map(|connection| connection.to_vault.len())
        .sum::<usize>();
    for name in BAD_NAMES {
        for error in [
            secrets.create(name, "value", None).unwrap_err(),
            secrets.update(name, "value", Expiry::Keep).unwrap_err(),
            secrets.put(name, "value", None).unwrap_err(),
            secrets.get(name).unwrap_err(),
            secrets.exists(name).unwrap_err(),
            secrets.delete(name).unwrap_err(),
        ] {
            assert_eq!(error.kind(), ErrorKind::Config, "{name:?}: {error}");
        }
    }
    let after = proxy
        .connections()
        .iter()
        .map(|connection| connection.to_vault.len())
        .sum::<usize>();
    assert_eq!(before, after);
    for name in GOOD_NAMES {
        assert_eq!(
            secrets.create(name, "1", None).unwrap().key().to_string(),
            name
        );
        assert_eq!(
            secrets
                .update(name, "2", Expiry::Keep)
                .unwrap()
                .key()
                .to_string(),
            name
        );
        assert_eq!(secrets.get(name).unwrap().key().as_str(), name);
        secrets.delete(name).unwrap();
    }
}

fn refused(builder: helvetisafe::ClientBuilder) -> Error {
    builder.connect().unwrap_err()
}

#[test]
fn a_wrong_credential_is_an_authentication_error() {
    let world = World::new();
    let url = world.vault.base_url();
    let id = &world.member.account.client_id;
    for credentials in [
        Credentials::service_account(id, "wrong"),
        Credentials::service_account("nobody", world.member.account.client_secret.clone()),
        Credentials::api_token("wrong"),
        // A client secret is not a token.
        Credentials::api_token(world.member.account.client_secret.clone()),
    ] {
        for with in [With::PemBytes, With::Password] {
            let key_source = world.member.key_source(with);
            let error = refused(Client::builder(url, credentials.clone(), key_source));
            assert_eq!(error.kind(), ErrorKind::Auth, "{credentials:?}: {error}");
            assert_eq!(error.status().unwrap(), 401);
        }
    }
}

#[test]
fn a_wrong_key_or_password_is_an_error_that_shows_neither() {
    let world = World::new();
    let url = world.vault.base_url();
    let other = include_str!("../../../crates/helvetisafe-crypto/tests/data/rsa-3072-pkcs8.pem");
    for (key_source, kind) in [
        (KeySource::password("canary-password"), ErrorKind::Crypto),
        (KeySource::pem("canary-password"), ErrorKind::Config),
        (KeySource::pem(other), ErrorKind::Crypto),
    ] {
        for by in [By::ServiceAccount, By::ApiToken] {
            let credentials = world.member.credentials(by);
            let error = refused(Client::builder(url, credentials, key_source.clone()));
            assert_eq!(error.kind(), kind, "{error}");
            assert!(!format!("{error} {error:?}").contains("canary"));
        }
    }
}

#[test]
fn an_unreachable_vault_is_a_transport_error() {
    let world = World::new();
    let url = world.vault.base_url().to_owned();
    world.vault.stop().unwrap();
    for combination in COMBINATIONS {
        let error = refused(world.member.builder(&url, combination).attempts(1));
        assert_eq!(error.kind(), ErrorKind::Transport, "{combination}: {error}");
    }
}

/// A client of a new member with `credentials:read` and one other scope.
fn limited_to(world: &World, scope: Scope, by: By) -> Client {
    let scopes: Scopes = [Scope::CredentialsRead, scope].into_iter().collect();
    let account = NewAccount::default().private_key(test_key()).scopes(scopes);
    let member = Member::new(&world.vault, &world.organization, account);
    let key_source = member.key_source(With::PemBytes);
    let builder = Client::builder(world.vault.base_url(), member.credentials(by), key_source);
    builder.connect().unwrap()
}

#[test]
fn each_operation_needs_its_scope_and_names_it() {
    type Operation = fn(&Client) -> Option<Error>;
    let operations: [(Scope, Operation); 6] = [
        (Scope::SecretsRead, |client| client.secrets().get("a").err()),
        (Scope::SecretsRead, |client| {
            client.secrets().exists("a").err()
        }),
        (Scope::SecretsList, |client| client.secrets().list().err()),
        (Scope::SecretsWrite, |client| {
            client.secrets().create("b", "1", None).err()
        }),
        (Scope::SecretsWrite, |client| {
            client.secrets().update("a", "1", Expiry::Keep).err()
        }),
        (Scope::SecretsDelete, |client| {
            client.secrets().delete("a").err()
        }),
    ];
    for by in [By::ServiceAccount, By::ApiToken] {
        for scope in &Scope::ALL[..4] {
            let world = World::new();
            world.client().secrets().create("a", "1", None).unwrap();
            let client = limited_to(&world, *scope, by);
            for (needed, operation) in operations {
                match operation(&client) {
                    None => assert_eq!(needed, *scope),
                    Some(error) => {
                        assert_ne!(needed, *scope, "{error}");
                        assert_eq!(error.kind(), ErrorKind::Forbidden, "{error}");
                        assert_eq!(error.missing_scope(), Some(needed));
                    }
                }
            }
        }
    }
}

#[test]
fn a_client_can_request_fewer_scopes() {
    let world = World::new();
    let scopes: Scopes = [Scope::CredentialsRead, Scope::SecretsList]
        .into_iter()
        .collect();
    let key_source = world.member.key_source(With::PemBytes);
    let credentials = world.member.credentials(By::ServiceAccount);
    let builder = Client::builder(world.vault.base_url(), credentials, key_source.clone());
    let client = builder.scopes(scopes).connect().unwrap();
    client.secrets().list().unwrap();
    let error = client.secrets().get("a").unwrap_err();
    assert_eq!(error.missing_scope(), Some(Scope::SecretsRead));

    let token = NewApiToken::default().scopes(scopes);
    let token = world
        .vault
        .new_api_token(&world.member.account, token)
        .unwrap();
    let builder = Client::builder(
        world.vault.base_url(),
        Credentials::api_token(token),
        key_source,
    );
    let error = builder
        .connect()
        .unwrap()
        .secrets()
        .delete("a")
        .unwrap_err();
    assert_eq!(error.missing_scope(), Some(Scope::SecretsDelete));
}

#[test]
fn an_account_that_may_not_read_its_credentials_cannot_connect() {
    let world = World::new();
    let scopes = Scopes::from_iter([Scope::SecretsRead]);
    let account = NewAccount::default().private_key(test_key()).scopes(scopes);
    let member = Member::new(&world.vault, &world.organization, account);
    for combination in COMBINATIONS {
        let error = refused(member.builder(world.vault.base_url(), combination));
        assert_eq!(error.kind(), ErrorKind::Forbidden, "{combination}: {error}");
        assert_eq!(error.missing_scope(), Some(Scope::CredentialsRead));
    }
}

//! Every authentication with every key source and every operation.

use helvetisafe::{Client, ErrorKind, Expiry};
use helvetisafe_tests::proxy::RecordingProxy;
use helvetisafe_tests::{By, COMBINATIONS, Combination, With, World};
use secrecy::ExposeSecret;

fn each(test: impl Fn(Combination, &Client, &World)) {
    for combination in COMBINATIONS {
        let world = World::new();
        let builder = world.member.builder(world.vault.base_url(), combination);
        test(combination, &builder.connect().unwrap(), &world);
    }
}

#[test]
fn the_six_combinations_differ() {
    for by in [By::ServiceAccount, By::ApiToken] {
        for with in [With::PemFile, With::PemBytes, With::Password] {
            assert!(COMBINATIONS.contains(&Combination(by, with)));
        }
    }
    assert_eq!(COMBINATIONS.len(), 6);
}

#[test]
fn every_combination_supports_every_operation() {
    each(|combination, client, _| {
        let secrets = client.secrets();
        assert_eq!(secrets.list().unwrap(), [], "{combination}");
        assert!(!secrets.exists("a").unwrap(), "{combination}");

        let created = secrets.create("a", "first", None).unwrap();
        assert_eq!(created.key().to_string(), "a", "{combination}");
        assert!(created.created_at().is_some() && created.expires_at().is_none());
        assert!(secrets.exists("a").unwrap(), "{combination}");

        let read = secrets.get("a").unwrap();
        assert_eq!(
            (read.key().as_str(), read.expose_secret()),
            ("a", "first"),
            "{combination}"
        );
        assert!(read.is_bound(), "{combination}");

        let updated = secrets.update("a", "second", Expiry::Keep).unwrap();
        assert!(
            updated.updated_at() >= created.created_at(),
            "{combination}"
        );
        assert_eq!(
            secrets.get("a").unwrap().expose_secret(),
            "second",
            "{combination}"
        );

        secrets.put("a", "third", None).unwrap();
        secrets.put("b", "fourth", None).unwrap();
        assert_eq!(
            secrets.get("a").unwrap().expose_secret(),
            "third",
            "{combination}"
        );
        assert_eq!(
            secrets.get("b").unwrap().expose_secret(),
            "fourth",
            "{combination}"
        );

        let listed = secrets.list().unwrap();
        let names: Vec<_> = listed
            .iter()
            .map(|secret| secret.key().to_string())
            .collect();
        assert_eq!(names, ["a", "b"], "{combination}");
        assert_eq!(
            listed[0].created_at(),
            created.created_at(),
            "{combination}"
        );

        secrets.delete("a").unwrap();
        assert!(!secrets.exists("a").unwrap(), "{combination}");
        assert_eq!(secrets.list().unwrap().len(), 1, "{combination}");
    });
}

#[test]
fn each_reports_missing_and_existing_secrets() {
    each(|combination, client, _| {
        let secrets = client.secrets();
        secrets.create("a", "1", None).unwrap();
        for (refused, kind) in [
            (
                secrets.create("a", "2", None).unwrap_err(),
                ErrorKind::Conflict,
            ),
            (secrets.get("missing").unwrap_err(), ErrorKind::NotFound),
            (
                secrets.update("missing", "2", Expiry::Keep).unwrap_err(),
                ErrorKind::NotFound,
            ),
            (secrets.delete("missing").unwrap_err(), ErrorKind::NotFound),
        ] {
            assert_eq!(refused.kind(), kind, "{combination}: {refused}");
        }
        assert_eq!(
            secrets.get("a").unwrap().expose_secret(),
            "1",
            "{combination}"
        );
    });
}

#[test]
fn all_combinations_have_the_same_org_key() {
    let world = World::new();
    let fingerprints = COMBINATIONS.map(|combination| {
        let builder = world.member.builder(world.vault.base_url(), combination);
        builder.connect().unwrap().org_key_fingerprint()
    });
    assert!(
        fingerprints
            .iter()
            .all(|fingerprint| *fingerprint == fingerprints[0])
    );
}

#[test]
fn every_combination_reads_the_writes_of_the_others() {
    let world = World::new();
    let clients = COMBINATIONS.map(|combination| {
        let builder = world.member.builder(world.vault.base_url(), combination);
        builder.connect().unwrap()
    });
    for (number, writer) in clients.iter().enumerate() {
        let (key, value) = (
            format!("key_{number}"),
            format!("of {}", COMBINATIONS[number]),
        );
        writer.secrets().create(&key, &value, None).unwrap();
        for reader in &clients {
            assert_eq!(reader.secrets().get(&key).unwrap().expose_secret(), value);
        }
    }
}

#[test]
fn an_api_token_is_sent_as_it_is_and_needs_no_access_token() {
    let world = World::new();
    for combination in COMBINATIONS {
        let proxy = RecordingProxy::start(world.vault.address());
        let builder = world.member.builder(&proxy.base_url(), combination);
        let client = builder.connect().unwrap();
        client.secrets().list().unwrap();

        let header = format!(
            "x-aegis-token: {}\r\n",
            world.member.api_token.expose_secret()
        );
        let requests = proxy.requests("GET ");
        let expected = match combination.0 {
            By::ApiToken => (requests, 0),
            By::ServiceAccount => (0, 1),
        };
        let seen = (
            proxy.requests(&header),
            proxy.requests("POST /oauth/token "),
        );
        assert_eq!(seen, expected, "{combination}");
    }
}

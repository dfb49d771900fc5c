//! Many secrets, loaded into typed values.

use std::net::IpAddr;

use helvetisafe::load::{self, Load};
use helvetisafe::{ErrorKind, ExposeSecret, SecretSlice, SecretString};
use helvetisafe_test_support::{SECRETS, World};
use serde::Deserialize;

struct Settings {
    database: Database,
    debug: bool,
    workers: usize,
    sentry: Option<SecretString>,
    keystore: SecretSlice<u8>,
    smtp: Smtp,
}

struct Database {
    host: String,
    address: IpAddr,
    port: u16,
    password: SecretString,
    replica: Option<String>,
}

#[derive(Deserialize)]
struct Smtp {
    user: String,
}

fn database() -> impl Load<Output = Database> {
    (
        load::text("db_host"),
        load::parse("db_address"),
        load::parse("DATABASE").field("port"),
        load::secret("DATABASE").field("pass"),
        load::text("DATABASE").field("replica").optional(),
    )
        .map(|(host, address, port, password, replica)| Database {
            host,
            address,
            port,
            password,
            replica,
        })
}

fn settings() -> impl Load<Output = Settings> {
    (
        database(),
        load::boolean("debug"),
        load::parse("workers").or(4),
        load::secret("sentry").optional(),
        load::bytes("keystore"),
        load::json("smtp"),
    )
        .map(
            |(database, debug, workers, sentry, keystore, smtp)| Settings {
                database,
                debug,
                workers,
                sentry,
                keystore,
                smtp,
            },
        )
}

/// A vault with all of the settings, except for those that need not exist.
fn world() -> World {
    let world = World::new(|_, _| None);
    let client = world.client();
    let secrets = client.secrets();
    secrets.put_many([
        ("db_host", "localhost"),
        ("db_address", "127.0.0.1\n"),
        ("debug", "Yes"),
        ("keystore", "AP8="),
    ]);
    let fields = [("port", "5432"), ("pass", "s3cr3t-pass")];
    secrets.create_fields("DATABASE", &fields, None).unwrap();
    let fields = [("user", "app"), ("pass", "s3cr3t-smtp")];
    secrets.create_fields("smtp", &fields, None).unwrap();
    world
}

fn check(settings: &Settings) {
    let Database {
        host,
        address,
        port,
        password,
        replica,
    } = &settings.database;
    assert_eq!((host.as_str(), *port), ("localhost", 5432));
    assert!(address.is_loopback() && replica.is_none());
    assert_eq!(password.expose_secret(), "s3cr3t-pass");
    assert!(settings.debug && settings.sentry.is_none());
    assert_eq!(settings.workers, 4);
    assert_eq!(settings.keystore.expose_secret(), [0, 255]);
    assert_eq!(settings.smtp.user, "app");
}

#[test]
fn settings_are_loaded_with_one_request_for_each_secret() {
    let world = world();
    let client = world.client();
    check(&client.secrets().load(settings()).unwrap());
    let path = format!("{SECRETS}/DATABASE");
    assert_eq!(world.proxy.count("GET", &path), 1);
    check(&settings().load_from(&client).unwrap());
}

#[test]
fn a_field_of_a_secret_with_one_field_is_read_by_its_name() {
    let world = World::new(|_, _| None);
    let client = world.client();
    let secrets = client.secrets();
    secrets.set_field("db", "pass", "s3cr3t", None).unwrap();
    let pass = secrets.load(load::secret("db").field("pass")).unwrap();
    assert_eq!(pass.expose_secret(), "s3cr3t");
}

#[test]
fn every_problem_is_in_one_error_and_no_value() {
    let world = world();
    let client = world.client();
    let secrets = client.secrets();
    for key in ["db_address", "debug", "workers", "keystore", "smtp"] {
        secrets.put(key, "s3cr3t-value", None).unwrap();
    }
    secrets
        .set_field("DATABASE", "port", "s3cr3t-port", None)
        .unwrap();
    secrets.delete("db_host").unwrap();
    let error = secrets.load(settings()).err().unwrap();
    let problems = error.problems();
    let names: Vec<_> = problems.iter().map(|it| (it.key(), it.field())).collect();
    let expected = [
        ("db_host", None),
        ("db_address", None),
        ("DATABASE", Some("port")),
        ("debug", None),
        ("workers", None),
        ("keystore", None),
        ("smtp", None),
    ];
    assert_eq!(names, expected);
    let absent = problems[0].error().unwrap();
    assert_eq!(absent.kind(), ErrorKind::NotFound);
    let text = error.to_string();
    for part in [
        "\n- cannot read the secret `db_host`",
        "\n- the secret `db_address` is not a valid `IpAddr`",
        "\n- the field `port` of the secret `DATABASE` is not a valid `u16`",
        "\n- the secret `debug` is not true or false",
        "\n- the secret `keystore` is not base64",
    ] {
        assert!(text.contains(part), "{part}: {text}");
    }
    assert!(!format!("{error}{error:?}").contains("s3cr3t"), "{error:?}");
    assert!(!error.is_retryable());
}

#[test]
fn an_unreadable_secret_is_one_problem_and_an_invalid_name_is_named() {
    let world = World::new(|_, _| None);
    let client = world.client();
    let wanted = (
        load::text("gone"),
        load::text("gone").field("a"),
        load::text("no name").optional(),
        load::text("gone").or(String::new()),
    );
    let error = client.secrets().load(wanted).unwrap_err();
    let keys: Vec<_> = error.problems().iter().map(load::Problem::key).collect();
    assert_eq!(keys, ["gone", "no name"]);
    assert!(
        error.to_string().contains("the secret `no name`: "),
        "{error}"
    );
}

//! `ConfigSource`.

use config::{Config, ConfigError};
use helvetisafe::load::LoadError;
use helvetisafe::{ConfigSource, RedactedConfigError};
use helvetisafe_test_support::{TOKEN, World};
use serde::Deserialize;

#[derive(Debug, Deserialize, PartialEq)]
struct Settings {
    database: Database,
    mail: Mail,
}

#[derive(Debug, Deserialize, PartialEq)]
struct Database {
    host: String,
    port: u16,
    password: String,
}

#[derive(Debug, Deserialize, PartialEq)]
struct Mail {
    user: String,
    password: String,
}

fn world() -> World {
    let world = World::new(|_, _| None);
    let client = world.client();
    let secrets = client.secrets();
    secrets.put("db_password", "one", None).unwrap();
    secrets.put("db_port", "5432", None).unwrap();
    let smtp = [("user", "u"), ("password", "two")];
    secrets.create_fields("smtp", &smtp, None).unwrap();
    world
}

#[test]
fn secrets_are_read_beside_other_settings() {
    let world = world();
    let source = ConfigSource::new(world.client())
        .secret("db_password", "database.password")
        .secret("db_port", "database.port")
        .secret("smtp", "mail");
    let before = world.proxy.count("POST", TOKEN);
    let settings = Config::builder()
        .set_default("database.host", "localhost")
        .unwrap()
        .set_default("database.password", "a default that gives way")
        .unwrap()
        .add_source(source.clone())
        .build()
        .unwrap();
    let settings: Settings = settings.try_deserialize().unwrap();
    let expected = Settings {
        database: Database {
            host: "localhost".into(),
            port: 5432,
            password: "one".into(),
        },
        mail: Mail {
            user: "u".into(),
            password: "two".into(),
        },
    };
    assert_eq!(settings, expected);
    assert_eq!(world.proxy.count("POST", TOKEN), before);
    let shown = format!("{source:?}");
    assert!(
        shown.contains("db_password") && !shown.contains("one"),
        "{shown}"
    );
}

#[test]
fn a_secret_that_cannot_be_read_is_an_error_that_names_it() {
    let world = world();
    let source = ConfigSource::new(world.client())
        .secret("db_password", "database.password")
        .secret("other", "database.user");
    let error = Config::builder().add_source(source).build().unwrap_err();
    assert!(error.to_string().contains("`other`"), "{error}");
    let ConfigError::Foreign(cause) = error else {
        panic!("{error}")
    };
    let cause: &LoadError = cause.downcast_ref().unwrap();
    let cause = cause.problems()[0].error().unwrap();
    assert_eq!(cause.kind(), helvetisafe::ErrorKind::NotFound);
}

#[test]
fn an_invalid_path_is_an_error() {
    let world = world();
    let source = ConfigSource::new(world.client()).secret("db_password", "a..b[");
    let error = Config::builder().add_source(source).build().unwrap_err();
    assert!(!error.to_string().contains("one"), "{error}");
}

#[test]
fn an_error_of_another_type_does_not_show_the_value() {
    let world = world();
    let source = ConfigSource::new(world.client()).secret("db_password", "database.port");
    let settings = Config::builder().add_source(source).build().unwrap();
    let error = settings.get_int("database.port").unwrap_err();
    assert!(
        error.to_string().contains("the secret db_password"),
        "{error}"
    );
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Level {
    Info,
}

/// The text of an error of the `config` crate, and the redacted text.
#[test]
fn a_redacted_error_shows_no_value() {
    let world = world();
    let client = world.client();
    client.secrets().put("level", "s3cr3t-level", None).unwrap();
    client.secrets().put("pin", "s3cr3t-pin", None).unwrap();
    let source = ConfigSource::new(client)
        .secret("level", "level")
        .secret("pin", "pins.first");
    let settings = Config::builder().add_source(source).build().unwrap();
    let errors = [
        settings.get_int("pins.first").unwrap_err(),
        settings.get_bool("pins.first").unwrap_err(),
        settings.get::<u16>("pins.first").unwrap_err(),
        settings.get::<Level>("level").unwrap_err(),
        settings
            .get::<std::collections::BTreeMap<String, u8>>("pins")
            .unwrap_err(),
    ];
    for error in errors {
        assert!(error.to_string().contains("s3cr3t"), "{error}");
        let error = RedactedConfigError::from(error);
        let text = format!("{error} {error:?}");
        assert!(!text.contains("s3cr3t"), "{text}");
    }
    let error = RedactedConfigError::from(settings.get_int("pins.first").unwrap_err());
    let text = error.to_string();
    assert!(
        text.contains("`pins.first`") && text.contains("an integer"),
        "{text}"
    );
    assert!(text.contains("the secret pin"), "{text}");
}

#[test]
fn every_unreadable_secret_is_in_one_error() {
    let world = world();
    let source = ConfigSource::new(world.client());
    let source = source.secret("gone", "a").secret("lost", "b");
    let built = Config::builder().add_source(source).build();
    let text = RedactedConfigError::from(built.unwrap_err()).to_string();
    assert!(text.contains("`gone`") && text.contains("`lost`"), "{text}");
}

#[derive(Debug, Deserialize)]
struct Flat {
    #[serde(flatten)]
    #[expect(dead_code, reason = "it is not read")]
    database: Database,
}

/// The crate `config` reads a flattened field from a buffer of serde, which has no names.
#[test]
fn an_error_in_a_flattened_field_shows_neither_the_field_nor_its_value() {
    let world = world();
    let client = world.client();
    let fields = [("host", "h"), ("port", "s3cr3t"), ("password", "p")];
    client
        .secrets()
        .create_fields("flat", &fields, None)
        .unwrap();
    let source = ConfigSource::new(client.clone()).secret("flat", "flat");
    let settings = Config::builder().add_source(source).build().unwrap();
    let error = RedactedConfigError::from(settings.get::<Flat>("flat").unwrap_err());
    assert_eq!(
        error.to_string(),
        "a value is not as expected for key `flat`"
    );
    let secret = client.secrets().get("flat").unwrap();
    let error = secret.parse::<Flat>().unwrap_err();
    assert_eq!(error.field(), Some("port"));
}

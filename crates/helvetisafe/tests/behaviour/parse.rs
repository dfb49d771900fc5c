//! `Secret::parse`.

use helvetisafe::{Client, Expiry, FieldValue, InvalidValue, InvalidValueKind};
use helvetisafe_test_support::World;
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;

#[derive(Debug, Deserialize)]
struct Database {
    host: String,
    port: Option<u16>,
    password: SecretString,
}

fn stored(client: &Client, value: &str) -> helvetisafe::Secret {
    client.secrets().put("db", value, None).unwrap();
    client.secrets().get("db").unwrap()
}

#[test]
fn a_value_that_is_json_is_read_into_a_type() {
    let world = World::new(|_, _| None);
    let client = world.client();
    let secret = stored(
        &client,
        r#"{"host":"h","port":5432,"password":"p\u00e4ss"}"#,
    );
    let database: Database = secret.parse().unwrap();
    assert_eq!((database.host.as_str(), database.port), ("h", Some(5432)));
    assert_eq!(database.password.expose_secret(), "päss");
    assert_eq!(
        stored(&client, "[1, 2]").parse::<Vec<u8>>().unwrap(),
        [1, 2]
    );
    assert_eq!(stored(&client, "true").parse(), Ok(true));
}

#[test]
fn the_fields_of_a_secret_are_the_members_of_a_type() {
    let world = World::new(|_, _| None);
    let client = world.client();
    let fields = [
        ("host", "h"),
        ("password", "with \"quotes\""),
        ("more", "x"),
    ];
    client
        .secrets()
        .create_fields("multi", &fields, None)
        .unwrap();
    let database: Database = client.secrets().get("multi").unwrap().parse().unwrap();
    assert_eq!((database.host.as_str(), database.port), ("h", None));
    assert_eq!(database.password.expose_secret(), "with \"quotes\"");
}

#[derive(Debug, Deserialize, PartialEq)]
struct Smtp {
    host: String,
    port: u16,
    tls: bool,
    #[serde(default)]
    timeout: Option<f64>,
    mode: Mode,
}

#[derive(Debug, Deserialize, PartialEq)]
#[serde(rename_all = "lowercase")]
enum Mode {
    Plain,
    Login,
}

#[test]
fn what_create_fields_writes_is_read_into_numbers_and_booleans() {
    let world = World::new(|_, _| None);
    let client = world.client();
    let texts = [
        ("host", "h"),
        ("port", "587"),
        ("tls", "true"),
        ("timeout", "1.5"),
        ("mode", "login"),
    ];
    let typed = [
        ("host", FieldValue::from("h")),
        ("port", 587.into()),
        ("tls", true.into()),
        ("timeout", FieldValue::json("1.5").unwrap()),
        ("mode", "login".into()),
    ];
    let secrets = client.secrets();
    secrets.create_fields("texts", &texts, None).unwrap();
    secrets.create_fields("typed", &typed, None).unwrap();
    for key in ["texts", "typed"] {
        let smtp: Smtp = secrets.get(key).unwrap().parse().unwrap();
        let expected = Smtp {
            host: "h".to_owned(),
            port: 587,
            tls: true,
            timeout: Some(1.5),
            mode: Mode::Login,
        };
        assert_eq!(smtp, expected, "{key}");
    }
}

#[test]
fn fields_written_from_json_or_from_another_secret_keep_their_types() {
    let world = World::new(|_, _| None);
    let client = world.client();
    let secrets = client.secrets();
    let tags = serde_json::json!(["a", 1]);
    let fields = [("port", FieldValue::from(587)), ("tags", (&tags).into())];
    secrets.create_fields("one", &fields, None).unwrap();
    let one = secrets.get("one").unwrap();
    assert_eq!(one.expose_secret(), r#"{"port":587,"tags":["a",1]}"#);
    assert!(!one.field("port").unwrap().is_text());
    secrets.copy("one", "two").unwrap();
    assert_eq!(
        secrets.get("two").unwrap().expose_secret(),
        one.expose_secret()
    );
    let fields: Vec<_> = one.fields().iter().map(|it| (it.name(), it)).collect();
    secrets.update_fields("two", &fields, Expiry::Keep).unwrap();
    secrets.set_field("two", "tls", true, Expiry::Keep).unwrap();
    secrets.set_field("two", "port", 25, Expiry::Keep).unwrap();
    assert_eq!(
        secrets.get("two").unwrap().expose_secret(),
        r#"{"port":25,"tags":["a",1],"tls":true}"#
    );
}

#[test]
fn fields_are_json_values_by_value_or_by_reference() {
    use serde_json::json;

    let world = World::new(|_, _| None);
    let client = world.client();
    let secrets = client.secrets();
    let fields = [("port", json!(587)), ("tags", json!(["a", 1]))];
    secrets.create_fields("one", &fields, None).unwrap();
    secrets.set_field("one", "tls", json!(true), None).unwrap();
    let one = secrets.get("one").unwrap();
    assert_eq!(
        one.expose_secret(),
        r#"{"port":587,"tags":["a",1],"tls":true}"#
    );
}

#[test]
fn an_error_names_the_field_and_its_kind() {
    let world = World::new(|_, _| None);
    let client = world.client();
    let mode = r#""mode":"plain""#;
    for (value, kind, field, text) in [
        (
            format!(r#"{{"host":"canary","tls":true,{mode}}}"#),
            InvalidValueKind::MissingField,
            "port",
            "the secret `db` has no field `port`",
        ),
        (
            format!(r#"{{"host":"h","port":"canary","tls":true,{mode}}}"#),
            InvalidValueKind::WrongType,
            "port",
            "the field `port` of the secret `db` does not match its type",
        ),
        (
            format!(r#"{{"host":"h","port":"70000","tls":true,{mode}}}"#),
            InvalidValueKind::WrongType,
            "port",
            "the field `port` of",
        ),
        (
            format!(r#"{{"host":["canary"],"port":1,"tls":true,{mode}}}"#),
            InvalidValueKind::WrongType,
            "host",
            "the field `host` of",
        ),
        (
            r#"{"host":"h","port":1,"tls":true,"mode":"canary"}"#.to_owned(),
            InvalidValueKind::WrongType,
            "mode",
            "the field `mode` of",
        ),
        (
            format!(r#"{{"host":"h","port":"1","port":"2","tls":true,{mode}}}"#),
            InvalidValueKind::UnexpectedField,
            "port",
            "has an unexpected field `port`",
        ),
    ] {
        let error = stored(&client, &value).parse::<Smtp>().unwrap_err();
        assert_eq!(
            (error.kind(), error.field()),
            (kind, Some(field)),
            "{value}"
        );
        assert_eq!(error.key().as_str(), "db");
        assert!(error.to_string().contains(text), "{error}");
        assert!(
            !format!("{error} {error:?}").contains("canary"),
            "{error:?}"
        );
    }
}

#[test]
fn an_error_says_where_and_quotes_nothing() {
    let world = World::new(|_, _| None);
    let client = world.client();
    for (value, problem) in [
        ("canary", "is not JSON: line 1"),
        ("\"canary", "ends early: line 1"),
        ("\"canary\"", "does not match the type: line 1"),
        ("[\n\"canary\"]", "does not match the type"),
        ("{\"host\": \"canary\"}", "no field `password`"),
        ("{\"canary\": canary}", "is not JSON: line 1"),
    ] {
        let error: InvalidValue = stored(&client, value).parse::<Database>().unwrap_err();
        let words = format!("{error} {error:?} {error:#?}");
        assert!(
            error.to_string().contains(problem) && words.contains("`db`"),
            "{words}"
        );
        assert!(!words.contains("canary"), "{words}");
    }
}

#[derive(Debug, Deserialize, PartialEq)]
struct Service {
    name: String,
    #[serde(flatten)]
    address: Address,
    #[serde(flatten)]
    limits: Limits,
}

#[derive(Debug, Deserialize, PartialEq)]
struct Address {
    host: String,
    port: u16,
}

#[derive(Debug, Deserialize, PartialEq)]
struct Limits {
    #[serde(default)]
    connections: Option<u32>,
    tls: bool,
    note: Option<SecretNote>,
}

#[derive(Debug, Deserialize, PartialEq)]
struct SecretNote(Vec<String>);

#[test]
fn an_error_in_flattened_fields_names_the_field() {
    let world = World::new(|_, _| None);
    let client = world.client();
    for (value, field) in [
        (
            r#"{"name":"n","host":"h","port":"canary","tls":true}"#,
            "port",
        ),
        (r#"{"name":"n","host":"h","port":70000,"tls":true}"#, "port"),
        (
            r#"{"tls":true,"port":"1","host":["canary"],"name":"n"}"#,
            "host",
        ),
        (
            r#"{"name":"n","host":"h","port":1,"tls":"canary","connections":"canary"}"#,
            "tls",
        ),
        (
            r#"{"name":"n","other":"canary","host":"h","port":1,"tls":true,"connections":-1}"#,
            "connections",
        ),
        (
            r#"{"name":["canary"],"host":"h","port":"canary","tls":1}"#,
            "name",
        ),
        (
            r#"{"name":"n","host":"h","port":1,"tls":true,"note":["a",1]}"#,
            "note",
        ),
    ] {
        let error = stored(&client, value).parse::<Service>().unwrap_err();
        assert_eq!(error.kind(), InvalidValueKind::WrongType, "{value}");
        assert_eq!(error.field(), Some(field), "{value}");
        let words = format!("{error} {error:?}");
        assert!(!words.contains("canary"), "{words}");
    }
    let error = stored(&client, r#"{"name":"n","host":"h","tls":true}"#)
        .parse::<Service>()
        .unwrap_err();
    assert_eq!(error.kind(), InvalidValueKind::MissingField);
    assert_eq!(error.field(), Some("port"));
}

#[test]
fn texts_of_flattened_fields_are_read_into_numbers_and_booleans() {
    let world = World::new(|_, _| None);
    let client = world.client();
    let value = r#"{"name":"5","host":"6","port":"587","tls":"true","connections":"8","x":"9"}"#;
    let service: Service = stored(&client, value).parse().unwrap();
    let expected = Service {
        name: "5".to_owned(),
        address: Address {
            host: "6".to_owned(),
            port: 587,
        },
        limits: Limits {
            connections: Some(8),
            tls: true,
            note: None,
        },
    };
    assert_eq!(service, expected);
}

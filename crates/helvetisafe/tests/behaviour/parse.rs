//! `Secret::parse`.

use helvetisafe::{Client, InvalidValue};
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

#[test]
fn an_error_says_where_and_quotes_nothing() {
    let world = World::new(|_, _| None);
    let client = world.client();
    for (value, problem) in [
        ("canary", "no JSON at line 1"),
        ("\"canary", "it ends early at line 1"),
        (
            "{\"host\": \"canary\"}",
            "another type or a missing member at line 1",
        ),
        (
            "{\"host\": \"h\",\n\"password\": \"p\", \"port\": \"canary\"}",
            "another type or a missing member at line 2",
        ),
        ("{\"canary\": canary}", "no JSON at line 1"),
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

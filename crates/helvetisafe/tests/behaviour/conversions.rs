//! The types that an application has at hand go into the calls and come out of them.

use std::collections::BTreeMap;
use std::time::{Duration, SystemTime};

use helvetisafe::{Expiry, ExposeSecret, Secret, SecretString, Timestamp};
use helvetisafe_test_support::World;

const HOUR: Duration = Duration::from_secs(3600);

/// Returns true if the expiry is in about an hour.
pub(super) fn is_in_an_hour(expires_at: Option<Timestamp>) -> bool {
    let left = expires_at.unwrap().duration_since(Timestamp::now());
    (3500..=3600).contains(&left.as_secs())
}

#[test]
fn a_value_is_any_text_and_comes_back_as_a_secret_string() {
    let world = World::new(|_, _| None);
    let client = world.builder_on_the_real_clock().connect().unwrap();
    let secrets = client.secrets();
    let value = SecretString::from("s3cr3t");
    secrets.put("a", &value, None).unwrap();
    secrets.update("a", value.clone(), None).unwrap();
    secrets.create("b", String::from("text"), None).unwrap();
    secrets.set_field("c", "field", &value, None).unwrap();

    let secret: Secret = secrets.get("a").unwrap();
    let clone = secret.clone();
    let text: SecretString = secret.into_secret_string();
    assert_eq!(text.expose_secret(), "s3cr3t");
    assert_eq!(SecretString::from(clone).expose_secret(), "s3cr3t");
    assert_eq!(secrets.get("b").unwrap().expose_secret(), "text");
    let field = secrets.get_field("c", "field").unwrap();
    assert_eq!(field.expose_secret(), "s3cr3t");
}

#[test]
fn an_expiry_is_a_time_or_a_duration_and_none_keeps_it() {
    let world = World::new(|_, _| None);
    let client = world.builder_on_the_real_clock().connect().unwrap();
    let secrets = client.secrets();
    let created = secrets.create("a", "v", HOUR).unwrap();
    assert!(is_in_an_hour(created.expires_at()));
    secrets.update("a", "w", None).unwrap();
    secrets.put("a", "w", None).unwrap();
    let fields = [("one", "1"), ("two", "2")];
    secrets.create_fields("f", &fields, HOUR).unwrap();
    for key in ["a", "f"] {
        assert!(
            is_in_an_hour(secrets.get(key).unwrap().expires_at()),
            "{key}"
        );
    }
    secrets.put("a", "w", Expiry::Never).unwrap();
    assert_eq!(secrets.get("a").unwrap().expires_at(), None);
    secrets.put("a", "w", SystemTime::now() + HOUR).unwrap();
    assert!(is_in_an_hour(secrets.get("a").unwrap().expires_at()));
}

#[test]
fn many_secrets_come_from_any_iterator_each_with_its_expiry() {
    let world = World::new(|_, _| None);
    let client = world.builder_on_the_real_clock().connect().unwrap();
    let secrets = client.secrets();
    let mut values = BTreeMap::from([("a", "1"), ("b", "2")]);
    assert!(secrets.put_many(&values).iter().all(Result::is_ok));
    values.remove("a");
    let ended: Vec<_> = values
        .into_iter()
        .map(|(key, value)| (key, SecretString::from(value), HOUR))
        .collect();
    assert!(secrets.put_many(ended).iter().all(Result::is_ok));

    let found = secrets.get_many(["a", "b"].map(String::from));
    let expiries = found.iter().map(|it| it.as_ref().unwrap().expires_at());
    assert_eq!(
        expiries.map(|it| it.is_some()).collect::<Vec<_>>(),
        [false, true]
    );
    let listed = secrets.list().unwrap();
    let names = listed.iter().filter_map(|it| it.key().valid());
    assert!(secrets.get_many(names).iter().all(Result::is_ok));
    drop(secrets.watch(listed.iter().map(|it| it.key().to_string()), HOUR));
}

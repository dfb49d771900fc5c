//! «Key names such as `../credentials/private-key`, `a/b`, `%2e`, `a\n`.»

use helvetisafe::{ErrorKind, Expiry};
use helvetisafe_server::faults::{BAD_NAMES, Fault, Route};

use crate::world::World;

#[test]
fn a_bad_name_is_refused_by_every_operation_before_sending() {
    let world = World::new();
    let client = world.client();
    let sent = world.faults.log().len();
    let long = "a".repeat(256);
    for name in BAD_NAMES.iter().copied().chain([long.as_str()]) {
        let secrets = client.secrets();
        for outcome in [
            secrets.get(name).map(drop),
            secrets.create(name, "v", None).map(drop),
            secrets.update(name, "v", Expiry::Keep).map(drop),
            secrets.put(name, "v", None).map(drop),
            secrets.delete(name),
            secrets.exists(name).map(drop),
        ] {
            assert_eq!(outcome.unwrap_err().kind(), ErrorKind::Config, "{name:?}");
        }
    }
    assert_eq!(world.faults.log().len(), sent);
}

#[test]
fn a_listed_bad_name_is_shown_escaped_and_cannot_be_used() {
    let world = World::new();
    let client = world.client();
    client.secrets().create("good", "v", None).unwrap();
    world
        .faults
        .on(Route::List)
        .then(Fault::list_also(BAD_NAMES.iter().copied()));
    let listed = client.secrets().list().unwrap();
    assert_eq!(listed[0].key().valid().unwrap().as_str(), "good");
    assert_eq!(listed.len(), 1 + BAD_NAMES.len());
    let sent = world.faults.log().len();
    for (row, name) in listed[1..].iter().zip(BAD_NAMES) {
        assert!(row.key().valid().is_none(), "{name:?}");
        let shown = format!("{} {:?}", row.key(), row.key());
        let is_harmless = |c: char| c == ' ' || c.is_ascii_graphic() || c == 'é';
        assert!(
            shown.chars().all(is_harmless),
            "{name:?} is shown as {shown:?}"
        );
        let error = client.secrets().get(row.key()).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Config, "{name:?}");
        let shown = format!("{error} {error:?}");
        assert!(
            shown.chars().all(is_harmless),
            "{name:?} is shown as {shown:?}"
        );
    }
    assert_eq!(
        world.faults.log().len(),
        sent,
        "nothing was asked for by a bad name"
    );
}

//! Changes that are noticed.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use helvetisafe::{ChangeKind, Client, Clock, ErrorKind, Scope};

use crate::proxy::answer;
use crate::world::{SECRETS, World};

/// What is done while the watch sleeps, one after the other.
type Deeds = Vec<Box<dyn FnOnce() + Send>>;

/// A clock whose sleeps are when things happen.
#[derive(Clone)]
struct Stage {
    deeds: Arc<Mutex<Deeds>>,
    slept: Arc<Mutex<Vec<Duration>>>,
}

impl Clock for Stage {
    fn now(&self) -> Duration {
        Duration::ZERO
    }

    fn sleep(&self, duration: Duration) {
        self.slept.lock().unwrap().push(duration);
        let deed = {
            let mut deeds = self.deeds.lock().unwrap();
            assert!(!deeds.is_empty(), "a change was not noticed");
            deeds.remove(0)
        };
        deed();
    }

    fn jitter(&self) -> f64 {
        0.0
    }
}

fn stage(deeds: Deeds) -> Stage {
    Stage {
        deeds: Arc::new(Mutex::new(deeds)),
        slept: Arc::default(),
    }
}

fn writes(client: &Client) -> Deeds {
    let (one, two, three) = (client.clone(), client.clone(), client.clone());
    vec![
        Box::new(|| {}),
        Box::new(move || drop(one.secrets().put("a", "second", None).unwrap())),
        Box::new(move || {
            two.secrets().create("c", "new", None).unwrap();
            two.secrets().create("unwatched", "new", None).unwrap();
        }),
        Box::new(move || {
            three.secrets().delete("b").unwrap();
            three.secrets().put("c", "again", None).unwrap();
        }),
    ]
}

fn noticed(world: &World, scopes: &[Scope]) -> Stage {
    let writer = world.client();
    for key in ["a", "b"] {
        writer.secrets().create(key, "first", None).unwrap();
    }
    let stage = stage(writes(&writer));
    let scopes = helvetisafe::Scopes::from_iter(scopes.iter().copied());
    let client = world
        .builder()
        .scopes(scopes)
        .clock(stage.clone())
        .connect()
        .unwrap();
    let watch = client
        .secrets()
        .watch(&["a", "b", "c"], Duration::from_secs(10));
    let seen: Vec<_> = watch
        .unwrap()
        .take(4)
        .map(|change| change.unwrap())
        .map(|change| (change.key().to_string(), change.kind()))
        .collect();
    let expected = [
        ("a", ChangeKind::Changed),
        ("c", ChangeKind::Appeared),
        ("b", ChangeKind::Gone),
        ("c", ChangeKind::Changed),
    ];
    assert_eq!(seen, expected.map(|(key, kind)| (key.to_owned(), kind)));
    stage
}

#[test]
fn changes_are_noticed_in_the_list() {
    let world = World::new(|_, _| None);
    let stage = noticed(&world, &[Scope::CredentialsRead, Scope::SecretsList]);
    assert_eq!(*stage.slept.lock().unwrap(), [Duration::from_secs(9); 4]);
    assert_eq!(world.proxy.count("GET", "/api/v1/secrets/a"), 0);
}

#[test]
fn without_the_list_each_secret_is_read() {
    let world = World::new(|_, _| None);
    noticed(&world, &[Scope::CredentialsRead, Scope::SecretsRead]);
    assert_eq!(world.proxy.count("GET", SECRETS), 1, "asked once");
}

#[test]
fn after_a_failed_look_it_goes_on() {
    let world = World::new(|seen, before| {
        let looks = before.iter().filter(|seen| seen.is("GET", SECRETS)).count();
        (seen.is("GET", SECRETS) && looks == 1).then(|| answer(400, ""))
    });
    let writer = world.client();
    writer.secrets().create("a", "first", None).unwrap();
    let stage = stage(vec![
        Box::new(|| {}),
        Box::new(move || drop(writer.secrets().put("a", "second", None).unwrap())),
    ]);
    let client = world.builder().clock(stage).connect().unwrap();
    let mut watch = client
        .secrets()
        .watch(&["a"], Duration::from_secs(1))
        .unwrap();
    let error = watch.next().unwrap().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Api);
    assert_eq!(watch.next().unwrap().unwrap().kind(), ChangeKind::Changed);
}

/// What changes between the first look and the first call of `next` is not lost.
#[test]
fn a_watch_that_has_begun_sees_what_changes_before_it_is_asked() {
    let world = World::new(|_, _| None);
    let client = world.client();
    client.secrets().create("a", "first", None).unwrap();
    let watcher = world.builder().clock(stage(vec![Box::new(|| {})]));
    let watcher = watcher.connect().unwrap();
    let mut watch = watcher
        .secrets()
        .watch(&["a"], Duration::from_secs(1))
        .unwrap();
    watch.begin().unwrap();
    client.secrets().put("a", "second", None).unwrap();
    let change = watch.next().unwrap().unwrap();
    assert_eq!(
        (change.key().as_str(), change.kind()),
        ("a", ChangeKind::Changed)
    );
}

#[test]
fn no_interval_is_so_short_that_it_would_flood_the_vault() {
    let world = World::new(|_, _| None);
    let writer = world.client();
    let put = move || drop(writer.secrets().put("a", "first", None).unwrap());
    let stage = stage(vec![Box::new(put)]);
    let client = world.builder().clock(stage.clone()).connect().unwrap();
    let mut watch = client.secrets().watch(&["a"], Duration::ZERO).unwrap();
    assert_eq!(watch.next().unwrap().unwrap().kind(), ChangeKind::Appeared);
    assert_eq!(*stage.slept.lock().unwrap(), [Duration::from_millis(90)]);
}

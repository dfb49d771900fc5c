//! The changes that a watch reports.

use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use helvetisafe::{CachePolicy, CancelToken, ChangeKind, Client, Clock, ErrorKind, Scope, Watch};
use helvetisafe_test_support::{Action, SECRETS, World, answer, earlier};

/// Actions during the sleeps of the watch, one per sleep.
type Actions = Vec<Box<dyn FnOnce() + Send>>;

/// A clock that runs one action during each sleep.
#[derive(Clone)]
struct Stage {
    actions: Arc<Mutex<Actions>>,
    slept: Arc<Mutex<Vec<Duration>>>,
}

impl Clock for Stage {
    fn now(&self) -> Duration {
        Duration::ZERO
    }

    fn sleep(&self, duration: Duration) {
        self.slept.lock().unwrap().push(duration);
        let action = {
            let mut actions = self.actions.lock().unwrap();
            assert!(!actions.is_empty(), "a change was not noticed");
            actions.remove(0)
        };
        action();
    }

    fn jitter(&self) -> f64 {
        0.0
    }
}

fn stage(actions: Actions) -> Stage {
    Stage {
        actions: Arc::new(Mutex::new(actions)),
        slept: Arc::default(),
    }
}

fn script(client: &Client) -> Actions {
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
    let stage = stage(script(&writer));
    let scopes = helvetisafe::Scopes::from_iter(scopes.iter().copied());
    let client = world
        .builder()
        .scopes(scopes)
        .clock(stage.clone())
        .connect()
        .unwrap();
    let watch = client
        .secrets()
        .watch(["a", "b", "c"], Duration::from_secs(10));
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
fn a_watch_notices_changes_in_the_list() {
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
fn a_watch_continues_after_a_failed_poll() {
    let world = World::new(|seen, before| {
        let lists = before.iter().filter(|seen| seen.is("GET", SECRETS)).count();
        (seen.is("GET", SECRETS) && lists == 1).then(|| answer(400, ""))
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
        .watch(["a"], Duration::from_secs(1))
        .unwrap();
    assert!(!watch.is_failing());
    let error = watch.next().unwrap().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Api);
    assert!(watch.is_failing());
    assert_eq!(watch.next().unwrap().unwrap().kind(), ChangeKind::Changed);
    assert!(!watch.is_failing());
}

/// A change between the first poll and the first `next` is not lost.
#[test]
fn a_started_watch_sees_changes_before_its_first_poll() {
    let world = World::new(|_, _| None);
    let client = world.client();
    client.secrets().create("a", "first", None).unwrap();
    let watcher = world.builder().clock(stage(vec![Box::new(|| {})]));
    let watcher = watcher.connect().unwrap();
    let mut watch = watcher
        .secrets()
        .watch(["a"], Duration::from_secs(1))
        .unwrap();
    watch.begin().unwrap();
    client.secrets().put("a", "second", None).unwrap();
    let change = watch.next().unwrap().unwrap();
    assert_eq!(
        (change.key().as_str(), change.kind()),
        ("a", ChangeKind::Changed)
    );
}

/// Neither after a reported change nor after `begin` does a read return the old cached value.
#[test]
fn after_a_change_a_read_returns_the_new_value() {
    let world = World::new(|_, _| None);
    let writer = world.client();
    writer.secrets().create("a", "first", None).unwrap();
    let (second, third) = (writer.clone(), writer);
    let actions: Actions = vec![Box::new(move || {
        drop(third.secrets().put("a", "third", None).unwrap());
    })];
    let policy = CachePolicy::new(Duration::from_secs(3600));
    let client = world.builder().clock(stage(actions)).cache(policy);
    let client = client.connect().unwrap();
    let read = || client.secrets().get("a").unwrap();
    assert_eq!(read().expose_secret(), "first");
    second.secrets().put("a", "second", None).unwrap();
    assert_eq!(read().expose_secret(), "first");

    let watch = client.secrets().watch(["a"], Duration::from_secs(1));
    let mut watch = watch.unwrap();
    watch.begin().unwrap();
    assert_eq!(read().expose_secret(), "second");
    watch.next().unwrap().unwrap();
    assert_eq!(read().expose_secret(), "third");
}

#[test]
fn a_later_begin_discards_pending_changes() {
    let world = World::new(|_, _| None);
    let writer = world.client();
    for key in ["a", "b"] {
        writer.secrets().create(key, "first", None).unwrap();
    }
    let (first, later) = (writer.clone(), writer.clone());
    let actions: Actions = vec![
        Box::new(move || {
            drop(first.secrets().put("a", "second", None).unwrap());
            first.secrets().delete("b").unwrap();
        }),
        Box::new(move || drop(later.secrets().put("b", "third", None).unwrap())),
    ];
    let client = world.builder().clock(stage(actions)).connect().unwrap();
    let watch = client.secrets().watch(["a", "b"], Duration::from_secs(1));
    let mut watch = watch.unwrap();
    assert_eq!(watch.next().unwrap().unwrap().key().as_str(), "a");
    writer.secrets().create("b", "second", None).unwrap();
    watch.begin().unwrap();
    let change = watch.next().unwrap().unwrap();
    assert_eq!(
        (change.key().as_str(), change.kind()),
        ("b", ChangeKind::Changed)
    );
}

#[test]
fn the_interval_has_a_minimum() {
    let world = World::new(|_, _| None);
    let writer = world.client();
    let put = move || drop(writer.secrets().put("a", "first", None).unwrap());
    let stage = stage(vec![Box::new(put)]);
    let client = world.builder().clock(stage.clone()).connect().unwrap();
    let mut watch = client.secrets().watch(["a"], Duration::ZERO).unwrap();
    assert_eq!(watch.next().unwrap().unwrap().kind(), ChangeKind::Appeared);
    assert_eq!(*stage.slept.lock().unwrap(), [Duration::from_millis(90)]);
}

/// Watches two secrets while the list is forbidden at some polls. `actions` gets the writing client and
/// returns the actions between the polls. Returns the world and the reported changes.
fn reported(
    is_forbidden: impl Fn(usize) -> bool + Send + Sync + 'static,
    actions: impl FnOnce(&Client) -> Actions,
) -> (World, Vec<String>) {
    let world = World::new(move |seen, before| {
        let poll = earlier(before, "GET", SECRETS);
        (seen.is("GET", SECRETS) && is_forbidden(poll)).then(|| answer(403, ""))
    });
    let writer = world.client();
    for key in ["a", "b"] {
        writer.secrets().create(key, "first", None).unwrap();
    }
    let mut actions = actions(&writer);
    actions.push(writes(&writer, "end"));
    let client = world.builder().clock(stage(actions)).connect().unwrap();
    let watch = client
        .secrets()
        .watch(["a", "b", "end"], Duration::from_secs(1));
    let changes = watch.unwrap().map(|change| change.unwrap());
    let changes = changes.take_while(|change| change.key().as_str() != "end");
    let changes = changes.map(|change| format!("{} {:?}", change.key(), change.kind()));
    let changes = changes.collect();
    (world, changes)
}

fn writes(client: &Client, key: &'static str) -> Box<dyn FnOnce() + Send> {
    let client = client.clone();
    Box::new(move || drop(client.secrets().put(key, "again", None).unwrap()))
}

/// No action during this number of sleeps.
fn idle(sleeps: usize) -> Actions {
    (0..sleeps).map(|_| Box::new(|| {}) as _).collect()
}

#[test]
fn a_list_that_becomes_forbidden_is_no_change() {
    let (_, changes) = reported(|poll| poll > 0, |_| idle(2));
    assert!(changes.is_empty(), "{changes:?}");
}

#[test]
fn a_forbidden_list_is_requested_again_later() {
    let (world, changes) = reported(|poll| poll == 1, |_| idle(30));
    assert!(changes.is_empty(), "{changes:?}");
    let lists = world.proxy.count("GET", SECRETS);
    let reads = world.proxy.count("GET", "/api/v1/secrets/a");
    // Of 32 polls, the one with the forbidden list and the nine after it read each secret.
    assert_eq!((lists, reads), (32 - 9, 10));
}

#[test]
fn a_change_is_reported_once_by_both_poll_methods() {
    for at in 0..14 {
        let (_, changes) = reported(
            |poll| poll == 1,
            |client| {
                let mut actions = idle(14);
                actions[at] = writes(client, "a");
                actions
            },
        );
        assert_eq!(changes, ["a Changed"], "{at}");
    }
}

/// After one poll without list and read access, the watch does not stay with single reads.
#[test]
fn if_reads_are_forbidden_too_the_next_poll_requests_the_list() {
    let world = World::new(|seen, before| {
        let is_forbidden = match earlier(before, "GET", SECRETS) {
            1 => seen.is("GET", SECRETS),
            _ => seen.is("GET", "/api/v1/secrets/a"),
        };
        is_forbidden.then(|| answer(403, ""))
    });
    let writer = world.client();
    writer.secrets().create("a", "first", None).unwrap();
    let mut actions = idle(1);
    actions.push(writes(&writer, "a"));
    let client = world.builder().clock(stage(actions)).connect().unwrap();
    let watch = client.secrets().watch(["a"], Duration::from_secs(1));
    let mut watch = watch.unwrap();
    let error = watch.next().unwrap().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Forbidden);
    assert_eq!(watch.next().unwrap().unwrap().kind(), ChangeKind::Changed);
}

#[test]
fn a_begin_delays_the_next_poll() {
    let world = World::new(|_, _| None);
    let writer = world.client();
    writer.secrets().create("a", "first", None).unwrap();
    let stage = stage(vec![writes(&writer, "a")]);
    let client = world.builder().clock(stage.clone()).connect().unwrap();
    let watch = client.secrets().watch(["a"], Duration::from_secs(10));
    let mut watch = watch.unwrap();
    watch.begin().unwrap();
    assert_eq!(watch.next().unwrap().unwrap().kind(), ChangeKind::Changed);
    assert_eq!(*stage.slept.lock().unwrap(), [Duration::from_secs(9)]);
    assert_eq!(world.proxy.count("GET", SECRETS), 2);
}

const SOON: Duration = Duration::from_millis(100);
/// With a machine that does much else.
const ENOUGH: Duration = Duration::from_secs(2);

/// A watch of one secret on the real clock.
fn watch_of_a(world: &World, interval: Duration) -> Watch {
    let client = world.builder_on_the_real_clock().connect().unwrap();
    client.secrets().put("a", "first", None).unwrap();
    client.secrets().watch(["a"], interval).unwrap()
}

/// Closes the watch a little later, and waits for its end.
fn closes(watch: &mut Watch) {
    let token = watch.cancel_token();
    let begun = Instant::now();
    thread::spawn(move || {
        thread::sleep(SOON);
        token.cancel();
    });
    assert!(watch.next().is_none());
    let time = begun.elapsed();
    assert!(time >= SOON && time < ENOUGH, "{time:?}");
    assert!(watch.next().is_none() && watch.next_within(SOON).is_none());
}

#[test]
fn a_watch_is_closed_by_another_thread_while_it_sleeps() {
    let world = World::new(|_, _| None);
    let mut watch = watch_of_a(&world, Duration::from_secs(3600));
    watch.begin().unwrap();
    closes(&mut watch);
}

#[test]
fn a_watch_is_closed_by_another_thread_while_the_vault_hangs() {
    let world = World::new(|seen, _| {
        seen.is("GET", SECRETS)
            .then_some(Action::Stall(ENOUGH * 10))
    });
    closes(&mut watch_of_a(&world, Duration::from_secs(1)));
}

#[test]
fn a_token_of_the_operations_closes_the_watch() {
    let world = World::new(|_, _| None);
    let client = world.client();
    let token = CancelToken::new();
    let secrets = client.secrets().cancelled_by(&token);
    let mut watch = secrets.watch(["a"], Duration::from_secs(1)).unwrap();
    token.cancel();
    assert!(watch.next().is_none() && watch.cancel_token().is_cancelled());
}

#[test]
fn a_watch_is_waited_on_for_a_time_and_loses_nothing() {
    let world = World::new(|_, _| None);
    let mut watch = watch_of_a(&world, Duration::from_secs(1));
    watch.begin().unwrap();
    world.client().secrets().put("a", "second", None).unwrap();
    let begun = Instant::now();
    assert!(watch.next_within(SOON).is_none());
    assert!(begun.elapsed() >= SOON && begun.elapsed() < ENOUGH);
    // The time that it has waited counts: the poll comes after the interval, not later.
    let mut waits = 1;
    let change = loop {
        assert!(begun.elapsed() < Duration::from_secs(10));
        waits += 1;
        if let Some(change) = watch.next_within(SOON) {
            break change.unwrap();
        }
    };
    assert_eq!(change.kind(), ChangeKind::Changed);
    assert!(waits > 3, "{waits}");
}

#[test]
fn a_slow_poll_goes_on_while_the_watch_is_not_waited_on() {
    let world = World::new(|seen, _| {
        (seen.is("GET", SECRETS)).then_some(Action::ForwardAfter(Duration::from_millis(500)))
    });
    let mut watch = watch_of_a(&world, SOON);
    watch.begin().unwrap();
    world.client().secrets().put("a", "second", None).unwrap();
    let begun = Instant::now();
    let change = loop {
        assert!(begun.elapsed() < Duration::from_secs(10));
        // No poll ends in this time.
        let waited = Instant::now();
        if let Some(change) = watch.next_within(SOON) {
            break change.unwrap();
        }
        assert!(waited.elapsed() < ENOUGH);
    };
    assert_eq!(change.kind(), ChangeKind::Changed);
    assert_eq!(world.proxy.count("GET", SECRETS), 2, "each poll was used");
}

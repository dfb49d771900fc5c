//! One deadline for many operations: `Secrets::within`.

use std::time::{Duration, Instant};

use helvetisafe::{Client, ErrorKind, Expiry, Scope};
use helvetisafe_server::faults::{Fault, Faults, Route};
use helvetisafe_server::{NewAccount, Vault};
use helvetisafe_test_support::World;

/// Eight reads are in flight at once, so all of them would take 2.5 s.
const KEYS: usize = 200;
const STALL: Duration = Duration::from_millis(100);
const TIME: Duration = Duration::from_millis(500);
/// The tolerance for a busy machine.
const ENOUGH: Duration = Duration::from_millis(1500);

/// A vault that answers each call of `route` slowly.
fn slow(route: Route) -> (World, Faults, Client) {
    let faults = Faults::new();
    let vault = Vault::builder().faults(faults.clone()).start().unwrap();
    let scopes = [
        Scope::SecretsRead,
        Scope::SecretsWrite,
        Scope::CredentialsRead,
    ];
    let world = World::with(vault, NewAccount::default().scopes(scopes), |_, _| None);
    let client = world.builder_on_the_real_clock().connect().unwrap();
    faults.on(route).then(Fault::stall_before_acting(STALL));
    (world, faults, client)
}

fn keys() -> Vec<String> {
    (0..KEYS).map(|n| format!("key_{n}")).collect()
}

#[test]
fn reads_stop_at_the_deadline_and_earlier_results_stay() {
    let (_world, faults, client) = slow(Route::Read);
    let begun = Instant::now();
    let found = client.secrets().within(TIME).get_many(keys());
    assert!(begun.elapsed() < ENOUGH, "{:?}", begun.elapsed());
    let count = |kind| {
        let outcomes = found.iter().map(|outcome| outcome.as_ref().unwrap_err());
        outcomes.filter(|error| error.kind() == kind).count()
    };
    let (answered, late) = (count(ErrorKind::NotFound), count(ErrorKind::Transport));
    assert!(answered > 0 && late > 0, "{answered} {late}");
    assert_eq!(answered + late, KEYS);
    assert!(faults.count(Route::Read) < KEYS / 2);
    let last = found.last().unwrap().as_ref().unwrap_err();
    assert!(last.is_retryable());
}

#[test]
fn writes_stop_at_the_deadline() {
    let (_world, faults, client) = slow(Route::Update);
    let keys = keys();
    let items: Vec<_> = keys.iter().map(|key| (key, "value")).collect();
    let begun = Instant::now();
    client.secrets().within(TIME).put_many(&items);
    assert!(begun.elapsed() < ENOUGH, "{:?}", begun.elapsed());
    assert!(faults.count(Route::Update) < KEYS / 2);
}

#[test]
fn after_the_deadline_nothing_is_sent_and_a_nested_deadline_does_not_extend_it() {
    let (_world, faults, client) = slow(Route::Read);
    let before = faults.log().len();
    let over = client.secrets().within(Duration::ZERO);
    for secrets in [over, over.within(ENOUGH)] {
        let errors = [
            secrets.get("a").unwrap_err(),
            secrets.list().unwrap_err(),
            secrets.create("a", "v", None).unwrap_err(),
            secrets.delete("a").unwrap_err(),
            secrets.copy("a", "b").unwrap_err(),
            secrets.set_field("a", "f", "v", Expiry::Keep).unwrap_err(),
        ];
        for error in errors {
            assert_eq!(error.kind(), ErrorKind::Transport, "{error}");
        }
    }
    assert_eq!(faults.log().len(), before);
    // The client itself has no such deadline.
    let error = client.secrets().get("a").unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound);
}

/// The account has no list scope, so a poll reads each secret.
#[test]
fn each_poll_of_a_watch_stops_at_the_deadline() {
    let (_world, _faults, client) = slow(Route::Read);
    let secrets = client.secrets().within(TIME);
    let interval = Duration::from_millis(100);
    let mut few = secrets.watch(["a", "b"], interval).unwrap();
    let mut many = secrets.watch(keys(), interval).unwrap();
    std::thread::sleep(TIME);
    // The deadline counts from the start of a poll.
    few.begin().unwrap();
    let begun = Instant::now();
    let error = many.begin().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Transport, "{error}");
    assert!(begun.elapsed() < ENOUGH, "{:?}", begun.elapsed());
}

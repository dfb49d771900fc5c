//! A network falls silent: nothing waits longer than the client's time limits, and all of it works again afterwards.

use std::thread::{self, sleep};
use std::time::{Duration, Instant};

use helvetisafe::{Client, Error, ErrorKind, Timeouts};
use helvetisafe_test_postgres::Server;

use super::application::connect;
use super::network::Network;
use super::nodes::{Balancer, Node, wait_until};
use super::world::World;

/// The duration of the silence: longer than all attempts of a client, which wait 5 s each, three times.
const SILENCE: Duration = Duration::from_secs(17);

/// Returns the time limit of an operation, with a margin for a busy machine.
fn limit() -> Duration {
    Timeouts::default().operation + Duration::from_secs(2)
}

/// The result of one call of each kind, made at the same time.
struct Results {
    get: Result<String, Error>,
    list: Result<usize, Error>,
    put: Result<(), Error>,
    create: Result<(), Error>,
}

/// Makes the calls, none of which may take longer than a client's limit.
fn call(client: &Client, created: &str) -> Results {
    let (begun, secrets) = (Instant::now(), client.secrets());
    let get = || secrets.get("read").map(|it| it.expose_secret().to_owned());
    let list = || secrets.list().map(|it| it.len());
    let put = || secrets.put("written", created, None).map(drop);
    let create = || secrets.create(created, "value", None).map(drop);
    let results = thread::scope(|scope| {
        let (get, list) = (scope.spawn(get), scope.spawn(list));
        let (put, create) = (scope.spawn(put), scope.spawn(create));
        Results {
            get: get.join().unwrap(),
            list: list.join().unwrap(),
            put: put.join().unwrap(),
            create: create.join().unwrap(),
        }
    });
    assert!(begun.elapsed() < limit(), "{:?}", begun.elapsed());
    results
}

impl Results {
    #[track_caller]
    fn assert_success(self) {
        assert_eq!(self.get.unwrap(), "value");
        assert!(self.list.unwrap() > 0);
        self.put.unwrap();
        self.create.unwrap();
    }
}

#[test]
fn a_silent_network_to_the_database_ends_in_time_limits_and_is_recovered_from() {
    let Some(server) = Server::start(&[]) else {
        return;
    };
    let network = Network::start(server.port());
    let mut world = World::new(&server.url(), usize::MAX);
    let nodes = [server.url_at(&[network.port]), server.url()].map(|url| Node::start(&url));
    let Some(balancer) = Balancer::start(&nodes) else {
        return;
    };
    world.url = balancer.url();
    world.pause = Duration::from_millis(50);
    let [cut_off, other] = &nodes;
    let client = connect(&world.account, &[cut_off.url()]);
    let both = connect(&world.account, &[cut_off.url(), other.url()]);
    client.secrets().put("read", "value", None).unwrap();

    let (histories, ()) = world.run(|| {
        sleep(Duration::from_secs(1));
        network.fall_silent();
        let begun = Instant::now();
        wait_until(|| cut_off.readiness() == Some(503), "it is not ready");
        assert!(
            begun.elapsed() < Duration::from_secs(6),
            "{:?}",
            begun.elapsed()
        );
        assert_eq!(other.readiness(), Some(200));
        thread::scope(|scope| {
            let one = scope.spawn(|| call(&client, "during"));
            // Reads and what was not sent yet move to the other node.
            let read = both.secrets().get("read").unwrap();
            assert_eq!(read.expose_secret(), "value");
            assert!(both.secrets().list().unwrap().len() > 1);
            both.secrets().put("both", "value", None).unwrap();
            let results = one.join().unwrap();
            for failed in [results.get.map(drop), results.list.map(drop)] {
                assert!(failed.unwrap_err().is_retryable());
            }
            assert!(results.put.is_err() && results.create.is_err());
        });
        sleep(SILENCE.saturating_sub(begun.elapsed()));
        network.recover();
        wait_until(|| cut_off.readiness() == Some(200), "it is ready again");
        call(&client, "after").assert_success();
        sleep(Duration::from_secs(1));
    });
    world.check(histories);
    for (key, value) in [("both", "value"), ("written", "after"), ("after", "value")] {
        assert_eq!(both.secrets().get(key).unwrap().expose_secret(), value);
    }
}

#[test]
fn a_silent_network_to_a_node_ends_in_time_limits_and_is_recovered_from() {
    let Some(database) = helvetisafe_test_postgres::database() else {
        return;
    };
    let world = World::new(&database.url(), 0);
    let nodes = [database.url(), database.url()].map(|url| Node::start(&url));
    let [behind, other] = &nodes;
    let network = Network::start(behind.port);
    let url = format!("http://127.0.0.1:{}", network.port);
    let client = connect(&world.account, std::slice::from_ref(&url));
    let both = connect(&world.account, &[url, other.url()]);
    client.secrets().put("read", "value", None).unwrap();
    client.secrets().put("written", "before", None).unwrap();

    network.fall_silent();
    thread::scope(|scope| {
        let one = scope.spawn(|| call(&client, "during"));
        let begun = Instant::now();
        let read = both.secrets().get("read").unwrap();
        assert_eq!(read.expose_secret(), "value");
        assert!(
            begun.elapsed() < Duration::from_secs(12),
            "{:?}",
            begun.elapsed()
        );
        both.secrets().put("both", "value", None).unwrap();
        assert_eq!(behind.readiness(), Some(200), "the node itself works");
        let results = one.join().unwrap();
        for failed in [results.get.map(drop), results.list.map(drop)] {
            let error = failed.unwrap_err();
            assert!(error.is_timeout() && error.is_retryable(), "{error}");
        }
        // They may have reached the node, and may do so yet.
        for failed in [results.put, results.create] {
            assert_eq!(failed.unwrap_err().kind(), ErrorKind::Ambiguous);
        }
    });
    network.recover();
    call(&client, "after").assert_success();
    for (key, value) in [("both", "value"), ("after", "value")] {
        assert_eq!(both.secrets().get(key).unwrap().expose_secret(), value);
    }
}

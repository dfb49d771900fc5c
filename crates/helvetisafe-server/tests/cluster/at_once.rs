//! Requests in a row that haproxy sends to another node each: what one has done, the next one sees.

use std::collections::{BTreeSet, HashMap};
use std::sync::Mutex;
use std::thread;

use helvetisafe_server::ExposeSecret;
use serde_json::Value as Json;

use super::calls::{Answer, Call, Caller, decode, encode, path, status};
use super::history::Value;
use super::nodes::{Balancer, NODE, Node};
use super::world::World;

const NODES: usize = 3;

/// A vault of three nodes behind haproxy.
struct Site {
    world: World,
    /// The nodes that have answered.
    answered: Mutex<BTreeSet<String>>,
    _nodes: Vec<Node>,
    _balancer: Balancer,
    _database: helvetisafe_test_postgres::Database,
}

impl Site {
    fn start() -> Option<Self> {
        let database = helvetisafe_test_postgres::database()?;
        let mut world = World::new(&database.url(), 0);
        let nodes: Vec<_> = (0..NODES).map(|_| Node::start(&database.url())).collect();
        let balancer = Balancer::start(&nodes)?;
        world.url = balancer.url();
        Some(Self {
            world,
            answered: Mutex::default(),
            _nodes: nodes,
            _balancer: balancer,
            _database: database,
        })
    }

    fn send(&self, caller: &Caller, method: &str, path: &str, body: Option<Json>) -> Answer {
        self.send_as(&self.world.token, caller, method, path, body)
    }

    fn send_as(
        &self,
        token: &str,
        caller: &Caller,
        method: &str,
        path: &str,
        body: Option<Json>,
    ) -> Answer {
        let answer = caller.send(Call {
            method,
            path,
            token,
            body,
            version: None,
        })?;
        let node = answer.headers()[NODE].to_str().unwrap().to_owned();
        self.answered.lock().unwrap().insert(node);
        Some(answer)
    }
}

impl Drop for Site {
    fn drop(&mut self) {
        if !thread::panicking() {
            assert_eq!(
                self.answered.lock().unwrap().len(),
                NODES,
                "nodes that answered"
            );
        }
    }
}

fn body(answer: Answer) -> Json {
    assert_eq!(status(&answer), Some(200));
    answer.unwrap().into_body()
}

#[test]
fn a_write_is_in_the_next_answer_of_every_node() {
    let Some(site) = Site::start() else {
        return;
    };
    let caller = Caller::new(&site.world.url);
    let send = |method, path: &str, body| site.send(&caller, method, path, body);
    for value in 1..=10 {
        let written = send("POST", &path(0), Some(encode(value)));
        let version = written.unwrap().into_body()["version"].clone();
        for _ in 0..NODES {
            let read = body(send("GET", &path(0), None));
            assert_eq!((decode(&read), &read["version"]), (value, &version));
        }
        for _ in 0..NODES {
            let list = body(send("GET", "/api/v1/secrets", None));
            assert_eq!(list["keys"][0]["version"], version);
        }
        assert_eq!(status(&send("DELETE", &path(0), None)), Some(204));
        for _ in 0..NODES {
            assert_eq!(status(&send("GET", &path(0), None)), Some(404));
        }
    }
}

#[test]
fn a_revocation_is_in_the_next_answer_of_every_node() {
    let Some(site) = Site::start() else {
        return;
    };
    let (world, caller) = (&site.world, Caller::new(&site.world.url));
    let account = &world.accounts[0].account;
    let statuses = |token: &str| -> Vec<_> {
        let list = || site.send_as(token, &caller, "GET", "/api/v1/secrets", None);
        (0..NODES).map(|_| status(&list()).unwrap()).collect()
    };
    for _ in 0..10 {
        let answer = caller.log_in(&account.client_id, account.client_secret.expose_secret());
        let token = body(answer)["access_token"].as_str().unwrap().to_owned();
        assert_eq!(statuses(&token), [200; NODES]);
        assert!(world.revoke(0));
        assert_eq!(statuses(&token), [401; NODES]);
    }
    assert_eq!(statuses(&world.token), [200; NODES], "of another account");
}

/// One client writes two secrets in turn. In a list, the first one is as new as the second one or one write ahead.
#[test]
fn a_list_shows_all_secrets_at_one_moment() {
    let Some(site) = Site::start() else {
        return;
    };
    let write = || {
        let caller = Caller::new(&site.world.url);
        let mut values = HashMap::new();
        for value in 1..=60 {
            for secret in [0, 1] {
                let answer = site.send(&caller, "POST", &path(secret), Some(encode(value)));
                let version = answer.unwrap().into_body()["version"].to_string();
                values.insert(version, value);
            }
        }
        values
    };
    let list = || {
        let caller = Caller::new(&site.world.url);
        let list = || body(site.send(&caller, "GET", "/api/v1/secrets", None));
        let pair = |list: Json| [0, 1].map(|row| list["keys"][row]["version"].to_string());
        (0..100).map(|_| pair(list())).collect::<Vec<_>>()
    };
    let (values, lists) = thread::scope(|scope| {
        let listing = [scope.spawn(list), scope.spawn(list), scope.spawn(list)];
        let values: HashMap<String, Value> = scope.spawn(write).join().unwrap();
        (values, listing.map(|it| it.join().unwrap()).concat())
    });
    for versions in lists {
        // A missing secret is older than any write.
        let [first, second] = versions.map(|it| values.get(&it).copied().unwrap_or(0));
        assert!(first == second || first == second + 1, "{first}, {second}");
    }
}

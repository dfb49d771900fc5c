//! Clients of three nodes behind a load balancer, while nodes are killed and drained.

use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::thread::{self, sleep};
use std::time::{Duration, Instant};

use helvetisafe_crypto::PrivateKey;
use helvetisafe_server::{NewAccount, NewApiToken, Vault};
use secrecy::ExposeSecret;

use super::checker::check;
use super::client::{Client, History, KEYS, World};
use super::history::Operation;
use super::nodes::{Balancer, Node};

/// The variable with the number of operations.
const OPERATIONS: &str = "HELVETISAFE_TEST_OPERATIONS";

const CLIENTS: u64 = 16;

#[test]
fn what_clients_of_three_nodes_see_is_linearizable() {
    let Some(database) = helvetisafe_test_postgres::database() else {
        return;
    };
    let url = database.url();
    let token = new_token(&url);
    let mut nodes: Vec<_> = (0..3).map(|_| Node::start(&url)).collect();
    let folder = tempfile::tempdir().unwrap();
    let Some(balancer) = Balancer::start(folder.path(), &nodes) else {
        return;
    };
    let operations = std::env::var(OPERATIONS).map_or(3000, |number| number.parse().unwrap());
    let world = World {
        url: format!("http://{}", balancer.address),
        token,
        begun: Instant::now(),
        values: AtomicU64::new(0),
        left: AtomicUsize::new(operations),
    };
    let (histories, interruptions) = run(&world, &mut nodes);
    let unanswered: usize = histories.iter().map(|(_, number)| number).sum();
    let (mut read_last, all) = (Client::new(&world, 99), histories.into_iter());
    read_last.read_all();
    let histories = all.map(|(history, _)| history).chain([read_last.history]);
    let histories: Vec<_> = histories.collect();
    for key in 0..KEYS {
        let of_key = |history: &History| history.get(&key).cloned().unwrap_or_default();
        let operations: Vec<Operation> = histories.iter().flat_map(of_key).collect();
        if let Err(violation) = check(&operations, None) {
            panic!("of {} operations: {violation:?}", operations.len());
        }
    }
    eprintln!(
        "{operations} operations in {:?}, {interruptions} nodes interrupted, {unanswered} writes without an answer",
        world.begun.elapsed()
    );
    assert!(interruptions > 0);
}

/// Runs all clients, and interrupts nodes meanwhile. Returns what the clients saw, with the number of writes without an
/// answer, and the number of interruptions.
fn run(world: &World, nodes: &mut [Node]) -> (Vec<(History, usize)>, usize) {
    let has_ended = AtomicBool::new(false);
    thread::scope(|scope| {
        let interrupter = scope.spawn(|| interrupt(nodes, &has_ended));
        let clients: Vec<_> = (1..=CLIENTS)
            .map(|seed| {
                scope.spawn(move || {
                    let mut client = Client::new(world, seed);
                    client.run();
                    (client.history, client.unanswered)
                })
            })
            .collect();
        let seen = clients.into_iter().map(|client| client.join().unwrap());
        let seen = seen.collect();
        has_ended.store(true, Ordering::Relaxed);
        (seen, interrupter.join().unwrap())
    })
}

/// Kills and drains one node after the other, each of which starts again.
fn interrupt(nodes: &mut [Node], has_ended: &AtomicBool) -> usize {
    let mut interruptions = 0;
    while !has_ended.load(Ordering::Relaxed) {
        let at = interruptions % nodes.len();
        match interruptions % 2 {
            0 => nodes[at].crash(),
            _ => nodes[at].drain(),
        }
        interruptions += 1;
        sleep(Duration::from_millis(500));
    }
    interruptions
}

/// Makes an organization and an account in the database, and returns an API token.
fn new_token(url: &str) -> String {
    let vault = Vault::builder().database(url.parse().unwrap());
    let vault = vault.start().unwrap();
    let key = PrivateKey::from_pem(include_str!("../data/private-key.pem")).unwrap();
    let organization = vault.new_organization().unwrap();
    let account = NewAccount::default().private_key(key);
    let account = vault.new_account(&organization, account).unwrap();
    let token = vault.new_api_token(&account, NewApiToken::default());
    token.unwrap().expose_secret().to_owned()
}

//! Clients of three nodes behind a load balancer, while nodes are killed and drained.

use std::thread::sleep;
use std::time::{Duration, Instant};

use super::nodes::{Balancer, Node};
use super::world::World;

/// The variable with the number of operations.
const OPERATIONS: &str = "HELVETISAFE_TEST_OPERATIONS";

/// The operations between two interruptions of a node.
const BETWEEN: usize = 400;

#[test]
fn what_clients_of_three_nodes_see_is_linearizable() {
    let Some(database) = helvetisafe_test_postgres::database() else {
        return;
    };
    let url = database.url();
    let operations = std::env::var(OPERATIONS).map_or(3000, |number| number.parse().unwrap());
    let mut world = World::new(&url, operations);
    let mut nodes: Vec<_> = (0..3).map(|_| Node::start(&url)).collect();
    let Some(balancer) = Balancer::start(&nodes) else {
        return;
    };
    world.url = balancer.url();
    let begun = Instant::now();
    let (histories, interruptions) = world.run(|| interrupt(&mut nodes, &world));
    let (time, unanswered) = (begun.elapsed(), histories.iter().map(|it| it.unanswered));
    let unanswered: usize = unanswered.sum();
    let begun = Instant::now();
    let refused = world.check(histories);
    eprintln!(
        "{operations} operations in {time:.0?}, {interruptions} nodes interrupted, {unanswered} writes without an answer, \
         {refused} refused uses of revoked tokens, checked in {:.1?}",
        begun.elapsed()
    );
    assert!(interruptions > 0 && refused > 0);
}

/// Kills and drains one node after the other, each of which starts again. Returns the number of interruptions.
fn interrupt(nodes: &mut [Node], world: &World) -> usize {
    let mut interruptions = 0;
    while world.left() > 0 {
        let at = interruptions % nodes.len();
        match interruptions % 2 {
            0 => nodes[at].crash(),
            _ => nodes[at].drain(),
        }
        interruptions += 1;
        let next = world.left().saturating_sub(BETWEEN);
        while world.left() > next {
            sleep(Duration::from_millis(20));
        }
    }
    interruptions
}

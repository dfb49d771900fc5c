//! Throughput with more nodes on one PostgreSQL.

use crate::load::{fill, measure};
use crate::matrix::rates;
use crate::options::{Engine, Options};
use crate::requests::Work;
use crate::vault::World;

const NODES: usize = 3;
/// A multiple of each number of nodes.
const CONNECTIONS: usize = 48;

pub(crate) fn run(options: &Options) {
    println!("{CONNECTIONS} connections: requests a second; median and p99 in ms\n");
    println!("| nodes | get | list | update | create |");
    println!("|---|---|---|---|---|");
    let Some(mut world) = World::new(options, Engine::Postgres) else {
        return;
    };
    let secrets = options.secrets.unwrap_or(10_000);
    fill(&mut world, secrets);
    for nodes in 1..=NODES {
        if nodes > 1 {
            world.add_node(options);
        }
        let cells = [Work::Get, Work::List, Work::Update, Work::Create]
            .map(|work| rates(measure(&world, work, CONNECTIONS, options.rounds())));
        println!("| {nodes} | {} |", cells.join(" | "));
    }
}

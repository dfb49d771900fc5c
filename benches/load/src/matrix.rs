//! Each call at several numbers of connections and secrets.

use crate::load::{Figures, fill, measure};
use crate::options::{Engine, Options};
use crate::requests::Work;
use crate::vault::World;

const CONNECTIONS: [usize; 4] = [1, 16, 64, 128];
const WORKS: [Work; 4] = [Work::Get, Work::List, Work::Update, Work::Create];

pub(crate) fn run(options: &Options) {
    for engine in &options.engines {
        let numbers = match (options.secrets, options.is_quick) {
            (Some(secrets), _) => vec![secrets],
            (None, true) => vec![10, 10_000],
            (None, false) => vec![10, 10_000, 200_000],
        };
        let rows: Vec<_> = numbers
            .into_iter()
            .flat_map(|secrets| rows(options, *engine, secrets))
            .collect();
        println!("{engine:?}: requests a second; median and p99 in ms\n");
        print(&rows, rates);
        println!(
            "\n{engine:?}: processor time of a request in the vault and in PostgreSQL in µs\n"
        );
        print(&rows, processor);
        println!();
    }
}

/// The figures of all calls at a number of connections.
struct Row {
    secrets: usize,
    connections: usize,
    figures: [Figures; 4],
}

fn rows(options: &Options, engine: Engine, secrets: usize) -> Vec<Row> {
    let Some(mut world) = World::new(options, engine) else {
        return Vec::new();
    };
    fill(&mut world, secrets);
    let size = world.file_size();
    // Creates come last, since they add secrets.
    let columns = WORKS.map(|work| {
        CONNECTIONS.map(|connections| measure(&world, work, connections, options.rounds()))
    });
    eprintln!(
        "{engine:?}, {secrets} secrets: peak memory {:?} bytes, file {size:?} bytes",
        world.nodes[0].peak_memory(),
    );
    let rows = CONNECTIONS
        .iter()
        .enumerate()
        .map(|(row, connections)| Row {
            secrets,
            connections: *connections,
            figures: columns.map(|column| column[row]),
        });
    rows.collect()
}

fn print(rows: &[Row], cell: fn(Figures) -> String) {
    println!("| secrets | connections | get | list | update | create |");
    println!("|---|---|---|---|---|---|");
    for row in rows {
        let cells = row.figures.map(cell).join(" | ");
        println!("| {} | {} | {cells} |", row.secrets, row.connections);
    }
}

/// Writes throughput and latency as a cell of a table.
pub(crate) fn rates(figures: Figures) -> String {
    let [median, p99] = [figures.median, figures.p99].map(|time| time.as_secs_f64() * 1000.0);
    format!("{:.0}; {median:.2}, {p99:.2}", figures.per_second)
}

/// Writes processor times as a cell of a table.
pub(crate) fn processor(figures: Figures) -> String {
    let times = figures.processor.map(|time| time.as_micros());
    format!("{}, {}", times[0], times[1])
}

//! The cost of an `Idempotency-Key`: writes with and without one, in turn.

use crate::load::{fill, measure};
use crate::options::{Engine, Options};
use crate::requests::Work;
use crate::vault::World;

const CONNECTIONS: [usize; 2] = [1, 16];
const WORKS: [Work; 3] = [Work::Update, Work::Create, Work::UpdateMissing];

pub(crate) fn run(options: &Options) {
    println!("Requests a second, medians; the ratio is the median of the rounds' ratios\n");
    println!("| request | connections | without a key | with a key | ratio |");
    println!("|---|---|---|---|---|");
    let Some(mut world) = World::new(options, Engine::Postgres) else {
        return;
    };
    fill(&mut world, options.secrets.unwrap_or(10_000));
    for work in WORKS {
        for connections in CONNECTIONS {
            row(&world, work, connections, options);
        }
    }
}

fn row(world: &World, work: Work, connections: usize, options: &Options) {
    let (rounds, length) = options.rounds();
    let mut pairs: Vec<_> = (0..3 * rounds)
        .map(|_| {
            [false, true].map(|has_key| {
                world.requests.use_keys(has_key);
                measure(world, work, connections, (1, length)).per_second
            })
        })
        .collect();
    let [without, with] = [0, 1].map(|column| median(&mut pairs, |pair| pair[column]));
    let ratio = median(&mut pairs, |pair| pair[1] / pair[0]);
    println!("| {work:?} | {connections} | {without:.0} | {with:.0} | {ratio:.2} |");
}

fn median(pairs: &mut [[f64; 2]], figure: impl Fn(&[f64; 2]) -> f64) -> f64 {
    pairs.sort_by(|a, b| figure(a).total_cmp(&figure(b)));
    figure(&pairs[pairs.len() / 2])
}

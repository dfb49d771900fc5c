//! The org key is replaced by `org rotate` again and again, and the command is killed at random moments, while clients that follow
//! the signed chain read and write. No reader sees an error or a wrong value, no writer an error, and no write is lost.
//!
//! By default it is a small run. `HELVETISAFE_TEST_ROTATION=SECRETS,KILLS` sets the size of the run on SQLite.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails loudly")]

mod scene;
mod traffic;

use std::hash::{BuildHasher, Hasher, RandomState};
use std::process::Child;
use std::sync::Arc;
use std::thread::sleep;
use std::time::Instant;

use helvetisafe_server::Database;
use scene::Scene;
use traffic::Traffic;

const SIZE: &str = "HELVETISAFE_TEST_ROTATION";

#[test]
fn killed_rotations_harm_no_reader_and_no_writer() {
    let size = std::env::var(SIZE).ok();
    let size = size.as_deref().unwrap_or("300,10").split_once(',').unwrap();
    let folder = tempfile::tempdir().unwrap();
    let database = Database::file(folder.path().join("vault.db"));
    rotate_and_kill(&database, size.0.parse().unwrap(), size.1.parse().unwrap());
}

#[test]
fn killed_rotations_harm_no_reader_and_no_writer_on_postgresql() {
    let Some(server) = helvetisafe_test_postgres::database() else {
        return;
    };
    rotate_and_kill(&server.url().parse().unwrap(), 100, 5);
}

fn rotate_and_kill(database: &Database, secrets: usize, kills: u32) {
    let Some(scene) = Scene::new(database, secrets).map(Arc::new) else {
        return;
    };
    let mut random = Random::new();
    let traffic = Traffic::start(&scene);
    let start = Instant::now();
    finish(scene.rotate());
    let longest = start.elapsed();
    println!(
        "seed {}, a rotation of {secrets} secrets took {longest:?}",
        random.seed
    );
    let (mut killed, mut complete) = (0, 1);
    while killed < kills {
        traffic.check_running();
        let mut child = scene.rotate();
        sleep(longest.mul_f64(random.fraction()));
        match child.try_wait().unwrap() {
            Some(_) => {
                finish(child);
                complete += 1;
            }
            None => {
                child.kill().unwrap();
                child.wait().unwrap();
                killed += 1;
            }
        }
    }
    finish(scene.rotate());
    let counts = traffic.finish(&scene);
    println!(
        "{killed} kills, {} rotations in {:?}: {counts:?}",
        complete + 1,
        start.elapsed()
    );
    assert!(counts.reads > 0 && counts.writes > 0);
}

/// Waits for a command, which has to succeed.
fn finish(child: Child) {
    let output = child.wait_with_output().unwrap();
    let messages = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{messages}");
}

/// The random moments: SplitMix64, with a seed that is printed.
struct Random {
    seed: u64,
    state: u64,
}

impl Random {
    fn new() -> Self {
        let seed = RandomState::new().build_hasher().finish();
        Self { seed, state: seed }
    }

    /// Returns a number from 0 to 1.
    fn fraction(&mut self) -> f64 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.state;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        f64::from((z ^ (z >> 31)) as u32) / f64::from(u32::MAX)
    }
}

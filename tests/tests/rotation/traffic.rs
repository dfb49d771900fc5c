//! Clients that read and write without a pause, and what they have to find.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::{JoinHandle, spawn};

use helvetisafe::{AsyncClient, Client, Expiry};

use crate::scene::{Scene, fixed_value, timeouts};

/// The order of all counters: a reader sees a write that was acknowledged before it began.
const ORDER: Ordering = Ordering::SeqCst;

/// A secret with one writer. Its value is its name and a number, which each write increases.
struct Cell {
    key: String,
    sent: AtomicU64,
    acknowledged: AtomicU64,
}

impl Cell {
    fn new(key: String) -> Self {
        let (sent, acknowledged) = Default::default();
        Self {
            key,
            sent,
            acknowledged,
        }
    }

    fn value(&self, number: u64) -> String {
        format!("{} {number}", self.key)
    }

    fn write(&self, write: impl FnOnce(&str)) {
        let number = self.sent.load(ORDER) + 1;
        self.sent.store(number, ORDER);
        write(&self.value(number));
        self.acknowledged.store(number, ORDER);
    }

    /// Checks a value that was read after `least` was acknowledged.
    fn check(&self, least: u64, value: &str) {
        let most = self.sent.load(ORDER);
        let number = value
            .strip_prefix(&self.key)
            .and_then(|it| it.trim().parse().ok());
        let is_right = number.is_some_and(|it| (least..=most).contains(&it));
        assert!(is_right, "{} is {value}, not {least} to {most}", self.key);
    }
}

/// The secrets, and what the clients have done.
struct Shared {
    fixed: Vec<String>,
    /// Single values, and multi-field secrets, of which the field `n` changes.
    single: Vec<Cell>,
    fields: Vec<Cell>,
    is_over: AtomicBool,
    reads: AtomicU64,
    writes: AtomicU64,
}

impl Shared {
    fn fixed(&self, at: usize) -> &str {
        &self.fixed[at.wrapping_mul(7919) % self.fixed.len()]
    }

    /// Runs steps until the end.
    fn run(&self, counter: &AtomicU64, mut step: impl FnMut(usize)) {
        for at in 0.. {
            if self.is_over.load(ORDER) {
                break;
            }
            step(at);
            counter.fetch_add(1, ORDER);
        }
    }
}

/// The running clients.
pub(crate) struct Traffic {
    shared: Arc<Shared>,
    clients: Vec<JoinHandle<()>>,
    creator: JoinHandle<Vec<String>>,
}

/// The numbers of reads and of writes.
#[derive(Debug)]
pub(crate) struct Counts {
    pub(crate) reads: u64,
    pub(crate) writes: u64,
}

impl Traffic {
    pub(crate) fn start(scene: &Arc<Scene>) -> Self {
        let cells = |name: &'static str, count: u32| {
            (0..count).map(move |it| Cell::new(format!("{name}{it}")))
        };
        let shared = Arc::new(Shared {
            fixed: scene.fixed.clone(),
            single: cells("u", 8).collect(),
            fields: cells("f", 2).collect(),
            is_over: false.into(),
            reads: 0.into(),
            writes: 0.into(),
        });
        let client = scene.connect();
        for cell in &shared.single {
            client
                .secrets()
                .create(&cell.key, cell.value(0), None)
                .unwrap();
        }
        for cell in &shared.fields {
            let fields = [("n", cell.value(0)), ("other", "v@lue".to_owned())];
            let fields = fields
                .each_ref()
                .map(|(name, value)| (*name, value.as_str()));
            client
                .secrets()
                .create_fields(&cell.key, &fields, None)
                .unwrap();
        }
        let start = |work: fn(&Scene, &Shared)| {
            let (scene, shared) = (Arc::clone(scene), Arc::clone(&shared));
            spawn(move || work(&scene, &shared))
        };
        let works: [fn(&Scene, &Shared); 8] = [
            read_warm,
            read_fresh,
            read_many,
            read_async,
            |scene, shared| update(scene, shared, 0),
            |scene, shared| update(scene, shared, 1),
            update_async,
            update_fields,
        ];
        let clients = works.into_iter().map(start).collect();
        let of_creator = (Arc::clone(scene), Arc::clone(&shared));
        Self {
            clients,
            creator: spawn(move || create_and_delete(&of_creator.0, &of_creator.1)),
            shared,
        }
    }

    /// Fails if a client has failed.
    pub(crate) fn check_running(&self) {
        let mut clients = self.clients.iter();
        let is_running = clients.all(|it| !it.is_finished()) && !self.creator.is_finished();
        assert!(is_running, "a client has failed: see its message");
    }

    /// Ends the clients, and compares the vault's secrets with those that they have written.
    pub(crate) fn finish(self, scene: &Scene) -> Counts {
        self.shared.is_over.store(true, ORDER);
        for client in self.clients {
            client.join().unwrap();
        }
        let created = self.creator.join().unwrap();
        check_all(&scene.connect(), &self.shared, &created);
        Counts {
            reads: self.shared.reads.load(ORDER),
            writes: self.shared.writes.load(ORDER),
        }
    }
}

/// Reads one secret after the other with one client.
fn read_warm(scene: &Scene, shared: &Shared) {
    let client = scene.connect();
    shared.run(&shared.reads, |at| read_some(&client, shared, at));
}

/// Connects anew for each read, and fetches a secret together with the org key.
fn read_fresh(scene: &Scene, shared: &Shared) {
    shared.run(&shared.reads, |at| {
        let builder = scene.builder().prefetch([shared.fixed(at)]);
        read_some(&builder.connect().unwrap(), shared, at);
    });
}

fn read_some(client: &Client, shared: &Shared, at: usize) {
    let secrets = client.secrets();
    let key = shared.fixed(at);
    assert_eq!(secrets.get(key).unwrap().expose_secret(), fixed_value(key));
    let cell = &shared.single[at % shared.single.len()];
    let least = cell.acknowledged.load(ORDER);
    cell.check(least, secrets.get(&cell.key).unwrap().expose_secret());
    let cell = &shared.fields[at % shared.fields.len()];
    let least = cell.acknowledged.load(ORDER);
    let value = secrets.get_field(&cell.key, "n").unwrap();
    cell.check(least, helvetisafe::ExposeSecret::expose_secret(&value));
}

/// Reads several secrets at once, and the list.
fn read_many(scene: &Scene, shared: &Shared) {
    let client = scene.connect();
    shared.run(&shared.reads, |at| {
        let keys: Vec<_> = (0..20).map(|it| shared.fixed(at * 20 + it)).collect();
        let values = client.secrets().get_many(&keys);
        for (key, value) in keys.iter().zip(values) {
            assert_eq!(value.unwrap().expose_secret(), fixed_value(key));
        }
        if at % 50 == 0 {
            let listed = names(&client);
            let mut lasting = shared.fixed.iter().chain(cells(shared).map(|it| &it.key));
            assert!(
                lasting.all(|it| listed.contains(it)),
                "the list lacks secrets"
            );
        }
    });
}

fn cells(shared: &Shared) -> impl Iterator<Item = &Cell> {
    shared.single.iter().chain(&shared.fields)
}

fn names(client: &Client) -> BTreeSet<String> {
    let listed = client.secrets().list().unwrap();
    listed.iter().map(|it| it.key().to_string()).collect()
}

/// Runs asynchronous steps of a client until the end.
fn run_async(
    scene: &Scene,
    shared: &Shared,
    counter: &AtomicU64,
    step: impl AsyncFn(&AsyncClient, usize),
) {
    let runtime = tokio::runtime::Builder::new_multi_thread();
    let runtime = { runtime }.worker_threads(2).enable_all().build().unwrap();
    let builder = AsyncClient::builder(scene.url(), scene.credentials(), scene.key());
    let builder = builder.org_key_rotation(scene.policy());
    let connect = builder.timeouts(timeouts()).connect();
    let client = runtime.block_on(connect).unwrap();
    shared.run(counter, |at| runtime.block_on(step(&client, at)));
}

fn read_async(scene: &Scene, shared: &Shared) {
    run_async(scene, shared, &shared.reads, async |client, at| {
        let (one, cell) = (shared.fixed(at), &shared.single[at % shared.single.len()]);
        let least = cell.acknowledged.load(ORDER);
        let secrets = client.secrets();
        let (fixed, changing) = tokio::join!(secrets.get(one), secrets.get(&cell.key));
        assert_eq!(fixed.unwrap().expose_secret(), fixed_value(one));
        cell.check(least, changing.unwrap().expose_secret());
    });
}

/// Updates the secrets of one of three writers.
fn update(scene: &Scene, shared: &Shared, writer: usize) {
    let client = scene.connect();
    shared.run(&shared.writes, |at| {
        let own = shared.single.iter().skip(writer).step_by(3);
        let cell = own.cycle().nth(at % 8).unwrap();
        cell.write(|value| {
            client
                .secrets()
                .update(&cell.key, value, Expiry::Keep)
                .unwrap();
        });
    });
}

fn update_async(scene: &Scene, shared: &Shared) {
    run_async(scene, shared, &shared.writes, async |client, at| {
        let own = shared.single.iter().skip(2).step_by(3);
        let cell = own.cycle().nth(at % 8).unwrap();
        let number = cell.sent.load(ORDER) + 1;
        cell.sent.store(number, ORDER);
        let secrets = client.secrets();
        let written = secrets.put(&cell.key, cell.value(number), Expiry::Keep);
        written.await.unwrap();
        cell.acknowledged.store(number, ORDER);
    });
}

fn update_fields(scene: &Scene, shared: &Shared) {
    let client = scene.connect();
    shared.run(&shared.writes, |at| {
        let cell = &shared.fields[at % shared.fields.len()];
        cell.write(|value| {
            let secrets = client.secrets();
            secrets
                .update_field(&cell.key, "n", value, Expiry::Keep)
                .unwrap();
        });
    });
}

/// Creates secrets, and deletes the older ones. Returns the names of those that are left.
fn create_and_delete(scene: &Scene, shared: &Shared) -> Vec<String> {
    let client = scene.connect();
    let mut left = Vec::new();
    shared.run(&shared.writes, |at| {
        let (key, secrets) = (format!("c{at}"), client.secrets());
        secrets.create(&key, fixed_value(&key), None).unwrap();
        assert_eq!(
            secrets.get(&key).unwrap().expose_secret(),
            fixed_value(&key)
        );
        left.push(key);
        if left.len() > 10 {
            let oldest = left.remove(0);
            secrets.delete(&oldest).unwrap();
            assert!(!secrets.exists(&oldest).unwrap(), "{oldest} was deleted");
        }
    });
    left
}

/// Compares all secrets of the vault with those that were written and acknowledged.
fn check_all(client: &Client, shared: &Shared, created: &[String]) {
    let fixed = shared.fixed.iter().chain(created);
    let changed = cells(shared).map(|it| &it.key);
    let expected: BTreeSet<_> = fixed.clone().chain(changed).cloned().collect();
    assert_eq!(names(client), expected);
    let fixed: Vec<_> = fixed.collect();
    let values = client.secrets().get_many(&fixed);
    for (key, value) in fixed.iter().zip(values) {
        assert_eq!(value.unwrap().expose_secret(), fixed_value(key));
    }
    for cell in &shared.single {
        let last = cell.value(cell.acknowledged.load(ORDER));
        let value = client.secrets().get(&cell.key).unwrap();
        assert_eq!(value.expose_secret(), last);
    }
    for cell in &shared.fields {
        let secrets = client.secrets();
        let last = cell.value(cell.acknowledged.load(ORDER));
        for (field, expected) in [("n", last.as_str()), ("other", "v@lue")] {
            let value = secrets.get_field(&cell.key, field).unwrap();
            assert_eq!(helvetisafe::ExposeSecret::expose_secret(&value), expected);
        }
    }
}

//! The order in which callers get connections.

use tokio::task::JoinSet;

use super::*;

/// The time that a slow server takes for each new connection.
const OPENING: Duration = Duration::from_millis(800);

/// Reads with many callers at the same time, each of them several times. Returns the times of the reads, sorted.
async fn read_at_once(store: &Arc<Store>, grant: Grant, callers: usize) -> Vec<Duration> {
    let mut tasks = JoinSet::new();
    for _ in 0..callers {
        let store = Arc::clone(store);
        tasks.spawn(async move {
            let mut times = Vec::new();
            for _ in 0..10 {
                let start = Instant::now();
                store.list_version(grant.tenant).await.unwrap();
                times.push(start.elapsed());
            }
            times
        });
    }
    let mut times = tasks.join_all().await.concat();
    times.sort_unstable();
    times
}

/// A caller that depends on the connection which is opened for it waits for all that are opened before.
#[tokio::test(flavor = "multi_thread")]
async fn the_first_callers_of_a_node_are_not_overtaken() {
    let Some(server) = helvetisafe_test_postgres::database() else {
        return;
    };
    let (proxy, grant) = (Proxy::start(port(&server)), grant());
    let database = url(&server, &format!("127.0.0.1:{}", proxy.port));
    drop(open(&database, grant).await);
    proxy
        .requests
        .delay
        .store(OPENING.as_millis() as usize, SeqCst);
    for callers in [64, 128] {
        let store = Arc::new(Store::open(&database).await.unwrap());
        let times = read_at_once(&store, grant, callers).await;
        let (median, slowest) = (times[times.len() / 2], times[times.len() - 1]);
        println!("{callers} callers: median {median:?}, slowest {slowest:?}");
        assert!(slowest < 3 * OPENING, "{slowest:?}");
    }
}

//! The order in which callers get connections, and the search for the primary.

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

#[tokio::test]
async fn each_host_is_named_with_its_reason() {
    let Some(server) = helvetisafe_test_postgres::database() else {
        return;
    };
    server.run(&format!(
        "ALTER DATABASE {} SET default_transaction_read_only = on",
        database_name(&server)
    ));
    let (refused, read_only) = ("127.0.0.1:1", format!("127.0.0.1:{}", port(&server)));
    for hosts in [[refused, &read_only], [&read_only, refused]] {
        let store = Store::open(&url(&server, &hosts.join(","))).await.unwrap();
        let error = store.list_version(grant().tenant).await.err().unwrap();
        let text = error.to_string();
        let reasons = [
            format!("{refused}: Connection refused"),
            format!("{read_only}: the server is a standby, or read-only"),
        ];
        assert!(reasons.iter().all(|it| text.contains(it)), "{text}");
        assert!(text.find(hosts[0]) < text.find(hosts[1]), "{text}");
    }
}

/// The search for the primary takes longer than a probe.
#[tokio::test(flavor = "multi_thread")]
async fn a_silent_host_is_named_before_the_others_are_tried() {
    let Some(server) = helvetisafe_test_postgres::database() else {
        return;
    };
    let proxy = Proxy::start(port(&server));
    proxy.requests.is_silent.store(true, SeqCst);
    let hosts = format!("127.0.0.1:{},127.0.0.1:{}", proxy.port, port(&server));
    let store = Store::open(&url(&server, &hosts)).await.unwrap();
    let probe = tokio::time::timeout(Duration::from_secs(1), store.probe());
    assert!(probe.await.is_err());
    let expected = format!("127.0.0.1:{}: no answer", proxy.port);
    assert_eq!(store.unanswered(), StoreError::Unavailable(expected));
}

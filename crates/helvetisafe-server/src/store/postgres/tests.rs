//! The outcomes of statements when servers and connections fail.

mod counts;
mod failover;

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use helvetisafe_proto::KeyName;
use helvetisafe_proto::endpoint::Expiry;
use helvetisafe_test_postgres::Database as Server;

use crate::store::{
    Ciphertext, Conditional, Database, KeyEpoch, OrganizationId, SecretWrite, Store, StoreError,
    Tenant,
};
use crate::token::generate_id;

/// Forwards connections to a server, and cuts them on request, after an answer of the server.
struct Proxy {
    port: u16,
    /// The number of statements to forward of which the answer is lost.
    to_cut: Arc<AtomicUsize>,
    /// True if the statement is lost, too.
    before: Arc<AtomicBool>,
    /// True if it forwards nothing, and closes nothing.
    is_silent: Arc<AtomicBool>,
}

impl Proxy {
    fn start(server: u16) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let proxy = Self {
            port: listener.local_addr().unwrap().port(),
            to_cut: Arc::default(),
            before: Arc::default(),
            is_silent: Arc::default(),
        };
        let (to_cut, before) = (Arc::clone(&proxy.to_cut), Arc::clone(&proxy.before));
        let is_silent = Arc::clone(&proxy.is_silent);
        thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let server = TcpStream::connect(("127.0.0.1", server)).unwrap();
                let (to_cut, before) = (Arc::clone(&to_cut), Arc::clone(&before));
                let is_silent = Arc::clone(&is_silent);
                thread::spawn(move || forward(&client, &server, &to_cut, &before, &is_silent));
            }
        });
        proxy
    }

    /// Loses the answers to the next statements, and with `before` the statements.
    fn cut(&self, statements: usize, before: bool) {
        self.before.store(before, Ordering::SeqCst);
        self.to_cut.store(statements, Ordering::SeqCst);
    }
}

fn forward(
    client: &TcpStream,
    server: &TcpStream,
    to_cut: &AtomicUsize,
    before: &AtomicBool,
    is_silent: &AtomicBool,
) {
    let is_cut = Arc::new(AtomicBool::new(false));
    thread::scope(|scope| {
        scope.spawn(|| {
            let mut bytes = vec![0; 1 << 16];
            while let Ok(count @ 1..) = (&*server).read(&mut bytes) {
                if is_cut.load(Ordering::SeqCst) {
                    break;
                }
                if (&*client).write_all(&bytes[..count]).is_err() {
                    break;
                }
            }
            let _ = client.shutdown(Shutdown::Both);
        });
        let mut bytes = vec![0; 1 << 16];
        while let Ok(count @ 1..) = (&*client).read(&mut bytes) {
            if is_silent.load(Ordering::SeqCst) {
                continue;
            }
            // A `Bind` of the extended protocol carries the arguments of a statement.
            let is_statement = bytes[..count].contains(&b'B') && bytes[0] == b'B';
            let decrement = |left: usize| left.checked_sub(1);
            if is_statement
                && to_cut
                    .fetch_update(Ordering::SeqCst, Ordering::SeqCst, decrement)
                    .is_ok()
            {
                is_cut.store(true, Ordering::SeqCst);
                if before.load(Ordering::SeqCst) {
                    break;
                }
            }
            if (&*server).write_all(&bytes[..count]).is_err() {
                break;
            }
        }
        if is_cut.load(Ordering::SeqCst) && !before.load(Ordering::SeqCst) {
            // The server answers first, and then sees the end.
            let _ = server.shutdown(Shutdown::Write);
        } else {
            let _ = server.shutdown(Shutdown::Both);
        }
    });
}

fn tenant() -> Tenant {
    Tenant {
        organization: OrganizationId(generate_id().unwrap()),
        key_epoch: KeyEpoch::FIRST,
    }
}

fn write(tenant: Tenant, key: &str) -> SecretWrite {
    SecretWrite {
        tenant,
        key: KeyName::parse(key).unwrap(),
        ciphertext: Ciphertext {
            value: "v".to_owned(),
            nonce: "n".to_owned(),
        },
        expiry: Expiry::Never,
        versions: None,
    }
}

/// Returns the URL of a server with other hosts.
fn url(server: &Server, hosts: &str) -> Database {
    let url = server.url();
    let start = url.find('@').unwrap() + 1;
    let end = start + url[start..].find('/').unwrap();
    format!("{}{hosts}{}", &url[..start], &url[end..])
        .parse()
        .unwrap()
}

fn port(server: &Server) -> u16 {
    let url = server.url();
    let (_, rest) = url.split_once("127.0.0.1:").unwrap();
    rest.split('/').next().unwrap().parse().unwrap()
}

async fn open(database: &Database, tenant: Tenant) -> Store {
    let store = Store::open(database).await.unwrap();
    store.migrate().await.unwrap();
    store.add_organization(tenant.organization).await.unwrap();
    store
}

/// Uses the connection, so that its statements are prepared: those below are then one message each.
async fn warm_up(store: &Store, tenant: Tenant) {
    store.create_secret(write(tenant, "warm")).await.unwrap();
    store.update_secret(write(tenant, "warm")).await.unwrap();
    let key = KeyName::parse("warm").unwrap();
    store.delete_secret(tenant, key, None).await.unwrap();
    store.list_version(tenant).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_read_is_repeated_once_when_its_connection_is_lost() {
    let Some(server) = helvetisafe_test_postgres::database() else {
        return;
    };
    let (proxy, tenant) = (Proxy::start(port(&server)), tenant());
    let store = open(&url(&server, &format!("127.0.0.1:{}", proxy.port)), tenant).await;
    warm_up(&store, tenant).await;
    for before in [true, false] {
        proxy.cut(1, before);
        store.list_version(tenant).await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_write_whose_answer_was_lost_is_found_by_its_id() {
    let Some(server) = helvetisafe_test_postgres::database() else {
        return;
    };
    let (proxy, tenant) = (Proxy::start(port(&server)), tenant());
    let store = open(&url(&server, &format!("127.0.0.1:{}", proxy.port)), tenant).await;
    warm_up(&store, tenant).await;

    proxy.cut(1, false);
    let created = store.create_secret(write(tenant, "a")).await.unwrap();
    let version = created.unwrap().version.unwrap();
    let stored = store.stored_secrets(tenant).await.unwrap();
    assert_eq!(stored[0].version, version);

    warm_up(&store, tenant).await;
    proxy.cut(1, false);
    let updated = store.update_secret(write(tenant, "a")).await.unwrap();
    let Conditional::Done(updated) = updated else {
        panic!("it exists");
    };
    let stored = store.stored_secrets(tenant).await.unwrap();
    assert_eq!(Some(stored[0].version.clone()), updated.version);
}

/// The server may still be working on it, so a row that is not there proves nothing.
#[tokio::test(flavor = "multi_thread")]
async fn a_write_that_cannot_be_found_has_an_unknown_outcome() {
    let Some(server) = helvetisafe_test_postgres::database() else {
        return;
    };
    let (proxy, tenant) = (Proxy::start(port(&server)), tenant());
    let store = open(&url(&server, &format!("127.0.0.1:{}", proxy.port)), tenant).await;
    warm_up(&store, tenant).await;
    proxy.cut(1, true);
    let created = store.create_secret(write(tenant, "a")).await;
    assert!(
        matches!(created, Err(StoreError::OutcomeUnknown(_))),
        "{created:?}"
    );
    assert_eq!(store.stored_secrets(tenant).await.unwrap().len(), 0);

    store.create_secret(write(tenant, "a")).await.unwrap();
    warm_up(&store, tenant).await;
    proxy.cut(1, false);
    let key = KeyName::parse("a").unwrap();
    let deleted = store.delete_secret(tenant, key, None).await;
    assert!(
        matches!(deleted, Err(StoreError::OutcomeUnknown(_))),
        "{deleted:?}"
    );
}

#[tokio::test]
async fn the_primary_is_found_among_hosts_that_refuse_and_that_are_read_only() {
    let Some(server) = helvetisafe_test_postgres::database() else {
        return;
    };
    let closed = TcpListener::bind("127.0.0.1:0").unwrap();
    let refusing = closed.local_addr().unwrap().port();
    drop(closed);
    let tenant = tenant();
    let hosts = format!("127.0.0.1:{refusing},127.0.0.1:{}", port(&server));
    let store = open(&url(&server, &hosts), tenant).await;
    store
        .create_secret(write(tenant, "a"))
        .await
        .unwrap()
        .unwrap();

    let read_only = Server::create(server.url());
    read_only.run(&format!(
        "ALTER DATABASE {} SET default_transaction_read_only = on",
        database_name(&read_only)
    ));
    let store = Store::open(&read_only.url().parse().unwrap())
        .await
        .unwrap();
    let error = store.list_version(tenant).await.err().unwrap();
    assert!(
        matches!(&error, StoreError::Unavailable(reason) if reason.contains("standby, or read-only")),
        "{error}"
    );
}

fn database_name(server: &Server) -> String {
    let url = server.url();
    let (path, _) = url.split_once('?').unwrap();
    path.rsplit_once('/').unwrap().1.to_owned()
}

/// The server ends all connections, as at a restart. Their next statements do not fail.
#[tokio::test]
async fn connections_that_the_server_has_ended_are_replaced() {
    let Some(server) = helvetisafe_test_postgres::database() else {
        return;
    };
    let tenant = tenant();
    let store = open(&server.url().parse().unwrap(), tenant).await;
    for n in 0..3 {
        let terminate = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity \
                         WHERE datname = current_database() AND pid <> pg_backend_pid()";
        server.run(terminate);
        // At once, without the check of a connection that was not used for a second.
        let created = store
            .create_secret(write(tenant, &format!("key_{n}")))
            .await;
        assert!(created.unwrap().is_some());
    }
}

/// The isolation that makes 40001 really happen.
#[tokio::test(flavor = "multi_thread")]
async fn serialization_failures_are_repeated() {
    let Some(server) = helvetisafe_test_postgres::database() else {
        return;
    };
    server.run(&format!(
        "ALTER DATABASE {} SET default_transaction_isolation = serializable",
        database_name(&server)
    ));
    let tenant = tenant();
    let store = Arc::new(open(&server.url().parse().unwrap(), tenant).await);
    let mut tasks = tokio::task::JoinSet::new();
    for n in 0..8 {
        let store = Arc::clone(&store);
        tasks.spawn(async move {
            for m in 0..20 {
                let own = write(tenant, &format!("key_{n}_{m}"));
                store.create_secret(own).await.unwrap().unwrap();
                store.put_secret(write(tenant, "shared")).await.unwrap();
                store.list(tenant).await.unwrap();
            }
        });
    }
    tasks.join_all().await;
    assert_eq!(store.list(tenant).await.unwrap().secrets.len(), 161);
}

#[tokio::test]
async fn commits_wait_for_the_disk_whatever_the_server_says() {
    let Some(server) = helvetisafe_test_postgres::database() else {
        return;
    };
    let name = database_name(&server);
    for (setting, expected) in [
        ("off", "on"),
        ("local", "on"),
        ("remote_apply", "remote_apply"),
    ] {
        server.run(&format!(
            "ALTER DATABASE {name} SET synchronous_commit = {setting}"
        ));
        let store = super::Postgres::new(&address(&server));
        let show = || sqlx::query("SELECT current_setting('synchronous_commit')");
        let rows = store.repeatable(show).await.unwrap();
        let value: &str = super::get(&rows[0], 0).unwrap();
        assert_eq!(value, expected, "{setting}");
    }
}

fn address(server: &Server) -> super::Address {
    let url = server.url();
    super::Address::parse(url.strip_prefix("postgres://").unwrap()).unwrap()
}

#[tokio::test]
async fn no_error_has_the_password() {
    let Some(server) = helvetisafe_test_postgres::database() else {
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("password");
    std::fs::write(&file, "hunter2").unwrap();
    let (url, _) = server
        .url()
        .split_once('?')
        .map(|(url, query)| (url.to_owned(), query.len()))
        .unwrap();
    let database: Database = format!("{url}?password_file={}", file.display())
        .parse()
        .unwrap();
    let store = Store::open(&database).await.unwrap();
    let error = store.list_version(tenant()).await.err().unwrap();
    assert!(
        error.to_string().contains("password authentication failed"),
        "{error}"
    );
    assert!(!format!("{error:?} {database:?} {database}").contains("hunter2"));
}

/// Packets to the server are lost, so that no connection is closed. The other host is the same server.
#[tokio::test(flavor = "multi_thread")]
async fn a_silent_network_ends_in_a_timeout_and_another_host_is_used() {
    let Some(server) = helvetisafe_test_postgres::database() else {
        return;
    };
    let (proxy, tenant) = (Proxy::start(port(&server)), tenant());
    let hosts = format!("127.0.0.1:{},127.0.0.1:{}", proxy.port, port(&server));
    let store = open(&url(&server, &hosts), tenant).await;
    warm_up(&store, tenant).await;
    proxy.is_silent.store(true, Ordering::SeqCst);
    let start = Instant::now();
    store.list_version(tenant).await.unwrap();
    let time = start.elapsed();
    assert!(
        time > Duration::from_secs(3) && time < Duration::from_secs(9),
        "{time:?}"
    );
    let start = Instant::now();
    store.create_secret(write(tenant, "a")).await.unwrap();
    assert!(
        start.elapsed() < Duration::from_secs(2),
        "it stays with the other host"
    );
}

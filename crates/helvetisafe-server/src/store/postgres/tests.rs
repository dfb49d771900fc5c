//! The outcomes of statements when servers and connections fail.

mod acts;
mod counts;
mod failover;
mod migrations;
mod pool;
mod staging;
mod standby;
#[cfg(unix)]
mod tls;
mod writes;

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::Ordering::SeqCst;
use std::sync::atomic::{AtomicBool, AtomicUsize};
use std::thread;
use std::time::{Duration, Instant};

use helvetisafe_proto::KeyName;
use helvetisafe_proto::endpoint::Expiry;
use helvetisafe_test_postgres::Database as Server;

use crate::store::tests::{account, token};
use crate::store::{
    Ciphertext, Database, Grant, KeyEpoch, OrganizationId, SecretWrite, Store, StoreError, Tenant,
    TokenExpiry, TokenRow,
};
use crate::token::{Hash, generate_id, generate_name};

/// Forwards connections to a server, and cuts or holds them on request.
struct Proxy {
    port: u16,
    requests: Arc<Requests>,
}

#[derive(Default)]
struct Requests {
    /// The number of statements to forward before one is cut or held.
    to_skip: AtomicUsize,
    /// The number of statements to forward of which the answer is lost.
    to_cut: AtomicUsize,
    /// True if the statement is lost, too.
    before: AtomicBool,
    /// True if the client loses the connection at its next statement, which reaches the server once this is false.
    is_held: AtomicBool,
    /// True if the next statement reaches the server once this is false, while the client waits.
    is_stalled: AtomicBool,
    /// True if a statement is held.
    holds: AtomicBool,
    /// True if it forwards nothing, and closes nothing.
    is_silent: AtomicBool,
    /// True if it closes new connections.
    is_refusing: AtomicBool,
    /// The milliseconds after which it forwards a new connection.
    delay: AtomicUsize,
}

impl Proxy {
    fn start(server: u16) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let proxy = Self {
            port: listener.local_addr().unwrap().port(),
            requests: Arc::default(),
        };
        let requests = Arc::clone(&proxy.requests);
        thread::spawn(move || {
            for client in listener.incoming().flatten() {
                if requests.is_refusing.load(SeqCst) {
                    continue;
                }
                let server = TcpStream::connect(("127.0.0.1", server)).unwrap();
                let requests = Arc::clone(&requests);
                thread::spawn(move || {
                    let delay = requests.delay.load(SeqCst) as u64;
                    thread::sleep(Duration::from_millis(delay));
                    forward(&client, &server, &requests);
                });
            }
        });
        proxy
    }

    /// Loses the answers to the next statements, and with `before` the statements.
    fn cut(&self, statements: usize, before: bool) {
        self.requests.before.store(before, SeqCst);
        self.requests.to_cut.store(statements, SeqCst);
    }

    /// Loses the answer to a later statement, and with `before` the statement.
    fn cut_after(&self, statements: usize, before: bool) {
        self.requests.to_skip.store(statements, SeqCst);
        self.cut(1, before);
    }

    /// Returns true if the statements to cut have come.
    fn has_cut(&self) -> bool {
        self.requests.to_cut.load(SeqCst) == 0
    }

    /// Holds a later statement.
    fn hold_after(&self, statements: usize) {
        self.requests.to_skip.store(statements, SeqCst);
        self.hold();
    }

    /// Holds the next statement, and lets the client believe that the connection is lost.
    fn hold(&self) {
        self.requests.is_held.store(true, SeqCst);
    }

    /// Holds the next statement, and lets the client wait.
    fn stall(&self) {
        self.requests.is_stalled.store(true, SeqCst);
    }

    /// Returns once it holds a statement.
    async fn holds(&self) {
        while !self.requests.holds.load(SeqCst) {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }

    /// Delivers the statement that it holds, and returns when the server has answered, or has it while the client waits.
    fn deliver(&self) {
        assert!(self.requests.holds.load(SeqCst), "it holds a statement");
        self.requests.is_held.store(false, SeqCst);
        self.requests.is_stalled.store(false, SeqCst);
        while self.requests.holds.load(SeqCst) {
            thread::sleep(Duration::from_millis(5));
        }
    }
}

fn forward(client: &TcpStream, server: &TcpStream, requests: &Requests) {
    let is_cut = AtomicBool::new(false);
    let is_late = thread::scope(|scope| {
        scope.spawn(|| {
            let mut bytes = vec![0; 1 << 16];
            while let Ok(count @ 1..) = (&*server).read(&mut bytes) {
                // Answers after the cut are lost.
                if !is_cut.load(SeqCst) && (&*client).write_all(&bytes[..count]).is_err() {
                    break;
                }
            }
            let _ = client.shutdown(Shutdown::Both);
        });
        forward_statements(client, server, requests, &is_cut)
    });
    if is_late {
        requests.holds.store(false, SeqCst);
    }
}

/// Returns true if it held a statement.
fn forward_statements(
    client: &TcpStream,
    server: &TcpStream,
    requests: &Requests,
    is_cut: &AtomicBool,
) -> bool {
    let mut bytes = vec![0; 1 << 16];
    while let Ok(count @ 1..) = (&*client).read(&mut bytes) {
        if requests.is_silent.load(SeqCst) {
            continue;
        }
        // A `Bind` of the extended protocol carries the arguments of a statement.
        let decrement = |left: usize| left.checked_sub(1);
        let skip = || requests.to_skip.fetch_update(SeqCst, SeqCst, decrement);
        let is_statement = bytes[0] == b'B' && skip().is_err();
        if is_statement && requests.is_held.load(SeqCst) && !requests.holds.swap(true, SeqCst) {
            is_cut.store(true, SeqCst);
            let _ = client.shutdown(Shutdown::Both);
            while requests.is_held.load(SeqCst) {
                thread::sleep(Duration::from_millis(5));
            }
            (&*server).write_all(&bytes[..count]).unwrap();
            let _ = server.shutdown(Shutdown::Write);
            return true;
        }
        let is_stalled = || requests.is_stalled.load(SeqCst);
        if is_statement && is_stalled() && !requests.holds.swap(true, SeqCst) {
            while is_stalled() {
                thread::sleep(Duration::from_millis(5));
            }
            requests.holds.store(false, SeqCst);
        }
        let cut = || requests.to_cut.fetch_update(SeqCst, SeqCst, decrement);
        let is_last = is_statement && cut().is_ok();
        if is_last {
            is_cut.store(true, SeqCst);
            if requests.before.load(SeqCst) {
                break;
            }
        }
        if (&*server).write_all(&bytes[..count]).is_err() || is_last {
            break;
        }
    }
    if is_cut.load(SeqCst) && !requests.before.load(SeqCst) {
        // The server answers first, and then sees the end.
        let _ = server.shutdown(Shutdown::Write);
    } else {
        let _ = server.shutdown(Shutdown::Both);
    }
    false
}

/// Returns the right to write of an organization's first account.
fn grant() -> Grant {
    Grant {
        token: Hash::of_text(&generate_name("").unwrap()),
        tenant: Tenant {
            organization: OrganizationId(generate_id().unwrap()),
            key_epoch: KeyEpoch::FIRST,
        },
    }
}

fn write(grant: Grant, key: &str) -> SecretWrite {
    SecretWrite {
        grant,
        key: KeyName::parse(key).unwrap(),
        ciphertext: Ciphertext {
            value: "v".to_owned(),
            nonce: "n".to_owned(),
        },
        expiry: Expiry::Never,
        versions: None,
        idempotency_key: None,
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

async fn open(database: &Database, grant: Grant) -> Store {
    let store = Store::open(database).await.unwrap();
    store.migrate().await.unwrap();
    let account = account(grant.tenant.organization);
    let token = TokenRow {
        hash: grant.token,
        ..token(account.id, TokenExpiry::Never)
    };
    store.add_tenant(account, token).await.unwrap();
    store
}

/// Uses the connection, so that its statements are prepared: those below are then one message each.
async fn warm_up(store: &Store, grant: Grant) {
    store.create_secret(write(grant, "warm")).await.unwrap();
    store.update_secret(write(grant, "warm")).await.unwrap();
    let key = KeyName::parse("warm").unwrap();
    store.delete_secret(grant, key, None, None).await.unwrap();
    store.list_version(grant.tenant).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_read_is_repeated_once_when_its_connection_is_lost() {
    let Some(server) = helvetisafe_test_postgres::database() else {
        return;
    };
    let (proxy, grant) = (Proxy::start(port(&server)), grant());
    let store = open(&url(&server, &format!("127.0.0.1:{}", proxy.port)), grant).await;
    warm_up(&store, grant).await;
    for before in [true, false] {
        proxy.cut(1, before);
        store.list_version(grant.tenant).await.unwrap();
    }
}

#[tokio::test]
async fn the_primary_is_found_among_hosts_that_refuse_and_that_are_read_only() {
    let Some(server) = helvetisafe_test_postgres::database() else {
        return;
    };
    let closed = TcpListener::bind("127.0.0.1:0").unwrap();
    let refusing = closed.local_addr().unwrap().port();
    drop(closed);
    let grant = grant();
    let hosts = format!("127.0.0.1:{refusing},127.0.0.1:{}", port(&server));
    let store = open(&url(&server, &hosts), grant).await;
    store
        .create_secret(write(grant, "a"))
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
    let error = store.list_version(grant.tenant).await.err().unwrap();
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
    let grant = grant();
    let store = open(&server.url().parse().unwrap(), grant).await;
    for n in 0..3 {
        let terminate = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity \
                         WHERE datname = current_database() AND pid <> pg_backend_pid()";
        server.run(terminate);
        // At once, without the check of a connection that was not used for a second.
        let created = store.create_secret(write(grant, &format!("key_{n}"))).await;
        assert!(created.unwrap().is_some());
    }
}

/// The server ends a session that was idle for too long. A statement on its connection has no effect, and is repeated.
#[tokio::test]
async fn a_session_that_ended_idle_is_replaced() {
    let Some(server) = helvetisafe_test_postgres::database() else {
        return;
    };
    let postgres = super::Postgres::new(&address(&server));
    let shorten = || sqlx::query("SELECT set_config('idle_session_timeout', '20ms', false)");
    for is_write in [false, true] {
        postgres.repeatable(shorten).await.unwrap();
        // Less than the second after which a connection is checked before its use.
        tokio::time::sleep(Duration::from_millis(200)).await;
        let select = || sqlx::query("SELECT 1");
        let rows = match is_write {
            true => postgres.once(select).await,
            false => postgres.repeatable(select).await,
        };
        assert_eq!(rows.unwrap().len(), 1);
    }
}

/// The isolation that makes 40001 really happen.
#[tokio::test(flavor = "multi_thread")]
async fn serialization_failures_are_repeated() {
    let Some(server) = helvetisafe_test_postgres::database() else {
        return;
    };
    server.force_serializable();
    let grant = grant();
    let store = Arc::new(open(&server.url().parse().unwrap(), grant).await);
    let mut tasks = tokio::task::JoinSet::new();
    for n in 0..8 {
        let store = Arc::clone(&store);
        tasks.spawn(async move {
            for m in 0..20 {
                let own = write(grant, &format!("key_{n}_{m}"));
                store.create_secret(own).await.unwrap().unwrap();
                store.put_secret(write(grant, "shared")).await.unwrap();
                store.list(grant.tenant).await.unwrap();
            }
        });
    }
    tasks.join_all().await;
    assert_eq!(store.list(grant.tenant).await.unwrap().secrets.len(), 161);
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
    crate::private_files::write(&file, b"hunter2").unwrap();
    let (url, _) = server
        .url()
        .split_once('?')
        .map(|(url, query)| (url.to_owned(), query.len()))
        .unwrap();
    let database: Database = format!("{url}?password_file={}", file.display())
        .parse()
        .unwrap();
    let store = Store::open(&database).await.unwrap();
    let error = store.list_version(grant().tenant).await.err().unwrap();
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
    let (proxy, grant) = (Proxy::start(port(&server)), grant());
    let hosts = format!("127.0.0.1:{},127.0.0.1:{}", proxy.port, port(&server));
    let store = open(&url(&server, &hosts), grant).await;
    warm_up(&store, grant).await;
    proxy.requests.is_silent.store(true, SeqCst);
    let start = Instant::now();
    store.list_version(grant.tenant).await.unwrap();
    let time = start.elapsed();
    assert!(
        time > Duration::from_secs(3) && time < Duration::from_secs(9),
        "{time:?}"
    );
    let start = Instant::now();
    store.create_secret(write(grant, "a")).await.unwrap();
    assert!(
        start.elapsed() < Duration::from_secs(2),
        "it stays with the other host"
    );
}

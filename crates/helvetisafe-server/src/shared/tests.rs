use std::fmt::Display;
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::{Duration, Instant};

use helvetisafe_proto::{KeyName, Version};
use jiff::Timestamp;
use secrecy::ExposeSecret;

use super::*;
use crate::store::{Database, KeyEpoch, Tenant};
use crate::{NewAccount, NewApiToken, PrivateKey, Vault};

/// Far more than anything takes, for a busy machine.
const LATE: Duration = Duration::from_secs(20);

/// The number of clients with which `/health` once waited for lists.
const LISTERS: usize = 16;

/// A vault with one worker, and a token of an account with one secret.
struct Site {
    vault: Vault,
    tenant: Tenant,
    token: String,
}

impl Site {
    fn new(database: Database) -> Self {
        let vault = Vault::builder().database(database).start().unwrap();
        let organization = vault.new_organization().unwrap();
        let key = include_str!("../../tests/data/private-key.pem");
        let account = NewAccount::default().private_key(PrivateKey::from_pem(key).unwrap());
        let account = vault.new_account(&organization, account).unwrap();
        let token = vault
            .new_api_token(&account, NewApiToken::default())
            .unwrap();
        let site = Self {
            tenant: Tenant {
                organization: organization.id,
                key_epoch: KeyEpoch::FIRST,
            },
            token: token.expose_secret().to_owned(),
            vault,
        };
        assert_eq!(site.create("a"), Ok(201));
        site
    }

    fn shared(&self) -> &Arc<Shared> {
        self.vault.shared()
    }

    /// Sends a request in a thread of its own. Returns the receiver of the status.
    fn begin(&self, method: &'static str, path: &'static str, body: String) -> Receiver<u16> {
        let (url, token) = (self.vault.base_url().to_owned(), self.token.clone());
        let (sender, receiver) = channel();
        thread::spawn(move || {
            let agent = ureq::Agent::config_builder().http_status_as_error(false);
            let agent = agent.timeout_global(Some(3 * LATE)).build().new_agent();
            let request = ureq::http::Request::builder()
                .method(method)
                .uri(url + path)
                .header("content-type", "application/json")
                .header("x-aegis-token", token);
            let answer = match body.is_empty() {
                true => agent.run(request.body(()).unwrap()),
                false => agent.run(request.body(body).unwrap()),
            };
            // The receiver sees a request that has no answer.
            if let Ok(answer) = answer {
                let _ = sender.send(answer.status().as_u16());
            }
        });
        receiver
    }

    /// Returns the status of a request, unless it takes too long.
    fn call(&self, method: &'static str, path: &'static str, body: String) -> Result<u16, String> {
        let answer = self.begin(method, path, body).recv_timeout(LATE);
        answer.map_err(|error| format!("{method} {path}: {error}"))
    }

    fn create(&self, key: &str) -> Result<u16, String> {
        let body = format!(
            r#"{{"key":"{key}","value":"AAAAAAAAAAAAAAAAAAAAAA==","nonce":"AAAAAAAAAAAAAAAA"}}"#
        );
        self.call("POST", "/api/v1/secrets", body)
    }

    /// Asserts that the vault answers other requests, while the builds are held.
    fn answers(&self, database: &dyn Display) {
        let get = |path| self.call("GET", path, String::new());
        assert_eq!(get("/health"), Ok(200), "{database}");
        assert_eq!(get("/ready"), Ok(200), "{database}");
        assert_eq!(get("/api/v1/secrets/a"), Ok(200), "{database}");
        assert_eq!(self.create("b"), Ok(201), "{database}");
        assert_eq!(get("/api/v1/secrets/b"), Ok(200), "{database}");
    }
}

/// Opens the latch also if the test fails, so that the vault can stop.
struct Opened<'a>(&'a Site);

impl Drop for Opened<'_> {
    fn drop(&mut self) {
        self.0.shared().hold.open();
    }
}

#[track_caller]
fn until(what: &str, is_true: impl Fn() -> bool) {
    let start = Instant::now();
    while !is_true() {
        assert!(start.elapsed() < LATE, "{what}");
        thread::sleep(Duration::from_millis(5));
    }
}

/// Runs a test on a file and, if there is one, on PostgreSQL. A database in memory has one connection, which also writes.
fn on_each_database(test: impl Fn(&Site, &dyn Display)) {
    let folder = tempfile::tempdir().unwrap();
    let file = Database::file(folder.path().join("vault.db"));
    test(&Site::new(file), &"SQLite");
    if let Some(server) = helvetisafe_test_postgres::database() {
        test(&Site::new(server.url().parse().unwrap()), &"PostgreSQL");
    }
}

/// A build that runs in a worker, or one for each request, stops all other requests.
#[test]
fn a_vault_with_one_worker_answers_while_a_list_is_built_for_many_clients() {
    on_each_database(|site, database| {
        let (shared, opened) = (site.shared(), Opened(site));
        shared.hold.close();
        let list = || site.begin("GET", "/api/v1/secrets", String::new());
        let lists: Vec<_> = (0..LISTERS).map(|_| list()).collect();
        // The builds are those of the map, of this thread and of the requests.
        let waiting = || Arc::strong_count(&shared.lists.builds(site.tenant)) - 2;
        until("all wait for the list", || waiting() == LISTERS);
        until("the build is held", || shared.hold.begun() > 0);
        assert_eq!(shared.hold.begun(), 1, "{database}");
        site.answers(database);
        drop(opened);
        for list in lists {
            assert_eq!(list.recv_timeout(LATE), Ok(200), "{database}");
        }
        // The one that began before the others asked, and one for all of them.
        assert!(
            shared.hold.begun() <= 2,
            "{database}: {}",
            shared.hold.begun()
        );
    });
}

#[test]
fn a_vault_with_one_worker_answers_while_pages_are_built() {
    on_each_database(|site, database| {
        let (shared, opened) = (site.shared(), Opened(site));
        shared.hold.close();
        let page = || site.begin("GET", "/api/v1/secrets?limit=1", String::new());
        let pages: Vec<_> = (0..LIST_READS).map(|_| page()).collect();
        until("all are read", || shared.hold.begun() == LIST_READS);
        site.answers(database);
        drop(opened);
        for page in pages {
            assert_eq!(page.recv_timeout(LATE), Ok(200), "{database}");
        }
    });
}

#[test]
fn a_secret_is_written_as_the_serializer_writes_it() {
    let least = SecretRecord {
        key: KeyName::parse("a").unwrap(),
        value: String::new(),
        nonce: "\"".to_owned(),
        expires_at: None.into(),
        updated_at: None.into(),
        version: None,
        key_epoch: None,
    };
    let most = SecretRecord {
        expires_at: Some(Timestamp::from_microsecond(1).unwrap()).into(),
        updated_at: Some(Timestamp::from_second(2).unwrap()).into(),
        version: Some(Version::from(3)),
        key_epoch: Some(4),
        ..least.clone()
    };
    let budget = Budget::new(10_000);
    for record in [least, most] {
        let mut answer = Answer::begin(&budget, &|| (), None).ok().unwrap();
        add_record(&mut answer, &record).ok().unwrap();
        assert_eq!(answer.finish(), serde_json::to_vec(&record).unwrap());
    }
}

//! The same on PostgreSQL, with a node in a process of its own.

use std::fs::{self, File};
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use helvetisafe_server::Vault;
use helvetisafe_test_postgres::Server;

use super::*;

/// A running node, whose output is in files.
struct Node {
    folder: tempfile::TempDir,
    process: Child,
}

impl Node {
    fn start(database: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let settings = format!(
            "database = \"{database}\"\nlisten = \"127.0.0.1:0\"\nmetrics-listen = \"127.0.0.1:0\"\n\
             access-log = true\n"
        );
        let file = folder.path().join("server.toml");
        fs::write(&file, settings).unwrap();
        let output = |name| File::create(folder.path().join(name)).unwrap();
        let process = Command::new(env!("CARGO_BIN_EXE_vault-node"))
            .arg(file)
            .stdin(Stdio::null())
            .stdout(output("stdout"))
            .stderr(output("log"))
            .spawn()
            .unwrap();
        Self { folder, process }
    }

    fn log(&self) -> Vec<u8> {
        fs::read(self.folder.path().join("log")).unwrap()
    }

    /// Waits for the address that a line of the log has after this text.
    fn address_after(&self, text: &str) -> SocketAddr {
        let deadline = Instant::now() + Duration::from_secs(30);
        loop {
            let log = String::from_utf8(self.log()).unwrap();
            let line = log
                .split_once(text)
                .and_then(|(_, rest)| rest.split_once('\n'));
            if let Some((line, _)) = line {
                return line.split('/').next().unwrap().parse().unwrap();
            }
            assert!(Instant::now() < deadline, "{text}: {log}");
            sleep(Duration::from_millis(20));
        }
    }

    fn metrics(&self) -> Vec<u8> {
        let mut stream =
            TcpStream::connect(self.address_after("serves metrics at http://")).unwrap();
        let request = b"GET /metrics HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n";
        stream.write_all(request).unwrap();
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).unwrap();
        answer
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// All files below a folder.
fn files_below(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap();
    let paths = entries.map(|entry| entry.unwrap().path());
    paths
        .flat_map(|path| match path.is_dir() {
            true => files_below(&path),
            false => vec![path],
        })
        .collect()
}

/// Checks that the search covers each place: it finds the texts that have to be there.
fn assert_reached(search: &Search, place: &str, bytes: &[u8], expected: &[&str]) {
    let found = search.find(bytes);
    for it in expected {
        assert!(found.contains(it), "{place}: {found:?}");
    }
}

#[test]
fn postgresql_its_logs_the_nodes_and_the_traffic_contain_no_secret() {
    // With the parameters of all statements in the log.
    let logged = [
        "-c",
        "log_statement=all",
        "-c",
        "log_parameter_max_length_on_error=-1",
    ];
    let Some(server) = Server::start(&logged) else {
        return;
    };
    let between = RecordingProxy::start(([127, 0, 0, 1], server.port()).into());
    let url = server.url_at(&[between.address().port()]);
    let world = World::of(Vault::builder().database(url.parse().unwrap()));
    let node = Node::start(&url);
    let scene = play(world, node.address_after("serves http://"));
    // An error of the database, with the row in its log.
    server.execute("ALTER TABLE secrets ADD CONSTRAINT small CHECK (length(value) < 9) NOT VALID");
    let client = scene.member.client(&scene.proxy.base_url());
    let refused = client.secrets().create("too_long", LOST, None);
    assert_eq!(refused.unwrap_err().kind(), ErrorKind::Api);
    // To the files.
    server.execute("CHECKPOINT");

    let (secrets, credentials) = (secrets_of(&scene), credentials_of(&scene));
    let public = public_of(&scene).with("a template", b"/api/v1/secrets/{key}");
    let stored = ["the name, as it is", "the ciphertext, in base64"];
    let client_traffic = everything_said(&scene.proxy);
    assert_reached(&public, "traffic of clients", &client_traffic, &stored);
    let sent = ["the client secret, as it is", "the access token, as it is"];
    assert_reached(&credentials, "traffic of clients", &client_traffic, &sent);
    assert_eq!(secrets.find(&client_traffic), [].into());

    let template: &[&str] = &["a template, as it is"];
    let mut places = vec![
        (
            "traffic to the database".to_owned(),
            everything_said(&between),
            &stored[..],
        ),
        ("log of the node".to_owned(), node.log(), template),
        ("metrics of the node".to_owned(), node.metrics(), template),
    ];
    let data = Path::new(server.folder());
    for (part, expected) in [
        ("data/base", &stored[..]),
        ("data/pg_wal", &stored),
        ("postgres.log", &stored),
        ("", &[]),
    ] {
        let part = data.join(part);
        let paths = if part.is_dir() {
            files_below(&part)
        } else {
            vec![part.clone()]
        };
        let bytes = all(paths.into_iter().filter_map(|path| fs::read(path).ok()));
        places.push((part.display().to_string(), bytes, expected));
    }
    for (place, bytes, expected) in places {
        assert_reached(&public, &place, &bytes, expected);
        assert_eq!(secrets.find(&bytes), [].into(), "{place}");
        assert_eq!(credentials.find(&bytes), [].into(), "{place}");
    }
}

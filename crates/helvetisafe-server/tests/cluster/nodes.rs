//! Nodes that share a database, and haproxy in front of them.

use std::fs;
use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use tempfile::TempDir;

/// Far more than a start takes on a busy machine.
const LATE: Duration = Duration::from_secs(30);

/// A node of the vault, which can be started again on its port.
pub(crate) struct Node {
    database: String,
    pub(crate) port: u16,
    process: Child,
}

impl Node {
    pub(crate) fn start(database: &str) -> Self {
        let port = free_port();
        let node = Self {
            database: database.to_owned(),
            port,
            process: spawn(database, port),
        };
        node.wait_until_ready();
        node
    }

    pub(crate) fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    /// Ends the process at once.
    pub(crate) fn kill(&mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
    }

    /// Ends the process at once, and starts it again.
    pub(crate) fn crash(&mut self) {
        self.process.kill().unwrap();
        self.restart();
    }

    /// Stops the process as an operator does, and starts it again.
    pub(crate) fn drain(&mut self) {
        let id = self.process.id().to_string();
        let status = Command::new("kill").args(["-s", "TERM", &id]).status();
        assert!(status.unwrap().success());
        self.restart();
    }

    fn restart(&mut self) {
        self.process.wait().unwrap();
        self.process = spawn(&self.database, self.port);
        self.wait_until_ready();
    }

    pub(crate) fn wait_until_ready(&self) {
        let is_ready = || self.readiness() == Some(200);
        wait_until(is_ready, "the node is ready");
    }

    /// Returns the status of `/ready`, if there is an answer.
    pub(crate) fn readiness(&self) -> Option<u16> {
        readiness(self.port)
    }
}

/// Waits for a condition, for a long time.
pub(crate) fn wait_until(is_met: impl Fn() -> bool, condition: &str) {
    let deadline = Instant::now() + LATE;
    while !is_met() {
        assert!(Instant::now() < deadline, "not in time: {condition}");
        sleep(Duration::from_millis(20));
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn spawn(database: &str, port: u16) -> Child {
    Command::new(env!("CARGO_BIN_EXE_helvetisafe-server"))
        .args(["serve", "--database", database, "--drain-delay", "300ms"])
        .args(["--listen", &format!("127.0.0.1:{port}")])
        .args(["--limit-requests", "off"])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap()
}

fn readiness(port: u16) -> Option<u16> {
    let ask = || {
        let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port))?;
        stream.set_read_timeout(Some(Duration::from_secs(5)))?;
        stream.write_all(b"GET /ready HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n")?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer)?;
        Ok::<_, std::io::Error>(answer)
    };
    ask().ok()?.split(' ').nth(1)?.parse().ok()
}

/// The header with the node that answered.
pub(crate) const NODE: &str = "x-node";

/// haproxy, which sends each request to a node that is ready, or to any if none is. It repeats no request.
pub(crate) struct Balancer {
    port: u16,
    process: Child,
    _folder: TempDir,
}

impl Balancer {
    /// `None`, with a message, if this machine has no haproxy.
    pub(crate) fn start(nodes: &[Node]) -> Option<Self> {
        let folder = tempfile::tempdir().unwrap();
        let port = free_port();
        let file = folder.path().join("haproxy.cfg");
        fs::write(&file, configuration(port, nodes)).unwrap();
        let started = Command::new("haproxy")
            .args(["-db", "-q", "-f"])
            .arg(&file)
            .stdin(Stdio::null())
            .spawn();
        let process = match started {
            Ok(process) => process,
            Err(error) => {
                eprintln!("skipped: haproxy does not start: {error}");
                return None;
            }
        };
        let balancer = Self {
            port,
            process,
            _folder: folder,
        };
        wait_until(|| readiness(port) == Some(200), "haproxy is ready");
        Some(balancer)
    }

    pub(crate) fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }
}

fn configuration(port: u16, nodes: &[Node]) -> String {
    let servers = |options: &str| -> String {
        let server = |(at, node): (usize, &Node)| {
            let port = node.port;
            format!("    server node{at} 127.0.0.1:{port} {options}\n")
        };
        nodes.iter().enumerate().map(server).collect()
    };
    let ready = servers("check inter 200ms fall 1 rise 1");
    let all = servers("");
    format!(
        "defaults\n    mode http\n    retries 0\n    timeout connect 1s\n    timeout client 30s\n    timeout server 30s\n\
         frontend vault\n    bind 127.0.0.1:{port}\n    http-response set-header {NODE} %s\n\
         \x20   use_backend all if {{ nbsrv(ready) eq 0 }}\n\
         \x20   default_backend ready\n\
         backend ready\n    balance roundrobin\n    option httpchk GET /ready\n    http-check send hdr host a\n\
         \x20   http-reuse safe\n{ready}\
         backend all\n    balance roundrobin\n{all}"
    )
}

impl Drop for Balancer {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Returns a port that was free a moment ago.
fn free_port() -> u16 {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    listener.local_addr().unwrap().port()
}

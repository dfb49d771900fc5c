//! Nodes that share a database, and haproxy in front of them.

use std::fs;
use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

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

    fn wait_until_ready(&self) {
        let deadline = Instant::now() + LATE;
        while !is_ready(self.port) {
            assert!(Instant::now() < deadline, "the node is not ready");
            sleep(Duration::from_millis(20));
        }
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

fn is_ready(port: u16) -> bool {
    let ask = || {
        let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port))?;
        stream.set_read_timeout(Some(Duration::from_secs(3)))?;
        stream.write_all(b"GET /ready HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n")?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer)?;
        Ok::<_, std::io::Error>(answer.starts_with("HTTP/1.1 200"))
    };
    ask().unwrap_or(false)
}

/// haproxy, which sends each request to a node that is ready. It repeats no request.
pub(crate) struct Balancer {
    pub(crate) address: SocketAddr,
    process: Child,
}

impl Balancer {
    /// `None`, with a message, if this machine has no haproxy.
    pub(crate) fn start(folder: &Path, nodes: &[Node]) -> Option<Self> {
        let port = free_port();
        let servers = nodes.iter().enumerate().map(|(at, node)| {
            let port = node.port;
            format!("    server node{at} 127.0.0.1:{port} check inter 200ms fall 1 rise 1\n")
        });
        let servers: String = servers.collect();
        let configuration = format!(
            "defaults\n    mode http\n    retries 0\n    timeout connect 1s\n    timeout client 30s\n    timeout server 30s\n\
             frontend vault\n    bind 127.0.0.1:{port}\n    default_backend nodes\n\
             backend nodes\n    balance roundrobin\n    option httpchk GET /ready\n    http-check send hdr host a\n\
             \x20   http-reuse safe\n{servers}"
        );
        let file = folder.join("haproxy.cfg");
        fs::write(&file, configuration).unwrap();
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
            address: (Ipv4Addr::LOCALHOST, port).into(),
            process,
        };
        let deadline = Instant::now() + LATE;
        while !is_ready(port) {
            assert!(Instant::now() < deadline, "haproxy is not ready");
            sleep(Duration::from_millis(20));
        }
        Some(balancer)
    }
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

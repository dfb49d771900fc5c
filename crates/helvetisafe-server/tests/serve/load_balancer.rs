//! The shipped configuration of haproxy, in front of nodes of which one drains.

use std::fs;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use rcgen::SanType;
use rustls::{ALL_VERSIONS, ClientConfig};

use crate::certificates::Authority;
use crate::deployment::deployed;
use crate::process::{LATE, Serve};
use crate::state::State;
use crate::tls::{ask, client_config, connect};

const CLIENTS: usize = 12;

struct Balancer {
    process: Child,
    address: SocketAddr,
}

impl Balancer {
    /// `None`, with a message, if this machine has no haproxy.
    fn start(folder: &Path, nodes: &[Serve]) -> Option<Self> {
        let free = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let address = free.local_addr().unwrap();
        let file = folder.join("haproxy.cfg");
        fs::write(&file, configuration(address, folder, nodes)).unwrap();
        drop(free);
        let mut command = Command::new("haproxy");
        command.args(["-db", "-q", "-f"]).arg(&file);
        let quiet = command.stdin(Stdio::null()).stdout(Stdio::null());
        match quiet.spawn() {
            Ok(process) => Some(Self { process, address }),
            Err(error) => {
                eprintln!("skipped: haproxy does not start: {error}");
                None
            }
        }
    }
}

impl Drop for Balancer {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Returns the shipped file with the addresses and the paths of this test.
fn configuration(address: SocketAddr, folder: &Path, nodes: &[Serve]) -> String {
    let mut text = deployed("compose/haproxy.cfg");
    let mut replace = |from: &str, to: String| {
        assert!(text.contains(from), "{from}");
        text = text.replace(from, &to);
    };
    replace("bind :8200", format!("bind {address}"));
    let authority = folder.join("ca.crt");
    replace(
        "/usr/local/etc/haproxy/ca.crt",
        authority.display().to_string(),
    );
    for (index, node) in (1..).zip(nodes) {
        let name = format!("server node{index} ");
        replace(
            &format!("{name}node{index}:8200"),
            format!("{name}{}", node.address),
        );
    }
    text
}

/// Sends requests on connections that it reuses until an answer closes them. Returns the number of answers, and the
/// failures.
fn send(
    config: &Arc<ClientConfig>,
    address: SocketAddr,
    is_over: &AtomicBool,
) -> (usize, Vec<String>) {
    let (mut answers, mut failures) = (0, Vec::new());
    while !is_over.load(Ordering::Relaxed) {
        let mut send_on_one = || {
            let mut stream = connect(config, address)?;
            while !is_over.load(Ordering::Relaxed) {
                let answer = ask(&mut stream, "/health")?;
                answers += 1;
                if answer.contains("\r\nconnection: close\r\n") {
                    return Ok(());
                }
                thread::sleep(Duration::from_millis(5));
            }
            Ok::<_, std::io::Error>(())
        };
        failures.extend(send_on_one().err().map(|it| it.to_string()));
    }
    (answers, failures)
}

#[test]
fn the_shipped_load_balancer_cuts_no_request_while_a_node_drains() {
    let (state, authority) = (State::new(), Authority::new());
    let folder = state.folder.path();
    fs::write(folder.join("ca.crt"), authority.pem()).unwrap();
    let name = SanType::DnsName("vault.example".try_into().unwrap());
    let files = authority
        .pair_with(|it| it.subject_alt_names.push(name))
        .write(folder);
    let mut nodes: Vec<_> = (1..=3)
        .map(|node| {
            let database = format!("sqlite:{}/{node}.db", folder.display());
            // The delay of the compose file.
            let options = ["--database", &database, "--drain-delay", "5s"];
            Serve::start_tls(&state, &files, &options)
        })
        .collect();
    let Some(balancer) = Balancer::start(folder, &nodes) else {
        return;
    };
    let config = client_config(&authority, ALL_VERSIONS);
    let deadline = Instant::now() + LATE;
    while connect(&config, balancer.address).is_err() {
        assert!(Instant::now() < deadline, "haproxy does not serve");
        thread::sleep(Duration::from_millis(20));
    }
    let is_over = AtomicBool::new(false);
    let clients = thread::scope(|scope| {
        let send = || send(&config, balancer.address, &is_over);
        let clients: Vec<_> = (0..CLIENTS).map(|_| scope.spawn(send)).collect();
        thread::sleep(Duration::from_secs(1));
        nodes[0].signal("TERM");
        let status = nodes[0].wait();
        thread::sleep(Duration::from_secs(1));
        is_over.store(true, Ordering::Relaxed);
        assert_eq!(status.code(), Some(0));
        let joined = clients.into_iter().map(|it| it.join().unwrap());
        joined.collect::<Vec<_>>()
    });
    for (answers, failures) in clients {
        assert!(answers > 0);
        assert_eq!(failures, [""; 0], "after {answers} answers");
    }
}

//! A TCP proxy on a loopback port that records every byte in both directions.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;

/// A proxy in front of a vault, or of its database. Dropped, it takes no new connections.
pub struct RecordingProxy {
    address: SocketAddr,
    connections: Arc<Mutex<Vec<Connection>>>,
    stopped: Arc<AtomicBool>,
}

/// The recorded bytes of one connection. Each connection has its own record, so that bytes of another
/// one cannot interrupt a searched text.
#[derive(Clone, Default)]
pub struct Connection {
    /// From the client.
    pub to_vault: Vec<u8>,
    /// From the vault.
    pub from_vault: Vec<u8>,
}

impl RecordingProxy {
    /// Starts in front of the vault at this address.
    pub fn start(vault: SocketAddr) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let proxy = Self {
            address: listener.local_addr().unwrap(),
            connections: Arc::default(),
            stopped: Arc::default(),
        };
        let (connections, stopped) = (proxy.connections.clone(), proxy.stopped.clone());
        thread::spawn(move || {
            for client in listener.incoming() {
                if stopped.load(Ordering::SeqCst) {
                    return;
                }
                connect(client.unwrap(), vault, &connections);
            }
        });
        proxy
    }

    /// Its address.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The base URL for clients.
    pub fn base_url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// The record so far. It has every byte that a client received, since bytes are recorded before they
    /// are passed on.
    pub fn connections(&self) -> Vec<Connection> {
        self.connections.lock().unwrap().clone()
    }

    /// The number of requests that began with `line`, such as `POST /oauth/token`.
    pub fn requests(&self, line: &str) -> usize {
        self.count(line, |connection| &connection.to_vault)
    }

    /// The number of answers with this status.
    pub fn answers(&self, status: u16) -> usize {
        let line = format!("HTTP/1.1 {status} ");
        self.count(&line, |connection| &connection.from_vault)
    }

    fn count(&self, text: &str, of: impl Fn(&Connection) -> &Vec<u8>) -> usize {
        let connections = self.connections();
        let occurrences = connections
            .iter()
            .flat_map(|connection| of(connection).windows(text.len()));
        occurrences
            .filter(|window| *window == text.as_bytes())
            .count()
    }
}

impl Drop for RecordingProxy {
    fn drop(&mut self) {
        self.stopped.store(true, Ordering::SeqCst);
        // Wakes the thread that waits for a connection.
        let _ = TcpStream::connect(self.address);
    }
}

fn connect(client: TcpStream, vault: SocketAddr, connections: &Arc<Mutex<Vec<Connection>>>) {
    let Ok(vault) = TcpStream::connect(vault) else {
        return;
    };
    for stream in [&client, &vault] {
        stream.set_nodelay(true).unwrap();
    }
    let index = {
        let mut connections = connections.lock().unwrap();
        connections.push(Connection::default());
        connections.len() - 1
    };
    let copy = |from: &TcpStream, to: &TcpStream, side: fn(&mut Connection) -> &mut Vec<u8>| {
        let (from, to) = (from.try_clone().unwrap(), to.try_clone().unwrap());
        let connections = Arc::clone(connections);
        thread::spawn(move || {
            pass_on(from, to, |bytes| {
                side(&mut connections.lock().unwrap()[index]).extend_from_slice(bytes);
            });
        });
    };
    copy(&client, &vault, |connection| &mut connection.to_vault);
    copy(&vault, &client, |connection| &mut connection.from_vault);
}

/// Passes bytes on until one side closes or breaks.
fn pass_on(mut from: TcpStream, mut to: TcpStream, keep: impl Fn(&[u8])) {
    let mut buffer = vec![0; 64 << 10];
    while let Ok(length @ 1..) = from.read(&mut buffer) {
        keep(&buffer[..length]);
        if to.write_all(&buffer[..length]).is_err() {
            break;
        }
    }
    let _ = to.shutdown(Shutdown::Write);
}

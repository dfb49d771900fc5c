//! A network that can fall silent.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, Shutdown, TcpListener, TcpStream};
use std::sync::{Arc, Condvar, Mutex};
use std::thread;

/// A network in front of a server. While it is silent it accepts connections and bytes, and passes nothing on, not even
/// the end of a connection. All of it arrives when the network recovers.
pub(crate) struct Network {
    pub(crate) port: u16,
    gate: Arc<Gate>,
}

#[derive(Default)]
struct Gate {
    is_closed: Mutex<bool>,
    changed: Condvar,
}

impl Network {
    /// Starts in front of the server on this port.
    pub(crate) fn start(server: u16) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        let gate = Arc::<Gate>::default();
        let network = Self {
            port,
            gate: Arc::clone(&gate),
        };
        thread::spawn(move || {
            for client in listener.incoming() {
                let (client, gate) = (client.unwrap(), Arc::clone(&gate));
                thread::spawn(move || connect(&client, server, &gate));
            }
        });
        network
    }

    pub(crate) fn fall_silent(&self) {
        self.gate.set(true);
    }

    pub(crate) fn recover(&self) {
        self.gate.set(false);
    }
}

impl Gate {
    fn set(&self, is_closed: bool) {
        *self.is_closed.lock().unwrap() = is_closed;
        self.changed.notify_all();
    }

    fn pass(&self) {
        let is_closed = self.is_closed.lock().unwrap();
        drop(self.changed.wait_while(is_closed, |it| *it).unwrap());
    }
}

fn connect(client: &TcpStream, server: u16, gate: &Gate) {
    gate.pass();
    let Ok(server) = TcpStream::connect((Ipv4Addr::LOCALHOST, server)) else {
        return;
    };
    for stream in [client, &server] {
        stream.set_nodelay(true).unwrap();
    }
    thread::scope(|scope| {
        scope.spawn(|| pass_on(client, &server, gate));
        pass_on(&server, client, gate);
    });
}

/// Passes bytes on until one side closes or breaks.
fn pass_on(mut from: &TcpStream, mut to: &TcpStream, gate: &Gate) {
    let mut bytes = vec![0; 64 << 10];
    loop {
        let length = from.read(&mut bytes).unwrap_or(0);
        gate.pass();
        if length == 0 || to.write_all(&bytes[..length]).is_err() {
            break;
        }
    }
    let _ = to.shutdown(Shutdown::Write);
}

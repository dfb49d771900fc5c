//! The vault as users reach it: over TLS, and behind a network with a round-trip time.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;
use std::time::{Duration, Instant};

use rustls::ServerConfig;
use tokio::io::copy_bidirectional;
use tokio::runtime::Builder;
use tokio_rustls::TlsAcceptor;

/// The name in the certificate: the address itself, so that no name is looked up.
pub(crate) const NAME: &str = "127.0.0.1";

/// Starts a proxy that ends TLS in front of the vault. Returns its address.
pub(crate) fn end_tls(vault: SocketAddr, config: Arc<ServerConfig>) -> SocketAddr {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let address = listener.local_addr().unwrap();
    listener.set_nonblocking(true).unwrap();
    let runtime = Builder::new_current_thread().enable_io().build().unwrap();
    let acceptor = TlsAcceptor::from(config);
    thread::spawn(move || runtime.block_on(accept(listener, &acceptor, vault)));
    address
}

async fn accept(listener: TcpListener, acceptor: &TlsAcceptor, vault: SocketAddr) {
    let listener = tokio::net::TcpListener::from_std(listener).unwrap();
    while let Ok((client, _)) = listener.accept().await {
        client.set_nodelay(true).unwrap();
        let acceptor = acceptor.clone();
        tokio::spawn(async move {
            // A client that closes in the handshake is no failure of the bench.
            let Ok(mut client) = acceptor.accept(client).await else {
                return;
            };
            let mut vault = tokio::net::TcpStream::connect(vault).await.unwrap();
            vault.set_nodelay(true).unwrap();
            let _ = copy_bidirectional(&mut client, &mut vault).await;
        });
    }
}

/// Starts a proxy that passes each byte on after `one_way`, in both directions. The opening of a connection
/// is not delayed. Returns its address.
pub(crate) fn delay(server: SocketAddr, one_way: Duration) -> SocketAddr {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        for client in listener.incoming() {
            let (client, server) = (client.unwrap(), TcpStream::connect(server).unwrap());
            for stream in [&client, &server] {
                stream.set_nodelay(true).unwrap();
            }
            let copies = (client.try_clone().unwrap(), server.try_clone().unwrap());
            pass_on(client, server, one_way);
            pass_on(copies.1, copies.0, one_way);
        }
    });
    address
}

/// Bytes, and the time at which they are due at the other end.
type Piece = (Instant, Vec<u8>);

/// Passes on what is read: one thread reads, and another one waits and writes.
fn pass_on(from: TcpStream, to: TcpStream, one_way: Duration) {
    let (sender, receiver) = channel();
    thread::spawn(move || read(from, &sender, one_way));
    thread::spawn(move || write(to, &receiver));
}

fn read(mut from: TcpStream, pieces: &Sender<Piece>, one_way: Duration) {
    let mut buffer = vec![0; 64 << 10];
    while let Ok(length @ 1..) = from.read(&mut buffer) {
        let piece = (Instant::now() + one_way, buffer[..length].to_vec());
        if pieces.send(piece).is_err() {
            return;
        }
    }
}

fn write(mut to: TcpStream, pieces: &Receiver<Piece>) {
    for (due, bytes) in pieces {
        thread::sleep(due.saturating_duration_since(Instant::now()));
        if to.write_all(&bytes).is_err() {
            break;
        }
    }
    let _ = to.shutdown(Shutdown::Both);
}

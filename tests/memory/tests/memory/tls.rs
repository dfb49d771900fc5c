//! A TLS server in front of a plain server.

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;

use helvetisafe_test_support::tls_server;
use rustls::ServerConnection;

/// The base URL of a TLS server for `localhost` that passes everything on to `server`, and its
/// authority's certificate as PEM.
pub(crate) fn in_front_of(server: SocketAddr) -> (String, String) {
    let (config, authority) = tls_server::config("localhost");
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    thread::spawn(move || {
        for client in listener.incoming() {
            let connection = ServerConnection::new(Arc::clone(&config)).unwrap();
            pass_on(
                client.unwrap(),
                connection,
                TcpStream::connect(server).unwrap(),
            );
        }
    });
    (format!("https://localhost:{port}"), authority)
}

/// One thread for each direction; they share the TLS connection.
fn pass_on(mut client: TcpStream, connection: ServerConnection, mut server: TcpStream) {
    for stream in [&client, &server] {
        stream.set_nodelay(true).unwrap();
    }
    let connection = Arc::new(Mutex::new(connection));
    let (mut to_client, mut from_server) =
        (client.try_clone().unwrap(), server.try_clone().unwrap());
    let shared = Arc::clone(&connection);
    thread::spawn(move || {
        let mut buffer = vec![0; 64 << 10];
        while let Ok(length @ 1..) = from_server.read(&mut buffer) {
            let mut connection = shared.lock().unwrap();
            for part in buffer[..length].chunks(16 << 10) {
                connection.writer().write_all(part).unwrap();
                flush(&mut connection, &mut to_client);
            }
        }
        let _ = to_client.shutdown(Shutdown::Both);
    });
    thread::spawn(move || {
        let mut buffer = vec![0; 16 << 10];
        while let Ok(length @ 1..) = client.read(&mut buffer) {
            let mut received = &buffer[..length];
            let mut plain = Vec::new();
            let mut connection = connection.lock().unwrap();
            while !received.is_empty() {
                connection.read_tls(&mut received).unwrap();
                connection.process_new_packets().unwrap();
                // It ends with "would block": no more data for now.
                let _ = connection.reader().read_to_end(&mut plain);
            }
            flush(&mut connection, &mut client);
            if server.write_all(&plain).is_err() {
                break;
            }
        }
        let _ = server.shutdown(Shutdown::Both);
    });
}

fn flush(connection: &mut ServerConnection, client: &mut TcpStream) {
    while connection.wants_write() {
        if connection.write_tls(client).is_err() {
            return;
        }
    }
}

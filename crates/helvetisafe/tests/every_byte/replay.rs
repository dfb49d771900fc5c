//! A server that answers with given bytes, and ends its connections in given ways.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use socket2::SockRef;

pub(crate) struct Request {
    pub(crate) method: String,
    pub(crate) path: String,
    /// The whole of it.
    pub(crate) bytes: Vec<u8>,
    /// Where its body begins.
    pub(crate) body_at: usize,
}

impl Request {
    pub(crate) fn is(&self, (method, path): (&str, &str)) -> bool {
        self.method == method && self.path == path
    }

    /// The whole answer of a vault, asked on a connection of its own, which it says it closes.
    pub(crate) fn forward(&self, vault: SocketAddr) -> Vec<u8> {
        let (head, body) = self.bytes.split_at(self.body_at - 2);
        let request = [head, b"Connection: close\r\n", body].concat();
        let mut stream = TcpStream::connect(vault).unwrap();
        stream.write_all(&request).unwrap();
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).unwrap();
        answer
    }
}

/// Bytes, in so many writes, and what happens then.
#[derive(Clone)]
pub(crate) struct Reply {
    pub(crate) pieces: Vec<Vec<u8>>,
    pub(crate) end: End,
}

#[derive(Clone, Copy)]
pub(crate) enum End {
    /// The next request may come.
    KeepOpen,
    /// FIN.
    Close,
    /// RST.
    Reset,
    /// Nothing, until the client gives up.
    Silence,
}

type Handler = dyn Fn(&Request) -> Reply + Send + Sync;

/// Starts a server for the rest of the process.
pub(crate) fn serve(handler: impl Fn(&Request) -> Reply + Send + Sync + 'static) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let handler: Arc<Handler> = Arc::new(handler);
    thread::spawn(move || {
        for stream in listener.incoming() {
            let handler = Arc::clone(&handler);
            thread::spawn(move || converse(stream.unwrap(), &*handler));
        }
    });
    address
}

fn converse(mut stream: TcpStream, handler: &Handler) {
    stream.set_nodelay(true).unwrap();
    while let Some(request) = read(&mut stream) {
        let reply = handler(&request);
        for (index, piece) in reply.pieces.iter().enumerate() {
            if index > 0 {
                // Long enough for the other side to have read the first piece, most times.
                thread::sleep(Duration::from_micros(300));
            }
            if stream.write_all(piece).is_err() {
                return;
            }
        }
        match reply.end {
            End::KeepOpen => {}
            End::Close => return,
            End::Reset => {
                // A close that drops what is not sent yet, and so sends RST.
                SockRef::from(&stream)
                    .set_linger(Some(Duration::ZERO))
                    .unwrap();
                return;
            }
            End::Silence => {
                let _ = stream.read(&mut [0]);
                return;
            }
        }
    }
}

fn read(stream: &mut TcpStream) -> Option<Request> {
    let (mut bytes, mut buffer) = (Vec::new(), [0; 4096]);
    let body_at = loop {
        let end = bytes
            .windows(4)
            .position(|window: &[u8]| window == b"\r\n\r\n");
        if let Some(end) = end {
            break end + 4;
        }
        match stream.read(&mut buffer).ok()? {
            0 => return None,
            length => bytes.extend_from_slice(&buffer[..length]),
        }
    };
    let head = String::from_utf8(bytes[..body_at].to_vec())
        .unwrap()
        .to_ascii_lowercase();
    let length = head
        .lines()
        .find_map(|line| line.strip_prefix("content-length:"));
    let length: usize = length.map_or(0, |length| length.trim().parse().unwrap());
    let missing = (body_at + length).saturating_sub(bytes.len());
    let mut rest = vec![0; missing];
    stream.read_exact(&mut rest).ok()?;
    bytes.extend_from_slice(&rest);
    let line = String::from_utf8_lossy(&bytes).into_owned();
    let mut words = line.split(' ').map(str::to_owned);
    let (method, path) = (words.next()?, words.next()?);
    Some(Request {
        method,
        path,
        bytes,
        body_at,
    })
}

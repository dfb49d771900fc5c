//! An HTTP/1.1 server whose answers are any bytes and whose connections end in any way.

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use socket2::SockRef;

/// A request as it arrived.
#[derive(Clone, Debug)]
pub struct Request {
    /// The method.
    pub method: String,
    /// The path, with its query.
    pub path: String,
    /// The header lines.
    pub headers: String,
    /// The body.
    pub body: Vec<u8>,
    /// The number of the connection, from 0.
    pub connection: usize,
}

impl Request {
    /// Returns true if it has this method and path, whatever its query.
    pub fn is(&self, method: &str, path: &str) -> bool {
        self.method == method && self.route() == path
    }

    /// Returns the path without its query.
    pub fn route(&self) -> &str {
        self.path.split('?').next().unwrap_or_default()
    }

    /// Returns the first header of this name.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.lines().find_map(|line| {
            let (found, value) = line.split_once(':')?;
            found.eq_ignore_ascii_case(name).then(|| value.trim())
        })
    }

    /// Sends the request to a vault on a new connection. Returns the whole answer, without the header
    /// that closes the connection.
    pub fn forward(&self, vault: SocketAddr) -> Vec<u8> {
        let Self {
            method,
            path,
            headers,
            body,
            ..
        } = self;
        let head = format!("{method} {path} HTTP/1.1\r\n{headers}Connection: close\r\n\r\n");
        let mut stream = TcpStream::connect(vault).unwrap();
        stream.write_all(&[head.as_bytes(), body].concat()).unwrap();
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).unwrap();
        without_close(&answer)
    }
}

fn without_close(answer: &[u8]) -> Vec<u8> {
    const LINE: &[u8] = b"connection: close\r\n";
    let mut windows = answer.windows(LINE.len());
    match windows.position(|window| window.eq_ignore_ascii_case(LINE)) {
        Some(at) => [&answer[..at], &answer[at + LINE.len()..]].concat(),
        None => answer.to_vec(),
    }
}

/// The bytes of an answer, and the fate of the connection after them.
#[derive(Clone)]
pub struct Reply {
    /// The bytes, one piece per write.
    pub pieces: Vec<Vec<u8>>,
    /// The pause between two pieces.
    pub pause: Duration,
    /// The fate of the connection.
    pub end: End,
}

impl Reply {
    /// An answer in one piece.
    pub fn new(bytes: impl Into<Vec<u8>>, end: End) -> Self {
        Self::in_pieces(vec![bytes.into()], end)
    }

    /// An answer whose pieces usually arrive one by one.
    pub fn in_pieces(pieces: Vec<Vec<u8>>, end: End) -> Self {
        Self {
            pieces,
            pause: Duration::from_micros(300),
            end,
        }
    }
}

/// The fate of a connection after an answer.
#[derive(Clone, Copy)]
pub enum End {
    /// It waits for the next request.
    KeepOpen,
    /// It is closed: FIN.
    Close,
    /// It is reset: RST.
    Reset,
    /// It stays silent until the client closes it.
    Silence,
}

type Handler = dyn Fn(&Request) -> Reply + Send + Sync;

/// Starts a server that runs until the process ends.
pub fn serve(handler: impl Fn(&Request) -> Reply + Send + Sync + 'static) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let handler: Arc<Handler> = Arc::new(handler);
    thread::spawn(move || {
        for (connection, stream) in listener.incoming().enumerate() {
            let handler = Arc::clone(&handler);
            thread::spawn(move || converse(stream.unwrap(), connection, &*handler));
        }
    });
    address
}

/// Starts a server that answers each request with `answer`, and returns its base URL. An empty
/// answer leaves the client waiting.
pub fn serve_bytes(answer: &'static str) -> String {
    let address = serve(move |_| Reply::new(answer, End::KeepOpen));
    format!("http://{address}")
}

/// A base URL that refuses connections.
pub fn closed_url() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    format!("http://{}", listener.local_addr().unwrap())
}

fn converse(mut stream: TcpStream, connection: usize, handler: &Handler) {
    stream.set_nodelay(true).unwrap();
    while let Some(request) = read(&mut stream, connection) {
        let reply = handler(&request);
        if !write(&mut stream, &reply) {
            return;
        }
        match reply.end {
            End::KeepOpen => {}
            End::Close => {
                let _ = stream.shutdown(Shutdown::Both);
                return;
            }
            End::Reset => {
                // A close that drops unsent bytes sends RST.
                let socket = SockRef::from(&stream);
                socket.set_linger(Some(Duration::ZERO)).unwrap();
                return;
            }
            End::Silence => {
                let _ = stream.read(&mut [0]);
                return;
            }
        }
    }
}

/// Returns true if the client took all of it.
fn write(stream: &mut TcpStream, reply: &Reply) -> bool {
    for (index, piece) in reply.pieces.iter().enumerate() {
        if index > 0 {
            thread::sleep(reply.pause);
        }
        if stream.write_all(piece).is_err() {
            return false;
        }
    }
    true
}

fn read(stream: &mut TcpStream, connection: usize) -> Option<Request> {
    let (mut bytes, mut buffer) = (Vec::new(), [0; 4096]);
    let end = loop {
        let mut windows = bytes.windows(4);
        if let Some(end) = windows.position(|window: &[u8]| window == b"\r\n\r\n") {
            break end;
        }
        match stream.read(&mut buffer).ok()? {
            0 => return None,
            length => bytes.extend_from_slice(&buffer[..length]),
        }
    };
    let head = String::from_utf8(bytes[..end + 2].to_vec()).unwrap();
    let (line, headers) = head.split_once("\r\n").unwrap();
    let mut words = line.split(' ').map(str::to_owned);
    let mut request = Request {
        method: words.next()?,
        path: words.next()?,
        headers: headers.to_owned(),
        body: bytes.split_off(end + 4),
        connection,
    };
    let length = request.header("content-length");
    let length: usize = length.map_or(0, |length| length.parse().unwrap());
    let mut missing = vec![0; length.saturating_sub(request.body.len())];
    stream.read_exact(&mut missing).ok()?;
    request.body.extend(missing);
    Some(request)
}

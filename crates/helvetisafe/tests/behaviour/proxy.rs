//! A proxy between client and vault that can answer in the vault's place, or misbehave.

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

/// A request as it came in.
#[derive(Clone, Debug)]
pub(crate) struct Seen {
    pub(crate) method: String,
    pub(crate) path: String,
    /// The header block, without the request line.
    pub(crate) headers: String,
    pub(crate) body: Vec<u8>,
    /// Which connection it came on, from 0.
    pub(crate) connection: usize,
}

impl Seen {
    pub(crate) fn is(&self, method: &str, path: &str) -> bool {
        self.method == method && self.path == path
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.lines().find_map(|line| {
            let (found, value) = line.split_once(':')?;
            found.eq_ignore_ascii_case(name).then(|| value.trim())
        })
    }
}

/// What to do with a request.
#[derive(Clone)]
pub(crate) enum Deed {
    /// Ask the vault and pass its answer on.
    Forward,
    /// Wait, then forward.
    #[allow(dead_code, reason = "only the tests of the command need it")]
    ForwardAfter(Duration),
    /// Answer in the vault's place: status, further header lines, body.
    Answer(u16, &'static str, Vec<u8>),
    /// Send these bytes, whatever they are, and close.
    Raw(Vec<u8>),
    /// Close without a word, without asking the vault.
    Close,
    /// Ask the vault, then close without passing its answer on.
    ForwardAndClose,
    /// Ask the vault, then answer with this status in place of its answer.
    ForwardAndAnswer(u16),
    /// Ask the vault, and pass on only so many bytes of its answer.
    ForwardAndTruncate(usize),
    /// Say nothing for a while, then close.
    Stall(Duration),
    /// Send these bytes one at a time, this far apart.
    Drip(Vec<u8>, Duration),
}

pub(crate) fn answer(status: u16, body: impl Into<Vec<u8>>) -> Deed {
    Deed::Answer(status, "", body.into())
}

type Script = dyn Fn(&Seen, &[Seen]) -> Deed + Send + Sync;

pub(crate) struct Proxy {
    address: SocketAddr,
    log: Arc<Mutex<Vec<Seen>>>,
}

impl Proxy {
    /// Starts a proxy before `vault`. `script` is asked about each request, with those before it.
    pub(crate) fn start(
        vault: SocketAddr,
        script: impl Fn(&Seen, &[Seen]) -> Deed + Send + Sync + 'static,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let log = Arc::new(Mutex::new(Vec::new()));
        let (script, shared): (Arc<Script>, _) = (Arc::new(script), Arc::clone(&log));
        thread::spawn(move || {
            for (connection, stream) in listener.incoming().enumerate() {
                let (script, log) = (Arc::clone(&script), Arc::clone(&shared));
                let stream = stream.unwrap();
                thread::spawn(move || serve(stream, connection, vault, &*script, &log));
            }
        });
        Self { address, log }
    }

    pub(crate) fn base_url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// All requests so far.
    pub(crate) fn log(&self) -> Vec<Seen> {
        self.log.lock().unwrap().clone()
    }

    /// How many requests had this method and path.
    pub(crate) fn count(&self, method: &str, path: &str) -> usize {
        self.log()
            .iter()
            .filter(|seen| seen.is(method, path))
            .count()
    }
}

fn serve(
    mut stream: TcpStream,
    connection: usize,
    vault: SocketAddr,
    script: &Script,
    log: &Mutex<Vec<Seen>>,
) {
    stream.set_nodelay(true).unwrap();
    while let Some((seen, raw)) = read_request(&mut stream, connection) {
        let deed = {
            let mut log = log.lock().unwrap();
            let deed = script(&seen, &log);
            log.push(seen);
            deed
        };
        if !act(&mut stream, deed, &raw, vault) {
            let _ = stream.shutdown(Shutdown::Both);
            return;
        }
    }
}

/// Does the deed; `false` when the connection is to be closed.
fn act(stream: &mut TcpStream, deed: Deed, raw: &[u8], vault: SocketAddr) -> bool {
    match deed {
        Deed::Forward => stream.write_all(&forward(raw, vault)).is_ok(),
        Deed::ForwardAfter(time) => {
            thread::sleep(time);
            act(stream, Deed::Forward, raw, vault)
        }
        Deed::Answer(status, headers, body) => {
            let length = body.len();
            let head = format!("HTTP/1.1 {status} X\r\nContent-Length: {length}\r\n{headers}\r\n");
            stream.write_all(&[head.as_bytes(), &body].concat()).is_ok()
        }
        Deed::Raw(bytes) => {
            let _ = stream.write_all(&bytes);
            false
        }
        Deed::Close => false,
        Deed::ForwardAndClose => {
            forward(raw, vault);
            false
        }
        Deed::ForwardAndAnswer(status) => {
            forward(raw, vault);
            act(stream, answer(status, ""), raw, vault)
        }
        Deed::ForwardAndTruncate(length) => {
            let answer = forward(raw, vault);
            let _ = stream.write_all(&answer[..length.min(answer.len())]);
            false
        }
        Deed::Stall(time) => {
            thread::sleep(time);
            false
        }
        Deed::Drip(bytes, pause) => {
            for byte in bytes {
                if stream.write_all(&[byte]).is_err() {
                    return false;
                }
                thread::sleep(pause);
            }
            false
        }
    }
}

fn read_request(stream: &mut TcpStream, connection: usize) -> Option<(Seen, Vec<u8>)> {
    let mut raw = Vec::new();
    let mut byte = [0];
    while !raw.ends_with(b"\r\n\r\n") {
        if stream.read(&mut byte).ok()? == 0 {
            return None;
        }
        raw.push(byte[0]);
    }
    let head = String::from_utf8(raw.clone()).unwrap();
    let (line, headers) = head.split_once("\r\n").unwrap();
    let mut words = line.split(' ').map(str::to_owned);
    let mut seen = Seen {
        method: words.next()?,
        path: words.next()?,
        headers: headers.to_owned(),
        body: Vec::new(),
        connection,
    };
    let length = seen
        .header("content-length")
        .map_or(0, |length| length.parse().unwrap());
    seen.body = vec![0; length];
    stream.read_exact(&mut seen.body).ok()?;
    raw.extend_from_slice(&seen.body);
    Some((seen, raw))
}

/// The vault's whole answer, asked for on a connection of its own.
fn forward(raw: &[u8], vault: SocketAddr) -> Vec<u8> {
    let head_end = raw
        .windows(4)
        .position(|window| window == b"\r\n\r\n")
        .unwrap()
        + 2;
    let mut stream = TcpStream::connect(vault).unwrap();
    let request = [&raw[..head_end], b"Connection: close\r\n", &raw[head_end..]].concat();
    stream.write_all(&request).unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).unwrap();
    // The client's connection stays open.
    let text = String::from_utf8_lossy(&answer).replace("connection: close\r\n", "");
    text.into_bytes()
}

//! A proxy in front of a vault that can answer in the vault's place, or misbehave.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use crate::server::{End, Reply, Request, serve};

/// A proxy's response to one request.
#[derive(Clone)]
pub enum Action {
    /// Passes the vault's answer on.
    Forward,
    /// Waits, then forwards.
    ForwardAfter(Duration),
    /// Answers without the vault: status, more header lines, body.
    Answer(u16, &'static str, Vec<u8>),
    /// Sends these bytes and closes.
    Raw(Vec<u8>),
    /// Closes at once; the vault never sees the request.
    Close,
    /// Lets the vault act, then closes without an answer.
    ForwardAndClose,
    /// Lets the vault act, then answers with this status and no body.
    ForwardAndAnswer(u16),
    /// Passes only the first bytes of the vault's answer on, then closes.
    ForwardAndTruncate(usize),
    /// Stays silent for this long, then closes.
    Stall(Duration),
    /// Sends these bytes one at a time with this pause, then closes.
    Drip(Vec<u8>, Duration),
}

/// An answer with this status and body.
pub fn answer(status: u16, body: impl Into<Vec<u8>>) -> Action {
    Action::Answer(status, "", body.into())
}

impl Action {
    fn reply(self, request: &Request, vault: SocketAddr) -> Reply {
        match self {
            Self::Forward => Reply::new(request.forward(vault), End::KeepOpen),
            Self::ForwardAfter(time) => {
                thread::sleep(time);
                Self::Forward.reply(request, vault)
            }
            Self::Answer(status, headers, body) => {
                let length = body.len();
                let head =
                    format!("HTTP/1.1 {status} X\r\nContent-Length: {length}\r\n{headers}\r\n");
                Reply::new([head.as_bytes(), &body].concat(), End::KeepOpen)
            }
            Self::Raw(bytes) => Reply::new(bytes, End::Close),
            Self::Close => Reply::new([], End::Close),
            Self::ForwardAndClose => {
                request.forward(vault);
                Reply::new([], End::Close)
            }
            Self::ForwardAndAnswer(status) => {
                request.forward(vault);
                answer(status, "").reply(request, vault)
            }
            Self::ForwardAndTruncate(length) => {
                let mut answer = request.forward(vault);
                answer.truncate(length);
                Reply::new(answer, End::Close)
            }
            Self::Stall(time) => {
                thread::sleep(time);
                Reply::new([], End::Close)
            }
            Self::Drip(bytes, pause) => Reply {
                pieces: bytes.into_iter().map(|byte| vec![byte]).collect(),
                pause,
                end: End::Close,
            },
        }
    }
}

/// A running proxy and its log.
pub struct Proxy {
    address: SocketAddr,
    log: Arc<Mutex<Vec<Request>>>,
}

impl Proxy {
    /// Starts a proxy in front of `vault`. `script` chooses the action for each request; its second
    /// argument has the earlier requests.
    pub fn start(
        vault: SocketAddr,
        script: impl Fn(&Request, &[Request]) -> Action + Send + Sync + 'static,
    ) -> Self {
        let log = Arc::new(Mutex::new(Vec::new()));
        let shared = Arc::clone(&log);
        let address = serve(move |request| {
            let action = {
                let mut log = shared.lock().unwrap();
                let action = script(request, &log);
                log.push(request.clone());
                action
            };
            action.reply(request, vault)
        });
        Self { address, log }
    }

    /// The base URL for clients.
    pub fn base_url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// All requests so far.
    pub fn log(&self) -> Vec<Request> {
        self.log.lock().unwrap().clone()
    }

    /// The number of requests with this method and path.
    pub fn count(&self, method: &str, path: &str) -> usize {
        let log = self.log.lock().unwrap();
        log.iter().filter(|it| it.is(method, path)).count()
    }
}

//! HTTP/1.1 with keep-alive, as little of it as the vault's answers need.

use std::net::SocketAddr;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// Large, so that a list is read with few system calls.
const BUFFER: usize = 256 * 1024;

pub(crate) struct Connection {
    stream: TcpStream,
    buffer: Vec<u8>,
}

/// The head of an answer, whose body was read and dropped.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) length: usize,
}

impl Connection {
    pub(crate) async fn open(address: SocketAddr) -> Self {
        let stream = TcpStream::connect(address).await.unwrap();
        stream.set_nodelay(true).unwrap();
        Self {
            stream,
            buffer: vec![0; BUFFER],
        }
    }

    /// Sends a request, and reads the answer to its end.
    pub(crate) async fn call(&mut self, request: &[u8]) -> Answer {
        self.stream.write_all(request).await.unwrap();
        let mut filled = 0;
        let head = loop {
            filled += self.read(filled).await;
            if let Some(end) = find(&self.buffer[..filled], b"\r\n\r\n") {
                break end + 4;
            }
        };
        let answer = Answer::of(&self.buffer[..head]);
        let mut body = filled - head;
        while body < answer.length {
            body += self.read(0).await;
        }
        answer
    }

    /// Reads into the buffer from `at` on.
    async fn read(&mut self, at: usize) -> usize {
        let read = self.stream.read(&mut self.buffer[at..]).await.unwrap();
        assert!(read > 0, "the vault has closed the connection");
        read
    }
}

impl Answer {
    fn of(head: &[u8]) -> Self {
        let text = str::from_utf8(head).unwrap();
        let length = text
            .lines()
            .find_map(|line| line.strip_prefix("content-length: "));
        Self {
            status: text[9..12].parse().unwrap(),
            length: length.map_or(0, |length| length.parse().unwrap()),
        }
    }
}

fn find(text: &[u8], part: &[u8]) -> Option<usize> {
    text.windows(part.len()).position(|window| window == part)
}

//! The bytes of requests. Values and nonces are random base64, which the vault cannot distinguish from ciphertext.

use std::io::Write;
use std::sync::atomic::{AtomicUsize, Ordering};

/// The base64 of 66 bytes: a sealed value of about 30 bytes.
const VALUE: usize = 88;
/// The base64 of 12 bytes.
const NONCE: usize = 16;

/// The calls that are measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Work {
    Get,
    List,
    Update,
    Create,
}

/// The requests to one organization.
pub(crate) struct Requests {
    token: String,
    /// The number of secrets that exist from the start.
    secrets: usize,
    /// The number of the next secret to create.
    next: AtomicUsize,
}

impl Requests {
    pub(crate) fn new(token: String) -> Self {
        Self {
            token,
            secrets: 0,
            next: AtomicUsize::new(0),
        }
    }

    /// Counts the secrets that were created until now as those that exist from the start.
    pub(crate) fn settle(&mut self) {
        self.secrets = *self.next.get_mut();
    }

    /// Writes a request into an empty buffer.
    pub(crate) fn write(&self, work: Work, random: &mut Random, buffer: &mut Vec<u8>) {
        let any = |random: &mut Random| random.below(self.secrets.max(1));
        match work {
            Work::Get => {
                let path = format!("/{}", name(any(random)));
                self.head("GET", &path, None, buffer);
            }
            Work::List => self.head("GET", "", None, buffer),
            Work::Update => {
                let path = format!("/{}", name(any(random)));
                let (value, nonce) = (random.base64(VALUE), random.base64(NONCE));
                let body = format!(r#"{{"value":"{value}","nonce":"{nonce}"}}"#);
                self.head("PUT", &path, Some(&body), buffer);
            }
            Work::Create => {
                let key = name(self.next.fetch_add(1, Ordering::Relaxed));
                let (value, nonce) = (random.base64(VALUE), random.base64(NONCE));
                let body = format!(r#"{{"key":"{key}","value":"{value}","nonce":"{nonce}"}}"#);
                self.head("POST", "", Some(&body), buffer);
            }
        }
    }

    fn head(&self, method: &str, path: &str, body: Option<&str>, buffer: &mut Vec<u8>) {
        let token = &self.token;
        write!(
            buffer,
            "{method} /api/v1/secrets{path} HTTP/1.1\r\nhost: vault\r\nx-aegis-token: {token}\r\n"
        )
        .unwrap();
        match body {
            Some(body) => write!(
                buffer,
                "content-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
                body.len()
            ),
            None => write!(buffer, "\r\n"),
        }
        .unwrap();
    }
}

impl Work {
    /// Returns the status of a success.
    pub(crate) fn status(self) -> u16 {
        if self == Self::Create { 201 } else { 200 }
    }
}

fn name(number: usize) -> String {
    format!("secret_{number:07}")
}

/// The generator SplitMix64, which is no secret here.
pub(crate) struct Random(pub(crate) u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn below(&mut self, end: usize) -> usize {
        usize::try_from(self.next() % end as u64).unwrap()
    }

    /// Returns base64 without padding; the length has to be a multiple of four.
    fn base64(&mut self, length: usize) -> String {
        const DIGITS: &[u8; 64] =
            b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
        let mut text = String::with_capacity(length);
        while text.len() < length {
            let mut bits = self.next();
            for _ in 0..10.min(length - text.len()) {
                text.push(DIGITS[(bits & 63) as usize].into());
                bits >>= 6;
            }
        }
        text
    }
}

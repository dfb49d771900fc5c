//! The bytes of requests. Values and nonces are random base64, which the vault cannot distinguish from ciphertext.

use std::io::Write;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

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
    /// An update of a secret that does not exist, which `put` of a new secret sends first.
    UpdateMissing,
}

/// The requests to one organization.
pub(crate) struct Requests {
    token: String,
    /// The number of secrets that exist from the start.
    secrets: usize,
    /// The number of the next secret to create.
    next: AtomicUsize,
    /// Writes have an `Idempotency-Key`, as those of the client.
    has_keys: AtomicBool,
    /// The number of the next key.
    keys: AtomicUsize,
}

impl Requests {
    pub(crate) fn new(token: String) -> Self {
        Self {
            token,
            secrets: 0,
            next: AtomicUsize::new(0),
            has_keys: AtomicBool::new(true),
            keys: AtomicUsize::new(0),
        }
    }

    /// Counts the secrets that were created until now as those that exist from the start.
    pub(crate) fn settle(&mut self) {
        self.secrets = *self.next.get_mut();
    }

    /// Sends writes with or without an `Idempotency-Key` from now on.
    pub(crate) fn use_keys(&self, has_keys: bool) {
        self.has_keys.store(has_keys, Ordering::Relaxed);
    }

    /// Writes a request into an empty buffer.
    pub(crate) fn write(&self, work: Work, random: &mut Random, buffer: &mut Vec<u8>) {
        let any = |random: &mut Random| random.below(self.secrets.max(1));
        match work {
            Work::Get => {
                let path = format!("/{}", name(any(random)));
                self.head("GET", &path, buffer);
                end(None, buffer);
            }
            Work::List => {
                self.head("GET", "", buffer);
                end(None, buffer);
            }
            Work::Update => self.update(&name(any(random)), random, buffer),
            Work::UpdateMissing => self.update("missing", random, buffer),
            Work::Create => {
                let key = name(self.next.fetch_add(1, Ordering::Relaxed));
                let (value, nonce) = (random.base64(VALUE), random.base64(NONCE));
                let body = format!(r#"{{"key":"{key}","value":"{value}","nonce":"{nonce}"}}"#);
                self.head("POST", "", buffer);
                self.idempotency_key(buffer);
                end(Some(&body), buffer);
            }
        }
    }

    fn update(&self, name: &str, random: &mut Random, buffer: &mut Vec<u8>) {
        let (value, nonce) = (random.base64(VALUE), random.base64(NONCE));
        let body = format!(r#"{{"value":"{value}","nonce":"{nonce}"}}"#);
        self.head("PUT", &format!("/{name}"), buffer);
        self.idempotency_key(buffer);
        end(Some(&body), buffer);
    }

    /// A key is never used twice: the vault would take the second write for a repetition.
    fn idempotency_key(&self, buffer: &mut Vec<u8>) {
        if self.has_keys.load(Ordering::Relaxed) {
            let number = self.keys.fetch_add(1, Ordering::Relaxed);
            write!(buffer, "idempotency-key: \"write-{number:020}\"\r\n").unwrap();
        }
    }

    fn head(&self, method: &str, path: &str, buffer: &mut Vec<u8>) {
        let token = &self.token;
        write!(
            buffer,
            "{method} /api/v1/secrets{path} HTTP/1.1\r\nhost: vault\r\nx-aegis-token: {token}\r\n"
        )
        .unwrap();
    }
}

/// Ends the head, and writes the body.
fn end(body: Option<&str>, buffer: &mut Vec<u8>) {
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

impl Work {
    /// Returns the expected status.
    pub(crate) fn status(self) -> u16 {
        match self {
            Self::Get | Self::List | Self::Update => 200,
            Self::Create => 201,
            Self::UpdateMissing => 404,
        }
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

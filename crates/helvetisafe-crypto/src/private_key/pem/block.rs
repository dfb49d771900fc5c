//! Finds the private key in a text, RFC 7468 section 3, and decodes its base64.
//!
//! It accepts what OpenSSL and Python's `cryptography` accept: other text, certificates and public keys around
//! the key, white space and NUL anywhere in the base64, and headers in front of it. Two private keys are
//! refused, since the second could be the one that is meant.

use alloc::vec;
use alloc::vec::Vec;

use base64ct::{Base64, Encoding};
use zeroize::Zeroizing;

use crate::error::{Error, InvalidPem};

const BEGIN: &str = "-----BEGIN ";
const END: &str = "-----END ";
const DASHES: &str = "-----";

/// The text between a first and a last line.
pub(super) struct Block<'a> {
    pub(super) label: &'a str,
    headers: &'a str,
    base64: &'a str,
}

impl<'a> Block<'a> {
    /// Returns the only private key in a text.
    pub(super) fn private_key(text: &'a str) -> Result<Self, Error> {
        let mut key = None;
        let mut other = None;
        let mut rest = text;
        while let Some((_, begun)) = rest.split_once(BEGIN) {
            let (label, body) = begun.split_once(DASHES).ok_or(InvalidPem::NoLastLine)?;
            rest = body;
            if !label.ends_with("PRIVATE KEY") {
                other = other.or(Some(label));
                continue;
            }
            let (block, after) = Self::read(label, body)?;
            if key.replace(block).is_some() {
                return Err(InvalidPem::TwoPrivateKeys.into());
            }
            rest = after;
        }
        match (key, other) {
            (Some(key), _) => Ok(key),
            (None, Some(label)) => Err(without_private_key(label)),
            (None, None) if is_utf16(text) => Err(InvalidPem::Utf16.into()),
            (None, None) => Err(InvalidPem::NoFirstLine.into()),
        }
    }

    /// Reads the rest of a block. Returns it and the text after it.
    fn read(label: &'a str, body: &'a str) -> Result<(Self, &'a str), Error> {
        let is_escaped = body.starts_with("\\n") || body.starts_with("\\r");
        if is_escaped {
            return Err(InvalidPem::EscapedLineBreaks.into());
        }
        let (inside, after) = body.split_once(END).ok_or(InvalidPem::NoLastLine)?;
        let after = after
            .strip_prefix(label)
            .and_then(|after| after.strip_prefix(DASHES));
        let after = after.ok_or(InvalidPem::NoLastLine)?;
        if inside.contains(BEGIN) {
            return Err(InvalidPem::NoLastLine.into());
        }
        let (headers, base64) = split_headers(inside);
        let block = Self {
            label,
            headers,
            base64,
        };
        Ok((block, after))
    }

    /// Returns true if the key is encrypted in OpenSSL's own format (RFC 1421 section 4.6.1.1).
    pub(super) fn is_openssl_encrypted(&self) -> bool {
        self.headers.contains("Proc-Type:") && self.headers.contains("ENCRYPTED")
    }

    /// Decodes the base64 in constant time.
    pub(super) fn decode(&self) -> Result<Zeroizing<Vec<u8>>, Error> {
        let is_filler = |byte: &u8| byte.is_ascii_whitespace() || *byte == 0;
        let mut base64 = Zeroizing::new(Vec::with_capacity(self.base64.len()));
        base64.extend(self.base64.bytes().filter(|byte| !is_filler(byte)));
        // The decoder in place does not check the bits after the last byte.
        let mut der = Zeroizing::new(vec![0; base64.len()]);
        let decoded = Base64::decode(base64.as_slice(), &mut der);
        let length = decoded.map_err(|_| InvalidPem::Damaged)?.len();
        der.truncate(length);
        Ok(der)
    }
}

/// Splits the headers from the base64. An empty line stands between them (RFC 1421 section 4.4).
fn split_headers(inside: &str) -> (&str, &str) {
    let Some(colon) = inside.find(':') else {
        return ("", inside);
    };
    let mut end = 0;
    for line in inside.split_inclusive('\n') {
        end += line.len();
        if end > colon && line.trim().is_empty() {
            return inside.split_at(end);
        }
    }
    (inside, "")
}

/// Returns true for the bytes of a PEM in UTF-16: each of its letters has a NUL beside it.
fn is_utf16(text: &str) -> bool {
    let interleaved = BEGIN.as_bytes().iter().flat_map(|byte| [*byte, 0]);
    let interleaved: Vec<u8> = interleaved.take(2 * BEGIN.len() - 1).collect();
    let mut windows = text.as_bytes().windows(interleaved.len());
    windows.any(|window| window == interleaved)
}

fn without_private_key(label: &str) -> Error {
    if label.ends_with("PUBLIC KEY") {
        InvalidPem::PublicKey.into()
    } else if label.ends_with("CERTIFICATE") {
        InvalidPem::Certificate.into()
    } else {
        InvalidPem::NoPrivateKey.into()
    }
}

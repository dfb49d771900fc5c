//! A search for secrets that must be absent, in every form in which a program could have written them.

use std::collections::{BTreeSet, HashMap};

use base64::Engine;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};

/// Canaries are searched for in pieces of this many bytes: a database page or a line of a PEM may
/// end within a long one, and a part of a key is a leak too.
const PIECE: usize = 16;
/// The number of bytes by which a needle is looked up.
const PREFIX: usize = 8;

/// A set of canaries.
pub struct Search {
    needles: HashMap<[u8; PREFIX], Vec<Needle>>,
    /// Per pair of bytes: true if a needle begins with it. This skips most places in a process's memory.
    starts: Vec<bool>,
}

struct Needle {
    bytes: Vec<u8>,
    /// The name and the form, for the message of a failure.
    name: String,
}

impl Default for Search {
    fn default() -> Self {
        Self {
            needles: HashMap::new(),
            starts: vec![false; 1 << 16],
        }
    }
}

impl Search {
    /// Adds a canary of at least 16 bytes.
    #[must_use]
    pub fn with(mut self, name: &str, canary: &[u8]) -> Self {
        self.add(name, canary);
        self
    }

    /// Adds a canary of at least 16 bytes.
    pub fn add(&mut self, name: &str, canary: &[u8]) {
        assert!(canary.len() >= PIECE, "{name} is too short to search for");
        for piece in canary.chunks_exact(PIECE) {
            for (form, bytes) in forms(piece) {
                let prefix = *bytes.first_chunk().unwrap();
                self.starts[start(&bytes)] = true;
                let name = format!("{name}, {form}");
                let needles = self.needles.entry(prefix).or_default();
                needles.push(Needle { bytes, name });
            }
        }
    }

    /// Returns the names and forms of the canaries in `bytes`.
    #[must_use]
    pub fn find(&self, bytes: &[u8]) -> BTreeSet<&str> {
        let mut found = BTreeSet::new();
        let mut at = 0;
        while let Some(prefix) = bytes.get(at..).and_then(<[u8]>::first_chunk::<PREFIX>) {
            // Most of a process's memory is zeros. A needle begins with one of them at most: UTF-16.
            if u64::from_ne_bytes(*prefix) == 0 {
                at += PREFIX - 1;
                continue;
            }
            if self.starts[start(prefix)] {
                let needles = self.needles.get(prefix).into_iter().flatten();
                let here = needles.filter(|needle| bytes[at..].starts_with(&needle.bytes));
                found.extend(here.map(|needle| needle.name.as_str()));
            }
            at += 1;
        }
        found
    }
}

/// The first two bytes as a number.
fn start(bytes: &[u8]) -> usize {
    usize::from(bytes[0]) << 8 | usize::from(bytes[1])
}

fn forms(piece: &[u8]) -> Vec<(&'static str, Vec<u8>)> {
    let hex: String = piece.iter().map(|byte| format!("{byte:02x}")).collect();
    let mut forms = vec![
        ("as it is", piece.to_vec()),
        // A big number, least significant byte first.
        ("reversed", piece.iter().rev().copied().collect()),
        (
            "in UTF-16, big-endian",
            piece.iter().flat_map(|&byte| [0, byte]).collect(),
        ),
        (
            "in UTF-16, little-endian",
            piece.iter().flat_map(|&byte| [byte, 0]).collect(),
        ),
        ("in upper-case hex", hex.to_ascii_uppercase().into_bytes()),
        ("in hex", hex.into_bytes()),
    ];
    for alignment in 0..3 {
        for (form, engine) in [
            ("in base64", &STANDARD_NO_PAD),
            ("in base64url", &URL_SAFE_NO_PAD),
        ] {
            forms.push((form, within_base64(piece, alignment, engine)));
        }
    }
    forms
}

/// The characters of base64 that `piece` alone decides when `alignment` bytes stand before it.
fn within_base64(piece: &[u8], alignment: usize, engine: &impl Engine) -> Vec<u8> {
    let text = engine.encode([&vec![0; alignment], piece].concat());
    let whole = (alignment + piece.len()) * 8 / 6;
    text.as_bytes()[(alignment * 8).div_ceil(6)..whole].to_vec()
}

#[cfg(test)]
mod tests {
    use base64::prelude::{BASE64_STANDARD, BASE64_URL_SAFE};

    use super::*;

    const CANARY: &[u8] = b"\xfb\xff>~a canary of more than sixteen bytes";

    fn found(bytes: impl AsRef<[u8]>) -> bool {
        !Search::default()
            .with("canary", CANARY)
            .find(bytes.as_ref())
            .is_empty()
    }

    #[test]
    fn a_canary_is_found_at_any_offset() {
        for before in 0..20 {
            let planted = [&vec![b'x'; before], CANARY, b"after"].concat();
            let utf16 = |bytes: fn(u16) -> [u8; 2]| -> Vec<u8> {
                planted
                    .iter()
                    .flat_map(|&byte| bytes(byte.into()))
                    .collect()
            };
            let hex: String = planted.iter().map(|byte| format!("{byte:02x}")).collect();
            assert!(found(&planted));
            assert!(found(planted.iter().rev().copied().collect::<Vec<_>>()));
            assert!(found(BASE64_STANDARD.encode(&planted)));
            assert!(found(BASE64_URL_SAFE.encode(&planted)));
            assert!(found(&hex) && found(hex.to_ascii_uppercase()));
            assert!(found(utf16(u16::to_be_bytes)) && found(utf16(u16::to_le_bytes)));
        }
    }

    #[test]
    fn a_part_of_a_canary_is_found_and_anything_else_is_not() {
        assert!(found(&CANARY[..PIECE]));
        assert!(found(&CANARY[PIECE..2 * PIECE]));
        assert!(!found(&CANARY[..PIECE - 1]));
        assert!(!found(
            BASE64_STANDARD.encode("another text, which is as long as it has to be")
        ));
        assert!(!found(""));
    }
}

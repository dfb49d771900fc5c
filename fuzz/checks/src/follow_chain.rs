use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use helvetisafe_crypto::organization::{Anchor, Chain, ChainError, Entry};
use serde_json::Value;

use crate::fixtures::flip_a_bit;

/// Follows a chain from a vault: the entries of a file of the testkit, or the data as one entry.
///
/// An accepted entry has one encoding. An accepted chain has all its entries, and none can be changed.
pub fn follow_chain(data: &[u8]) {
    let Some(entries) = entries(data) else {
        return drop(read(data));
    };
    let entries: Vec<_> = entries.iter().flat_map(|entry| read(entry)).collect();
    let (Some(first), Some(last)) = (entries.first(), entries.last()) else {
        return;
    };
    // This anchor, unlike that of the file, accepts every valid chain.
    let anchor = Anchor::Key(*first.signer());
    let Ok(chain) = Chain::follow("acme", &anchor, &entries) else {
        return;
    };
    assert_eq!(*chain.head(), last.head());
    assert!(!chain.administrators().is_empty());
    assert!(chain.has_had(chain.fingerprint()));
    let seen = Anchor::Head(last.head());
    assert_eq!(Chain::follow("acme", &seen, &entries), Ok(chain));
    let shorter = Chain::follow("acme", &seen, &entries[..entries.len() - 1]);
    assert!(matches!(
        shorter,
        Err(ChainError::Older | ChainError::Genesis)
    ));
    check_changed(&entries, data);
}

fn entries(data: &[u8]) -> Option<Vec<Vec<u8>>> {
    let body: Value = serde_json::from_slice(data).ok()?;
    let entries = body.get("entries")?.as_array()?.iter();
    Some(
        entries
            .filter_map(|entry| STANDARD.decode(entry.as_str()?).ok())
            .collect(),
    )
}

/// Reads an entry, and checks that it is written as it was read.
fn read(bytes: &[u8]) -> Option<Entry> {
    let entry = Entry::from_bytes(bytes).ok()?;
    assert_eq!(entry.to_bytes(), bytes);
    Some(entry)
}

/// Checks that the last entry is refused, as an entry or as a part of the chain, after a change of one bit.
fn check_changed(entries: &[Entry], data: &[u8]) {
    let Some((last, others)) = entries.split_last() else {
        return;
    };
    let mut bytes = last.to_bytes();
    flip_a_bit(&mut bytes, data);
    if let Some(changed) = read(&bytes) {
        let changed = [others, &[changed]].concat();
        let anchor = Anchor::Key(*entries[0].signer());
        assert!(Chain::follow("acme", &anchor, &changed).is_err());
    }
}

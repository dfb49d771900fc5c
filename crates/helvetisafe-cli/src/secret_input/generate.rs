//! Random values.

use secrecy::SecretString;
use zeroize::Zeroizing;

use crate::failure::Failure;

/// Nothing that a shell, a URL, a file format or a reader could take for something else.
const ALPHABET: &[u8; 62] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";

/// `length` characters, each equally likely (5.95 bits), from the operating system's randomness.
pub(super) fn value(length: usize) -> Result<SecretString, Failure> {
    let mut value = Zeroizing::new(String::with_capacity(length));
    let mut random = Zeroizing::new([0; 64]);
    while value.len() < length {
        getrandom::fill(&mut *random).map_err(|error| {
            Failure::other(format_args!(
                "the operating system gives no randomness: {error}"
            ))
        })?;
        let characters = random.iter().filter_map(|&byte| character(byte));
        let missing = length - value.len();
        value.extend(characters.take(missing));
    }
    Ok(value.as_str().into())
}

/// The character of a random byte. Six bits have 64 values for 62 characters: the two that are left
/// over give none, since a remainder would make some characters likelier than others.
fn character(byte: u8) -> Option<char> {
    let character = ALPHABET.get(usize::from(byte & 0b11_1111))?;
    Some(char::from(*character))
}

#[cfg(test)]
mod tests {
    use super::*;
    use secrecy::ExposeSecret;
    use std::collections::HashMap;

    #[test]
    fn every_character_comes_from_as_many_bytes() {
        let mut bytes = HashMap::new();
        for character in (0..=u8::MAX).filter_map(character) {
            *bytes.entry(character).or_insert(0) += 1;
        }
        assert_eq!(bytes.len(), 62);
        assert!(bytes.values().all(|&count| count == 4));
    }

    #[test]
    fn values_have_their_length_and_differ() {
        for length in [1, 32, 63, 64, 65, 4096] {
            assert_eq!(value(length).unwrap().expose_secret().len(), length);
        }
        assert_ne!(
            value(32).unwrap().expose_secret(),
            value(32).unwrap().expose_secret()
        );
    }
}

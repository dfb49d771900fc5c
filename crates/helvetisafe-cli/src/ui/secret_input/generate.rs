//! Generated values.

use secrecy::SecretString;
use zeroize::Zeroizing;

use crate::failure::Failure;
use crate::random;

/// Characters without a special meaning in shells, URLs and file formats.
const ALPHABET: &[u8; 62] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";

/// Generates `length` characters, each equally likely (5.95 bits), from the operating system's randomness.
pub(super) fn value(length: usize) -> Result<SecretString, Failure> {
    let mut value = Zeroizing::new(String::with_capacity(length));
    while value.len() < length {
        let random = random::bytes::<64>()?;
        let characters = random.iter().filter_map(|&byte| character(byte));
        let missing = length - value.len();
        value.extend(characters.take(missing));
    }
    Ok(value.as_str().into())
}

/// Returns the character of a random byte. Six bits have 64 values for 62 characters: the other two give
/// none, since a remainder would make some characters more likely.
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
    fn every_character_is_equally_likely() {
        let mut bytes = HashMap::new();
        for character in (0..=u8::MAX).filter_map(character) {
            *bytes.entry(character).or_insert(0) += 1;
        }
        assert_eq!(bytes.len(), 62);
        assert!(bytes.values().all(|&count| count == 4));
    }

    #[test]
    fn values_have_the_wanted_length_and_differ() {
        for length in [1, 32, 63, 64, 65, 4096] {
            assert_eq!(value(length).unwrap().expose_secret().len(), length);
        }
        assert_ne!(
            value(32).unwrap().expose_secret(),
            value(32).unwrap().expose_secret()
        );
    }
}

use alloc::string::{String, ToString};
use core::fmt;
use core::str::FromStr;

use super::{PublicKeyInfo, encoding};
use crate::Fingerprint;

/// EFF's large word list: 7776 words, sorted. `LICENSE-wordlist` in the folder of this crate has its licence.
const LIST: &str = include_str!("words/eff_large_wordlist.txt");
/// The number of words in the list: 6^5.
const LIST_LEN: u128 = 7776;
/// The number of words for a key. They have 103 bits, so a search for a second key with the same words is infeasible.
const COUNT: usize = 8;

/// Eight words that stand for a key, to compare on another channel, such as a telephone.
///
/// ```text
/// digest = SHA-256(label || 0x00 || key)
/// number = the first 16 bytes of the digest, big-endian, modulo 7776^8
/// words  = the eight digits of the number in base 7776, the most significant one first, as indexes of EFF's list
/// ```
///
/// | key | label |
/// |---|---|
/// | DER of a public key | `HelvetiSafe public key words v1` |
/// | 32 bytes of an org key's fingerprint | `HelvetiSafe org key words v1` |
///
/// ```
/// use helvetisafe_crypto::organization::{InvalidWords, Words};
///
/// let words: Words = "abacus abdomen abdominal abide abiding ability ablaze able".parse()?;
/// assert_eq!(words.to_string(), "abacus abdomen abdominal abide abiding ability ablaze able");
///
/// let unknown = "abacus abdomem abdominal abide abiding ability ablaze able".parse::<Words>();
/// assert_eq!(unknown, Err(InvalidWords::Unknown { position: 2, similar: Some("abdomen") }));
/// # Ok::<(), InvalidWords>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Words([&'static str; COUNT]);

/// The reason for which a text is not the eight words of a key. It never has a part of the text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum InvalidWords {
    /// It has another number of words.
    Count {
        /// The number of words in the text.
        found: usize,
    },
    /// A word is not in the list.
    Unknown {
        /// The position of the word, from 1 to 8.
        position: usize,
        /// A word of the list with one or two letters of difference.
        similar: Option<&'static str>,
    },
}

impl Words {
    /// Returns the words of an account's public key.
    #[must_use]
    pub fn of_public_key(key: &PublicKeyInfo) -> Self {
        Self::of("HelvetiSafe public key words v1", key.as_der())
    }

    /// Returns the words of an org key.
    #[must_use]
    pub fn of_fingerprint(fingerprint: &Fingerprint) -> Self {
        Self::of("HelvetiSafe org key words v1", fingerprint.as_bytes())
    }

    fn of(label: &str, key: &[u8]) -> Self {
        let digest = encoding::hash(label, key);
        let mut number = digest[..16]
            .iter()
            .fold(0_u128, |number, &byte| (number << 8) | u128::from(byte));
        let mut words = [""; COUNT];
        for word in words.iter_mut().rev() {
            let index = (number % LIST_LEN) as usize;
            *word = LIST.lines().nth(index).unwrap_or_default();
            number /= LIST_LEN;
        }
        Self(words)
    }
}

impl fmt::Display for Words {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0.join(" "))
    }
}

impl fmt::Debug for Words {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Words({self})")
    }
}

impl FromStr for Words {
    type Err = InvalidWords;

    /// Reads eight words between white space, in any case.
    fn from_str(text: &str) -> Result<Self, InvalidWords> {
        let found = text.split_whitespace().count();
        if found != COUNT {
            return Err(InvalidWords::Count { found });
        }
        let mut words = [""; COUNT];
        for ((position, given), word) in (1..).zip(text.split_whitespace()).zip(&mut words) {
            *word = find(given).ok_or_else(|| InvalidWords::Unknown {
                position,
                similar: similar_to(given),
            })?;
        }
        Ok(Self(words))
    }
}

fn find(given: &str) -> Option<&'static str> {
    LIST.lines().find(|word| given.eq_ignore_ascii_case(word))
}

/// Returns the closest word of the list, unless it differs in more than two letters.
fn similar_to(given: &str) -> Option<&'static str> {
    let given = given.to_ascii_lowercase();
    // The longest word of the list has nine letters.
    let is_short = given.len() <= 11;
    let distances = LIST
        .lines()
        .filter(|_| is_short)
        .map(|word| (distance(word.as_bytes(), given.as_bytes()), word));
    let closest = distances.min_by_key(|&(distance, _)| distance);
    closest
        .filter(|&(distance, _)| distance <= 2)
        .map(|(_, word)| word)
}

/// Returns the number of letters to insert, delete or replace (Levenshtein 1966).
fn distance(one: &[u8], other: &[u8]) -> usize {
    let mut row: alloc::vec::Vec<usize> = (0..=other.len()).collect();
    for (i, a) in one.iter().enumerate() {
        let mut diagonal = i;
        row[0] = i + 1;
        for (j, b) in other.iter().enumerate() {
            let replaced = diagonal + usize::from(a != b);
            diagonal = row[j + 1];
            row[j + 1] = replaced.min(row[j] + 1).min(diagonal + 1);
        }
    }
    row[other.len()]
}

impl fmt::Display for InvalidWords {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Count { found } => write!(f, "a key has {COUNT} words, and the text has {found}"),
            Self::Unknown { position, similar } => {
                let question = similar.map(|word| ["; did you mean `", word, "`?"].concat());
                let question: String =
                    question.unwrap_or_else(|| ": compare it letter by letter".to_string());
                write!(f, "word {position} is not in the list of words{question}")
            }
        }
    }
}

impl core::error::Error for InvalidWords {}

#[cfg(all(test, feature = "getrandom"))]
mod tests;

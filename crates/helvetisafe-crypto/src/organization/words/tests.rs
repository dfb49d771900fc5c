use proptest::prelude::*;
use sha2::{Digest, Sha256};

use super::*;
use crate::organization::fixtures::{BOB_KEY, other_fingerprint};

/// The hash of the list's words, each with a line break, as in EFF's file of 2016-07-18 without its numbers. Words of
/// keys must never change.
const SHA256: &str = "6d557f0693958fb5e650b68b5bee585eb82cf4da32965505c789e924743bc522";

#[test]
fn the_list_is_the_one_of_eff() {
    let digest: std::vec::Vec<_> = Sha256::digest(LIST)
        .iter()
        .map(|byte| std::format!("{byte:02x}"))
        .collect();
    assert_eq!(digest.concat(), SHA256);
    assert_eq!(LIST.lines().count() as u128, LIST_LEN);
    assert!(LIST.lines().is_sorted());
}

#[test]
fn a_key_has_other_words_as_another_kind_of_key() {
    let (public, org) = (
        Words::of_public_key(&BOB_KEY),
        Words::of_fingerprint(&other_fingerprint()),
    );
    assert_ne!(public, org);
    assert_eq!(public.to_string().parse(), Ok(public));
    assert_eq!(public.to_string().to_uppercase().parse(), Ok(public));
    let label = "HelvetiSafe public key words v1";
    assert_ne!(Words::of(label, other_fingerprint().as_bytes()), org);
}

#[test]
fn an_unknown_word_is_named_by_its_place_and_never_shown() {
    let unknown = |word: &str| {
        let text = std::format!("abacus {word} able abacus able abacus able abacus");
        text.parse::<Words>().unwrap_err()
    };
    let similar = |word| match unknown(word) {
        InvalidWords::Unknown {
            position: 2,
            similar,
        } => similar,
        other => unreachable!("{other:?}"),
    };
    assert_eq!(similar("unbrokn"), Some("unbroken"));
    assert_eq!(similar("felttip"), Some("felt-tip"));
    assert_eq!(similar("correcthorsebatterystaple"), None);
    assert_eq!(
        unknown("unbrokn").to_string(),
        "word 2 is not in the list of words; did you mean `unbroken`?"
    );
    assert!(!unknown("s3cr3t-v@lue").to_string().contains("s3cr3t"));
    assert_eq!("".parse::<Words>(), Err(InvalidWords::Count { found: 0 }));
    let nine = "able ".repeat(9).parse::<Words>().unwrap_err();
    assert_eq!(nine.to_string(), "a key has 8 words, and the text has 9");
}

#[test]
fn distances_are_those_of_levenshtein() {
    for (one, other, expected) in [
        ("", "", 0),
        ("a", "", 1),
        ("kitten", "sitting", 3),
        ("ab", "ba", 2),
    ] {
        assert_eq!(distance(one.as_bytes(), other.as_bytes()), expected);
        assert_eq!(distance(other.as_bytes(), one.as_bytes()), expected);
    }
}

proptest! {
    #[test]
    fn words_round_trip(key: [u8; 32]) {
        let words = Words::of_fingerprint(&Fingerprint::from_bytes(key));
        prop_assert_eq!(words.to_string().parse(), Ok(words));
    }

    #[test]
    fn any_text_is_refused_or_read(text: String) {
        let _ = text.parse::<Words>();
    }
}

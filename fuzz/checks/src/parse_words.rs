use helvetisafe_crypto::organization::{InvalidWords, Words};

/// Parses the eight words of a key. Accepted words are written in one form; an error has no part of the text.
pub fn parse_words(data: &[u8]) {
    let Ok(text) = str::from_utf8(data) else {
        return;
    };
    match text.parse::<Words>() {
        Ok(words) => {
            let written = text.to_ascii_lowercase();
            let written: Vec<_> = written.split_whitespace().collect();
            assert_eq!(words.to_string(), written.join(" "));
            assert_eq!(words.to_string().parse(), Ok(words));
        }
        Err(InvalidWords::Count { found }) => assert_ne!(found, 8),
        Err(InvalidWords::Unknown { position, similar }) => {
            assert!((1..=8).contains(&position));
            let word = text.split_whitespace().nth(position - 1).unwrap();
            assert_ne!(Some(word), similar);
        }
        Err(_) => unreachable!("there is no other error"),
    }
}

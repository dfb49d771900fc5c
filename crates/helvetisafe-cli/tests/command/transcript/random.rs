//! The random values of an organization, by their form.

use helvetisafe_crypto::organization::Words;

/// The words of a key.
const COUNT: usize = 8;

/// Replaces codes, accounts, keys, ids, tokens and words by names for them.
pub(super) fn hidden(text: &str) -> String {
    let lines = text.split_inclusive('\n');
    lines
        .map(|line| without_values(&without_words(line)))
        .collect()
}

fn without_values(line: &str) -> String {
    let is_part = |c: char| c.is_ascii_alphanumeric() || "_-+/:".contains(c);
    let mut hidden = String::new();
    let mut rest = line;
    while !rest.is_empty() {
        let length = rest.find(|c| !is_part(c)).unwrap_or(rest.len());
        let (value, after) = rest.split_at(length);
        hidden += name(value).unwrap_or(value);
        let end = after.find(is_part).unwrap_or(after.len());
        hidden += &after[..end];
        rest = &after[end..];
    }
    hidden
}

fn name(value: &str) -> Option<&'static str> {
    let is_hex = value
        .bytes()
        .all(|c| c.is_ascii_digit() || (b'a'..=b'f').contains(&c));
    match value.len() {
        16 if is_hex => Some("[ID]"),
        64 if is_hex => Some("[INVITATION]"),
        32 if value.starts_with("hs_client_") => Some("[ACCOUNT]"),
        43 => Some("[TOKEN]"),
        50 if value.starts_with("SHA256:") => Some("[ORG_KEY]"),
        51 if value.starts_with("ed25519:") => Some("[VERIFICATION_KEY]"),
        _ if value.starts_with("hsi1_") => Some("[CODE]"),
        _ => None,
    }
}

fn without_words(line: &str) -> String {
    let is_part = |c: char| c.is_ascii_lowercase() || c == '-';
    let starts = line
        .char_indices()
        .filter(|&(at, c)| is_part(c) && !line[..at].ends_with(is_part));
    for (start, _) in starts {
        let mut ends = line[start..]
            .char_indices()
            .filter(|&(at, c)| !is_part(c) && line[..start + at].ends_with(is_part));
        let Some((length, _)) = ends.nth(COUNT - 1) else {
            continue;
        };
        let end = start + length;
        if line[start..end].parse::<Words>().is_ok() {
            return format!("{}[WORDS]{}", &line[..start], without_words(&line[end..]));
        }
    }
    line.to_owned()
}

#[test]
fn random_values_are_hidden_and_others_stay() {
    let words = "abacus abdomen abdominal abide abiding ability ablaze able";
    for (text, expected) in [
        (format!("words  {words}\n"), "words  [WORDS]\n"),
        (
            format!("a: `{words}`, and `{words}`; no\n"),
            "a: `[WORDS]`, and `[WORDS]`; no\n",
        ),
        ("id 0123456789abcdef, it\n".to_owned(), "id [ID], it\n"),
        (
            "these are some words of a text that is long\n".to_owned(),
            "these are some words of a text that is long\n",
        ),
        (
            "\"hs_client_AAAAAAAAAAAAAAAAAAAAAA\"".to_owned(),
            "\"[ACCOUNT]\"",
        ),
        ("hsi1_abc-_\n".to_owned(), "[CODE]\n"),
    ] {
        assert_eq!(hidden(&text), expected);
    }
}

use std::ops::Range;

use base64::Engine;
use base64::engine::GeneralPurpose;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};

use super::{RandomSource, der, splice};

/// The fewest characters of base64; a shorter run is a word.
const MIN_LEN: usize = 8;

/// Changes the bytes in one run of base64 of the standard or the URL alphabet.
pub fn base64(data: &[u8], random: &mut dyn RandomSource) -> Option<Vec<u8>> {
    let texts = runs(data);
    let range = texts.get(random.below(texts.len()))?.clone();
    let (engine, bytes) = decode(&data[range.clone()])?;
    let changed = random.change(bytes);
    Some(splice(data, range, engine.encode(changed).as_bytes()))
}

/// Changes one element of the DER in a PEM, and the lengths of the elements around it.
pub fn pem(data: &[u8], random: &mut dyn RandomSource) -> Option<Vec<u8>> {
    let text = str::from_utf8(data).ok()?;
    let start = text.find("-----\n")? + 6;
    let end = start + text[start..].find("\n-----END")?;
    let base64: String = text[start..end].split_whitespace().collect();
    let changed = der::change(&STANDARD.decode(base64).ok()?, random)?;
    // A single line of any length is valid.
    Some(splice(
        data,
        start..end,
        STANDARD.encode(changed).as_bytes(),
    ))
}

fn decode(text: &[u8]) -> Option<(GeneralPurpose, Vec<u8>)> {
    let engines = [STANDARD, URL_SAFE_NO_PAD].into_iter();
    let mut decoded =
        engines.filter_map(|engine| Some((engine.clone(), engine.decode(text).ok()?)));
    decoded.next()
}

/// Returns the longest runs of base64 characters.
fn runs(data: &[u8]) -> Vec<Range<usize>> {
    let mut runs = Vec::new();
    let mut start = 0;
    for at in 0..=data.len() {
        if data.get(at).is_none_or(|&byte| !is_base64(byte)) {
            if at - start >= MIN_LEN {
                runs.push(start..at);
            }
            start = at + 1;
        }
    }
    runs
}

fn is_base64(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"+/-_=".contains(&byte)
}

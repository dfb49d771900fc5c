use std::ops::Range;

use base64::Engine;
use base64::engine::GeneralPurpose;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};

use super::{Chance, der, splice};

/// The fewest characters that are taken for base64 and not for a word.
const SHORTEST: usize = 8;

/// Changes the bytes inside one text of base64, with the standard alphabet or that for URLs.
pub fn base64(data: &[u8], chance: &mut dyn Chance) -> Option<Vec<u8>> {
    let texts = runs(data);
    let range = texts.get(chance.below(texts.len()))?.clone();
    let (engine, bytes) = decode(&data[range.clone()])?;
    let changed = chance.change(bytes);
    Some(splice(data, range, engine.encode(changed).as_bytes()))
}

/// Changes one element of the DER inside a PEM; the lengths of all that hold it follow.
pub fn pem(data: &[u8], chance: &mut dyn Chance) -> Option<Vec<u8>> {
    let text = str::from_utf8(data).ok()?;
    let start = text.find("-----\n")? + 6;
    let end = start + text[start..].find("\n-----END")?;
    let base64: String = text[start..end].split_whitespace().collect();
    let changed = der::change(&STANDARD.decode(base64).ok()?, chance)?;
    // One line: any width is read, as long as it is one.
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

/// Where there may be base64: as many of its characters in a row as there are.
fn runs(data: &[u8]) -> Vec<Range<usize>> {
    let mut runs = Vec::new();
    let mut start = 0;
    for at in 0..=data.len() {
        if data.get(at).is_none_or(|&byte| !is_base64(byte)) {
            if at - start >= SHORTEST {
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

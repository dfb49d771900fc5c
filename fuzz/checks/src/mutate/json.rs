use std::ops::Range;

use super::{Chance, base64, splice};

/// Values of each type, at their edges.
const VALUES: [&[u8]; 20] = [
    b"null",
    b"true",
    b"0",
    b"-1",
    b"1e999",
    b"18446744073709551616",
    b"0.5",
    b"\"\"",
    b"\"db\"",
    b"\"value\"",
    br#""\u0000""#,
    br#""\ud83d\udd11""#,
    br#""\ud800""#,
    b"\"AAAA\"",
    b"[]",
    b"{}",
    br#"{"db":"v"}"#,
    b"[[[[]]]]",
    b"\"2027-01-02T03:04:05Z\"",
    b"\"\xc3\xa9\"",
];

/// Changes one value or name of a JSON text: another of the text or of `VALUES` in its place, the
/// bytes inside, or it is left out or there twice.
pub fn json(data: &[u8], chance: &mut dyn Chance) -> Option<Vec<u8>> {
    if chance.below(4) == 0 {
        return base64(data, chance);
    }
    let values = values(data);
    let range = values.get(chance.below(values.len()))?.clone();
    let old = &data[range.clone()];
    let new = match chance.below(6) {
        0 => data[values[chance.below(values.len())].clone()].to_vec(),
        1 => Vec::new(),
        2 => [old, b",", old].concat(),
        3 => inside(old, chance),
        _ => VALUES[chance.below(VALUES.len())].to_vec(),
    };
    Some(splice(data, range, &new))
}

/// A string changed between its quotes, anything else as a whole.
fn inside(old: &[u8], chance: &mut dyn Chance) -> Vec<u8> {
    match old {
        [b'"', text @ .., b'"'] => [b"\"", &*chance.change(text.to_vec()), b"\""].concat(),
        other => chance.change(other.to_vec()),
    }
}

/// Where values, names and members stand. It is no parser: what is no JSON has some all the same.
fn values(data: &[u8]) -> Vec<Range<usize>> {
    let (mut values, mut open) = (Vec::new(), Vec::new());
    let mut at = 0;
    while let Some(&byte) = data.get(at) {
        let start = at;
        at += match byte {
            b'"' => string(&data[at..]),
            b'{' | b'[' => {
                open.push(at);
                1
            }
            b'}' | b']' => {
                values.extend(open.pop().map(|start| start..at + 1));
                1
            }
            byte if is_word(byte) => data[at..].iter().take_while(|&&byte| is_word(byte)).count(),
            _ => 1,
        };
        if byte == b'"' || is_word(byte) {
            values.push(member_start(&values, data, start)..at);
            values.push(start..at);
        }
    }
    values
}

/// Where the member starts whose value starts at `start`: at its name, if there is one.
fn member_start(values: &[Range<usize>], data: &[u8], start: usize) -> usize {
    let name = values.last().filter(|name| {
        let between = data.get(name.end..start).unwrap_or_default();
        between.trim_ascii() == b":"
    });
    name.map_or(start, |name| name.start)
}

/// The bytes of the string at the start of `data`.
fn string(data: &[u8]) -> usize {
    let mut at = 1;
    while let Some(byte) = data.get(at) {
        match byte {
            b'"' => return at + 1,
            b'\\' => at += 2,
            _ => at += 1,
        }
    }
    data.len()
}

fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"+-.".contains(&byte)
}

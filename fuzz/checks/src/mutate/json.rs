use std::ops::Range;

use super::{RandomSource, base64, splice};

/// Extreme values of each type.
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

/// Changes one value, name or member of a JSON text: replaces it with another one of the text or of `VALUES`,
/// changes its bytes, removes it, or repeats it.
pub fn json(data: &[u8], random: &mut dyn RandomSource) -> Option<Vec<u8>> {
    if random.below(4) == 0 {
        return base64(data, random);
    }
    let values = values(data);
    let range = values.get(random.below(values.len()))?.clone();
    let old = &data[range.clone()];
    let new = match random.below(6) {
        0 => data[values[random.below(values.len())].clone()].to_vec(),
        1 => Vec::new(),
        2 => [old, b",", old].concat(),
        3 => inside(old, random),
        _ => VALUES[random.below(VALUES.len())].to_vec(),
    };
    Some(splice(data, range, &new))
}

/// Changes the bytes between the quotes of a string, or all bytes of another value.
fn inside(old: &[u8], random: &mut dyn RandomSource) -> Vec<u8> {
    match old {
        [b'"', text @ .., b'"'] => [b"\"", &*random.change(text.to_vec()), b"\""].concat(),
        other => random.change(other.to_vec()),
    }
}

/// Returns the ranges of values, names and members, also in text that is only similar to JSON.
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

/// Returns the start of the member whose value starts at `start`: that of its name, if it has one.
fn member_start(values: &[Range<usize>], data: &[u8], start: usize) -> usize {
    let name = values.last().filter(|name| {
        let between = data.get(name.end..start).unwrap_or_default();
        between.trim_ascii() == b":"
    });
    name.map_or(start, |name| name.start)
}

/// Returns the length of the string at the start of `data`, in bytes.
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

//! Files that a command reads as a whole, or standard input in their place.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use zeroize::Zeroizing;

use crate::failure::Failure;

/// The limit in bytes: some dozens of secrets of the largest size.
const LIMIT: u64 = 64 << 20;

/// The path that stands for standard input.
pub(crate) const STDIN: &str = "-";

/// Returns the name of a file for messages.
pub(crate) fn name(path: &Path) -> String {
    if path.as_os_str() == STDIN {
        "standard input".to_owned()
    } else {
        path.display().to_string()
    }
}

/// Reads the text of a file, or of standard input for `-`, without its byte-order mark.
pub(crate) fn read(path: &Path) -> Result<Zeroizing<String>, Failure> {
    let unreadable = |error| Failure::usage(format_args!("cannot read {}: {error}", name(path)));
    let bytes = if path.as_os_str() == STDIN {
        bytes(io::stdin().lock())
    } else {
        File::open(path).and_then(bytes)
    };
    let bytes = bytes.map_err(unreadable)?;
    let text = text(&bytes)
        .map_err(|is| Failure::usage(format_args!("{} {is}; save it as UTF-8", name(path))))?;
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    Ok(Zeroizing::new(text.to_owned()))
}

/// Returns the text that bytes are in UTF-8, or what they are instead.
pub(crate) fn text(bytes: &[u8]) -> Result<&str, String> {
    let is_utf_16 = match bytes {
        [0xff, 0xfe, ..] | [0xfe, 0xff, ..] => true,
        // Without a byte-order mark, the first character of a text is nearly always ASCII.
        [first, second, ..] => (*first == 0) != (*second == 0),
        _ => false,
    };
    if is_utf_16 {
        return Err("is UTF-16".to_owned());
    }
    std::str::from_utf8(bytes)
        .map_err(|error| format!("is not UTF-8 (at byte {})", error.valid_up_to()))
}

fn bytes(source: impl Read) -> io::Result<Zeroizing<Vec<u8>>> {
    let mut bytes = Zeroizing::new(Vec::new());
    source.take(LIMIT + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > LIMIT {
        let message = format!("it has more than {} MiB", LIMIT >> 20);
        return Err(io::Error::new(io::ErrorKind::FileTooLarge, message));
    }
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_encoding_is_named() {
        let utf_16 = |text: &str| {
            text.encode_utf16()
                .flat_map(u16::to_le_bytes)
                .collect::<Vec<_>>()
        };
        for bytes in [utf_16("\u{feff}A=x"), utf_16("A=x"), b"\0A\0=".to_vec()] {
            assert_eq!(text(&bytes), Err("is UTF-16".to_owned()));
        }
        assert_eq!(text(b"A=\xe9"), Err("is not UTF-8 (at byte 2)".to_owned()));
        for good in ["", "A", "A=\u{e9}", "\u{feff}A=x"] {
            assert_eq!(text(good.as_bytes()), Ok(good));
        }
    }
}

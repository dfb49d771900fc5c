//! Files that a command reads as a whole, or standard input in their place.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use zeroize::Zeroizing;

use crate::failure::Failure;
use crate::fs::{wiped, with_remedy};

/// The limit in bytes: some dozens of secrets of the largest size.
const LIMIT: usize = 64 << 20;

/// The path that stands for standard input.
pub(crate) const STDIN: &str = "-";

/// Returns true if a path stands for standard input.
pub(crate) fn is_stdin(path: &Path) -> bool {
    path.as_os_str() == STDIN
}

/// Returns the name of a file for messages.
pub(crate) fn name(path: &Path) -> String {
    if is_stdin(path) {
        "standard input".to_owned()
    } else {
        path.display().to_string()
    }
}

/// Reads the text of a file, or of standard input for `-`, without its byte-order mark.
pub(crate) fn read(path: &Path) -> Result<Zeroizing<String>, Failure> {
    let unreadable = |error: io::Error| {
        let why = match is_stdin(path) {
            true => error.to_string(),
            false => with_remedy(&error),
        };
        Failure::usage(format_args!("cannot read {}: {why}", name(path)))
    };
    let bytes = if is_stdin(path) {
        bytes(io::stdin().lock())
    } else {
        File::open(path).and_then(bytes)
    };
    let bytes = bytes.map_err(unreadable)?;
    let is = |is| Failure::usage(format_args!("{} {is}; save it as UTF-8", name(path)));
    let text = text(&bytes).map_err(is)?;
    if is_utf_16(text) {
        return Err(is(UTF_16.to_owned()));
    }
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    Ok(Zeroizing::new(text.to_owned()))
}

/// Returns the text that bytes are in UTF-8, or what they are instead.
pub(crate) fn text(bytes: &[u8]) -> Result<&str, String> {
    std::str::from_utf8(bytes).map_err(|error| match bytes {
        [0xff, 0xfe, ..] | [0xfe, 0xff, ..] => UTF_16.to_owned(),
        _ => format!("is not UTF-8 (at byte {})", error.valid_up_to()),
    })
}

const UTF_16: &str = "is UTF-16";

/// Returns true if a text is probably UTF-16 without a byte-order mark: its first character is ASCII.
fn is_utf_16(text: &str) -> bool {
    matches!(text.as_bytes(), [first, second, ..] if (*first == 0) != (*second == 0))
}

fn bytes(source: impl Read) -> io::Result<Zeroizing<Vec<u8>>> {
    wiped::read(source, LIMIT)?.ok_or_else(|| {
        let message = format!("it has more than {} MiB", LIMIT >> 20);
        io::Error::new(io::ErrorKind::FileTooLarge, message)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_encoding_is_named() {
        let utf_16 = |text: &str| {
            let units = text.encode_utf16();
            units.flat_map(u16::to_le_bytes).collect::<Vec<_>>()
        };
        assert_eq!(text(&utf_16("\u{feff}A=x")), Err(UTF_16.to_owned()));
        assert!(is_utf_16(text(&utf_16("A=x")).unwrap()));
        assert!(is_utf_16("\0A\0="));
        let latin = text(b"A=\xe9").unwrap_err();
        assert_eq!(latin, "is not UTF-8 (at byte 2)");
        for good in ["", "A", "A=\u{e9}", "\u{feff}A=x", "\0\0", "AB\0"] {
            assert_eq!(text(good.as_bytes()), Ok(good));
            assert!(!is_utf_16(good));
        }
    }
}

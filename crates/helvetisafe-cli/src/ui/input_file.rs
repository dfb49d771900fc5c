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
    let text = std::str::from_utf8(&bytes).map_err(|error| {
        let at = error.valid_up_to();
        Failure::usage(format_args!(
            "{} is not UTF-8 (at byte {at}); save it as UTF-8",
            name(path)
        ))
    })?;
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    Ok(Zeroizing::new(text.to_owned()))
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

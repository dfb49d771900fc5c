//! Random bytes, and hexadecimal digits.

use std::fmt::Write;

use zeroize::Zeroizing;

use crate::failure::Failure;

/// Returns random bytes of the operating system.
pub(crate) fn bytes<const N: usize>() -> Result<Zeroizing<[u8; N]>, Failure> {
    let mut bytes = Zeroizing::new([0; N]);
    getrandom::fill(&mut *bytes).map_err(|error| {
        Failure::other(format_args!(
            "cannot get random bytes from the operating system: {error}"
        ))
    })?;
    Ok(bytes)
}

/// Returns two hexadecimal digits for each byte.
pub(crate) fn hex(bytes: &[u8]) -> Zeroizing<String> {
    let mut text = Zeroizing::new(String::with_capacity(2 * bytes.len()));
    for byte in bytes {
        // Writing to a string cannot fail.
        let _ = write!(text, "{byte:02x}");
    }
    text
}

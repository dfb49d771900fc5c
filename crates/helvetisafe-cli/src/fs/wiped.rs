//! Contents of files and pipes that may be secret.

use std::io::{self, ErrorKind, Read};

use zeroize::Zeroizing;

/// Enough for most keys and values.
const START: usize = 8192;

/// Reads all bytes; `None` if there are more than `limit`. The buffer starts small and grows, and each one is
/// wiped.
pub(crate) fn read(mut source: impl Read, limit: usize) -> io::Result<Option<Zeroizing<Vec<u8>>>> {
    let mut bytes = Zeroizing::new(vec![0; START]);
    let mut length = 0;
    while length <= limit {
        if length == bytes.len() {
            let mut larger = Zeroizing::new(vec![0; 2 * length]);
            larger[..length].copy_from_slice(&bytes);
            bytes = larger;
        }
        match source.read(&mut bytes[length..]) {
            Ok(0) => {
                bytes.truncate(length);
                return Ok(Some(bytes));
            }
            Ok(count) => length += count,
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(None)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Reads bytes in pieces, with interruptions between them.
    struct Pieces<'a>(&'a [u8], bool);

    impl Read for Pieces<'_> {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            self.1 = !self.1;
            if self.1 {
                return Err(ErrorKind::Interrupted.into());
            }
            let count = buffer.len().min(1000);
            self.0.read(&mut buffer[..count])
        }
    }

    #[test]
    fn all_bytes_are_read_up_to_the_limit() {
        const LIMIT: usize = 5 * START;
        for length in [
            0,
            1,
            START - 1,
            START,
            START + 1,
            2 * START,
            LIMIT - 1,
            LIMIT,
        ] {
            let bytes: Vec<_> = (0..length).map(|n| n as u8).collect();
            let read = read(Pieces(&bytes, false), LIMIT).unwrap().unwrap();
            assert_eq!(*read, bytes, "{length}");
        }
        for length in [LIMIT + 1, 7 * START] {
            let read = read(vec![1; length].as_slice(), LIMIT).unwrap();
            assert!(read.is_none(), "{length}");
        }
        assert!(read(io::repeat(1), LIMIT).unwrap().is_none());
    }

    #[test]
    fn a_failure_is_returned() {
        let folder = tempfile::tempdir().unwrap();
        let file = std::fs::File::open(folder.path());
        assert!(file.and_then(|file| read(file, 1)).is_err());
    }
}

//! A connection that is used until a deadline, however often it is read and written.

use std::io::{self, Read, Write};
use std::time::{Duration, Instant};

use super::listen::Connection;

/// Bytes that are written at once. The timeout of a Unix socket begins anew with each piece of a
/// write that its reader takes.
const PIECE: usize = 16 << 10;

pub(super) struct Timed<'a> {
    connection: &'a dyn Connection,
    deadline: Instant,
}

impl<'a> Timed<'a> {
    pub(super) fn new(connection: &'a dyn Connection, time: Duration) -> Self {
        Self {
            connection,
            deadline: Instant::now() + time,
        }
    }

    /// Sets the timeout of the next reading or writing. None is left past the deadline, which is an
    /// error.
    fn set_timeout(&self) -> io::Result<()> {
        let left = self.deadline.saturating_duration_since(Instant::now());
        match left.is_zero() {
            true => Err(io::ErrorKind::TimedOut.into()),
            false => self.connection.set_timeout(left),
        }
    }
}

impl Read for Timed<'_> {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        self.set_timeout()?;
        self.connection.read(bytes)
    }
}

impl Write for Timed<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.set_timeout()?;
        self.connection.write(&bytes[..bytes.len().min(PIECE)])
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

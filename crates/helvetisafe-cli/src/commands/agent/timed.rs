//! A connection with one deadline for all its reads and writes.

use std::io::{self, Read, Write};
use std::time::{Duration, Instant};

use super::listen::Connection;

/// The maximum bytes of one write. The timeout of a Unix socket restarts with each part of a write that the
/// reader takes.
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

    /// Sets the timeout of the next read or write. Fails after the deadline.
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

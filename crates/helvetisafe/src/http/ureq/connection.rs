//! The connections of `ureq`: their progress is recorded, and no request and no answer stays in their
//! buffers.

use ureq::Error;
use ureq::unversioned::transport::{Buffers, NextTimeout, Transport};
use zeroize::Zeroize;

use super::progress::Progress;
use crate::http::framing::TooMuchFraming;
use crate::http::informational::TooManyInformational;

/// A connection that wipes its buffers after each request.
#[derive(Debug)]
pub(super) struct Wiped<T: Transport> {
    connection: T,
    /// The bytes received since the input was last wiped: no more of its first bytes are not zero.
    received: usize,
    /// The unread bytes of the input at the last check.
    unread: usize,
    /// True from the first received byte until the connection goes back to the pool.
    is_used: bool,
}

impl<T: Transport> Wiped<T> {
    pub(super) fn new(connection: T) -> Self {
        Self {
            connection,
            received: 0,
            unread: 0,
            is_used: false,
        }
    }

    /// Wipes the input after all of it was read.
    fn wipe_input(&mut self) {
        let input = self.connection.buffers().input_append_buf();
        let received = self.received.min(input.len());
        input[..received].zeroize();
        self.received = 0;
    }

    /// Returns true if the body has too much framing. A line of it that fills the input is never consumed.
    fn is_padded(&mut self) -> bool {
        let progress = Progress::current();
        let is_full = self.connection.buffers().input_append_buf().is_empty();
        progress.framing.is_too_much() || progress.answered && is_full
    }

    /// Counts the head that `ureq` took from the input since the last call, if any: it calls `buffers` before
    /// and after. After too many heads it finds no input, and gets the error when it waits for more.
    fn count_heads(&mut self) {
        let buffers = self.connection.buffers();
        let unread = buffers.input().len();
        if unread < self.unread {
            Progress::note(|progress| progress.informational += 1);
        }
        self.unread = unread;
        if Progress::current().is_flooded() {
            buffers.input_consume(unread);
            self.unread = 0;
        }
    }
}

impl<T: Transport> Transport for Wiped<T> {
    fn buffers(&mut self) -> &mut dyn Buffers {
        self.count_heads();
        self.connection.buffers()
    }

    fn transmit_output(&mut self, amount: usize, timeout: NextTimeout) -> Result<(), Error> {
        // Even a failed write may have put some of it on the wire.
        Progress::note(|progress| progress.sent = true);
        let outcome = self.connection.transmit_output(amount, timeout);
        let output = self.connection.buffers().output();
        let sent = amount.min(output.len());
        output[..sent].zeroize();
        outcome
    }

    fn await_input(&mut self, timeout: NextTimeout) -> Result<bool, Error> {
        self.count_heads();
        if Progress::current().is_flooded() {
            return Err(Error::Other(Box::new(TooManyInformational)));
        }
        if self.is_padded() {
            return Err(Error::Other(Box::new(TooMuchFraming)));
        }
        let before = self.unread;
        self.is_used = true;
        let more = self.connection.await_input(timeout)?;
        self.unread = self.connection.buffers().input().len();
        let received = self.unread.saturating_sub(before);
        self.received = self.received.saturating_add(received);
        Progress::note(|progress| {
            progress.received |= more;
            if progress.answered {
                progress.framing.note_received(received);
            }
        });
        Ok(more)
    }

    /// Called twice: after the whole answer was read, before the connection goes back to the pool, and before
    /// the next request. The first call does not read the socket, which saves three system calls: the second call
    /// finds everything that arrived until then.
    fn is_open(&mut self) -> bool {
        if self.connection.buffers().input().is_empty() {
            self.wipe_input();
        }
        std::mem::take(&mut self.is_used) || self.connection.is_open()
    }

    fn is_tls(&self) -> bool {
        self.connection.is_tls()
    }
}

impl<T: Transport> Drop for Wiped<T> {
    fn drop(&mut self) {
        let buffers = self.connection.buffers();
        let unread = buffers.input().len();
        buffers.input_consume(unread);
        buffers.input_append_buf().zeroize();
        buffers.output().zeroize();
    }
}

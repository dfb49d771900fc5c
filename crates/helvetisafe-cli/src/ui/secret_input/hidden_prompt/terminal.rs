//! The terminal of the process.

use std::fs::{File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::fd::{AsFd, BorrowedFd};

use rustix::termios::{
    LocalModes, OptionalActions, SpecialCodeIndex, Termios, tcgetattr, tcsetattr,
};
use zeroize::Zeroizing;

/// The terminal and its original settings, which are restored on drop.
pub(super) struct Terminal {
    file: File,
    original: Termios,
}

impl Terminal {
    pub(super) fn open() -> io::Result<Self> {
        let file = OpenOptions::new().read(true).write(true).open("/dev/tty")?;
        let original = tcgetattr(&file)?;
        Ok(Self { file, original })
    }

    /// Turns the echo off, and passes each key on at once: a line that the terminal edits itself is cut
    /// after 4095 bytes.
    pub(super) fn turn_echo_off(&self) -> io::Result<()> {
        let mut hidden = self.original.clone();
        hidden
            .local_modes
            .remove(LocalModes::ECHO | LocalModes::ECHONL | LocalModes::ICANON);
        hidden.local_modes.insert(LocalModes::ISIG);
        hidden.special_codes[SpecialCodeIndex::VMIN] = 1;
        hidden.special_codes[SpecialCodeIndex::VTIME] = 0;
        Ok(tcsetattr(&self.file, OptionalActions::Now, &hidden)?)
    }

    /// Restores the original settings.
    pub(super) fn restore(&self) {
        // It fails if the terminal is gone: then nothing needs restoring.
        let _ = tcsetattr(&self.file, OptionalActions::Now, &self.original);
    }

    pub(super) fn show(&self, text: &str) -> io::Result<()> {
        (&self.file).write_all(text.as_bytes())
    }

    pub(super) fn read_byte(&self) -> io::Result<u8> {
        let mut byte = Zeroizing::new([0]);
        (&self.file).read_exact(byte.as_mut())?;
        Ok(byte[0])
    }
}

impl AsFd for Terminal {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.file.as_fd()
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        self.restore();
    }
}

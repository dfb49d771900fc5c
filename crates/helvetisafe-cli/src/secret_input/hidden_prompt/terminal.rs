//! The terminal of the process.

use std::fs::{File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::fd::{AsFd, BorrowedFd};

use rustix::termios::{
    LocalModes, OptionalActions, SpecialCodeIndex, Termios, tcgetattr, tcsetattr,
};
use zeroize::Zeroizing;

/// The terminal, and the settings that it had. Dropped, it has them again.
pub(super) struct Terminal {
    file: File,
    before: Termios,
}

impl Terminal {
    pub(super) fn open() -> io::Result<Self> {
        let file = OpenOptions::new().read(true).write(true).open("/dev/tty")?;
        let before = tcgetattr(&file)?;
        Ok(Self { file, before })
    }

    /// Shows nothing of what is typed, and hands on each key at once: a line that the terminal edits
    /// itself is cut after 4095 bytes.
    pub(super) fn hide(&self) -> io::Result<()> {
        let mut hidden = self.before.clone();
        hidden
            .local_modes
            .remove(LocalModes::ECHO | LocalModes::ECHONL | LocalModes::ICANON);
        hidden.local_modes.insert(LocalModes::ISIG);
        hidden.special_codes[SpecialCodeIndex::VMIN] = 1;
        hidden.special_codes[SpecialCodeIndex::VTIME] = 0;
        Ok(tcsetattr(&self.file, OptionalActions::Now, &hidden)?)
    }

    /// Sets the terminal back.
    pub(super) fn restore(&self) {
        // It fails where the terminal is gone, and then there is nothing to set back.
        let _ = tcsetattr(&self.file, OptionalActions::Now, &self.before);
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

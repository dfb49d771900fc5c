//! The line typed at a hidden prompt, and the keys that edit it.

use std::io;

use secrecy::SecretString;
use zeroize::{Zeroize, Zeroizing};

use super::LIMIT;

const CTRL_D: u8 = 0x04;
const BACKSPACE: u8 = 0x08;
const CTRL_U: u8 = 0x15;
const CTRL_W: u8 = 0x17;
const ESCAPE: u8 = 0x1b;
const DELETE: u8 = 0x7f;

/// The line as typed so far.
pub(super) struct Line {
    bytes: Zeroizing<Vec<u8>>,
    escape: Escape,
}

/// The progress in the escape sequence of a key such as an arrow.
#[derive(Clone, Copy)]
enum Escape {
    None,
    Started,
    Inside,
}

impl Line {
    pub(super) fn new() -> Self {
        Self {
            bytes: Zeroizing::new(Vec::with_capacity(4096)),
            escape: Escape::None,
        }
    }

    /// Adds a byte, and returns whether the line is complete. Other control characters and the escape
    /// sequences of keys are dropped.
    ///
    /// # Errors
    ///
    /// Ctrl-D on an empty line, and a line that is longer than any secret.
    pub(super) fn push(&mut self, byte: u8) -> io::Result<bool> {
        match (self.escape, byte) {
            (_, b'\n' | b'\r') => return Ok(true),
            (Escape::Started, b'[' | b'O') => self.escape = Escape::Inside,
            (Escape::Started, _) | (Escape::Inside, b'@'..=b'~') => self.escape = Escape::None,
            (Escape::Inside, _) => {}
            (Escape::None, ESCAPE) => self.escape = Escape::Started,
            (Escape::None, BACKSPACE | DELETE) => self.remove_character(),
            (Escape::None, CTRL_U) => self.clear(),
            (Escape::None, CTRL_W) => self.remove_word(),
            (Escape::None, CTRL_D) if self.bytes.is_empty() => return Err(nothing()),
            (Escape::None, 0..b' ') => {}
            (Escape::None, _) if self.bytes.len() == LIMIT => return Err(too_long()),
            (Escape::None, _) => self.bytes.push(byte),
        }
        Ok(false)
    }

    /// Wipes the line.
    pub(super) fn clear(&mut self) {
        self.bytes.zeroize();
        self.escape = Escape::None;
    }

    pub(super) fn into_secret(self) -> io::Result<SecretString> {
        let text = std::str::from_utf8(&self.bytes);
        text.map(SecretString::from)
            .map_err(|_| io::Error::new(io::ErrorKind::InvalidData, "the line is not UTF-8"))
    }

    fn remove_character(&mut self) {
        while self.bytes.pop().is_some_and(is_continuation) {}
    }

    /// Removes the spaces at the end, and the word before them.
    fn remove_word(&mut self) {
        while self.bytes.pop_if(|byte| *byte == b' ').is_some() {}
        while self.bytes.pop_if(|byte| *byte != b' ').is_some() {}
    }
}

/// Returns true if a byte continues a UTF-8 character.
fn is_continuation(byte: u8) -> bool {
    byte & 0xc0 == 0x80
}

fn nothing() -> io::Error {
    io::Error::new(io::ErrorKind::UnexpectedEof, "nothing was typed")
}

fn too_long() -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, "the line is too long")
}

#[cfg(test)]
mod tests {
    use secrecy::ExposeSecret;

    use super::*;

    /// Returns the line that these keys type; the last key ends it.
    fn typed(keys: &str) -> String {
        let mut line = Line::new();
        for (at, byte) in keys.bytes().enumerate() {
            assert_eq!(line.push(byte).unwrap(), at + 1 == keys.len(), "{keys:?}");
        }
        line.into_secret().unwrap().expose_secret().to_owned()
    }

    #[test]
    fn keys_edit_the_line() {
        for (keys, line) in [
            ("\n", ""),
            ("hunter2\r", "hunter2"),
            ("é ☃ 🔑\n", "é ☃ 🔑"),
            ("ab\u{7f}c\n", "ac"),
            ("a🔑\u{8}\u{8}\u{8}b\n", "b"),
            ("wrong\u{15}right\n", "right"),
            ("two words  \u{17}x\n", "two x"),
            ("word\u{17}\u{17}x\n", "x"),
            ("a\u{1b}[Ab\u{1b}[1;5Cc\u{1b}OPd\u{1b}xe\n", "abcde"),
            ("a\u{1}\u{4}\u{0}b\n", "ab"),
            ("a\u{1b}\n", "a"),
        ] {
            assert_eq!(typed(keys), line, "{keys:?}");
        }
    }

    #[test]
    fn the_end_of_input_is_an_error() {
        assert!(Line::new().push(CTRL_D).is_err());
        let mut line = Line::new();
        line.push(b'a').unwrap();
        line.push(DELETE).unwrap();
        assert!(line.push(CTRL_D).is_err());
    }

    #[test]
    fn a_line_is_bounded_and_utf_8() {
        let mut line = Line::new();
        assert!((0..LIMIT).all(|_| line.push(b'a').is_ok()));
        assert!(line.push(b'a').is_err());
        let mut line = Line::new();
        line.push(0xff).unwrap();
        assert!(line.into_secret().is_err());
    }
}

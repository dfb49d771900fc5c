//! The clipboard, by the programs of the desktop. A value goes to their standard input, never into an argument.

use std::env;
use std::io::{self, Write};
use std::process::{Command, Stdio};

use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use crate::failure::Failure;
use crate::process::remove_our_variables;
use crate::random;

/// The programs of a kind of desktop.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Clipboard {
    /// Replaces the content by standard input.
    copy: &'static [&'static str],
    /// Prints the content.
    paste: &'static [&'static str],
}

const WAYLAND: Clipboard = Clipboard {
    copy: &["wl-copy"],
    paste: &["wl-paste", "--no-newline"],
};
const XCLIP: Clipboard = Clipboard {
    copy: &["xclip", "-selection", "clipboard", "-in"],
    paste: &["xclip", "-selection", "clipboard", "-out"],
};
const XSEL: Clipboard = Clipboard {
    copy: &["xsel", "--clipboard", "--input"],
    paste: &["xsel", "--clipboard", "--output"],
};
const MACOS: Clipboard = Clipboard {
    copy: &["pbcopy"],
    paste: &["pbpaste"],
};
const WINDOWS: Clipboard = Clipboard {
    copy: &["clip.exe"],
    paste: &[
        "powershell.exe",
        "-NoProfile",
        "-Command",
        // As the last command of a pipeline it would add a line break.
        "[Console]::Out.Write((Get-Clipboard -Raw))",
    ],
};

impl Clipboard {
    /// Returns the clipboard of this session.
    pub(crate) fn find() -> Result<Self, Failure> {
        let is_set = |name| env::var_os(name).is_some_and(|value| !value.is_empty());
        let candidates = [
            (is_set("WAYLAND_DISPLAY"), WAYLAND),
            (is_set("DISPLAY"), XCLIP),
            (is_set("DISPLAY"), XSEL),
            (cfg!(target_os = "macos"), MACOS),
            (cfg!(windows) || is_set("WSL_DISTRO_NAME"), WINDOWS),
        ];
        let mut candidates = candidates.into_iter().filter(|(is_likely, _)| *is_likely);
        let found = candidates.find(|(_, clipboard)| is_installed(clipboard.copy[0]));
        found.map(|(_, clipboard)| clipboard).ok_or_else(|| {
            Failure::other(
                "there is no clipboard: it needs a desktop and one of wl-copy, xclip, xsel, pbcopy and \
                 clip.exe; print the value, or write it with --output",
            )
        })
    }

    /// Replaces the content.
    pub(crate) fn copy(&self, value: &str) -> Result<(), Failure> {
        self.write(value).map_err(|error| {
            Failure::other(format_args!(
                "cannot copy the value with `{}`: {error}",
                self.copy.join(" ")
            ))
        })
    }

    /// Empties the clipboard if it still has the value of this digest.
    pub(crate) fn clear_if(&self, value_digest: &str) -> io::Result<()> {
        match digest(&self.read()?).as_str() == value_digest {
            true => self.write(""),
            false => Ok(()),
        }
    }

    fn write(&self, value: &str) -> io::Result<()> {
        // Such programs stay in the background, and must not hold a pipe of the caller.
        let mut child = command(self.copy)
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()?;
        if let Some(mut stdin) = child.stdin.take() {
            stdin.write_all(value.as_bytes())?;
        }
        match child.wait()? {
            status if status.success() => Ok(()),
            status => Err(io::Error::other(format!("it ended with {status}"))),
        }
    }

    fn read(&self) -> io::Result<Zeroizing<Vec<u8>>> {
        let output = command(self.paste)
            .stdin(Stdio::null())
            .stderr(Stdio::null())
            .output()?;
        Ok(Zeroizing::new(output.stdout))
    }
}

/// Identifies a value without holding it.
pub(crate) fn digest(value: &[u8]) -> Zeroizing<String> {
    random::hex(&Sha256::digest(value))
}

fn command(argv: &'static [&'static str]) -> Command {
    let mut command = Command::new(argv[0]);
    command.args(&argv[1..]);
    remove_our_variables(&mut command);
    command
}

fn is_installed(program: &str) -> bool {
    let path = env::var_os("PATH").unwrap_or_default();
    env::split_paths(&path).any(|folder| folder.join(program).is_file())
}

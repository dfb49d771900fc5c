//! The folder with the text. Editors save by rename, and put backups and swap files beside the file, so the
//! folder is private and removed whole.

use std::fs::{File, OpenOptions};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use tempfile::TempDir;
use zeroize::Zeroizing;

use super::{parent, stale};
use crate::failure::Failure;
use crate::ui::messages::Messages;

/// The limit in bytes: more than the vault accepts.
const LIMIT: u64 = 4 << 20;

/// A folder with one file. It is removed with everything in it on drop.
pub(super) struct Workspace {
    folder: TempDir,
    file: PathBuf,
    /// Shows later commands that the folder is in use.
    _lock: File,
}

impl Workspace {
    pub(super) fn new(name: &str, text: &[u8], messages: Messages) -> Result<Self, Failure> {
        let failed = |error: io::Error| {
            Failure::other(format_args!("cannot create a folder for the text: {error}"))
        };
        let mut builder = tempfile::Builder::new();
        builder.prefix(stale::PREFIX);
        #[cfg(unix)]
        builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o700));
        let parent = parent::choose(messages)?;
        stale::remove(&parent);
        let folder = builder.tempdir_in(parent).map_err(failed)?;
        let lock = stale::lock(folder.path()).map_err(failed)?;
        let file = folder.path().join(name);
        let mut options = OpenOptions::new();
        options.write(true).create_new(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let mut opened = options.open(&file).map_err(failed)?;
        opened.write_all(text).map_err(failed)?;
        Ok(Self {
            folder,
            file,
            _lock: lock,
        })
    }

    pub(super) fn file(&self) -> &Path {
        &self.file
    }

    /// Reads the text, and removes the folder.
    pub(super) fn read(self) -> Result<Zeroizing<Vec<u8>>, Failure> {
        let mut bytes = Zeroizing::new(Vec::new());
        let read = File::open(&self.file).and_then(|file| {
            let length = usize::try_from(file.metadata()?.len().min(LIMIT)).unwrap_or_default();
            // One allocation: growing would leave an unwiped copy.
            bytes.reserve_exact(length + 1);
            file.take(LIMIT + 1).read_to_end(&mut bytes)
        });
        self.remove()?;
        read.map_err(|error| {
            Failure::other(format_args!(
                "cannot read the edited text: {error}; nothing was changed; let the editor save the file under its own name"
            ))
        })?;
        if bytes.len() as u64 > LIMIT {
            return Err(Failure::usage(format_args!(
                "the edited text has more than {} MiB; nothing was changed; make it smaller",
                LIMIT >> 20
            )));
        }
        Ok(bytes)
    }

    fn remove(self) -> Result<(), Failure> {
        let path = self.folder.path().to_owned();
        self.folder.close().map_err(|error| {
            Failure::other(format_args!(
                "cannot remove {}, which has the text: {error}; nothing was changed; remove it yourself",
                path.display()
            ))
        })
    }
}

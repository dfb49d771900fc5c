//! Notices changes of the certificate and its key.

use std::fs;
use std::path::Path;
use std::time::{Duration, SystemTime};

use tokio::time::sleep;

use crate::tls::CertificateFiles;

/// The time between two polls. Polling also notices what notifications of the kernel miss: files on network
/// file systems, and links that are switched several levels above, as Kubernetes does.
const POLL: Duration = Duration::from_secs(1);

/// The two files and their last known state.
pub(super) struct FileWatch {
    files: Option<CertificateFiles>,
    known: State,
}

type State = [Option<Identity>; 2];

/// The attributes that change when a file is written or replaced, or gets another mode or owner.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Identity {
    modified: Option<SystemTime>,
    len: u64,
    file: [u64; 2],
    /// The time of the last change of the attributes, in seconds and nanoseconds.
    changed: [i64; 2],
}

impl FileWatch {
    /// Call it before the files are read, so that no change is missed.
    pub(super) fn new(files: Option<CertificateFiles>) -> Self {
        let mut watch = Self {
            files,
            known: [None; 2],
        };
        watch.observe();
        watch
    }

    /// Takes the files as they are now for known: they are about to be read.
    pub(super) fn observe(&mut self) {
        self.known = self.files.as_ref().map_or([None; 2], state);
    }

    /// Returns after a change, when both files have stayed the same for a poll: they are seldom replaced at
    /// the same moment.
    pub(super) async fn changed(&mut self) {
        let Some(files) = &self.files else {
            return std::future::pending().await;
        };
        let mut last = self.known;
        loop {
            sleep(POLL).await;
            let now = state(files);
            if now == last && now != self.known {
                self.known = now;
                return;
            }
            last = now;
        }
    }
}

fn state(files: &CertificateFiles) -> State {
    [identity(&files.certificate), identity(&files.key)]
}

/// Follows links.
fn identity(path: &Path) -> Option<Identity> {
    let metadata = fs::metadata(path).ok()?;
    Some(Identity {
        modified: metadata.modified().ok(),
        len: metadata.len(),
        #[cfg(unix)]
        file: {
            use std::os::unix::fs::MetadataExt;
            [metadata.dev(), metadata.ino()]
        },
        #[cfg(not(unix))]
        file: [0; 2],
        #[cfg(unix)]
        changed: {
            use std::os::unix::fs::MetadataExt;
            [metadata.ctime(), metadata.ctime_nsec()]
        },
        #[cfg(not(unix))]
        changed: [0; 2],
    })
}

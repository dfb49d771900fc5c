use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use crate::problem::Problem;

/// A failure to start a vault, or of a method of its handle.
///
/// Errors of clients are not included; those are HTTP responses. `Display` is the whole message, with the reason,
/// so `source` is `None`.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// Another process listens on the address.
    #[error(
        "cannot listen on {address}: it is in use by another process; stop that process or choose another port"
    )]
    AddressInUse {
        /// The requested address.
        address: SocketAddr,
    },
    /// Listening on the address failed for another reason.
    #[error("cannot listen on {address}: {reason}; check the address, or choose another one")]
    Listen {
        /// The requested address.
        address: SocketAddr,
        /// The error of the operating system.
        reason: io::Error,
    },
    /// The address can be reached from other machines.
    #[error(
        "cannot listen on {address}: it is not a loopback address, and clients refuse plain HTTP to \
         any other; listen on 127.0.0.1 or [::1] and put a TLS proxy in front"
    )]
    NotLoopback {
        /// The requested address.
        address: SocketAddr,
    },
    /// The database cannot be opened, or a statement failed.
    #[error("the database {name} failed: {reason}")]
    Database {
        /// The database file, or `in memory`.
        name: String,
        /// The error of the database. It never contains stored values.
        reason: Box<dyn std::error::Error + Send + Sync>,
    },
    /// Other users of the machine can read a file or a folder of the vault.
    #[error("other users can read {}: run chmod {mode} {}", path.display(), quoted(path))]
    Exposed {
        /// The file or the folder.
        path: PathBuf,
        /// The required mode: `600` or `700`.
        mode: &'static str,
    },
    /// Another process uses the same database or folder.
    #[error("cannot open {}: another process uses it; stop that process or choose another path", path.display())]
    Locked {
        /// The file.
        path: PathBuf,
    },
    /// A file or a folder cannot be made, read or written.
    #[error("cannot {action} {}: {reason}; {}", path.display(), remedy(reason))]
    File {
        /// The failed action, such as `read`.
        action: &'static str,
        /// The file or the folder.
        path: PathBuf,
        /// The error of the operating system.
        reason: io::Error,
    },
    /// The files of a state folder are inconsistent.
    #[error(
        "cannot use the folder {}: {problem}; restore the right file, or remove the folder to start anew",
        folder.display()
    )]
    State {
        /// The state folder.
        folder: PathBuf,
        /// The missing or wrong file.
        problem: &'static str,
    },
    /// The organization belongs to another vault.
    #[error("the organization belongs to another vault: make one with new_organization")]
    UnknownOrganization,
    /// The account belongs to another vault.
    #[error("the account belongs to another vault: make one with new_account")]
    UnknownAccount,
    /// A setting or the schema of the database prevents the vault from serving.
    #[error("{0}")]
    Problem(Problem),
    /// The certificate and its key cannot be served.
    #[error("{0}")]
    Certificate(Problem),
    /// A key cannot be made, or a given key is not usable.
    #[error("cannot make or use the key of an account: {0}")]
    Crypto(helvetisafe_crypto::Error),
    /// The operating system has no randomness.
    #[error("cannot make a credential: the operating system's source of randomness failed")]
    Random,
    /// The vault's thread or runtime cannot start.
    #[error("cannot start the vault's thread: {0}")]
    Thread(io::Error),
    /// The vault's thread ended before the call finished.
    #[error("the vault has stopped")]
    Stopped,
}

impl From<helvetisafe_crypto::Error> for Error {
    fn from(error: helvetisafe_crypto::Error) -> Self {
        Self::Crypto(error)
    }
}

impl From<Problem> for Error {
    fn from(problem: Problem) -> Self {
        Self::Problem(problem)
    }
}

impl Error {
    /// Returns a function for `map_err` that adds the action and the path.
    pub(crate) fn file(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        move |reason| Self::File {
            action,
            path: path.to_owned(),
            reason,
        }
    }
}

/// Returns what to do about an error of a file or a folder.
fn remedy(reason: &io::Error) -> &'static str {
    match reason.kind() {
        io::ErrorKind::NotFound => "check the path",
        io::ErrorKind::PermissionDenied => "check its permissions, and the user that runs this",
        io::ErrorKind::AlreadyExists => "choose another path, or move that file away",
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => "make room on the disk",
        _ => "check the path, its permissions and the disk",
    }
}

/// Quotes a path as one word of a shell command.
pub(crate) fn quoted(path: &Path) -> String {
    format!("'{}'", path.display().to_string().replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_of_a_file_says_what_to_do() {
        for (kind, remedy) in [
            (io::ErrorKind::NotFound, "check the path"),
            (io::ErrorKind::PermissionDenied, "permissions"),
            (io::ErrorKind::AlreadyExists, "choose another path"),
            (io::ErrorKind::StorageFull, "make room"),
            (io::ErrorKind::Other, "check the path, its permissions"),
        ] {
            let text = Error::file("make", Path::new("token"))(kind.into()).to_string();
            assert!(text.starts_with("cannot make token: "), "{text}");
            let (_, advice) = text.rsplit_once("; ").unwrap();
            assert!(advice.contains(remedy), "{text}");
        }
    }

    #[test]
    fn a_message_can_be_pasted_into_a_shell() {
        let error = Error::Exposed {
            path: "/it's".into(),
            mode: "700",
        };
        assert_eq!(
            error.to_string(),
            r"other users can read /it's: run chmod 700 '/it'\''s'"
        );
    }
}

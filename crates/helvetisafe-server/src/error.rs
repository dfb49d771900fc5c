use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

/// Why a vault cannot start, or cannot do what the process that holds it asked for.
///
/// What a client did wrong is not here: it is told over HTTP.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// Another process listens on the address.
    #[error("{address} is in use by another process: stop that one, or choose another port")]
    AddressInUse {
        /// The address asked for.
        address: SocketAddr,
    },
    /// The address cannot be listened on for another reason.
    #[error("cannot listen on {address}: {source}")]
    Listen {
        /// The address asked for.
        address: SocketAddr,
        /// What the operating system said.
        source: io::Error,
    },
    /// The address can be reached from other machines.
    #[error(
        "{address} is not a loopback address: the vault speaks plain HTTP, which clients refuse \
         to any other host; listen on 127.0.0.1 or [::1] and put a TLS proxy in front"
    )]
    NotLoopback {
        /// The address asked for.
        address: SocketAddr,
    },
    /// The database cannot be opened, or a statement failed.
    #[error("the database {name} failed: {source}")]
    Database {
        /// Its file, or `in memory`.
        name: String,
        /// What the database said. It never holds a value that was stored.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// Other users of the machine can read a file or a folder of the vault.
    #[error("other users can read {}: run chmod {mode} {}", path.display(), quoted(path))]
    Exposed {
        /// The file or the folder.
        path: PathBuf,
        /// The mode that it should have: `600` or `700`.
        mode: &'static str,
    },
    /// Another process serves the same database.
    #[error("another process uses {}: stop it first, or choose another path", path.display())]
    Locked {
        /// The database file.
        path: PathBuf,
    },
    /// A file or a folder cannot be made, read or written.
    #[error("cannot {action} {}: {source}", path.display())]
    File {
        /// What was tried, such as `read`.
        action: &'static str,
        /// The file or the folder.
        path: PathBuf,
        /// What the operating system said.
        source: io::Error,
    },
    /// The files of a state folder contradict each other, and no guess would be safe.
    #[error(
        "{}: {problem}; put the right file back, or remove the folder to start anew",
        folder.display()
    )]
    State {
        /// The state folder.
        folder: PathBuf,
        /// What is missing or wrong.
        problem: &'static str,
    },
    /// The organization is not one of this vault.
    #[error("this vault does not hold the organization: make one with new_organization")]
    UnknownOrganization,
    /// The account is not one of this vault.
    #[error("this vault does not hold the account: make one with new_account")]
    UnknownAccount,
    /// A key could not be made, or a given one is not usable.
    #[error("a key for a new account failed: {0}")]
    Crypto(#[from] helvetisafe_crypto::Error),
    /// The operating system gave no randomness.
    #[error("the operating system's source of randomness failed")]
    Random,
    /// The vault's thread or its runtime could not be started.
    #[error("the vault's thread cannot start: {0}")]
    Thread(io::Error),
    /// The vault's thread ended before the call was done.
    #[error("the vault has stopped")]
    Stopped,
}

impl Error {
    /// For `map_err`: an action on a path failed.
    pub(crate) fn file(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::File {
            action,
            path: path.to_owned(),
            source,
        }
    }
}

/// A path as one word of a shell command.
fn quoted(path: &Path) -> String {
    format!("'{}'", path.display().to_string().replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

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

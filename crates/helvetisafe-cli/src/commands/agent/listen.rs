//! The address of the agent: a loopback address, or a Unix socket that only its owner can open.

use std::fmt;
use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use crate::failure::Failure;
use crate::fs::Access;
#[cfg(unix)]
use crate::fs::folder_of;

/// An address to listen on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Address {
    Network(SocketAddr),
    Socket(PathBuf),
}

impl FromStr for Address {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if let Some(path) = text.strip_prefix("unix:") {
            return match path {
                "" => Err("unix: needs the path of a socket".to_owned()),
                _ => Ok(Self::Socket(path.into())),
            };
        }
        let address = match text.strip_prefix("localhost:").map(str::parse) {
            Some(Ok(port)) => SocketAddr::from((Ipv4Addr::LOCALHOST, port)),
            _ => text
                .parse::<SocketAddr>()
                .map_err(|_| "write it like 127.0.0.1:8210 or unix:PATH".to_owned())?,
        };
        if !address.ip().is_loopback() {
            return Err(format!(
                "{} is not a loopback address, so other machines could connect; use 127.0.0.1, \
                 [::1] or unix:PATH",
                address.ip()
            ));
        }
        Ok(Self::Network(address))
    }
}

impl Address {
    pub(super) fn bind(&self, access: Access) -> Result<Listener, Failure> {
        let bound = match self {
            Self::Network(address) => TcpListener::bind(address).map(Listener::Network),
            Self::Socket(path) => bind_socket(path, access),
        };
        bound.map_err(|error| {
            Failure::usage(format_args!(
                "cannot listen on {self}: {error}; choose another address with --listen"
            ))
        })
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Network(address) => address.fmt(f),
            Self::Socket(path) => write!(f, "unix:{}", path.display()),
        }
    }
}

/// A listener on an address.
pub(super) enum Listener {
    Network(TcpListener),
    #[cfg(unix)]
    Socket(std::os::unix::net::UnixListener, PathBuf),
}

/// A connection of either kind. Its methods take `&self`, so that another thread can close it.
pub(super) trait Connection: Send + Sync {
    fn read(&self, bytes: &mut [u8]) -> io::Result<usize>;

    fn write(&self, bytes: &[u8]) -> io::Result<usize>;

    /// Sets the timeout of one read or write; not zero.
    fn set_timeout(&self, time: Duration) -> io::Result<()>;

    /// Shuts the sending side down.
    fn shut_down(&self) -> io::Result<()>;

    /// Closes the connection, also for a thread that reads or writes.
    fn close(&self);
}

impl Listener {
    pub(super) fn is_network(&self) -> bool {
        matches!(self, Self::Network(_))
    }

    pub(super) fn accept(&self) -> io::Result<Arc<dyn Connection>> {
        match self {
            Self::Network(listener) => Ok(Arc::new(listener.accept()?.0)),
            #[cfg(unix)]
            Self::Socket(listener, _) => Ok(Arc::new(listener.accept()?.0)),
        }
    }

    /// Removes the file of a socket.
    pub(super) fn remove(&self) {
        #[cfg(unix)]
        if let Self::Socket(_, path) = self {
            // It fails if the file is gone already.
            let _ = std::fs::remove_file(path);
        }
    }
}

impl fmt::Display for Listener {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Network(listener) => match listener.local_addr() {
                Ok(address) => write!(f, "http://{address}"),
                Err(_) => f.write_str("a loopback address"),
            },
            #[cfg(unix)]
            Self::Socket(_, path) => write!(f, "unix:{}", path.display()),
        }
    }
}

/// Both kinds have the same methods, but no common trait.
macro_rules! connection {
    ($stream:ty) => {
        impl Connection for $stream {
            fn read(&self, bytes: &mut [u8]) -> io::Result<usize> {
                (&mut &*self).read(bytes)
            }

            fn write(&self, bytes: &[u8]) -> io::Result<usize> {
                (&mut &*self).write(bytes)
            }

            fn set_timeout(&self, time: Duration) -> io::Result<()> {
                self.set_read_timeout(Some(time))?;
                self.set_write_timeout(Some(time))
            }

            fn shut_down(&self) -> io::Result<()> {
                self.shutdown(Shutdown::Write)
            }

            fn close(&self) {
                // It fails if the client has closed the connection.
                let _ = self.shutdown(Shutdown::Both);
            }
        }
    };
}

connection!(TcpStream);
#[cfg(unix)]
connection!(std::os::unix::net::UnixStream);

/// Creates the socket in a private folder, so that it has its mode before another user can open it, and then
/// moves it to its path. A socket that no process serves is replaced.
#[cfg(unix)]
fn bind_socket(path: &Path, access: Access) -> io::Result<Listener> {
    use std::fs::{Permissions, rename};
    use std::os::unix::fs::{FileTypeExt, PermissionsExt};
    use std::os::unix::net::{UnixListener, UnixStream};

    match path.symlink_metadata() {
        Ok(metadata) if !metadata.file_type().is_socket() => {
            return Err(io::Error::other("it exists and is not a socket"));
        }
        Ok(_) if UnixStream::connect(path).is_ok() => {
            return Err(io::ErrorKind::AddrInUse.into());
        }
        _ => {}
    }
    let folder = folder_of(path);
    // If this fails, the error does not show a temporary name.
    folder.metadata()?;
    let mut private = tempfile::Builder::new();
    private
        .prefix(".s-")
        .permissions(Permissions::from_mode(0o700));
    let private = private.tempdir_in(folder)?;
    let made = private.path().join("s");
    let listener = UnixListener::bind(&made)?;
    access.apply_to_socket(&made)?;
    rename(&made, path)?;
    Ok(Listener::Socket(listener, path.to_owned()))
}

#[cfg(not(unix))]
fn bind_socket(_: &Path, _: Access) -> io::Result<Listener> {
    Err(io::Error::other("this system has no Unix sockets"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_loopback_addresses_and_sockets_are_valid() {
        for text in [
            "127.0.0.1:8210",
            "127.9.9.9:1",
            "[::1]:0",
            "localhost:8210",
            "unix:a/b",
        ] {
            assert!(text.parse::<Address>().is_ok(), "{text}");
        }
        for text in [
            "",
            "8210",
            "0.0.0.0:8210",
            "[::]:8210",
            "10.0.0.1:8210",
            "[::ffff:127.0.0.1]:1",
            "vault.example:1",
            "localhost",
            "unix:",
        ] {
            assert!(text.parse::<Address>().is_err(), "{text}");
        }
    }
}

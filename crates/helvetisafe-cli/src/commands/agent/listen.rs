//! The address of the agent: a loopback address, a Unix socket, or, with `--allow-remote`, any address.

use std::fmt;
use std::io::{self, Read, Write};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use crate::failure::Failure;
use crate::fs::Access;
#[cfg(unix)]
use crate::fs::{folder_of, named_if_missing};

/// The variables of the service's Kubernetes package.
const HOST: &str = "HELVETISAFE_AGENT_HOST";
const PORT: &str = "HELVETISAFE_AGENT_PORT";
const DEFAULT_IP: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);
const DEFAULT_PORT: u16 = 8210;

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
        let address = match text.strip_prefix("localhost:").map(port) {
            Some(Some(port)) => SocketAddr::from((Ipv4Addr::LOCALHOST, port)),
            _ => text
                .parse::<SocketAddr>()
                .map_err(|_| "write it like 127.0.0.1:8210 or unix:PATH".to_owned())?,
        };
        Ok(Self::Network(address))
    }
}

impl Address {
    /// Returns the address of the variables, or the default one.
    pub(super) fn from_variables() -> Result<Self, Failure> {
        let ip = variable(HOST, "an IP address", DEFAULT_IP, |text| match text {
            "localhost" => Some(DEFAULT_IP),
            _ => ip(text),
        })?;
        let port = variable(PORT, "a port", DEFAULT_PORT, port)?;
        Ok(Self::Network(SocketAddr::new(ip, port)))
    }

    /// Connects to this address, or to this machine if the address is unspecified (`0.0.0.0`, `[::]`).
    pub(super) fn connect(&self, timeout: Duration) -> io::Result<Arc<dyn Connection>> {
        match self {
            Self::Network(address) => {
                let ip = match address.ip() {
                    IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
                    IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
                    ip => ip,
                };
                let address = SocketAddr::new(ip, address.port());
                Ok(Arc::new(TcpStream::connect_timeout(&address, timeout)?))
            }
            #[cfg(unix)]
            Self::Socket(path) => {
                let stream = std::os::unix::net::UnixStream::connect(path)?;
                Ok(Arc::new(stream))
            }
            #[cfg(not(unix))]
            Self::Socket(_) => Err(no_sockets()),
        }
    }

    /// Refuses an address that other machines could connect to.
    pub(super) fn refuse_remote(&self) -> Result<(), Failure> {
        match self {
            Self::Network(address) if !address.ip().is_loopback() => {
                Err(Failure::usage(format_args!(
                    "{} is not a loopback address, so other machines could connect; use 127.0.0.1, \
                     [::1] or unix:PATH, or give --allow-remote",
                    address.ip()
                )))
            }
            _ => Ok(()),
        }
    }

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

/// Parses an IP address. One of version 6 may be in brackets, as in a URL.
fn ip(text: &str) -> Option<IpAddr> {
    let inner = text.strip_prefix('[').and_then(|it| it.strip_suffix(']'));
    match inner {
        Some(inner) => inner.parse().ok().map(IpAddr::V6),
        None => text.parse().ok(),
    }
}

/// Parses a port in digits alone; the parser of the standard library accepts a sign.
fn port(text: &str) -> Option<u16> {
    let is_number = text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse().ok().filter(|_| is_number)
}

/// Returns the parsed value of a variable. An empty variable counts as unset.
fn variable<T>(
    name: &str,
    kind: &str,
    default: T,
    parse: impl FnOnce(&str) -> Option<T>,
) -> Result<T, Failure> {
    match std::env::var_os(name) {
        Some(text) if !text.is_empty() => text.to_str().and_then(parse).ok_or_else(|| {
            Failure::usage(format_args!(
                "the variable {name} is not {kind}; correct it, unset it, or give --listen"
            ))
        }),
        _ => Ok(default),
    }
}

/// A listener on an address.
pub(super) enum Listener {
    Network(TcpListener),
    #[cfg(unix)]
    Socket(std::os::unix::net::UnixListener, PathBuf),
    /// A socket of systemd, which stays when the agent ends.
    #[cfg(all(feature = "systemd", target_os = "linux"))]
    Activated(std::os::unix::net::UnixListener),
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
    /// Returns true if the clients are programs of this machine that connect over the network.
    pub(super) fn is_loopback(&self) -> bool {
        match self {
            Self::Network(listener) => {
                let address = listener.local_addr();
                address.is_ok_and(|address| address.ip().is_loopback())
            }
            #[cfg(unix)]
            Self::Socket(..) => false,
            #[cfg(all(feature = "systemd", target_os = "linux"))]
            Self::Activated(_) => false,
        }
    }

    /// Returns the address; `None` for a socket without a path.
    pub(super) fn address(&self) -> Option<Address> {
        match self {
            Self::Network(listener) => listener.local_addr().ok().map(Address::Network),
            #[cfg(unix)]
            Self::Socket(_, path) => Some(Address::Socket(path.clone())),
            #[cfg(all(feature = "systemd", target_os = "linux"))]
            Self::Activated(listener) => {
                let address = listener.local_addr().ok()?;
                address
                    .as_pathname()
                    .map(|path| Address::Socket(path.to_owned()))
            }
        }
    }

    pub(super) fn accept(&self) -> io::Result<Arc<dyn Connection>> {
        match self {
            Self::Network(listener) => Ok(Arc::new(listener.accept()?.0)),
            #[cfg(unix)]
            Self::Socket(listener, _) => Ok(Arc::new(listener.accept()?.0)),
            #[cfg(all(feature = "systemd", target_os = "linux"))]
            Self::Activated(listener) => Ok(Arc::new(listener.accept()?.0)),
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
                Err(_) => f.write_str("an unknown address"),
            },
            #[cfg(unix)]
            Self::Socket(_, path) => write!(f, "unix:{}", path.display()),
            #[cfg(all(feature = "systemd", target_os = "linux"))]
            Self::Activated(_) => match self.address() {
                Some(address) => address.fmt(f),
                None => f.write_str("a socket of systemd"),
            },
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
    folder
        .metadata()
        .map_err(|error| named_if_missing(folder, error))?;
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
    Err(no_sockets())
}

#[cfg(not(unix))]
fn no_sockets() -> io::Error {
    io::Error::other("this system has no Unix sockets")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_ip_address_may_have_brackets_and_a_port_no_sign() {
        for text in ["::1", "[::1]"] {
            assert_eq!(ip(text), Some(Ipv6Addr::LOCALHOST.into()), "{text}");
        }
        assert_eq!(ip("127.0.0.1"), Some(Ipv4Addr::LOCALHOST.into()));
        for text in ["[127.0.0.1]", "[::1", "::1]", "[[::1]]", "[]", ""] {
            assert_eq!(ip(text), None, "{text}");
        }
        assert_eq!(port("8081"), Some(8081));
        for text in ["+8081", "-1", "65536", "", " 1"] {
            assert_eq!(port(text), None, "{text}");
        }
        assert!("localhost:+1".parse::<Address>().is_err());
    }

    #[test]
    fn other_machines_reach_no_address_without_an_option() {
        let is_local = |text: &str| {
            let address = text.parse::<Address>();
            address.map(|address| address.refuse_remote().is_ok())
        };
        for text in [
            "127.0.0.1:8210",
            "127.9.9.9:1",
            "[::1]:0",
            "localhost:8210",
            "unix:a/b",
        ] {
            assert_eq!(is_local(text), Ok(true), "{text}");
        }
        for text in [
            "0.0.0.0:8210",
            "[::]:8210",
            "10.0.0.1:8210",
            "[::ffff:127.0.0.1]:1",
        ] {
            assert_eq!(is_local(text), Ok(false), "{text}");
        }
        for text in ["", "8210", "vault.example:1", "localhost", "unix:"] {
            assert!(is_local(text).is_err(), "{text}");
        }
    }
}

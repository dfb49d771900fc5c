//! The address to listen on, and the protection of the credentials that are sent to it.

use std::net::SocketAddr;
use std::path::PathBuf;

use crate::proxies::{self, Proxies};
use crate::serve::reader::Reader;
use crate::tls::CertificateFiles;

const PATH: &str = "write the path of a file";

const PROTECTIONS: [&str; 3] = ["tls-cert", "tls-key", "trusted-proxy"];

/// An address, and the protection of the credentials that are sent to it.
#[derive(Clone, Debug)]
pub(in crate::serve) enum Endpoint {
    Tls(SocketAddr, CertificateFiles),
    /// Plain HTTP on a loopback address.
    Loopback(SocketAddr),
    /// Plain HTTP for proxies that do TLS.
    Proxied(SocketAddr, Proxies),
}

impl Endpoint {
    pub(in crate::serve) fn address(&self) -> SocketAddr {
        match self {
            Self::Tls(address, _) | Self::Loopback(address) | Self::Proxied(address, _) => *address,
        }
    }

    /// Returns the files of the certificate and its key, if there is TLS.
    pub(in crate::serve) fn files(&self) -> Option<&CertificateFiles> {
        match self {
            Self::Tls(_, files) => Some(files),
            Self::Loopback(_) | Self::Proxied(..) => None,
        }
    }
}

pub(super) fn certificate_files(reader: &mut Reader) -> Option<CertificateFiles> {
    let certificate = reader.one("tls-cert", PATH, path);
    let key = reader.one("tls-key", PATH, path);
    let (one, other) = match (certificate, key) {
        (Some(certificate), Some(key)) => return Some(CertificateFiles { certificate, key }),
        (Some(_), None) => ("tls-cert", "tls-key"),
        (None, Some(_)) => ("tls-key", "tls-cert"),
        (None, None) => return None,
    };
    if !reader.is_given(other) {
        let problem = format!("is given without --{other}");
        let remedy = "give both, or neither for plain HTTP on a loopback address";
        reader.refuse(one, problem, remedy);
    }
    None
}

fn path(text: &str) -> Option<PathBuf> {
    (!text.is_empty()).then(|| text.into())
}

pub(super) fn proxies(reader: &mut Reader) -> Option<Proxies> {
    let remedy = "write a network such as 10.0.0.0/8, or an address";
    let networks = reader.all("trusted-proxy", remedy, proxies::network)?;
    Proxies::new(networks)
}

pub(super) fn endpoint(
    reader: &mut Reader,
    address: SocketAddr,
    files: Option<CertificateFiles>,
    proxies: Option<Proxies>,
) -> Option<Endpoint> {
    match (files, proxies) {
        (Some(files), _) => Some(Endpoint::Tls(address, files)),
        (None, _) if address.ip().is_loopback() => Some(Endpoint::Loopback(address)),
        (None, Some(proxies)) => Some(Endpoint::Proxied(address, proxies)),
        // Wrong values of these are reported already.
        (None, None) if PROTECTIONS.iter().any(|name| reader.is_given(name)) => None,
        (None, None) => {
            let problem = format!(
                "{address} is not a loopback address, and without TLS everybody on the network could read \
                 the clients' credentials"
            );
            let remedy = "give --tls-cert and --tls-key, or --trusted-proxy with the network of a proxy that does \
                          TLS, or listen on 127.0.0.1";
            reader.refuse("listen", problem, remedy);
            None
        }
    }
}

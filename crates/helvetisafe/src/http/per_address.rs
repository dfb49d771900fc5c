//! One default transport for each address of the vault, since each has its connections, certificate and proxy.

use helvetisafe_proto::BaseUrl;
use http::{Request, Response, Uri};

#[cfg(feature = "async")]
use super::{Answer, AsyncTransport};
use super::{Transport, TransportError};

/// The addresses of one vault.
pub(crate) struct Addresses<'a> {
    pub(crate) first: &'a BaseUrl,
    pub(crate) further: &'a [BaseUrl],
}

pub(crate) struct PerAddress<T> {
    first: T,
    further: Vec<(BaseUrl, T)>,
}

impl<T> PerAddress<T> {
    pub(crate) fn new<E>(
        addresses: &Addresses<'_>,
        make: impl Fn(&BaseUrl) -> Result<T, E>,
    ) -> Result<Self, E> {
        let further = addresses.further.iter();
        let further = further.map(|address| Ok((address.clone(), make(address)?)));
        Ok(Self {
            first: make(addresses.first)?,
            further: further.collect::<Result<_, E>>()?,
        })
    }

    /// Returns the transport of the address that a URL belongs to.
    fn of(&self, url: &Uri) -> &T {
        let mut further = self.further.iter();
        let found = further.find(|(address, _)| address.has_origin_of(url));
        found.map_or(&self.first, |(_, transport)| transport)
    }
}

impl<T: Transport> Transport for PerAddress<T> {
    fn send(&self, request: &Request<Vec<u8>>) -> Result<Response<Vec<u8>>, TransportError> {
        self.of(request.uri()).send(request)
    }
}

#[cfg(feature = "async")]
impl<T: AsyncTransport> AsyncTransport for PerAddress<T> {
    fn send(&self, request: Request<Vec<u8>>) -> Answer<'_> {
        self.of(request.uri()).send(request)
    }
}

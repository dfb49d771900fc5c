//! Connects to the vault, through a proxy if there is one: name, TCP and TLS within one timeout.

use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::task::Poll;
use std::time::{Duration, Instant};

use helvetisafe_proto::BaseUrl;
use http::Uri;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncBufRead, AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tower_service::Service;

use super::explain::{broken, causes, not_connected};
use super::header_mask::HeaderMask;
use super::progress::{Counter, Progress, Watched};
use crate::config_error::ConfigError;
use crate::http::proxy::{Problem, Proxy, Reply};
use crate::http::tls::{Tls, is_judged, server_name};
use crate::http::{ConnectionSettings, Failure, Late, TransportError};

/// A byte stream to the vault that counts its bytes.
pub(super) type Stream = TokioIo<Watched<Bytes>>;
type Bytes = Box<dyn ByteStream>;

/// A connection, with or without TLS.
pub(super) trait ByteStream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> ByteStream for T {}

pub(super) struct VaultConnector {
    tcp: HttpConnector,
    proxy: Option<Proxy>,
    /// The TLS to the vault, and to a proxy that wants it.
    tls: Option<Tls>,
    timeout: Duration,
}

impl VaultConnector {
    pub(super) fn new(
        base: &BaseUrl,
        timeout: Duration,
        settings: &ConnectionSettings,
    ) -> Result<Self, ConfigError> {
        let mut tcp = HttpConnector::new();
        tcp.enforce_http(false);
        // A small request would otherwise wait for an acknowledgement.
        tcp.set_nodelay(true);
        Ok(Self {
            tcp,
            proxy: settings.proxy.for_vault(base)?,
            tls: Tls::for_vault(base, &settings.tls)?,
            timeout,
        })
    }

    /// Returns the address of the proxy to the vault, if there is one.
    pub(super) fn proxy(&self) -> Option<&Uri> {
        self.proxy.as_ref().map(Proxy::uri)
    }

    /// Opens a connection with this counter and this mask.
    pub(super) async fn connect(
        &self,
        vault: Uri,
        counter: Counter,
        mask: HeaderMask,
    ) -> Result<Stream, TransportError> {
        let opened = tokio::time::timeout(self.timeout, self.open(&vault)).await;
        let late = Late::Connect(self.timeout);
        let stream =
            opened.unwrap_or_else(|_| Err(TransportError::with_source(Failure::NotSent, late)))?;
        Ok(TokioIo::new(Watched::new(stream, counter, mask)))
    }

    /// Explains an error of a connection that was opened.
    pub(super) fn explain(&self, progress: &Progress, error: &hyper::Error) -> TransportError {
        // Once a byte of an answer came, an alert says nothing about the request.
        let unanswered = self.tls.as_ref().filter(|_| !progress.has_answered());
        let refusal = unanswered.and_then(|tls| {
            causes(error).find_map(|cause| tls.refusal(cause.downcast_ref::<rustls::Error>()?))
        });
        refusal.unwrap_or_else(|| broken(progress, error))
    }

    async fn open(&self, vault: &Uri) -> Result<Bytes, TransportError> {
        let first = self.proxy.as_ref().map_or(vault, Proxy::uri);
        let mut tcp = self.tcp.clone();
        let connecting = async {
            poll_fn(|cx| tcp.poll_ready(cx)).await?;
            tcp.call(first.clone()).await
        };
        let tcp = connecting.await.map_err(|error| not_connected(&error))?;
        let mut stream: Bytes = Box::new(tcp.into_inner());
        if let Some(proxy) = &self.proxy {
            if let Some(tls) = self.tls.as_ref().filter(|_| proxy.is_https()) {
                stream = secure(&tls.for_proxy(), proxy.uri(), stream).await?;
            }
            tunnel(proxy, vault, &mut stream).await?;
        }
        match &self.tls {
            Some(tls) => secure(tls, vault, stream).await,
            None => Ok(stream),
        }
    }
}

async fn tunnel(proxy: &Proxy, vault: &Uri, stream: &mut Bytes) -> Result<(), TransportError> {
    let request = proxy.request(
        vault.host().unwrap_or_default(),
        vault.port_u16().unwrap_or(443),
    );
    let lost = |_| TransportError::from(Problem::Closed);
    stream.write_all(&request).await.map_err(lost)?;
    stream.flush().await.map_err(lost)?;
    let (mut reply, mut piece) = (Reply::default(), [0; 1024]);
    loop {
        let count = stream.read(&mut piece).await.map_err(lost)?;
        match reply.add(&piece[..count]) {
            Ok(true) => return Ok(()),
            Ok(false) => {}
            Err(problem) => return Err(problem.into()),
        }
    }
}

async fn secure(tls: &Tls, uri: &Uri, stream: Bytes) -> Result<Bytes, TransportError> {
    let name = server_name(uri.host().unwrap_or_default())?;
    let begun = Instant::now();
    let connecting = TlsConnector::from(tls.config()).connect(name, stream);
    let mut secured = connecting.await.map_err(|error| tls.explain(error))?;
    if let Some(longest) = tls.judgement(secured.get_ref().1, begun.elapsed()) {
        let judgement = tokio::time::timeout(longest, judgement(&mut secured));
        if let Ok(Err(error)) = judgement.await {
            return Err(tls.explain(error));
        }
    }
    Ok(Box::new(secured))
}

/// Waits until the vault has accepted or refused the client's certificate.
async fn judgement(stream: &mut TlsStream<Bytes>) -> io::Result<()> {
    poll_fn(|cx| {
        let polled = Pin::new(&mut *stream).poll_fill_buf(cx);
        match polled.map_ok(<[u8]>::is_empty) {
            Poll::Ready(Ok(true)) => Poll::Ready(Err(io::ErrorKind::UnexpectedEof.into())),
            Poll::Ready(outcome) => Poll::Ready(outcome.map(drop)),
            Poll::Pending if is_judged(stream.get_ref().1) => Poll::Ready(Ok(())),
            Poll::Pending => Poll::Pending,
        }
    })
    .await
}

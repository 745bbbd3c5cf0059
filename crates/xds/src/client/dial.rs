//! How a client gets a connection, and the token it shows.

use std::{
    fmt, fs,
    future::Future,
    io,
    path::PathBuf,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Duration,
};

use hyper_util::rt::TokioIo;
use rustls::{
    ClientConfig, RootCertStore,
    pki_types::{CertificateDer, ServerName, pem::PemObject},
    version::TLS13,
};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpStream,
    time::timeout,
};
use tokio_rustls::TlsConnector;
use tonic::{
    Request,
    client::Grpc,
    codegen::{Service, http::Uri},
    metadata::{Ascii, MetadataValue},
    transport::{Channel, Endpoint},
};

use crate::server::{KEEPALIVE_INTERVAL, KEEPALIVE_TIMEOUT};

/// From the first packet to the end of the handshake.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// Bytes of a token file. Kubernetes' have about 1,000.
const TOKEN_BYTES_MAX: usize = 64 * 1024;

/// Bytes both ways.
pub trait Connection: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Connection for T {}

/// A way to the controller.
pub trait Dial: Clone + Send + Sync + 'static {
    /// Makes a secure connection.
    fn connect(&self) -> impl Future<Output = io::Result<Box<dyn Connection>>> + Send;

    /// Returns the token to show, as it is now.
    ///
    /// # Errors
    /// When there is none.
    fn token(&self) -> io::Result<String>;
}

/// Over TCP and TLS 1.3. Files are read for every connection, because they are renewed.
#[derive(Clone, Debug)]
pub struct TlsDial {
    /// `host:port`.
    pub address: String,
    /// What the controller's certificate must be for; the host of `address` when absent.
    pub name: Option<String>,
    pub trust: Trust,
    pub token: PathBuf,
}

/// PEM certificates that the controller's must lead to.
#[derive(Clone, Debug)]
pub enum Trust {
    /// Read for every connection.
    File(PathBuf),
    Pem(Arc<str>),
}

impl Trust {
    fn anchors(&self) -> io::Result<RootCertStore> {
        let (name, pem) = match self {
            Self::File(path) => {
                let pem = fs::read(path).map_err(|error| about(&path.display(), &error))?;
                (path.display().to_string(), pem)
            }
            Self::Pem(pem) => ("the CA".to_owned(), pem.as_bytes().to_vec()),
        };
        let mut roots = RootCertStore::empty();
        for certificate in CertificateDer::pem_slice_iter(&pem) {
            let certificate = certificate.map_err(|error| about(&name, &error))?;
            roots.add(certificate).map_err(|error| about(&name, &error))?;
        }
        Ok(roots)
    }
}

impl TlsDial {
    fn config(&self) -> io::Result<ClientConfig> {
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let mut config = ClientConfig::builder_with_provider(provider)
            .with_protocol_versions(&[&TLS13])
            .map_err(io::Error::other)?
            .with_root_certificates(self.trust.anchors()?)
            .with_no_client_auth();
        config.alpn_protocols = vec![b"h2".to_vec()];
        Ok(config)
    }

    async fn dial(&self) -> io::Result<Box<dyn Connection>> {
        let config = self.config()?;
        let host = self.address.rsplit_once(':').map_or(&*self.address, |(host, _)| host);
        let host = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
        let name = self.name.as_deref().unwrap_or(host).to_owned();
        let name = ServerName::try_from(name).map_err(io::Error::other)?;
        let socket = TcpStream::connect(&self.address).await.map_err(|error| about(&self.address, &error))?;
        socket.set_nodelay(true)?;
        Ok(Box::new(TlsConnector::from(Arc::new(config)).connect(name, socket).await?))
    }
}

impl Dial for TlsDial {
    async fn connect(&self) -> io::Result<Box<dyn Connection>> {
        match timeout(CONNECT_TIMEOUT, self.dial()).await {
            Ok(dialed) => dialed,
            Err(_) => Err(about(&self.address, &"no answer in time")),
        }
    }

    fn token(&self) -> io::Result<String> {
        let token = fs::read_to_string(&self.token).map_err(|error| about(&self.token.display(), &error))?;
        match token.trim() {
            "" => Err(about(&self.token.display(), &"is empty")),
            token if token.len() > TOKEN_BYTES_MAX => Err(about(&self.token.display(), &"is no token")),
            token => Ok(token.to_owned()),
        }
    }
}

fn about(what: &impl fmt::Display, error: &impl fmt::Display) -> io::Error {
    io::Error::other(format!("{what}: {error}"))
}

/// Connects, and makes a request of a stream of messages, token included.
///
/// # Errors
/// Says why there is no connection.
pub(crate) async fn open<S>(dial: &impl Dial, messages: S) -> Result<(Grpc<Channel>, Request<S>), String> {
    let token = dial.token().map_err(|error| error.to_string())?;
    let mut bearer: MetadataValue<Ascii> =
        format!("Bearer {token}").parse().map_err(|_| "the token has characters that no token has".to_owned())?;
    bearer.set_sensitive(true);
    let channel = Endpoint::from_static("http://controller")
        .http2_keep_alive_interval(KEEPALIVE_INTERVAL)
        .keep_alive_timeout(KEEPALIVE_TIMEOUT)
        .keep_alive_while_idle(true)
        .connect_with_connector(Dialer(dial.clone()))
        .await
        .map_err(|error| reason(&error))?;
    let mut grpc = Grpc::new(channel);
    grpc.ready().await.map_err(|error| reason(&error))?;
    let mut request = Request::new(messages);
    request.metadata_mut().insert("authorization", bearer);
    Ok((grpc, request))
}

/// Returns the innermost reason, which is the one that helps.
fn reason(error: &dyn std::error::Error) -> String {
    let mut error = error;
    while let Some(source) = error.source() {
        error = source;
    }
    error.to_string()
}

/// A [`Dial`] as tonic takes it.
struct Dialer<D>(D);

impl<D: Dial> Service<Uri> for Dialer<D> {
    type Response = TokioIo<Box<dyn Connection>>;
    type Error = io::Error;
    type Future = Pin<Box<dyn Future<Output = io::Result<Self::Response>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, _: Uri) -> Self::Future {
        let dial = self.0.clone();
        Box::pin(async move { dial.connect().await.map(TokioIo::new) })
    }
}

//! The server's side of TLS on one port: the client's SNI chooses the listener, then the certificate within it.

use std::{collections::HashMap, io, sync::Arc, time::Duration};

use gatewright_core::plan::Hostname;
use rustls::{
    HandshakeKind, ServerConfig, ServerConnection,
    crypto::{CryptoProvider, aws_lc_rs::Ticketer},
    pki_types::UnixTime,
    server::{ClientHello, ResolvesServerCert, WebPkiClientVerifier, danger::ClientCertVerifier},
    sign::CertifiedKey,
};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_rustls::{LazyConfigAcceptor, server::TlsStream};

use super::{
    ALPN_H2, ALPN_HTTP11,
    certificate::{Fit, Identity},
    client::{ClientCheck, ClientTrust},
};

/// Terminates TLS for the listeners of one port.
///
/// Listeners are found as a request's is: by the most specific hostname (`Port::select`), here through maps, because a
/// port may carry thousands of them.
pub(crate) struct Acceptor {
    exact: HashMap<Arc<str>, Arc<Terminator>>,
    /// By suffix with its leading dot.
    wildcard: HashMap<Arc<str>, Arc<Terminator>>,
    any: Option<Arc<Terminator>>,
    /// For a client that no listener is there for: the handshake fails with an alert.
    nobody: Arc<Terminator>,
    /// Whether a listener takes verified clients alone.
    verifies: bool,
}

/// How one listener terminates TLS.
pub(super) struct Terminator {
    config: Arc<ServerConfig>,
    client: Option<ClientCheck>,
}

/// A connection whose handshake is done.
pub(crate) struct Secured<IO> {
    pub(crate) stream: TlsStream<IO>,
    /// HTTP/2 by ALPN, otherwise HTTP/1.1.
    pub(crate) is_h2: bool,
    /// Lower-case.
    pub(crate) sni: Option<Arc<str>>,
    /// Who vouches for the client, if its listener asked.
    pub(crate) client: Option<ClientTrust>,
}

impl Acceptor {
    pub(super) fn new<'a>(
        listeners: impl Iterator<Item = (&'a Hostname, Arc<Terminator>)>,
        nobody: Arc<Terminator>,
    ) -> Self {
        let mut acceptor = Self { exact: HashMap::new(), wildcard: HashMap::new(), any: None, nobody, verifies: false };
        for (hostname, terminator) in listeners {
            acceptor.verifies |= terminator.vouched_by().is_some();
            match hostname {
                Hostname::Exact(name) => _ = acceptor.exact.insert(name.clone(), terminator),
                Hostname::Wildcard(suffix) => _ = acceptor.wildcard.insert(suffix.clone(), terminator),
                Hostname::Any => acceptor.any = Some(terminator),
            }
        }
        acceptor
    }

    /// Performs the handshake.
    ///
    /// # Errors
    /// `TimedOut` when it took longer than `timeout` in all; otherwise what rustls found, after its alert was sent.
    pub(crate) async fn accept<IO: AsyncRead + AsyncWrite + Unpin>(
        &self,
        io: IO,
        timeout: Duration,
    ) -> io::Result<Secured<IO>> {
        tokio::time::timeout(timeout, self.handshake(io)).await.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()))
    }

    async fn handshake<IO: AsyncRead + AsyncWrite + Unpin>(&self, io: IO) -> io::Result<Secured<IO>> {
        let start = LazyConfigAcceptor::new(rustls::server::Acceptor::default(), io).await?;
        let sni: Option<Arc<str>> = start.client_hello().server_name().map(|name| name.to_ascii_lowercase().into());
        let terminator = self.select(sni.as_deref().unwrap_or_default()).unwrap_or(&self.nobody);
        let stream = start.into_stream(terminator.config.clone()).await?;
        let session = stream.get_ref().1;
        terminator.verify_again(session).map_err(io::Error::other)?;
        let is_h2 = session.alpn_protocol() == Some(ALPN_H2);
        Ok(Secured { stream, is_h2, sni, client: terminator.vouched_by().cloned() })
    }

    /// Whether a connection whose client `client` vouches for may ask for `host`: its listener may verify clients, and may
    /// have begun to, or have changed its CAs, after the handshake.
    pub(crate) fn admits(&self, host: &str, client: Option<&ClientTrust>) -> bool {
        !self.verifies || {
            let asked = self.select(host).and_then(|terminator| terminator.vouched_by());
            asked.is_none_or(|asked| client == Some(asked))
        }
    }

    pub(super) fn select(&self, host: &str) -> Option<&Arc<Terminator>> {
        if let Some(terminator) = self.exact.get(host) {
            return Some(terminator);
        }
        // The leading label is never empty: `.example.com` is no host under `*.example.com`.
        let dots = host.bytes().enumerate().skip(1).filter(|(_, byte)| *byte == b'.');
        dots.map(|(at, _)| &host[at..]).find_map(|suffix| self.wildcard.get(suffix)).or(self.any.as_ref())
    }
}

impl Terminator {
    /// Makes that of a listener which serves `identities`; with none, its handshakes fail.
    ///
    /// # Errors
    /// When the machine has no randomness for ticket keys.
    pub(super) fn new(
        identities: Vec<Arc<Identity>>,
        client: Option<ClientCheck>,
        provider: &Arc<CryptoProvider>,
    ) -> Result<Self, rustls::Error> {
        let verifier = client.as_ref().map(|client| client.verifier.clone());
        Ok(Self { config: Arc::new(server_config(identities, verifier, provider)?), client })
    }

    fn vouched_by(&self) -> Option<&ClientTrust> {
        self.client.as_ref()?.vouched_by.as_ref()
    }

    /// A resumed session brings along the certificate of the first handshake, which nobody looks at again but here: it
    /// may have expired since.
    fn verify_again(&self, session: &ServerConnection) -> Result<(), rustls::Error> {
        let Some(client) = self.client.as_ref().filter(|client| client.vouched_by.is_some()) else { return Ok(()) };
        if session.handshake_kind() != Some(HandshakeKind::Resumed) {
            return Ok(());
        }
        let chain = session.peer_certificates().unwrap_or_default();
        let (leaf, intermediates) = chain.split_first().ok_or(rustls::Error::NoCertificatesPresented)?;
        client.verifier.verify_client_cert(leaf, intermediates, UnixTime::now()).map(|_| ())
    }
}

fn server_config(
    identities: Vec<Arc<Identity>>,
    verifier: Option<Arc<dyn ClientCertVerifier>>,
    provider: &Arc<CryptoProvider>,
) -> Result<ServerConfig, rustls::Error> {
    // rustls has neither renegotiation, nor compression, nor suites without forward secrecy and AEAD (RFC 9113 §9.2).
    let mut config = ServerConfig::builder_with_provider(provider.clone())
        .with_protocol_versions(&[&rustls::version::TLS13, &rustls::version::TLS12])?
        .with_client_cert_verifier(verifier.unwrap_or_else(WebPkiClientVerifier::no_client_auth))
        .with_cert_resolver(Arc::new(BestFit { identities }));
    config.alpn_protocols = vec![ALPN_H2.to_vec(), ALPN_HTTP11.to_vec()];
    // Tickets are sealed with this listener's own key, so that no session resumes on another listener; they carry no
    // 0-RTT (`max_early_data_size` stays 0), whose requests could be replayed.
    config.ticketer = Ticketer::new()?;
    Ok(config)
}

/// Serves the certificate whose names fit the client's best; the first of equals, and the first when none fits.
#[derive(Debug)]
struct BestFit {
    identities: Vec<Arc<Identity>>,
}

impl ResolvesServerCert for BestFit {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        let host = hello.server_name().unwrap_or_default().to_ascii_lowercase();
        let mut best: Option<(bool, Fit, &Identity)> = None;
        for identity in &self.identities {
            // A key that cannot sign what this client verifies (RSA beside ECDSA) is no fit, whatever its names.
            let signs = identity.key.key.choose_scheme(hello.signature_schemes()).is_some();
            let fit = identity.fit(&host);
            if best.is_none_or(|(best_signs, best_fit, _)| (signs, fit) > (best_signs, best_fit)) {
                best = Some((signs, fit, identity));
            }
        }
        best.map(|(_, _, identity)| identity.key.clone())
    }
}

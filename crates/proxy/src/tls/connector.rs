//! The client's side of TLS towards one backend.

use std::{io, sync::Arc};

use gatewright_core::plan::{BackendProtocol, BackendTls, TrustAnchors};
use rustls::{
    ClientConfig, RootCertStore,
    client::WebPkiServerVerifier,
    client::danger::ServerCertVerifier,
    crypto::CryptoProvider,
    pki_types::{CertificateDer, ServerName, pem::PemObject},
    sign::SingleCertAndKey,
};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_rustls::{TlsConnector, client::TlsStream};

use super::{ALPN_H2, ALPN_HTTP11, certificate::Identity, verifier::NameVerifier};

/// How TLS is spoken to a backend. Equal content is the same `Arc` from one Plan to the next, so that connections made
/// with it stay good.
pub(crate) struct Connector {
    config: Arc<ClientConfig>,
    name: ServerName<'static>,
    protocol: BackendProtocol,
}

impl Connector {
    /// # Errors
    /// Says which part of the policy cannot be used.
    pub(super) fn new(
        tls: &BackendTls,
        protocol: BackendProtocol,
        roots: Arc<RootCertStore>,
        identity: Option<&Identity>,
        provider: &Arc<CryptoProvider>,
    ) -> Result<Self, String> {
        let name =
            ServerName::try_from(tls.hostname.to_string()).map_err(|_| format!("{:?} is no hostname", tls.hostname))?;
        let builder = ClientConfig::builder_with_provider(provider.clone())
            .with_protocol_versions(&[&rustls::version::TLS13, &rustls::version::TLS12])
            .map_err(|error| error.to_string())?
            .dangerous()
            .with_custom_certificate_verifier(verifier(tls, roots, provider)?);
        let mut config = match identity {
            Some(identity) => builder.with_client_cert_resolver(Arc::new(SingleCertAndKey::from(identity.key.clone()))),
            None => builder.with_no_client_auth(),
        };
        config.alpn_protocols = vec![match protocol {
            BackendProtocol::Http1 => ALPN_HTTP11.to_vec(),
            BackendProtocol::Http2 => ALPN_H2.to_vec(),
        }];
        Ok(Self { config: Arc::new(config), name, protocol })
    }

    /// Performs the handshake; the caller bounds its time.
    ///
    /// # Errors
    /// What rustls found, or that the backend does not speak the protocol its Service names.
    pub(crate) async fn connect<IO: AsyncRead + AsyncWrite + Unpin>(&self, io: IO) -> io::Result<TlsStream<IO>> {
        let stream = TlsConnector::from(self.config.clone()).connect(self.name.clone(), io).await?;
        let is_h2 = stream.get_ref().1.alpn_protocol() == Some(ALPN_H2);
        match self.protocol {
            BackendProtocol::Http2 if !is_h2 => Err(io::Error::other("the backend did not choose h2 by ALPN")),
            BackendProtocol::Http1 | BackendProtocol::Http2 => Ok(stream),
        }
    }
}

fn verifier(
    tls: &BackendTls,
    roots: Arc<RootCertStore>,
    provider: &Arc<CryptoProvider>,
) -> Result<Arc<dyn ServerCertVerifier>, String> {
    if tls.subject_alt_names.is_empty() {
        let verifier = WebPkiServerVerifier::builder_with_provider(roots, provider.clone()).build();
        return Ok(verifier.map_err(|error| error.to_string())?);
    }
    let algorithms = provider.signature_verification_algorithms;
    Ok(Arc::new(NameVerifier { roots, algorithms, names: tls.subject_alt_names.clone() }))
}

/// Reads the anchors of a policy.
///
/// # Errors
/// When there is not one usable certificate.
pub(super) fn trust_anchors(trust: &TrustAnchors) -> Result<RootCertStore, String> {
    let mut roots = RootCertStore::empty();
    match trust {
        // What the machine's owner trusts, not a list frozen into the binary: owners add their own and withdraw others.
        TrustAnchors::System => _ = roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs),
        TrustAnchors::Pem(pem) => {
            let certificates = CertificateDer::pem_slice_iter(pem.as_bytes());
            _ = roots.add_parsable_certificates(certificates.filter_map(Result::ok));
        }
    }
    if roots.is_empty() { Err("there is no usable CA certificate".into()) } else { Ok(roots) }
}

//! Certificates of clients: who vouches for them, and who is let in without (GEP-91).

use std::sync::Arc;

use gatewright_core::plan::{ClientValidation, Unverified};
use rustls::{
    DigitallySignedStruct, DistinguishedName, Error, RootCertStore, SignatureScheme,
    client::danger::HandshakeSignatureValid,
    crypto::{CryptoProvider, WebPkiSupportedAlgorithms},
    pki_types::{CertificateDer, UnixTime, pem::PemObject},
    server::{
        WebPkiClientVerifier,
        danger::{ClientCertVerified, ClientCertVerifier},
    },
};

/// The CAs that vouch for clients. Only the very same are equal: [`super::Material`] makes them once for each bundle, and
/// anew when a Plan without it came between.
#[derive(Clone, Debug)]
pub(crate) struct ClientTrust(Arc<RootCertStore>);

impl PartialEq for ClientTrust {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl ClientTrust {
    /// Reads a bundle of PEM certificates. What cannot be read vouches for nobody.
    pub(super) fn new(pem: &str) -> Self {
        let mut roots = RootCertStore::empty();
        _ = roots.add_parsable_certificates(CertificateDer::pem_slice_iter(pem.as_bytes()).filter_map(Result::ok));
        Self(Arc::new(roots))
    }
}

/// How a listener asks its clients for certificates.
pub(super) struct ClientCheck {
    pub(super) verifier: Arc<dyn ClientCertVerifier>,
    /// Who vouches for whoever is let in; `None` if nobody must.
    pub(super) vouched_by: Option<ClientTrust>,
}

impl ClientCheck {
    /// Returns also why it lets nobody in, if not one CA can be used: such a listener must not be served.
    pub(super) fn new(
        validation: &ClientValidation,
        trust: ClientTrust,
        provider: &Arc<CryptoProvider>,
    ) -> (Self, Result<(), String>) {
        let verifier = match validation.unverified {
            Unverified::LetIn => {
                let algorithms = provider.signature_verification_algorithms;
                let verifier = Arc::new(AnyClient { hints: trust.0.subjects(), algorithms });
                return (Self { verifier, vouched_by: None }, Ok(()));
            }
            Unverified::Refused => {
                WebPkiClientVerifier::builder_with_provider(trust.0.clone(), provider.clone()).build()
            }
        };
        let (verifier, usable) = match verifier {
            Ok(verifier) => (verifier, Ok(())),
            Err(error) => (WebPkiClientVerifier::no_client_auth(), Err(format!("no client can be verified: {error}"))),
        };
        (Self { verifier, vouched_by: Some(trust) }, usable)
    }
}

/// Asks for a certificate and takes any, or none. Nothing may be concluded from what a client shows: nothing of it is
/// verified, the possession of its key included.
#[derive(Debug)]
struct AnyClient {
    hints: Vec<DistinguishedName>,
    algorithms: WebPkiSupportedAlgorithms,
}

impl ClientCertVerifier for AnyClient {
    fn client_auth_mandatory(&self) -> bool {
        false
    }

    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        &self.hints
    }

    fn verify_client_cert(
        &self,
        _end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _now: UnixTime,
    ) -> Result<ClientCertVerified, Error> {
        Ok(ClientCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _message: &[u8],
        _certificate: &CertificateDer<'_>,
        _signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn verify_tls13_signature(
        &self,
        _message: &[u8],
        _certificate: &CertificateDer<'_>,
        _signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.algorithms.supported_schemes()
    }
}

//! Certificates for measurements: ECDSA P-256, what most of the web serves today.

use anyhow::Result;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use rustls::pki_types::CertificateDer;

/// A certificate with its key, both PEM.
pub(crate) struct Certificate {
    pub(crate) chain: String,
    pub(crate) key: String,
    pub(crate) der: CertificateDer<'static>,
}

/// Signs certificates that clients who trust it accept.
pub(crate) struct Authority(CertifiedIssuer<'static, KeyPair>);

impl Authority {
    pub(crate) fn new() -> Result<Self> {
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        Ok(Self(CertifiedIssuer::self_signed(params, KeyPair::generate()?)?))
    }

    /// Makes a certificate for one name, different each time.
    pub(crate) fn issue(&self, name: &str) -> Result<Certificate> {
        let key = KeyPair::generate()?;
        let certificate = CertificateParams::new([name.to_owned()])?.signed_by(&key, &self.0)?;
        Ok(Certificate { chain: certificate.pem(), key: key.serialize_pem(), der: certificate.der().clone() })
    }

    /// What a client must trust.
    pub(crate) fn der(&self) -> CertificateDer<'static> {
        self.0.der().clone()
    }
}

//! The cryptography that the core does not have: what a key pair or a file of trust anchors holds.
//!
//! Pure functions of bytes. They judge whether TLS can use what it is given, not whether anybody should trust it.

#[cfg(test)]
mod tests;

use std::fmt::Write;

use aws_lc_rs::digest;
use gatewright_core::world::{CertificateInfo, Inspect};
use rustls::{
    crypto::aws_lc_rs::sign::any_supported_type,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject},
    sign::CertifiedKey,
};
use x509_parser::{certificate::X509Certificate, extensions::GeneralName, prelude::FromDer};

pub(crate) const INSPECT: Inspect = Inspect { key_pair, trust_anchors };

/// Certificates of one file; the largest public bundles have a few hundred.
const CERTIFICATES_MAX: usize = 2_000;

/// Reads a chain and its key, and checks that they belong together.
fn key_pair(chain_pem: &[u8], key_pem: &[u8]) -> Result<CertificateInfo, String> {
    let chain = certificates(chain_pem)?;
    let leaf = chain.first().ok_or("holds no PEM certificate")?.clone();
    let info = describe(&leaf)?;
    let key =
        PrivateKeyDer::from_pem_slice(key_pem).map_err(|_| "the key is no PEM private key (PKCS#8, PKCS#1 or SEC1)")?;
    let key = any_supported_type(&key).map_err(|_| "the key is damaged, or no RSA, ECDSA or Ed25519 key")?;
    match CertifiedKey::new(chain, key).keys_match() {
        Ok(()) => Ok(info),
        Err(rustls::Error::InconsistentKeys(rustls::InconsistentKeys::Unknown)) => Ok(info),
        Err(_) => Err("the key is not the certificate's".into()),
    }
}

/// Counts the certificates that can anchor trust.
fn trust_anchors(pem: &[u8]) -> Result<usize, String> {
    let certificates = certificates(pem)?;
    let mut store = rustls::RootCertStore::empty();
    for (index, certificate) in certificates.into_iter().enumerate() {
        store.add(certificate).map_err(|error| format!("certificate {} cannot be trusted: {error}", index + 1))?;
    }
    match store.len() {
        0 => Err("holds no PEM certificate".into()),
        count => Ok(count),
    }
}

fn certificates(pem: &[u8]) -> Result<Vec<CertificateDer<'static>>, String> {
    let mut certificates = Vec::new();
    for certificate in CertificateDer::pem_slice_iter(pem) {
        if certificates.len() >= CERTIFICATES_MAX {
            return Err(format!("holds more than {CERTIFICATES_MAX} certificates"));
        }
        certificates.push(certificate.map_err(|error| format!("holds damaged PEM: {error}"))?);
    }
    Ok(certificates)
}

fn describe(leaf: &CertificateDer<'_>) -> Result<CertificateInfo, String> {
    let (_, certificate) = X509Certificate::from_der(leaf).map_err(|_| "the certificate is no X.509")?;
    let names = certificate.subject_alternative_name().ok().flatten();
    let dns_names = names.iter().flat_map(|names| &names.value.general_names).filter_map(|name| match name {
        GeneralName::DNSName(name) => Some(name.to_ascii_lowercase()),
        _ => None,
    });
    let mut fingerprint = String::new();
    for byte in digest::digest(&digest::SHA256, leaf).as_ref() {
        let _ = write!(fingerprint, "{byte:02x}");
    }
    Ok(CertificateInfo {
        dns_names: dns_names.collect(),
        not_after_unix: u64::try_from(certificate.validity().not_after.timestamp()).unwrap_or(0),
        fingerprint,
    })
}

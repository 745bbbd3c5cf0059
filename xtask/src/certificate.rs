//! Self-signed certificates for measurements: ECDSA P-256, what most of the web serves today.

use anyhow::Result;

/// A certificate with its key, both PEM.
pub(crate) struct Certificate {
    pub(crate) chain: String,
    pub(crate) key: String,
}

/// Makes a certificate for one name.
pub(crate) fn self_signed(name: &str) -> Result<Certificate> {
    let made = rcgen::generate_simple_self_signed([name.to_owned()])?;
    Ok(Certificate { chain: made.cert.pem(), key: made.signing_key.serialize_pem() })
}

//! Certificates by id: parsed once per content, and the last good one kept.

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
};

use gatewright_core::plan::{Certificate, CertificateId, KeyPair};
use rustls::{
    crypto::CryptoProvider,
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject},
    sign::CertifiedKey,
};
use x509_parser::{certificate::X509Certificate, extensions::GeneralName, prelude::FromDer};

/// A certificate chain with its key, ready to sign, and the DNS names it is good for.
#[derive(Debug)]
pub(super) struct Identity {
    /// What it was made from: equal content is not parsed again.
    pair: KeyPair,
    pub(super) key: Arc<CertifiedKey>,
    /// Lower-case; wildcards as `*.example.com`.
    names: Vec<String>,
}

/// How well a certificate's names fit a host; better is greater.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Fit {
    Not,
    Wildcard,
    Exact,
}

impl Identity {
    fn load(pair: &KeyPair, provider: &CryptoProvider) -> Result<Self, String> {
        let chain = CertificateDer::pem_slice_iter(pair.chain.as_bytes())
            .collect::<Result<Vec<_>, _>>()
            .map_err(|error| format!("the certificate is not PEM: {error}"))?;
        let leaf = chain.first().ok_or("there is no certificate in it")?;
        let (_, leaf) =
            X509Certificate::from_der(leaf).map_err(|error| format!("the certificate is not X.509: {error}"))?;
        // The parser's own words may quote its input; a key is never quoted.
        let key =
            PrivateKeyDer::from_pem_slice(pair.key.expose().as_bytes()).map_err(|_| "the private key is not PEM")?;
        let key = provider.key_provider.load_private_key(key).map_err(|_| "the private key is of no supported kind")?;
        if key.public_key().is_some_and(|public| public.as_ref() != leaf.public_key().raw) {
            return Err("the private key is not that of the certificate".into());
        }
        let names = dns_names(&leaf);
        Ok(Self { pair: pair.clone(), key: Arc::new(CertifiedKey::new(chain, key)), names })
    }

    /// Returns how well the certificate fits `host` (lower-case).
    pub(super) fn fit(&self, host: &str) -> Fit {
        self.names.iter().map(|name| fit(name, host)).max().unwrap_or(Fit::Not)
    }
}

/// How a certificate's name fits `host`, both lower-case: a wildcard stands for exactly one label (RFC 9525 §6.3).
pub(super) fn fit(name: &str, host: &str) -> Fit {
    if name == host {
        return Fit::Exact;
    }
    match (name.strip_prefix("*."), host.split_once('.')) {
        (Some(parent), Some((label, rest))) if !label.is_empty() && parent == rest => Fit::Wildcard,
        _ => Fit::Not,
    }
}

fn dns_names(leaf: &X509Certificate<'_>) -> Vec<String> {
    let mut names = Vec::new();
    if let Ok(Some(extension)) = leaf.subject_alternative_name() {
        for name in &extension.value.general_names {
            if let GeneralName::DNSName(name) = name {
                names.push(name.to_ascii_lowercase());
            }
        }
    }
    names
}

/// The certificates of the Plan in force.
#[derive(Default)]
pub(super) struct Identities {
    good: HashMap<CertificateId, Arc<Identity>>,
}

impl Identities {
    /// Follows `wanted`: parses what is new, keeps the last good one of what cannot be used, forgets what is gone.
    /// Returns what is wrong, by id.
    pub(super) fn update(
        &mut self,
        wanted: &BTreeMap<CertificateId, Certificate>,
        provider: &CryptoProvider,
    ) -> BTreeMap<CertificateId, String> {
        self.good.retain(|id, _| wanted.contains_key(id));
        let mut wrong = BTreeMap::new();
        for (id, certificate) in wanted {
            let loaded = match certificate {
                Certificate::Valid(pair) if self.good.get(id).is_some_and(|good| good.pair == *pair) => continue,
                Certificate::Valid(pair) => Identity::load(pair, provider),
                Certificate::Invalid => Err("it cannot be used; see the Gateway's status".to_owned()),
            };
            match loaded {
                Ok(identity) => {
                    self.good.insert(id.clone(), Arc::new(identity));
                }
                Err(why) if self.good.contains_key(id) => {
                    wrong.insert(id.clone(), format!("{why}; the last good one stays in force"));
                }
                Err(why) => {
                    wrong.insert(id.clone(), why);
                }
            }
        }
        wrong
    }

    pub(super) fn get(&self, id: &CertificateId) -> Option<&Arc<Identity>> {
        self.good.get(id)
    }
}

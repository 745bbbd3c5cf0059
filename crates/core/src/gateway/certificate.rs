//! Secrets as certificates: from a reference to a key pair that can be served.

use std::collections::{BTreeMap, BTreeSet};

use crate::{
    api::{secret::Secret, shared::SecretObjectReference},
    plan::{Certificate, CertificateId, KeyPair, PrivateKey},
    reference::{self, RefError, Referrer},
    verdict::Mend,
    world::{CertificateInfo, Kind, ObjectRef, World},
};

/// Every Secret that was asked for, read once.
#[derive(Debug, Default)]
pub(crate) struct Certificates {
    loaded: BTreeMap<CertificateId, Loaded>,
    /// Read before, and still as they were.
    known: BTreeMap<CertificateId, Loaded>,
}

#[derive(Debug)]
enum Loaded {
    Good(KeyPair, CertificateInfo),
    /// Why it cannot be served.
    Bad(String),
}

/// Why a reference gives no certificate.
#[derive(Debug)]
pub(super) struct CertificateProblem {
    /// `None` when the reference is good and the Secret is not.
    pub error: Option<RefError>,
    pub message: String,
}

impl CertificateProblem {
    pub(super) fn mend(&self) -> Option<Mend> {
        self.error.as_ref().and_then(RefError::mend)
    }
}

impl Certificates {
    /// To be asked anew, without reading again what is not among the `changed` objects.
    pub(crate) fn again(self, changed: &BTreeSet<ObjectRef>) -> Self {
        let mut known = self.loaded;
        for object in changed.iter().filter(|object| object.kind == Kind::Secret) {
            known.remove(&id(object));
        }
        Self { loaded: BTreeMap::new(), known }
    }

    /// Reads the certificate that `from` refers to. The id is absent when the reference leads to no Secret; with an id
    /// and a problem, the Secret's content is bad.
    pub(super) fn load(
        &mut self,
        world: &World,
        from: &ObjectRef,
        reference: &SecretObjectReference,
    ) -> (Option<CertificateId>, Option<CertificateProblem>) {
        let (object, secret) = match reference::secret(world, Referrer::new(from), reference) {
            Ok(found) => found,
            Err(error) => {
                let message = error.to_string();
                return (None, Some(CertificateProblem { error: Some(error), message }));
            }
        };
        let id = id(&object);
        let read = || self.known.remove(&id).unwrap_or_else(|| inspect(world, secret));
        let loaded = self.loaded.entry(id.clone()).or_insert_with(read);
        let problem = match loaded {
            Loaded::Good(..) => None,
            Loaded::Bad(why) => Some(CertificateProblem { error: None, message: format!("{object}: {why}") }),
        };
        (Some(id), problem)
    }

    pub(super) fn is_good(&self, id: &CertificateId) -> bool {
        self.info(id).is_some()
    }

    pub(super) fn info(&self, id: &CertificateId) -> Option<&CertificateInfo> {
        match self.loaded.get(id)? {
            Loaded::Good(_, info) => Some(info),
            Loaded::Bad(_) => None,
        }
    }

    pub(super) fn to_plan(&self) -> BTreeMap<CertificateId, Certificate> {
        let plan = |loaded: &Loaded| match loaded {
            Loaded::Good(pair, _) => Certificate::Valid(pair.clone()),
            Loaded::Bad(_) => Certificate::Invalid,
        };
        self.loaded.iter().map(|(id, loaded)| (id.clone(), plan(loaded))).collect()
    }
}

fn id(secret: &ObjectRef) -> CertificateId {
    CertificateId::new(format!("secret/{}", secret.key))
}

fn inspect(world: &World, secret: &Secret) -> Loaded {
    let pem = |key: &str| {
        let bytes = secret.value(key).ok_or_else(|| format!("{key:?} is missing or no base64"))?;
        String::from_utf8(bytes).map_err(|_| format!("{key:?} is not PEM"))
    };
    let load = || {
        let (chain, key) = (pem("tls.crt")?, pem("tls.key")?);
        let info = (world.settings.inspect.key_pair)(chain.as_bytes(), key.as_bytes())?;
        Ok((KeyPair { chain: chain.into(), key: PrivateKey::new(key) }, info))
    };
    match load() {
        Ok((pair, info)) => Loaded::Good(pair, info),
        Err(why) => Loaded::Bad(why),
    }
}

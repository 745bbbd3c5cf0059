//! Who signs the control channel's certificates: a CA of our own, kept in a Secret of the controller's namespace.
//!
//! Its key never leaves that Secret and this process. The serving certificate is made anew by every replica and renewed long
//! before it ends; proxies trust the CA, which they are given when they are provisioned.

use std::time::Duration;

use gatewright_xds::Identity;
use k8s_openapi::{ByteString, api::core::v1::Secret};
use kube::{Api, Client, api::PostParams, core::ObjectMeta};
use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, KeyUsagePurpose};
use tokio::{
    sync::watch,
    time::{sleep, timeout},
};

use crate::watch::Backoff;

/// The Secret, and its two fields.
const SECRET: &str = "gatewright-ca";
const CERTIFICATE: &str = "ca.crt";
const KEY: &str = "ca.key";
const COMMON_NAME: &str = "gatewright control channel";
/// How long a serving certificate is used; it is good for much longer.
const RENEWAL_INTERVAL: Duration = Duration::from_secs(30 * 24 * 3600);
/// How long the Secret is waited for.
const TIMEOUT: Duration = Duration::from_secs(10);
/// The first and the longest wait before it is asked for again.
const RETRY: (Duration, Duration) = (Duration::from_millis(400), Duration::from_secs(6));

/// The CA.
pub(crate) struct Authority {
    /// Its certificate, PEM.
    pub(crate) certificate: String,
    key: String,
    namespace: String,
}

impl Authority {
    /// Reads the CA, or makes it when there is none yet. Tries until there is one: the API server may be away, and
    /// a process that ended would be started ever later.
    pub(crate) async fn open(client: &Client, namespace: &str) -> Self {
        let mut backoff = Backoff::new(RETRY.0, RETRY.1);
        loop {
            match timeout(TIMEOUT, Self::read_or_make(client, namespace)).await {
                Ok(Ok(authority)) => return authority,
                Err(_) => tracing::error!("the API server does not answer; there is no control channel without its CA"),
                Ok(Err(error)) => tracing::error!(error, "no CA for the control channel yet; trying again"),
            }
            sleep(backoff.wait()).await;
        }
    }

    /// Of several replicas that make one, the first counts.
    async fn read_or_make(client: &Client, namespace: &str) -> Result<Self, String> {
        let secrets: Api<Secret> = Api::namespaced(client.clone(), namespace);
        let about = |error: &dyn std::fmt::Display| format!("Secret {namespace}/{SECRET}: {error}");
        if let Some(secret) = secrets.get_opt(SECRET).await.map_err(|error| about(&error))? {
            return Self::read(&secret, namespace).map_err(|error| about(&error));
        }
        let made = make(namespace).map_err(|error| about(&error))?;
        match secrets.create(&PostParams::default(), &made).await {
            Ok(secret) => Self::read(&secret, namespace).map_err(|error| about(&error)),
            Err(kube::Error::Api(status)) if status.is_already_exists() => {
                let secret = secrets.get(SECRET).await.map_err(|error| about(&error))?;
                Self::read(&secret, namespace).map_err(|error| about(&error))
            }
            Err(error) => Err(about(&error)),
        }
    }

    fn read(secret: &Secret, namespace: &str) -> Result<Self, String> {
        let field = |name: &str| {
            let bytes =
                secret.data.as_ref().and_then(|data| data.get(name)).ok_or_else(|| format!("has no {name:?}"))?;
            String::from_utf8(bytes.0.clone()).map_err(|_| format!("{name:?} is not PEM"))
        };
        Ok(Self { certificate: field(CERTIFICATE)?, key: field(KEY)?, namespace: namespace.to_owned() })
    }

    /// Returns a serving certificate, and keeps it fresh as long as somebody looks.
    ///
    /// # Errors
    /// When the CA's key cannot be used.
    pub(crate) fn serve(self) -> Result<watch::Receiver<Identity>, String> {
        let (identities, identity) = watch::channel(self.issue()?);
        tokio::spawn(async move {
            loop {
                sleep(RENEWAL_INTERVAL).await;
                match self.issue() {
                    Ok(fresh) => {
                        if identities.send(fresh).is_err() {
                            return;
                        }
                        tracing::info!("the control channel has a fresh certificate");
                    }
                    Err(error) => tracing::error!(error, "the control channel keeps its old certificate"),
                }
            }
        });
        Ok(identity)
    }

    fn issue(&self) -> Result<Identity, String> {
        let key = KeyPair::from_pem(&self.key).map_err(|_| "the key is not PEM of a key pair".to_owned())?;
        // A signature needs the issuer's name and key alone.
        let issuer = Issuer::new(ca_parameters(), key);
        let leaf_key = KeyPair::generate().map_err(|error| error.to_string())?;
        let leaf = CertificateParams::new(names(&self.namespace))
            .and_then(|leaf| leaf.signed_by(&leaf_key, &issuer))
            .map_err(|error| error.to_string())?;
        Identity::new(&leaf.pem(), &leaf_key.serialize_pem())
    }
}

/// Names under which proxies reach the controller.
pub(crate) fn names(namespace: &str) -> Vec<String> {
    let service = format!("{SERVICE}.{namespace}.svc");
    vec![service.clone(), format!("{service}.cluster.local"), format!("{SERVICE}.{namespace}")]
}

/// The controller's Service.
pub(crate) const SERVICE: &str = "gatewright";

fn ca_parameters() -> CertificateParams {
    let mut parameters = CertificateParams::default();
    parameters.distinguished_name.push(DnType::CommonName, COMMON_NAME);
    parameters.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    parameters.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    parameters
}

fn make(namespace: &str) -> Result<Secret, rcgen::Error> {
    let key = KeyPair::generate()?;
    let certificate = ca_parameters().self_signed(&key)?;
    let field = |name: &str, text: String| (name.to_owned(), ByteString(text.into_bytes()));
    Ok(Secret {
        metadata: ObjectMeta { name: Some(SECRET.into()), namespace: Some(namespace.into()), ..ObjectMeta::default() },
        data: Some([field(CERTIFICATE, certificate.pem()), field(KEY, key.serialize_pem())].into()),
        ..Secret::default()
    })
}

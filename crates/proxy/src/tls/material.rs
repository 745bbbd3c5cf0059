//! What TLS made of the Plans so far: the next Plan costs what changed in it.

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    sync::Arc,
};

use gatewright_core::plan::{
    Backend, BackendId, BackendProtocol, BackendTls, CertificateId, ClientValidation, Listener, ListenerId, Plan, Port,
    TrustAnchors,
};
use rustls::{
    RootCertStore,
    crypto::{CryptoProvider, aws_lc_rs},
};

use super::{
    acceptor::{Acceptor, Terminator},
    certificate::{Identities, Identity},
    client::{ClientCheck, ClientTrust},
    connector::{Connector, trust_anchors},
};

/// Certificates and configurations of the Plan in force. Lives beside the snapshot's builder, off the workers.
pub(crate) struct Material {
    provider: Arc<CryptoProvider>,
    identities: Identities,
    servers: HashMap<ListenerId, Server>,
    /// By the bundle that each one was read from.
    client_trust: HashMap<Arc<str>, ClientTrust>,
    clients: HashMap<BackendId, Client>,
    system_roots: Option<Arc<RootCertStore>>,
    nobody: Arc<Terminator>,
}

struct Server {
    identities: Vec<Arc<Identity>>,
    client: Option<ClientValidation>,
    terminator: Arc<Terminator>,
}

struct Client {
    tls: BackendTls,
    protocol: BackendProtocol,
    identity: Option<Arc<Identity>>,
    connector: Arc<Connector>,
}

impl Material {
    /// # Errors
    /// When the machine has no randomness for ticket keys.
    pub(crate) fn new() -> Result<Self, rustls::Error> {
        let provider = Arc::new(aws_lc_rs::default_provider());
        let nobody = Arc::new(Terminator::new(Vec::new(), None, &provider)?);
        Ok(Self {
            provider,
            identities: Identities::default(),
            servers: HashMap::new(),
            client_trust: HashMap::new(),
            clients: HashMap::new(),
            system_roots: None,
            nobody,
        })
    }

    /// Takes the certificates of `plan`, to be called before the rest is made for it. Returns what is wrong, by id.
    pub(crate) fn load(&mut self, plan: &Plan) -> BTreeMap<CertificateId, String> {
        let wrong = self.identities.update(&plan.certificates, &self.provider);
        let listeners = || plan.ports.values().flat_map(|port| &port.listeners);
        let ids: HashSet<_> = listeners().map(|listener| &listener.id).collect();
        self.servers.retain(|id, _| ids.contains(id));
        let bundles: HashSet<_> =
            listeners().filter_map(|listener| Some(&listener.tls.as_ref()?.client.as_ref()?.trust)).collect();
        self.client_trust.retain(|bundle, _| bundles.contains(bundle));
        self.clients.retain(|id, _| plan.backends.contains_key(id));
        wrong
    }

    /// Makes what terminates TLS on `port`. A listener without a usable certificate fails its handshakes, and only its.
    ///
    /// # Errors
    /// When the machine has no randomness for ticket keys.
    pub(crate) fn acceptor(&mut self, port: &Port) -> Result<Acceptor, rustls::Error> {
        let mut terminators = Vec::with_capacity(port.listeners.len());
        for listener in &port.listeners {
            terminators.push((&listener.hostname, self.terminator(listener)?));
        }
        Ok(Acceptor::new(terminators.into_iter(), self.nobody.clone()))
    }

    fn terminator(&mut self, listener: &Listener) -> Result<Arc<Terminator>, rustls::Error> {
        let certificates = listener.tls.iter().flat_map(|tls| &tls.certificates);
        let identities: Vec<_> = certificates.filter_map(|id| self.identities.get(id).cloned()).collect();
        let client = listener.tls.as_ref().and_then(|tls| tls.client.clone());
        if let Some(server) = self.servers.get(&listener.id)
            && server.client == client
            && server.identities.len() == identities.len()
            && server.identities.iter().zip(&identities).all(|(have, want)| Arc::ptr_eq(have, want))
        {
            return Ok(server.terminator.clone());
        }
        let mut served = identities.clone();
        let check = client.as_ref().map(|client| {
            let (check, usable) = self.client_check(client);
            if let Err(reason) = usable {
                // Never unchecked instead.
                tracing::error!(listener = %listener.id, reason, "listener's handshakes fail");
                served.clear();
            }
            check
        });
        let terminator = Arc::new(Terminator::new(served, check, &self.provider)?);
        self.servers.insert(listener.id.clone(), Server { identities, client, terminator: terminator.clone() });
        Ok(terminator)
    }

    fn client_check(&mut self, client: &ClientValidation) -> (ClientCheck, Result<(), String>) {
        let trust =
            self.client_trust.entry(client.trust.clone()).or_insert_with(|| ClientTrust::new(&client.trust)).clone();
        ClientCheck::new(client, trust, &self.provider)
    }

    /// Makes what speaks TLS to a backend.
    ///
    /// # Errors
    /// Says which part of the policy cannot be used; such a backend must not be spoken to at all.
    pub(crate) fn connector(
        &mut self,
        id: &BackendId,
        backend: &Backend,
        tls: &BackendTls,
    ) -> Result<Arc<Connector>, String> {
        let identity = match &tls.client_certificate {
            None => None,
            Some(id) => Some(
                self.identities
                    .get(id)
                    .cloned()
                    .ok_or_else(|| format!("the client certificate {id} cannot be used"))?,
            ),
        };
        if let Some(client) = self.clients.get(id)
            && (&client.tls, client.protocol) == (tls, backend.protocol)
            && client.identity.as_ref().map(Arc::as_ptr) == identity.as_ref().map(Arc::as_ptr)
        {
            return Ok(client.connector.clone());
        }
        let roots = self.roots(&tls.trust)?;
        let connector = Arc::new(Connector::new(tls, backend.protocol, roots, identity.as_deref(), &self.provider)?);
        let client = Client { tls: tls.clone(), protocol: backend.protocol, identity, connector: connector.clone() };
        self.clients.insert(id.clone(), client);
        Ok(connector)
    }

    fn roots(&mut self, trust: &TrustAnchors) -> Result<Arc<RootCertStore>, String> {
        match trust {
            TrustAnchors::Pem(_) => trust_anchors(trust).map(Arc::new),
            TrustAnchors::System => {
                if let Some(roots) = &self.system_roots {
                    return Ok(roots.clone());
                }
                let roots = Arc::new(trust_anchors(trust)?);
                self.system_roots = Some(roots.clone());
                Ok(roots)
            }
        }
    }
}

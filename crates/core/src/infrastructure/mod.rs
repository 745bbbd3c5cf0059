//! What runs the data planes: for each, whose it is, how its objects are named and what shapes them.
//!
//! Says what is to be there; knows no object of Kubernetes that makes it so, and nothing of what is there already.

mod name;

use std::collections::{BTreeMap, BTreeSet};

pub use name::label_value;

use crate::{
    api::{
        gateway::{Gateway, IP_ADDRESS, Protocol},
        parameters::Parameters,
    },
    gateway::{GatewayVerdict, Gateways, Parent, Reach, ResolvedListener, is_confined},
    world::{DataPlane, Kind, ObjectKey, ObjectRef, World},
};

/// What one data plane needs to run in a cluster.
#[derive(Clone, Debug, PartialEq)]
pub struct Infrastructure {
    /// Of the objects, where the parameters give no other: an RFC 1035 label of at most 63 characters.
    pub name: String,
    /// Of the ServiceAccount, by which a proxy is known to be of this data plane.
    pub service_account: String,
    /// Where the objects are. `None` is the controller's own namespace.
    pub namespace: Option<String>,
    /// Name of the GatewayClass.
    pub class: String,
    /// The objects go when it goes: a Gateway, or the GatewayClass whose Gateways share the data plane.
    pub owner: ObjectRef,
    /// `None` where no API server gave one.
    pub owner_uid: Option<String>,
    /// Those that it serves.
    pub gateways: BTreeSet<ObjectKey>,
    /// Those of listeners that are accepted, or of all when none is.
    pub ports: BTreeSet<ServicePort>,
    pub labels: BTreeMap<String, String>,
    pub annotations: BTreeMap<String, String>,
    /// IP addresses that a Gateway asks for wherever they are reached from, in the manifests' order.
    pub addresses: Vec<String>,
    /// ClusterIPs that a Gateway asks for (GEP-5093), in the manifests' order.
    pub cluster_addresses: Vec<String>,
    /// Whether no Gateway on it asks to be reached from outside the cluster.
    pub confined: bool,
    /// `None` when they are wrong or nothing is accepted: what runs already is left as it is and goes on serving, and
    /// nothing is made.
    pub parameters: Option<Parameters>,
}

/// A port at which a data plane is to be reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ServicePort {
    pub port: u16,
    pub transport: Transport,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Transport {
    Tcp,
    Udp,
}

impl ServicePort {
    /// What a proxy without privileges binds in the place of a port below 1024.
    pub const OFFSET: u16 = 10_000;

    /// Returns the port that the proxy binds.
    pub fn bound(self, parameters: &Parameters) -> u16 {
        match self.port < 1024 && !parameters.provider.kubernetes.use_listener_port_as_container_port {
            true => self.port + Self::OFFSET,
            false => self.port,
        }
    }
}

/// Says what each data plane needs. Nothing, standalone.
pub(crate) fn resolve(world: &World, gateways: &Gateways) -> BTreeMap<DataPlane, Infrastructure> {
    let mut infrastructure = BTreeMap::new();
    if world.settings.merge_gateways {
        return infrastructure;
    }
    for (class, verdict) in &gateways.classes {
        // Without its parameters nobody knows whether a class merges its Gateways: what it may have is left as it is.
        if verdict.merges || verdict.accepted.is_err() {
            let data_plane = DataPlane::Class(class.name.clone());
            infrastructure.insert(data_plane.clone(), of_class(world, &data_plane, class));
        }
    }
    for (key, verdict) in &gateways.gateways {
        // One that is being deleted needs nothing any more, however long somebody's finalizer keeps it.
        let gateway = world.gateways.get(key).filter(|gateway| gateway.metadata.deletion_timestamp.is_none());
        let Some(gateway) = gateway else { continue };
        let class = &gateway.spec.gateway_class_name;
        let entry = infrastructure.entry(verdict.data_plane.clone());
        let entry = entry.or_insert_with_key(|data_plane| of_gateway(world, data_plane, class, key));
        add(entry, world, gateways, key, verdict);
    }
    let unsure = |class: &str| gateways.classes.get(&ObjectKey::cluster(class)).is_some_and(|it| it.accepted.is_err());
    infrastructure.retain(|_, it| !it.gateways.is_empty() || unsure(&it.class));
    infrastructure
}

fn of_class(world: &World, data_plane: &DataPlane, class: &ObjectKey) -> Infrastructure {
    let owner = ObjectRef { kind: Kind::GatewayClass, key: class.clone() };
    new(world, data_plane, &class.name, owner, None)
}

fn of_gateway(world: &World, data_plane: &DataPlane, class: &str, gateway: &ObjectKey) -> Infrastructure {
    let owner = ObjectRef { kind: Kind::Gateway, key: gateway.clone() };
    let mut infrastructure = new(world, data_plane, class, owner, Some(gateway.namespace.clone()));
    let own = world.gateways.get(gateway).and_then(|gateway| gateway.spec.infrastructure.as_ref());
    if let Some(own) = own {
        infrastructure.labels.clone_from(&own.labels);
        infrastructure.annotations.clone_from(&own.annotations);
    }
    infrastructure
}

fn new(
    world: &World,
    data_plane: &DataPlane,
    class: &str,
    owner: ObjectRef,
    namespace: Option<String>,
) -> Infrastructure {
    let name = name::of(data_plane, class);
    Infrastructure {
        service_account: name.clone(),
        name,
        namespace,
        class: class.to_owned(),
        owner_uid: world.metadata(&owner).and_then(|metadata| metadata.uid.clone()),
        owner,
        gateways: BTreeSet::new(),
        ports: BTreeSet::new(),
        labels: BTreeMap::new(),
        annotations: BTreeMap::new(),
        addresses: Vec::new(),
        cluster_addresses: Vec::new(),
        confined: true,
        parameters: None,
    }
}

/// Adds what a Gateway and the ListenerSets that extend it need.
fn add(
    infrastructure: &mut Infrastructure,
    world: &World,
    gateways: &Gateways,
    key: &ObjectKey,
    verdict: &GatewayVerdict,
) {
    infrastructure.gateways.insert(key.clone());
    if !verdict.serves() {
        return;
    }
    if let Some(parameters) = &verdict.parameters {
        if let Some(name) = &parameters.provider.kubernetes.envoy_service_account.name {
            infrastructure.service_account.clone_from(name);
        }
        infrastructure.parameters.get_or_insert_with(|| parameters.clone());
    }
    if let Some(gateway) = world.gateways.get(key) {
        add_addresses(infrastructure, gateway);
    }
    let sets = gateways.listener_sets.iter().filter(|(_, set)| set.gateway == *key);
    let sets = sets.map(|(set, _)| ObjectRef { kind: Kind::ListenerSet, key: set.clone() });
    let own = ObjectRef { kind: Kind::Gateway, key: key.clone() };
    let parents: Vec<&Parent> = std::iter::once(own).chain(sets).filter_map(|it| gateways.parents.get(&it)).collect();
    let listeners = || parents.iter().flat_map(|parent| &parent.listeners);
    let mut ports: BTreeSet<ServicePort> = listeners().filter(|it| it.is_accepted()).map(port).collect();
    if ports.is_empty() {
        // A Service has at least one port, and keeps its address while somebody mends the listeners.
        ports = listeners().map(port).collect();
    }
    infrastructure.ports.append(&mut ports);
}

fn add_addresses(infrastructure: &mut Infrastructure, gateway: &Gateway) {
    infrastructure.confined &= is_confined(gateway);
    let asked = gateway.spec.addresses.iter();
    for address in asked.filter(|address| address.r#type == IP_ADDRESS && !address.value.is_empty()) {
        match Reach::of(address) {
            Reach::Default => infrastructure.addresses.push(address.value.clone()),
            Reach::Cluster => infrastructure.cluster_addresses.push(address.value.clone()),
            Reach::Unknown => {}
        }
    }
}

fn port(listener: &ResolvedListener) -> ServicePort {
    let transport = match listener.protocol {
        Protocol::Udp => Transport::Udp,
        Protocol::Http | Protocol::Https | Protocol::Tls | Protocol::Tcp | Protocol::Other(_) => Transport::Tcp,
    };
    ServicePort { port: listener.port, transport }
}

/// Says which data plane a ServiceAccount, by namespace and name, stands for: exactly one, or none.
///
/// `controller_namespace` is where the data planes are that have no namespace of their own.
pub fn identities(
    infrastructure: &BTreeMap<DataPlane, Infrastructure>,
    controller_namespace: &str,
) -> BTreeMap<ObjectKey, DataPlane> {
    let mut identities: BTreeMap<ObjectKey, Option<DataPlane>> = BTreeMap::new();
    for (data_plane, it) in infrastructure {
        let namespace = it.namespace.as_deref().unwrap_or(controller_namespace);
        let account = ObjectKey::new(namespace, &it.service_account);
        // Of two that claim an account neither gets it: one would be shown what is the other's.
        identities.entry(account).and_modify(|taken| *taken = None).or_insert_with(|| Some(data_plane.clone()));
    }
    identities.into_iter().filter_map(|(account, data_plane)| Some((account, data_plane?))).collect()
}

#[cfg(test)]
mod tests;

//! What is to be seen of a data plane from its objects: where it is reached, and whether a proxy of it is there.

use serde_json::Value;

use super::{
    kind::Made,
    round::Order,
    stock::{self, Stock},
};

/// What the objects of a data plane say of it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Seen {
    /// IP addresses, or host names where its load balancer has no address of its own.
    pub addresses: Vec<String>,
    /// By which the cluster reaches it, whatever else has an address for it.
    pub cluster_addresses: Vec<String>,
    /// Whether a Pod of it is ready, so that its Service leads somewhere.
    pub available: bool,
    /// Why its objects are not as they should be.
    pub problems: Vec<String>,
}

/// Reads what is there of the objects of an order: those that it wants, or those that were made for its data plane when
/// it leaves them as they are.
pub(super) fn look(order: &Order, stock: &Stock) -> Seen {
    let wanted = order.objects.iter().filter_map(|(id, _)| Some((id, stock.get(id)?)));
    let is_held = order.objects.is_empty();
    let held = stock.iter().filter(|(_, object)| is_held && stock::data_plane(object) == Some(&order.data_plane));
    let mut seen = Seen::default();
    for (id, object) in wanted.chain(held) {
        match id.kind {
            Made::Service => {
                seen.cluster_addresses = cluster_addresses(object);
                seen.addresses = load_balanced(object).unwrap_or_else(|| seen.cluster_addresses.clone());
            }
            Made::Deployment => seen.available |= is_positive(&object["status"]["availableReplicas"]),
            Made::DaemonSet => seen.available |= is_positive(&object["status"]["numberAvailable"]),
            Made::ServiceAccount | Made::ConfigMap | Made::PodDisruptionBudget | Made::HorizontalPodAutoscaler => {}
        }
    }
    seen
}

fn is_positive(count: &Value) -> bool {
    count.as_u64().is_some_and(|count| count > 0)
}

/// Those that a load balancer gave the Service, if there is to be one.
fn load_balanced(service: &Value) -> Option<Vec<String>> {
    let address = |it: &Value| it["ip"].as_str().or(it["hostname"].as_str()).map(str::to_owned);
    let ingress = service["status"]["loadBalancer"]["ingress"].as_array().into_iter().flatten();
    (service["spec"]["type"] == "LoadBalancer").then(|| ingress.filter_map(address).collect())
}

fn cluster_addresses(service: &Value) -> Vec<String> {
    let own = service["spec"]["clusterIPs"].as_array().into_iter().flatten();
    own.filter_map(Value::as_str).filter(|address| *address != "None").map(str::to_owned).collect()
}

#[cfg(test)]
mod tests;

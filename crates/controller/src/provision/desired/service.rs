//! Where clients reach a data plane.

use gatewright_core::{
    api::parameters::{ExternalTrafficPolicy, IpFamily, Service, ServiceType},
    infrastructure::ServicePort,
};
use serde_json::{Value, json};

use super::{Draft, Extra, pod, set};

pub(super) fn service(draft: &Draft<'_>) -> Value {
    let service = &draft.parameters.provider.kubernetes.envoy_service;
    let extra = Extra { labels: Some(&service.labels), annotations: Some(&service.annotations) };
    let object = draft.object("v1", "Service", draft.name(service.name.as_ref()), extra);
    let r#type = match draft.infrastructure.confined {
        true => ServiceType::ClusterIP,
        false => service.r#type.unwrap_or_default(),
    };
    let mut spec = json!({"type": r#type.as_str(), "selector": draft.selector(), "ports": ports(draft)});
    if r#type != ServiceType::ClusterIP {
        // A client's address is kept, and no node passes on what it has no proxy for.
        let policy = service.external_traffic_policy.unwrap_or(ExternalTrafficPolicy::Local);
        spec["externalTrafficPolicy"] = policy.as_str().into();
    }
    if r#type == ServiceType::LoadBalancer {
        load_balancer(&mut spec, draft, service);
    }
    if let Some(family) = draft.parameters.ip_family {
        let (policy, families) = families(family);
        spec["ipFamilyPolicy"] = policy.into();
        set(&mut spec, "ipFamilies", families);
    }
    draft.finish(object, spec, service.patch.as_ref())
}

fn load_balancer(spec: &mut Value, draft: &Draft<'_>, service: &Service) {
    set(spec, "loadBalancerClass", service.load_balancer_class.clone());
    // A Service asks for one address; whatever else a Gateway asks for it does not get, which its status says.
    let address = draft.infrastructure.addresses.first().or(service.load_balancer_ip.as_ref());
    set(spec, "loadBalancerIP", address.cloned());
    set(spec, "allocateLoadBalancerNodePorts", service.allocate_load_balancer_node_ports);
    let ranges = &service.load_balancer_source_ranges;
    set(spec, "loadBalancerSourceRanges", (!ranges.is_empty()).then(|| ranges.clone()));
}

fn ports(draft: &Draft<'_>) -> Vec<Value> {
    let port = |port: &ServicePort| {
        json!({
            "name": pod::port_name(*port),
            "port": port.port,
            "protocol": pod::protocol(port.transport),
            "targetPort": port.bound(draft.parameters),
        })
    };
    draft.infrastructure.ports.iter().map(port).collect()
}

fn families(family: IpFamily) -> (&'static str, Option<Value>) {
    match family {
        IpFamily::IPv4 => ("SingleStack", Some(json!(["IPv4"]))),
        IpFamily::IPv6 => ("SingleStack", Some(json!(["IPv6"]))),
        // Which of the two comes first is the cluster's affair.
        IpFamily::DualStack => ("RequireDualStack", None),
    }
}

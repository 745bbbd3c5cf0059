//! Objects out of bytes: few names, so that references meet, and every field that a compilation looks at.
//!
//! Bytes shrink well: fewer of them, and smaller ones, make simpler objects.

use serde_json::{Value, json};

use crate::world::{Bundle, DataPlane, DataPlaneState, Kind, Object, ObjectKey, Observed};

/// Reads choices from bytes; when they are used up, it is always the first.
pub(super) struct Choice<'b>(std::slice::Iter<'b, u8>);

impl<'b> Choice<'b> {
    pub(super) fn new(bytes: &'b [u8]) -> Self {
        Self(bytes.iter())
    }

    fn below(&mut self, bound: usize) -> usize {
        self.0.next().map_or(0, |byte| usize::from(*byte)) % bound
    }

    fn of<T: Clone>(&mut self, options: &[T]) -> T {
        options[self.below(options.len())].clone()
    }

    /// True once in `n`.
    fn once_in(&mut self, n: usize) -> bool {
        self.below(n) == n - 1
    }

    fn some(&mut self, n: usize, value: impl FnOnce(&mut Self) -> Value) -> Option<Value> {
        self.once_in(n).then(|| value(self))
    }

    fn list(&mut self, most: usize, mut value: impl FnMut(&mut Self) -> Value) -> Vec<Value> {
        (0..self.below(most + 1)).map(|_| value(self)).collect()
    }

    fn namespace(&mut self) -> &'static str {
        self.of(&["a", "b"])
    }

    fn hostname(&mut self) -> &'static str {
        self.of(&["x.example.com", "*.example.com", "y.example.com", "*.x.example.com", "other.org"])
    }

    pub(super) fn object(&mut self) -> Object {
        let value = match self.below(27) {
            0..=5 => self.http_route(),
            6 => self.grpc_route(),
            7 => self.stream_route(),
            8 | 9 => self.gateway(),
            10 => self.class(),
            11 => self.listener_set(),
            12 | 13 => self.service(),
            14 | 15 => self.slice(),
            16..=18 => self.grant(),
            19 | 20 => self.backend_tls_policy(),
            21 => self.secret(),
            22 => self.config_map(),
            23 => self.named_namespace(),
            24 => self.parameters(),
            25 => self.cluster_trust_bundle(),
            _ => self.unenforced(),
        };
        Object::from_value(value).unwrap()
    }

    pub(super) fn observed(&mut self) -> Observed {
        let state = |this: &mut Self| DataPlaneState {
            confirmed: !this.once_in(3),
            addresses: if this.once_in(3) { Vec::new() } else { vec!["10.0.0.1".to_owned()] },
            cluster_addresses: if this.once_in(3) { vec!["10.0.0.2".to_owned()] } else { Vec::new() },
            ports_failed: this.once_in(3).then(|| (80, "taken".to_owned())).into_iter().collect(),
            ..DataPlaneState::default()
        };
        let planes = [
            DataPlane::Merged,
            DataPlane::Class("c".into()),
            DataPlane::Gateway(ObjectKey::new("a", "g")),
            DataPlane::Gateway(ObjectKey::new("b", "g")),
        ];
        let heard = planes.into_iter().filter_map(|plane| (!self.once_in(4)).then(|| (plane, state(self)))).collect();
        let version = self.once_in(4).then(|| self.of(&["v1.7.1", "v2.0.0"]).to_owned());
        let bundle = Bundle { version, standard: self.once_in(4) };
        let shared_classes = self.once_in(4).then(|| "c".to_owned()).into_iter().collect();
        let namespace = self.once_in(2).then(|| self.namespace().to_owned());
        let unserved = self.once_in(4).then_some(Kind::ClusterTrustBundle).into_iter().collect();
        let kind = self.of(&[Kind::Secret, Kind::Service, Kind::ConfigMap, Kind::GatewayParameters]);
        let forbidden = self.once_in(4).then_some((kind, namespace)).into_iter().collect();
        Observed { data_planes: heard, shared_classes, forbidden, unserved, bundle }
    }

    fn meta(&mut self, name: &str) -> Value {
        let mut meta = json!({"name": name, "namespace": self.namespace()});
        if let Some(time) = self.some(3, |this| this.of(&["2024-01-01T00:00:00Z", "2024-01-02T00:00:00Z"]).into()) {
            meta["creationTimestamp"] = time;
        }
        if let Some(generation) = self.some(3, |this| this.below(3).into()) {
            meta["generation"] = generation;
        }
        meta
    }

    fn class(&mut self) -> Value {
        let name = self.of(&["c", "d"]);
        let controller = self.of(&["example.com/c", "example.com/c", "example.com/other"]);
        let parameters = self.some(3, |this| {
            let kind = this.of(&["GatewayParameters", "EnvoyProxy"]);
            let group = if kind == "EnvoyProxy" { "gateway.envoyproxy.io" } else { "gatewright.dev" };
            json!({"group": group, "kind": kind, "namespace": this.namespace(), "name": "p"})
        });
        json!({"apiVersion": "gateway.networking.k8s.io/v1", "kind": "GatewayClass", "metadata": {"name": name},
            "spec": {"controllerName": controller, "parametersRef": parameters}})
    }

    fn parameters(&mut self) -> Value {
        let metadata = self.meta("p");
        let api = self
            .of(&[("gatewright.dev/v1alpha1", "GatewayParameters"), ("gateway.envoyproxy.io/v1alpha1", "EnvoyProxy")]);
        let spec = self.of(&[json!({}), json!({"mergeGateways": true}), json!({"unknown": 1})]);
        json!({"apiVersion": api.0, "kind": api.1, "metadata": metadata, "spec": spec})
    }

    fn allowed_namespaces(&mut self) -> Value {
        self.of(&[
            json!({"from": "All"}),
            json!({"from": "Same"}),
            json!({"from": "Selector", "selector": {"matchLabels": {"team": "x"}}}),
            json!({"from": "None"}),
        ])
    }

    fn secret_ref(&mut self) -> Value {
        json!({"name": self.of(&["t", "u"]), "namespace": self.namespace()})
    }

    fn listener(&mut self, name: &str) -> Value {
        let (port, protocol) = self.of(&[(80, "HTTP"), (443, "HTTPS"), (8080, "HTTP"), (80, "HTTPS"), (9000, "TCP")]);
        let hostname = self.some(2, |this| this.hostname().into());
        let tls = (protocol == "HTTPS").then(|| json!({"certificateRefs": [self.secret_ref()]}));
        let kinds = self.list(1, |this| json!({"kind": this.of(&["GRPCRoute", "HTTPRoute", "TCPRoute"])}));
        let filters = json!({"requests": self.list(2, Self::external_auth)});
        json!({"name": name, "port": port, "protocol": protocol, "hostname": hostname, "tls": tls, "filters": filters,
            "allowedRoutes": {"namespaces": self.allowed_namespaces(), "kinds": kinds}})
    }

    fn listeners(&mut self) -> Vec<Value> {
        let count = 1 + self.below(3);
        ["l", "m", "n"].iter().take(count).map(|name| self.listener(name)).collect()
    }

    fn gateway(&mut self) -> Value {
        let metadata = self.meta("g");
        let listeners = self.listeners();
        let shown = self.some(3, |this| json!({"clientCertificateRef": this.secret_ref()}));
        let frontend = self.some(4, |this| {
            let mode = this.of(&["AllowValidOnly", "AllowInsecureFallback"]);
            let authority = match this.once_in(3) {
                true => json!({"group": "certificates.k8s.io", "kind": "ClusterTrustBundle", "name": "ca"}),
                false => json!({"group": "", "kind": "ConfigMap", "name": "ca", "namespace": this.namespace()}),
            };
            json!({"default": {"validation": {"mode": mode, "caCertificateRefs": [authority]}}})
        });
        let scope = self.some(3, |_| "All".into());
        let addresses = self.list(2, |this| {
            let value = this.of(&["10.0.0.1", "10.0.0.9", ""]);
            json!({"type": "IPAddress", "value": value, "routability": this.of(&["", "Cluster", "example.com/x"])})
        });
        let infrastructure = self.some(4, |this| json!({"labels": {"team": this.of(&["x", "y"])}}));
        json!({"apiVersion": "gateway.networking.k8s.io/v1", "kind": "Gateway", "metadata": metadata, "spec": {
            "gatewayClassName": self.of(&["c", "c", "d"]), "listeners": listeners, "defaultScope": scope,
            "addresses": addresses, "allowedListeners": {"namespaces": self.allowed_namespaces()},
            "infrastructure": infrastructure, "tls": {"backend": shown, "frontend": frontend}}})
    }

    fn listener_set(&mut self) -> Value {
        let metadata = self.meta("ls");
        let listeners = self.listeners();
        json!({"apiVersion": "gateway.networking.k8s.io/v1", "kind": "ListenerSet", "metadata": metadata, "spec": {
            "parentRef": {"name": "g", "namespace": self.namespace()}, "listeners": listeners}})
    }

    fn parent_ref(&mut self) -> Value {
        let (kind, name) = self.of(&[("Gateway", "g"), ("Gateway", "g"), ("ListenerSet", "ls"), ("Gateway", "gone")]);
        let section = self.some(4, |this| this.of(&["l", "m"]).into());
        let port = self.some(5, |this| this.of(&[80, 443]).into());
        json!({"kind": kind, "name": name, "namespace": self.namespace(), "sectionName": section, "port": port})
    }

    fn backend_ref(&mut self) -> Value {
        let (group, kind) = self.of(&[("", "Service"), ("", "Service"), ("gateway.networking.x-k8s.io", "XBackend")]);
        let port = self.of(&[80, 81, 80, 99]);
        let namespace = self.some(2, |this| this.namespace().into());
        json!({"group": group, "kind": kind, "name": self.of(&["s", "t"]), "namespace": namespace, "port": port,
            "weight": self.of(&[1, 3, 0])})
    }

    fn external_auth(&mut self) -> Value {
        let mut backend = self.backend_ref();
        backend.as_object_mut().unwrap().remove("weight");
        let protocol = self.of(&["HTTP", "GRPC"]);
        json!({"type": "ExternalAuth", "externalAuth": {"protocol": protocol, "backendRef": backend}})
    }

    fn filter(&mut self) -> Value {
        let external_auth = self.external_auth();
        let mut backend = self.backend_ref();
        backend.as_object_mut().unwrap().remove("weight");
        self.of(&[
            json!({"type": "RequestHeaderModifier", "requestHeaderModifier": {"set": [{"name": "x-a", "value": "1"}]}}),
            json!({"type": "RequestMirror", "requestMirror": {"backendRef": backend}}),
            external_auth,
            json!({"type": "ResponseHeaderModifier", "responseHeaderModifier": {"remove": ["host"]}}),
            json!({"type": "ExtensionRef", "extensionRef": {"group": "x.io", "kind": "Filter", "name": "f"}}),
        ])
    }

    fn common(&mut self, rules: &[Value], hostnames: bool) -> Value {
        let parents = self.list(2, Self::parent_ref);
        let default_gateways = self.some(4, |_| "All".into());
        let mut spec = json!({"parentRefs": parents, "useDefaultGateways": default_gateways, "rules": rules});
        if hostnames {
            spec["hostnames"] = self.list(2, |this| this.hostname().into()).into();
        }
        spec
    }

    fn http_route(&mut self) -> Value {
        let name = self.of(&["r", "q", "p"]);
        let metadata = self.meta(name);
        let rules = self.list(3, |this| {
            let matches = this.list(2, |this| {
                this.of(&[
                    json!({"path": {"type": "PathPrefix", "value": "/a"}}),
                    json!({"path": {"type": "RegularExpression", "value": "/(a|b)"}}),
                    json!({"path": {"type": "RegularExpression", "value": "("}}),
                    json!({"method": "GET", "headers": [{"name": "h", "value": "1"}]}),
                ])
            });
            json!({"matches": matches, "filters": this.list(2, Self::filter), "backendRefs": this.list(2, Self::backend_ref)})
        });
        json!({"apiVersion": "gateway.networking.k8s.io/v1", "kind": "HTTPRoute", "metadata": metadata,
            "spec": self.common(&rules, true)})
    }

    fn grpc_route(&mut self) -> Value {
        let metadata = self.meta("r");
        let rules = self.list(2, |this| json!({"backendRefs": this.list(2, Self::backend_ref)}));
        json!({"apiVersion": "gateway.networking.k8s.io/v1", "kind": "GRPCRoute", "metadata": metadata,
            "spec": self.common(&rules, true)})
    }

    fn stream_route(&mut self) -> Value {
        let metadata = self.meta("r");
        let kind = self.of(&["TCPRoute", "TLSRoute", "UDPRoute"]);
        let rules = vec![json!({"backendRefs": self.list(2, Self::backend_ref)})];
        json!({"apiVersion": "gateway.networking.k8s.io/v1", "kind": kind, "metadata": metadata,
            "spec": self.common(&rules, kind == "TLSRoute")})
    }

    fn service(&mut self) -> Value {
        let name = self.of(&["s", "t"]);
        let metadata = self.meta(name);
        let protocol = self.some(2, |this| this.of(&["kubernetes.io/h2c", "https", "kubernetes.io/ws", "sctp"]).into());
        let target = self.some(2, |this| this.of(&[9001, 9002]).into());
        let mut ports = vec![json!({"name": "one", "port": 80, "appProtocol": protocol, "targetPort": target})];
        ports.extend(self.some(2, |this| json!({"name": "two", "port": 81, "targetPort": this.of(&[8081, 0])})));
        let headless = self.some(4, |_| "None".into());
        let r#type = self.some(8, |_| "ExternalName".into());
        let mut spec = json!({"ports": ports});
        spec.as_object_mut().unwrap().extend(headless.map(|ip| ("clusterIP".to_owned(), ip)));
        spec.as_object_mut().unwrap().extend(r#type.map(|name| ("type".to_owned(), name)));
        json!({"apiVersion": "v1", "kind": "Service", "metadata": metadata, "spec": spec})
    }

    fn slice(&mut self) -> Value {
        let mut metadata = self.meta("e");
        metadata["labels"] = json!({"kubernetes.io/service-name": self.of(&["s", "t", "none"])});
        let port = self.some(2, |this| this.of(&[8080, 8090]).into());
        let endpoints = self.list(3, |this| {
            let ready = !this.once_in(3);
            json!({"addresses": [this.of(&["10.1.0.1", "10.1.0.2", "10.1.0.3"])],
                "conditions": {"ready": ready, "serving": true, "terminating": !ready}})
        });
        json!({"apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice", "metadata": metadata, "addressType": "IPv4",
            "ports": [{"name": "one", "port": port}, {"name": "two", "port": 8081}], "endpoints": endpoints})
    }

    fn grant(&mut self) -> Value {
        let name = self.of(&["grant", "more"]);
        let metadata = self.meta(name);
        let (group, kind) = self.of(&[("", "Service"), ("", "Service"), ("", "Secret"), ("", "ConfigMap")]);
        let from = self.of(&["HTTPRoute", "HTTPRoute", "Gateway", "ListenerSet", "GRPCRoute", "TCPRoute"]);
        let only = self.some(2, |this| this.of(&["s", "t"]).into());
        json!({"apiVersion": "gateway.networking.k8s.io/v1", "kind": "ReferenceGrant", "metadata": metadata, "spec": {
            "from": [{"group": "gateway.networking.k8s.io", "kind": from, "namespace": self.namespace()}],
            "to": [{"group": group, "kind": kind, "name": only}]}})
    }

    fn backend_tls_policy(&mut self) -> Value {
        let name = self.of(&["btp", "late"]);
        let metadata = self.meta(name);
        let targets = self.list(2, |this| {
            let section = this.some(2, |this| this.of(&["one", "two"]).into());
            json!({"group": "", "kind": this.of(&["Service", "Service", "Pod"]), "name": this.of(&["s", "t"]), "sectionName": section})
        });
        let mut validation = json!({"hostname": self.of(&["s.example.com", "S2.example.com"])});
        match self.once_in(3) {
            true => validation["wellKnownCACertificates"] = "System".into(),
            false => {
                let (group, kind) = self.of(&[("", "ConfigMap"), ("certificates.k8s.io", "ClusterTrustBundle")]);
                validation["caCertificateRefs"] =
                    json!([{"group": group, "kind": kind, "name": self.of(&["ca", "gone"])}]);
            }
        }
        json!({"apiVersion": "gateway.networking.k8s.io/v1", "kind": "BackendTLSPolicy", "metadata": metadata,
            "spec": {"targetRefs": targets, "validation": validation}})
    }

    fn secret(&mut self) -> Value {
        let name = self.of(&["t", "u"]);
        let metadata = self.meta(name);
        let chain = self.of(&["good x.example.com", "good y.example.com", "bad"]);
        json!({"apiVersion": "v1", "kind": "Secret", "metadata": metadata,
            "stringData": {"tls.crt": chain, "tls.key": self.of(&["key", "other"])}})
    }

    fn config_map(&mut self) -> Value {
        let metadata = self.meta("ca");
        json!({"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata,
            "data": {"ca.crt": self.of(&["good", "good too", "bad"])}})
    }

    fn cluster_trust_bundle(&mut self) -> Value {
        json!({"apiVersion": "certificates.k8s.io/v1", "kind": "ClusterTrustBundle", "metadata": {"name": "ca"},
            "spec": {"trustBundle": self.of(&["good", "good too", "bad"])}})
    }

    fn named_namespace(&mut self) -> Value {
        let labels = self.of(&[json!({"team": "x"}), json!({"team": "y"}), json!({})]);
        json!({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": self.namespace(), "labels": labels}})
    }

    fn unenforced(&mut self) -> Value {
        let metadata = self.meta("s");
        match self.below(4) {
            0 => json!({"apiVersion": "gateway.networking.x-k8s.io/v1alpha1", "kind": "XTelemetryPolicy",
                "metadata": metadata, "spec": {
                    "targetRefs": [{"group": "gateway.networking.k8s.io", "kind": "Gateway", "name": self.of(&["g", "gone"])}],
                    "tracing": {"mode": self.of(&["Disabled", "Enabled"])}}}),
            1 => json!({"apiVersion": "gateway.networking.x-k8s.io/v1alpha1", "kind": "XBackend", "metadata": metadata,
                "spec": {"type": "ExternalHostname", "externalHostname": {"hostname": "x.org"}, "port": {"number": 80}}}),
            2 => json!({"apiVersion": "gateway.networking.x-k8s.io/v1alpha1", "kind": "XBackendTrafficPolicy",
                "metadata": metadata, "spec": {"targetRefs": []}}),
            _ => json!({"apiVersion": "gateway.networking.x-k8s.io/v1alpha1", "kind": "XMesh",
                "metadata": {"name": "m"}, "spec": {"controllerName": self.of(&["example.com/c", "example.com/other"])}}),
        }
    }
}

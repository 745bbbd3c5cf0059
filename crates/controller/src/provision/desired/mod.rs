//! The objects that run a data plane, as they are sent to the API server.
//!
//! Pure: the same infrastructure and settings give the same objects, whatever is in the cluster.

mod pod;
mod scaling;
mod service;
mod workload;

use gatewright_core::{
    api::parameters::{Parameters, Patch},
    infrastructure::{Infrastructure, label_value},
    world::{DataPlane, Kind},
};
use serde_json::{Map, Value, json};

use super::{label, patch::patched};

pub(super) use pod::CONTAINER;

/// What all data planes have in common.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The controller's own namespace, in which the data planes are that Gateways of a class share. Names the
    /// installation, too: what another one made is left alone.
    pub namespace: String,
    /// Image of the proxies, where parameters name no other.
    pub image: String,
    /// Where proxies get their Plan: `https://host:port`.
    pub control_plane: String,
    /// The certificate, PEM, of who signs the control plane's.
    pub ca: String,
}

/// Returns the objects of a data plane; none while its parameters are wrong, which means that what is there stays.
pub fn desired(data_plane: &DataPlane, infrastructure: &Infrastructure, settings: &Settings) -> Vec<Value> {
    let Some(parameters) = &infrastructure.parameters else { return Vec::new() };
    let draft = Draft { data_plane, infrastructure, parameters, settings };
    let kubernetes = &parameters.provider.kubernetes;
    let mut objects = vec![service_account(&draft), config_map(&draft), service::service(&draft)];
    objects.push(match &kubernetes.envoy_daemon_set {
        Some(daemon_set) => workload::daemon_set(&draft, daemon_set),
        None => workload::deployment(&draft, &kubernetes.envoy_deployment.clone().unwrap_or_default()),
    });
    objects.extend(kubernetes.envoy_pdb.as_ref().map(|budget| scaling::disruption_budget(&draft, budget)));
    objects.extend(kubernetes.envoy_hpa.as_ref().map(|scaler| scaling::autoscaler(&draft, scaler)));
    objects
}

/// What the objects of one data plane are made of.
struct Draft<'a> {
    data_plane: &'a DataPlane,
    infrastructure: &'a Infrastructure,
    parameters: &'a Parameters,
    settings: &'a Settings,
}

impl Draft<'_> {
    fn namespace(&self) -> &str {
        self.infrastructure.namespace.as_deref().unwrap_or(&self.settings.namespace)
    }

    /// The object's own name, or that of the data plane.
    fn name<'n>(&'n self, own: Option<&'n String>) -> &'n str {
        own.map_or(self.infrastructure.name.as_str(), String::as_str)
    }

    /// An object of the data plane, with its `metadata`; `extra` labels and annotations give way to ours.
    fn object(&self, api_version: &str, kind: &str, name: &str, extra: Extra<'_>) -> Map<String, Value> {
        let mut metadata = json!({
            "name": name,
            "namespace": self.namespace(),
            "labels": self.labels(extra.labels),
            "annotations": self.annotations(extra.annotations),
        });
        if let Some(uid) = &self.infrastructure.owner_uid {
            let owner = &self.infrastructure.owner;
            metadata["ownerReferences"] = json!([{
                "apiVersion": owner.kind.api_version(),
                "kind": owner.kind.name(),
                "name": owner.key.name,
                "uid": uid,
            }]);
        }
        let mut object = Map::new();
        object.insert("apiVersion".into(), api_version.into());
        object.insert("kind".into(), kind.into());
        object.insert("metadata".into(), metadata);
        object
    }

    /// Completes an object. A patch changes what it is, never whose and where: parameters are written by people who may
    /// have no rights elsewhere.
    fn finish(&self, mut object: Map<String, Value>, spec: Value, patch: Option<&Patch>) -> Value {
        object.insert("spec".into(), spec);
        let made = Value::Object(object);
        let mut object = patched(made.clone(), patch);
        for field in ["apiVersion", "kind"] {
            object[field].clone_from(&made[field]);
        }
        for field in ["name", "namespace", "ownerReferences"] {
            object["metadata"][field].clone_from(&made["metadata"][field]);
        }
        for field in ["labels", "annotations"] {
            let mut texts = made["metadata"][field].clone();
            let ours = |key: &str| self.is_ours(key);
            if let (Some(texts), Some(changed)) = (texts.as_object_mut(), object["metadata"][field].as_object()) {
                texts.retain(|key, _| ours(key) || changed.contains_key(key));
                texts.extend(
                    changed.iter().filter(|(key, _)| !ours(key)).map(|(key, value)| (key.clone(), value.clone())),
                );
            }
            object["metadata"][field] = texts;
        }
        object
    }

    fn is_ours(&self, key: &str) -> bool {
        [label::INSTALLATION, label::DATA_PLANE, label::MANAGED_BY, label::NAME, label::INSTANCE].contains(&key)
    }

    fn labels(&self, extra: Option<&Labels>) -> Map<String, Value> {
        let mut labels = texts(Some(&self.infrastructure.labels));
        labels.extend(texts(extra));
        labels.extend(self.selector());
        labels.insert(label::MANAGED_BY.into(), label::GATEWRIGHT.into());
        labels.insert(label::INSTALLATION.into(), self.settings.namespace.as_str().into());
        labels.insert(label::GATEWAY_CLASS_NAME.into(), label_value(&self.infrastructure.class).into());
        if self.infrastructure.owner.kind == Kind::Gateway {
            labels.insert(label::GATEWAY_NAME.into(), label_value(&self.infrastructure.owner.key.name).into());
        }
        labels
    }

    fn annotations(&self, extra: Option<&Labels>) -> Map<String, Value> {
        let mut annotations = texts(Some(&self.infrastructure.annotations));
        annotations.extend(texts(extra));
        annotations.insert(label::DATA_PLANE.into(), self.data_plane.to_string().into());
        annotations
    }

    /// The labels by which the data plane's Pods are found. They never change: a Deployment's selector must not.
    fn selector(&self) -> Map<String, Value> {
        let labels = [(label::NAME, "gatewright-proxy"), (label::INSTANCE, self.infrastructure.name.as_str())];
        labels.into_iter().map(|(key, value)| (key.to_owned(), value.into())).collect()
    }
}

type Labels = std::collections::BTreeMap<String, String>;

/// Labels and annotations that parameters give one object.
#[derive(Clone, Copy, Default)]
struct Extra<'a> {
    labels: Option<&'a Labels>,
    annotations: Option<&'a Labels>,
}

fn texts(map: Option<&Labels>) -> Map<String, Value> {
    map.into_iter().flatten().map(|(key, value)| (key.clone(), value.as_str().into())).collect()
}

/// By its ServiceAccount a proxy is known to be of this data plane. The API server is not its business: no token is
/// mounted but the one for the control plane.
fn service_account(draft: &Draft<'_>) -> Value {
    let name = &draft.infrastructure.service_account;
    let mut object = draft.object("v1", "ServiceAccount", name, Extra::default());
    object.insert("automountServiceAccountToken".into(), false.into());
    Value::Object(object)
}

/// Whom the proxies trust to give them their Plan.
fn config_map(draft: &Draft<'_>) -> Value {
    let mut object = draft.object("v1", "ConfigMap", &draft.infrastructure.name, Extra::default());
    object.insert("data".into(), json!({"ca.crt": draft.settings.ca}));
    Value::Object(object)
}

/// Sets a field that is there only when something is said about it.
fn set<T: Into<Value>>(object: &mut Value, field: &str, value: Option<T>) {
    if let Some(value) = value {
        object[field] = value.into();
    }
}

/// Sets a list that is there only when it is not empty.
fn set_list(object: &mut Value, field: &str, list: &[Value]) {
    set(object, field, (!list.is_empty()).then(|| list.to_vec()));
}

#[cfg(test)]
mod tests;

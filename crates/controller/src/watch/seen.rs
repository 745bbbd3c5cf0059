//! An object as it was seen in the cluster: what it asks for, and apart from that what was made of it.

use gatewright_core::world::{Kind, Object, ObjectError, ObjectRef};
use serde_json::Value;

use super::raw::Raw;

/// An object of a kind that the compiler reads.
pub(crate) struct Seen {
    /// Without status and resourceVersion, so that it equals an older sight of it exactly when nothing is asked anew.
    pub(crate) object: Object,
    pub(crate) stored: Stored,
}

/// What the API server holds beside what people ask for. Kept of the kinds whose status we write.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Stored {
    pub(crate) resource_version: String,
    pub(crate) uid: String,
    pub(crate) generation: i64,
    /// JSON text, empty for none: a tenth of the memory that a parsed one takes.
    pub(crate) status: Box<str>,
    pub(crate) finalizers: Vec<String>,
}

/// What cannot be read, and why.
#[derive(Debug)]
pub(crate) struct Unread {
    pub(crate) object: ObjectRef,
    pub(crate) why: ObjectError,
}

impl Seen {
    /// Reads an object that the API server sent as one of `kind`, in `api_version`.
    pub(crate) fn read(raw: Raw, kind: Kind, api_version: &str) -> Result<Self, Unread> {
        let mut value = raw.value;
        let stored = Stored::take(&mut value);
        // The items of a list do not say what they are.
        if let Some(object) = value.as_object_mut() {
            object.insert("apiVersion".to_owned(), api_version.into());
            object.insert("kind".to_owned(), kind.name().into());
        }
        let name = object_ref(&value, kind);
        match Object::from_value(value) {
            Ok(object) => Ok(Self { object, stored }),
            Err(why) => Err(Unread { object: name, why }),
        }
    }
}

impl Stored {
    /// Takes out of an object what is stored beside what it asks for.
    pub(crate) fn take(value: &mut Value) -> Self {
        let status = value.as_object_mut().and_then(|object| object.remove("status"));
        let mut stored = Self {
            status: status.filter(|status| !status.is_null()).map_or_else(Box::default, |it| it.to_string().into()),
            ..Self::default()
        };
        let Some(metadata) = value.get_mut("metadata").and_then(Value::as_object_mut) else { return stored };
        if let Some(Value::String(version)) = metadata.remove("resourceVersion") {
            stored.resource_version = version;
        }
        stored.uid = metadata.get("uid").and_then(Value::as_str).unwrap_or_default().to_owned();
        stored.generation = metadata.get("generation").and_then(Value::as_i64).unwrap_or_default();
        let finalizers = metadata.get("finalizers").and_then(Value::as_array).into_iter().flatten();
        stored.finalizers = finalizers.filter_map(|name| name.as_str().map(str::to_owned)).collect();
        stored
    }
}

/// Names the object, whether or not it can be read.
pub(crate) fn object_ref(value: &Value, kind: Kind) -> ObjectRef {
    let text = |field: &str| value["metadata"][field].as_str().unwrap_or_default();
    let namespace = if kind.is_namespaced() { text("namespace") } else { "" };
    ObjectRef::new(kind, namespace, text("name"))
}

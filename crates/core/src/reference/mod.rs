//! From a reference to the object: is the kind known, is it permitted, does it exist?
//!
//! In that order, so that nobody learns whether an object exists that they may not refer to. Knows nothing of what the
//! object is wanted for.

mod absent;
mod reads;

use std::fmt;

pub use absent::Absent;
pub(crate) use absent::Forbidden;
pub(crate) use reads::{Read, Reads};

use crate::{
    api::{
        config_map::ConfigMap,
        reference_grant::{ReferenceGrantFrom, ReferenceGrantTo},
        secret::Secret,
        service::Service,
        shared::{BackendObjectReference, ObjectReference, SecretObjectReference},
    },
    verdict::Mend,
    world::{Kind, ObjectKey, ObjectRef, Objects, World},
};

/// Why a reference leads nowhere.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RefError {
    /// The group and kind are not among those that may stand here.
    InvalidKind {
        group: String,
        kind: String,
    },
    /// The object is in another namespace, and no ReferenceGrant there allows the reference. Says nothing of whether
    /// the object exists.
    NotPermitted(MissingGrant),
    NotFound(Absent),
}

impl fmt::Display for RefError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::InvalidKind { group, kind } if group.is_empty() => {
                write!(f, "kind {kind:?} cannot be referred to here")
            }
            Self::InvalidKind { group, kind } => {
                write!(f, "kind {kind:?} of group {group:?} cannot be referred to here")
            }
            Self::NotPermitted(missing) => write!(f, "{missing}"),
            Self::NotFound(absent) => write!(f, "{absent}"),
        }
    }
}

impl RefError {
    /// The manifest that would make the reference good, as far as that is known.
    pub fn mend(&self) -> Option<Mend> {
        match self {
            Self::NotPermitted(missing) => Some(Mend::Manifest(missing.manifest())),
            Self::InvalidKind { .. } | Self::NotFound(_) => None,
        }
    }
}

/// The ReferenceGrant that a reference lacks. It belongs into the namespace of what is referred to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MissingGrant {
    pub from_kind: Kind,
    pub from_namespace: String,
    pub to: ObjectRef,
}

impl fmt::Display for MissingGrant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { from_kind, from_namespace, to } = self;
        write!(
            f,
            "no ReferenceGrant in namespace {:?} lets {}s of namespace {from_namespace:?} refer to {} {:?}",
            to.key.namespace,
            from_kind.name(),
            to.kind.name(),
            to.key.name,
        )
    }
}

impl MissingGrant {
    /// The ReferenceGrant in YAML: it permits this reference, and no more than the API can narrow it to.
    pub fn manifest(&self) -> String {
        let Self { from_kind, from_namespace, to } = self;
        let name = bounded(format!("{from_namespace}-{}-to-{}", from_kind.name().to_ascii_lowercase(), to.key.name));
        format!(
            "apiVersion: {}\nkind: ReferenceGrant\nmetadata:\n  name: {name}\n  namespace: {}\nspec:\n  from:\n  \
             - group: {}\n    kind: {}\n    namespace: {from_namespace}\n  to:\n  - group: {}\n    kind: {}\n    \
             name: {}\n",
            Kind::ReferenceGrant.api_version(),
            to.key.namespace,
            quoted(from_kind.group()),
            from_kind.name(),
            quoted(to.kind.group()),
            to.kind.name(),
            to.key.name,
        )
    }
}

/// Keeps a generated name within the 253 characters of a Kubernetes name, ending in a letter or digit.
fn bounded(mut name: String) -> String {
    name.truncate(name.floor_char_boundary(253));
    name.truncate(name.trim_end_matches(|c: char| !c.is_ascii_alphanumeric()).len());
    name
}

fn quoted(group: &str) -> &str {
    if group.is_empty() { "\"\"" } else { group }
}

/// Who refers: a kind of object in a namespace. Grants know no names on this side.
#[derive(Clone, Copy, Debug)]
pub struct Referrer<'a> {
    pub kind: Kind,
    pub namespace: &'a str,
}

impl<'a> Referrer<'a> {
    pub fn new(object: &'a ObjectRef) -> Self {
        Self { kind: object.kind, namespace: &object.key.namespace }
    }
}

/// Checks that `from` may refer to the object: same namespace, or one ReferenceGrant beside the object that names both.
///
/// # Errors
/// The grant that is missing.
pub fn permit(world: &World, from: Referrer<'_>, to: &ObjectRef) -> Result<(), MissingGrant> {
    if from.namespace == to.key.namespace {
        return Ok(());
    }
    let grants = in_namespace(&world.reference_grants, &to.key.namespace);
    let permits = |from_: &ReferenceGrantFrom| {
        from_.group == from.kind.group() && from_.kind == from.kind.name() && from_.namespace == from.namespace
    };
    let covers = |to_: &ReferenceGrantTo| {
        to_.group == to.kind.group()
            && to_.kind == to.kind.name()
            // An absent name and an empty one both mean every object of the kind.
            && to_.name.as_deref().is_none_or(|name| name.is_empty() || name == to.key.name)
    };
    if grants.into_iter().any(|(_, grant)| grant.spec.from.iter().any(permits) && grant.spec.to.iter().any(covers)) {
        return Ok(());
    }
    Err(MissingGrant { from_kind: from.kind, from_namespace: from.namespace.to_owned(), to: to.clone() })
}

/// The objects of one namespace, by name.
pub fn in_namespace<'w, T>(
    objects: &'w Objects<T>,
    namespace: &str,
) -> impl Iterator<Item = (&'w ObjectKey, &'w T)> + use<'w, T> {
    let namespace = namespace.to_owned();
    objects.range(ObjectKey::new(&namespace, "")..).take_while(move |(key, _)| key.namespace == namespace)
}

/// Resolves a reference to a Secret.
///
/// # Errors
/// As [`RefError`], in its order.
pub fn secret<'w>(
    world: &'w World,
    from: Referrer<'_>,
    reference: &SecretObjectReference,
) -> Result<(ObjectRef, &'w Secret), RefError> {
    let SecretObjectReference { group, kind, name, namespace } = reference;
    let to = target(world, from, &[Kind::Secret], group, kind, namespace.as_deref(), name)?;
    find(world, &world.secrets, to)
}

/// Resolves a reference to a Service, the one kind of backend so far.
///
/// # Errors
/// As [`RefError`], in its order.
pub fn service<'w>(
    world: &'w World,
    from: Referrer<'_>,
    reference: &BackendObjectReference,
) -> Result<(ObjectRef, &'w Service), RefError> {
    let BackendObjectReference { group, kind, name, namespace, port: _ } = reference;
    let to = target(world, from, &[Kind::Service], group, kind, namespace.as_deref(), name)?;
    find(world, &world.services, to)
}

/// Resolves a reference to a ConfigMap.
///
/// # Errors
/// As [`RefError`], in its order.
pub fn config_map<'w>(
    world: &'w World,
    from: Referrer<'_>,
    reference: &ObjectReference,
) -> Result<(ObjectRef, &'w ConfigMap), RefError> {
    let ObjectReference { group, kind, name, namespace } = reference;
    let to = target(world, from, &[Kind::ConfigMap], group, kind, namespace.as_deref(), name)?;
    find(world, &world.config_maps, to)
}

/// Names the object that a reference means, if its kind may stand there and the referrer may refer to it. Whether it
/// exists is not asked.
///
/// # Errors
/// `InvalidKind`, else `NotPermitted`.
pub fn target(
    world: &World,
    from: Referrer<'_>,
    kinds: &[Kind],
    group: &str,
    kind: &str,
    namespace: Option<&str>,
    name: &str,
) -> Result<ObjectRef, RefError> {
    let Some(kind) = Kind::find(group, kind).filter(|kind| kinds.contains(kind)) else {
        return Err(RefError::InvalidKind { group: group.to_owned(), kind: kind.to_owned() });
    };
    let to = ObjectRef::new(kind, namespace_meant(from, namespace), name);
    permit(world, from, &to).map_err(RefError::NotPermitted)?;
    Ok(to)
}

/// A reference that gives no namespace means the referrer's own.
fn namespace_meant<'a>(from: Referrer<'a>, given: Option<&'a str>) -> &'a str {
    given.filter(|namespace| !namespace.is_empty()).unwrap_or(from.namespace)
}

fn find<'w, T>(world: &World, objects: &'w Objects<T>, to: ObjectRef) -> Result<(ObjectRef, &'w T), RefError> {
    match objects.get(&to.key) {
        Some(object) => Ok((to, object)),
        None => Err(RefError::NotFound(Absent::new(world, to))),
    }
}

#[cfg(test)]
mod tests;

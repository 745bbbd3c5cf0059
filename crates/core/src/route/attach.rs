//! Where a route attaches: parentRef × allowedRoutes × hostname, alike for every kind of route.

use crate::{
    api::shared::ParentReference,
    gateway::{AllowedNamespaces, Parent, ResolvedListener},
    plan::Hostname,
    status::{Problem, reason::RouteRejection},
    world::{Kind, ObjectKey, ObjectRef, World},
};

/// What of a route decides where it attaches.
#[derive(Clone, Copy, Debug)]
pub(super) struct Attaching<'a> {
    pub(super) kind: Kind,
    pub(super) namespace: &'a str,
    /// `[Any]` for routes that give none, and for kinds that have none.
    pub(super) hostnames: &'a [Hostname],
}

/// Names the Gateway or ListenerSet that a parentRef means. `None` for parents of other kinds.
pub(super) fn owner(reference: &ParentReference, namespace: &str) -> Option<ObjectRef> {
    let kind = Kind::find(&reference.group, &reference.kind)?;
    let namespace = reference.namespace.as_deref().filter(|given| !given.is_empty()).unwrap_or(namespace);
    matches!(kind, Kind::Gateway | Kind::ListenerSet)
        .then(|| ObjectRef { kind, key: ObjectKey::new(namespace, &reference.name) })
}

/// Finds the listeners of `parent` that the route attaches to by this parentRef: its own, never those of a ListenerSet
/// that extends it (GEP-1713). Whether they are served does not matter. A parent in another namespace needs
/// `allowedRoutes` and no ReferenceGrant.
///
/// # Errors
/// The first of what the parentRef, the listeners' `allowedRoutes` and the hostnames leave nothing of.
pub(super) fn attach<'p>(
    world: &World,
    parent: &'p Parent,
    reference: &ParentReference,
    route: Attaching<'_>,
) -> Result<Vec<&'p ResolvedListener>, Problem<RouteRejection>> {
    let section = reference.section_name.as_deref().filter(|name| !name.is_empty());
    let meant = |listener: &&ResolvedListener| {
        section.is_none_or(|name| name == listener.name) && reference.port.is_none_or(|port| port == listener.port)
    };
    let mut listeners: Vec<&ResolvedListener> = parent.listeners.iter().filter(meant).collect();
    if listeners.is_empty() {
        return Err(Problem::new(RouteRejection::NoMatchingParent, no_listener(parent, section, reference.port)));
    }
    let owner = &parent.owner;
    let is_invalid = |listener: &&ResolvedListener| listener.allowed_namespaces == AllowedNamespaces::Invalid;
    let invalid = listeners.iter().copied().find(is_invalid);
    listeners.retain(|listener| {
        listener.allowed_kinds.contains(&route.kind) && listener.allowed_namespaces.allows(world, route.namespace)
    });
    if listeners.is_empty() {
        let see = match invalid {
            Some(listener) => format!("the selector in allowedRoutes of listener {} is invalid", listener.name),
            None => "see its allowedRoutes and protocol".to_owned(),
        };
        let message = format!(
            "no listener of {owner} that the parentRef means allows {} from namespace {}; {see}",
            route.kind.name(),
            route.namespace,
        );
        return Err(Problem::new(RouteRejection::NotAllowedByListeners, message));
    }
    listeners.retain(|listener| route.hostnames.iter().any(|hostname| hostname.intersects(&listener.hostname)));
    if listeners.is_empty() {
        let message = format!("no hostname of the route is one that a listener of {owner} serves");
        return Err(Problem::new(RouteRejection::NoMatchingListenerHostname, message));
    }
    Ok(listeners)
}

fn no_listener(parent: &Parent, section: Option<&str>, port: Option<u16>) -> String {
    let mut wanted = String::new();
    if let Some(section) = section {
        wanted.push_str(&format!(" named {section}"));
    }
    if let Some(port) = port {
        wanted.push_str(&format!(" on port {port}"));
    }
    let has: Vec<String> = parent.listeners.iter().map(|found| format!("{} ({})", found.name, found.port)).collect();
    let has = if has.is_empty() { "none".to_owned() } else { has.join(", ") };
    format!("{} has no listener{wanted}; it has {has}", parent.owner)
}

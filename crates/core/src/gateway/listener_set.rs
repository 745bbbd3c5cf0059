//! ListenerSets (GEP-1713): which Gateway each one extends, and whether it may.

use std::collections::BTreeMap;

use super::{
    AllowedNamespaces, Judge, Parent, by_age,
    listener::{self, Shared},
    namespaces,
};
use crate::{
    api::{gateway::Gateway, listener_set::ListenerSet},
    status::{Judgement, Problem, reason::ListenerSetRejection},
    world::{Controllers, Kind, ObjectKey, ObjectRef},
};

/// What status says of a ListenerSet, apart from its listeners.
#[derive(Clone, Debug)]
pub struct ListenerSetVerdict {
    /// The Gateway that it extends.
    pub gateway: ObjectKey,
    /// Whether its Gateway is accepted and allows it. Whether its listeners are good is theirs to say.
    pub allowed: Judgement<ListenerSetRejection>,
}

type SetsByGateway<'w> = BTreeMap<ObjectKey, Vec<(&'w ObjectKey, &'w ListenerSet)>>;

/// Groups all ListenerSets by the Gateway that they name, the oldest first.
pub(super) fn by_gateway<'w>(judge: &mut Judge<'w>) -> SetsByGateway<'w> {
    let mut sets = SetsByGateway::new();
    for (key, set) in by_age(&judge.world.listener_sets, |set| &set.metadata) {
        let parent = &set.spec.parent_ref;
        if Kind::find(&parent.group, &parent.kind) == Some(Kind::Gateway) {
            let namespace = parent.namespace.as_ref().unwrap_or(&key.namespace);
            sets.entry(ObjectKey::new(namespace, &parent.name)).or_default().push((key, set));
        } else if judge.world.settings.controllers == Controllers::All {
            let object = ObjectRef { kind: Kind::ListenerSet, key: key.clone() };
            let message =
                format!("a ListenerSet extends a Gateway, not a {:?} of group {:?}", parent.kind, parent.group);
            judge.find(&object, "spec.parentRef", message, None);
        }
    }
    sets
}

/// Standalone, a ListenerSet whose Gateway nobody serves is an oversight; in a cluster, it is another controller's.
pub(super) fn report_missing_gateways(judge: &mut Judge<'_>, rest: &SetsByGateway<'_>) {
    if judge.world.settings.controllers != Controllers::All {
        return;
    }
    for (gateway, sets) in rest {
        for (key, _) in sets {
            let object = ObjectRef { kind: Kind::ListenerSet, key: (*key).clone() };
            let message = format!("Gateway {gateway} does not exist or has no class: nobody serves this ListenerSet");
            judge.find(&object, "spec.parentRef", message, None);
        }
    }
}

/// The Gateway that a ListenerSet extends.
pub(super) struct Extended<'a> {
    pub(super) gateway: &'a Gateway,
    pub(super) shared: Shared<'a>,
    /// With its own listeners.
    pub(super) parent: &'a Parent,
    /// Itself, and one of its own listeners at least.
    pub(super) accepted: bool,
}

/// Judges a ListenerSet that extends a Gateway.
pub(super) fn resolve(
    judge: &mut Judge<'_>,
    key: &ObjectKey,
    set: &ListenerSet,
    extended: &Extended<'_>,
) -> (ListenerSetVerdict, Parent) {
    let Extended { gateway, shared, parent, accepted } = *extended;
    let owner = ObjectRef { kind: Kind::ListenerSet, key: key.clone() };
    let allowed = &gateway.spec.allowed_listeners.namespaces;
    let allowed = namespaces::resolve(allowed.from, allowed.selector.as_ref(), &parent.gateway.namespace)
        .unwrap_or(AllowedNamespaces::Invalid);
    let mut verdict = ListenerSetVerdict { gateway: parent.gateway.clone(), allowed: Ok(()) };
    let mut listeners = Vec::new();
    if !allowed.allows(judge.world, &key.namespace) {
        let message = match allowed {
            AllowedNamespaces::Invalid => format!(
                "Gateway {} allows no ListenerSet: the selector of its spec.allowedListeners is invalid",
                parent.gateway
            ),
            _ => format!(
                "Gateway {} allows no ListenerSet of namespace {:?}: see its spec.allowedListeners",
                parent.gateway, key.namespace
            ),
        };
        judge.find(&owner, "spec.parentRef", message.as_str(), None);
        verdict.allowed = Err(Problem::new(ListenerSetRejection::NotAllowed, message));
    } else {
        listeners = listener::resolve(judge, &owner, shared, &set.spec.listeners);
        if !accepted {
            let message = format!("Gateway {} is not accepted", parent.gateway);
            judge.find(&owner, "spec.parentRef", message.as_str(), None);
            verdict.allowed = Err(Problem::new(ListenerSetRejection::ParentNotAccepted, message));
        }
    }
    let parent = Parent {
        owner,
        gateway: parent.gateway.clone(),
        controller_name: parent.controller_name.clone(),
        data_plane: parent.data_plane.clone(),
        strictness: parent.strictness,
        listeners,
    };
    (verdict, parent)
}

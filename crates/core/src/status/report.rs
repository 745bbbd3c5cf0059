//! From all verdicts to the status of every object that gets one from us.

use std::collections::BTreeMap;

use serde::Serialize;

use super::{AttachedRoutes, gateway, policy, policy::PolicyAncestorVerdict, route, route::RouteParentVerdict};
use crate::{
    api::{
        gateway::GatewayStatus,
        gateway_class::GatewayClassStatus,
        listener_set::ListenerSetStatus,
        meta::{Condition, ConditionStatus},
        shared::{PolicyStatus, RouteStatus},
    },
    gateway::{ClassVerdict, Gateways},
    world::{Kind, ObjectKey, ObjectRef, World},
};

/// The status of an object, as we would write it if nobody else had.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub enum Status {
    GatewayClass(GatewayClassStatus),
    Gateway(GatewayStatus),
    ListenerSet(ListenerSetStatus),
    /// Of every route kind.
    Route(RouteStatus),
    /// Of every policy kind, and of XBackend.
    Policy(PolicyStatus),
}

/// What the route half of the compiler says for status.
#[derive(Clone, Debug, Default)]
pub struct Verdicts {
    /// By route: one verdict for each parentRef whose parent is ours, in the manifest's order.
    pub routes: BTreeMap<ObjectRef, Vec<RouteParentVerdict>>,
    /// By policy or XBackend.
    pub policies: BTreeMap<ObjectRef, Vec<PolicyAncestorVerdict>>,
    pub attached_routes: AttachedRoutes,
}

/// Builds every status. Conditions carry no time yet: [`super::merge`] gives it.
pub fn report(world: &World, gateways: &Gateways, verdicts: &Verdicts) -> BTreeMap<ObjectRef, Status> {
    let mut statuses = of_classes(world, gateways);
    statuses.extend(of_gateways(world, gateways, &verdicts.attached_routes, |_| true));
    statuses
        .extend(verdicts.routes.iter().map(|(object, verdicts)| (object.clone(), of_route(world, object, verdicts))));
    statuses.extend(of_policies(world, &verdicts.policies));
    statuses
}

/// Builds the status of every GatewayClass.
pub(crate) fn of_classes(world: &World, gateways: &Gateways) -> BTreeMap<ObjectRef, Status> {
    let status = |(key, verdict): (&ObjectKey, &ClassVerdict)| {
        let object = ObjectRef { kind: Kind::GatewayClass, key: key.clone() };
        let status = gateway::class(generation(world, &object), verdict);
        (object, Status::GatewayClass(status))
    };
    gateways.classes.iter().map(status).collect()
}

/// Builds the statuses of the Gateways that are `wanted`, and of the ListenerSets that extend them.
pub(crate) fn of_gateways(
    world: &World,
    gateways: &Gateways,
    attached_routes: &AttachedRoutes,
    wanted: impl Fn(&ObjectKey) -> bool,
) -> BTreeMap<ObjectRef, Status> {
    let mut statuses = BTreeMap::new();
    report_gateways(world, gateways, attached_routes, &wanted, &mut statuses);
    report_listener_sets(world, gateways, attached_routes, &wanted, &mut statuses);
    statuses
}

/// Builds the status of a route of any kind.
pub(crate) fn of_route(world: &World, object: &ObjectRef, verdicts: &[RouteParentVerdict]) -> Status {
    Status::Route(route::route(generation(world, object), verdicts))
}

/// Builds the status of each of these policies.
pub(crate) fn of_policies(
    world: &World,
    verdicts: &BTreeMap<ObjectRef, Vec<PolicyAncestorVerdict>>,
) -> BTreeMap<ObjectRef, Status> {
    let status = |(object, verdicts): (&ObjectRef, &Vec<PolicyAncestorVerdict>)| {
        (object.clone(), Status::Policy(policy::policy(generation(world, object), verdicts)))
    };
    verdicts.iter().map(status).collect()
}

fn report_gateways(
    world: &World,
    gateways: &Gateways,
    attached_routes: &AttachedRoutes,
    wanted: impl Fn(&ObjectKey) -> bool,
    statuses: &mut BTreeMap<ObjectRef, Status>,
) {
    let attached = attached_sets(world, gateways, &wanted);
    for (key, verdict) in gateways.gateways.iter().filter(|(key, _)| wanted(key)) {
        let object = ObjectRef { kind: Kind::Gateway, key: key.clone() };
        let (Some(manifest), Some(parent)) = (world.gateways.get(key), gateways.parents.get(&object)) else { continue };
        let state = world.observed.data_planes.get(&verdict.data_plane);
        let sets = attached.get(key).copied().unwrap_or_default();
        let observed = (state, &world.observed.bundle);
        let status = gateway::gateway(manifest, verdict, parent, observed, attached_routes, sets);
        statuses.insert(object, Status::Gateway(status));
    }
}

fn report_listener_sets(
    world: &World,
    gateways: &Gateways,
    attached_routes: &AttachedRoutes,
    wanted: impl Fn(&ObjectKey) -> bool,
    statuses: &mut BTreeMap<ObjectRef, Status>,
) {
    for (key, verdict) in gateways.listener_sets.iter().filter(|(_, verdict)| wanted(&verdict.gateway)) {
        let object = ObjectRef { kind: Kind::ListenerSet, key: key.clone() };
        let Some(parent) = gateways.parents.get(&object) else { continue };
        let gateway = ObjectRef { kind: Kind::Gateway, key: verdict.gateway.clone() };
        let parent_programmed = match statuses.get(&gateway) {
            Some(Status::Gateway(status)) => is_true(&status.conditions, "Programmed"),
            Some(Status::GatewayClass(_) | Status::ListenerSet(_) | Status::Route(_) | Status::Policy(_)) | None => {
                false
            }
        };
        let state = world.observed.data_planes.get(&parent.data_plane);
        let generation = generation(world, &object);
        let status = gateway::listener_set(generation, verdict, parent, state, attached_routes, parent_programmed);
        statuses.insert(object, Status::ListenerSet(status));
    }
}

/// Counts the accepted ListenerSets of each Gateway that is wanted.
fn attached_sets(world: &World, gateways: &Gateways, wanted: impl Fn(&ObjectKey) -> bool) -> BTreeMap<ObjectKey, u32> {
    let mut attached = BTreeMap::new();
    for (key, verdict) in gateways.listener_sets.iter().filter(|(_, verdict)| wanted(&verdict.gateway)) {
        let Some(parent) = gateways.parents.get(&ObjectRef { kind: Kind::ListenerSet, key: key.clone() }) else {
            continue;
        };
        let state = world.observed.data_planes.get(&parent.data_plane);
        let count: &mut u32 = attached.entry(verdict.gateway.clone()).or_default();
        *count += u32::from(gateway::is_set_accepted(verdict, parent, state));
    }
    attached
}

fn is_true(conditions: &[Condition], r#type: &str) -> bool {
    conditions.iter().any(|condition| condition.r#type == r#type && condition.status == ConditionStatus::True)
}

fn generation(world: &World, object: &ObjectRef) -> i64 {
    world.metadata(object).map_or(0, |metadata| metadata.generation)
}

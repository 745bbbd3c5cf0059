//! What is to be done: the difference between what is wanted and what is there.
//!
//! Pure: reads what the watches told and what was applied, and touches nothing.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value};

use super::{
    kind::{Id, Made},
    stock::{self, Stock},
};

/// One data plane's objects as they are wanted.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Order {
    /// As objects name it in their annotation.
    pub(super) data_plane: String,
    /// In the order in which they are made. Empty where what is there is left as it is.
    pub(super) objects: Vec<(Id, Value)>,
    /// What its Service asks for when it is made; later it has one that cannot change, and that is not drift.
    pub(super) cluster_ip: Option<String>,
}

/// What was applied, and how the API server stores it: it may write a value in another way than it was sent.
#[derive(Clone, Debug)]
pub(super) struct Applied {
    wanted: Value,
    stored: Value,
}

impl Applied {
    /// Remembers the API server's answer to an object that was sent.
    pub(super) fn new(wanted: Value, answer: &Value) -> Self {
        let stored = project(answer, &wanted);
        Self { wanted, stored }
    }
}

/// One thing to do.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Step {
    /// It is ours, and differs from what is wanted.
    Apply(Id, Value),
    /// It is not among ours. Something of its name may be there all the same. A Service may ask for a ClusterIP, and does
    /// without it where it is not to be had.
    Create(Id, Value, Option<String>),
}

/// Compares one data plane's objects with those that are there.
///
/// # Errors
/// Each says why an object cannot be made.
pub(super) fn steps(order: &Order, stock: &Stock, applied: &BTreeMap<Id, Applied>) -> (Vec<Step>, Vec<String>) {
    let (mut steps, mut problems) = (Vec::new(), Vec::new());
    for (id, wanted) in &order.objects {
        match stock.knows(id.kind) {
            Ok(true) => {}
            Ok(false) => continue,
            Err(why) => {
                problems.push(why);
                continue;
            }
        }
        let Some(there) = stock.get(id) else {
            // A patch that says what it is to be has the last word.
            let asks = id.kind == Made::Service && wanted["spec"]["clusterIP"].is_null();
            let cluster_ip = order.cluster_ip.clone().filter(|_| asks);
            steps.push(Step::Create(id.clone(), wanted.clone(), cluster_ip));
            continue;
        };
        if let Some(other) = stock::data_plane(there).filter(|plane| *plane != order.data_plane) {
            problems.push(format!("{id} is of data plane {other}"));
            continue;
        }
        let settled = applied.get(id).is_some_and(|it| it.wanted == *wanted && it.stored == project(there, wanted));
        if !settled {
            steps.push(Step::Apply(id.clone(), wanted.clone()));
        }
    }
    (steps, problems)
}

/// Names the objects that nobody wants any more, with the uid of what is to be deleted.
pub(super) fn leftovers(orders: &[&Order], stock: &Stock) -> Vec<(Id, String)> {
    let wanted: BTreeSet<&Id> = orders.iter().flat_map(|order| &order.objects).map(|(id, _)| id).collect();
    let held: BTreeSet<&str> =
        orders.iter().filter(|order| order.objects.is_empty()).map(|order| order.data_plane.as_str()).collect();
    let unwanted = stock.iter().filter(|(id, object)| {
        let deleted = !object["metadata"]["deletionTimestamp"].is_null();
        // Without the annotation it is not known whose it is: somebody else's hand was there.
        !wanted.contains(id) && !deleted && stock::data_plane(object).is_some_and(|plane| !held.contains(plane))
    });
    let uid = |object: &Value| object["metadata"]["uid"].as_str().unwrap_or_default().to_owned();
    unwanted.map(|(id, object)| (id.clone(), uid(object))).collect()
}

/// The parts of an object that were asked for, as they are.
fn project(object: &Value, wanted: &Value) -> Value {
    match (object, wanted) {
        (Value::Object(object), Value::Object(wanted)) => {
            let field = |(name, wanted): (&String, &Value)| {
                object.get(name).map(|value| (name.clone(), project(value, wanted)))
            };
            Value::Object(wanted.iter().filter_map(field).collect::<Map<_, _>>())
        }
        (Value::Array(items), Value::Array(wanted)) if items.len() == wanted.len() => {
            items.iter().zip(wanted).map(|(item, wanted)| project(item, wanted)).collect()
        }
        (object, _) => object.clone(),
    }
}

#[cfg(test)]
mod tests;

//! What became of a route, in the API's words.

use super::{
    Attachment, Form,
    rule::{RuleFault, Rules, Unresolved},
};
use crate::{
    status::{
        Judgement, Problem,
        reason::{RouteRejection, RouteUnresolved},
        route::RouteParentVerdict,
    },
    verdict::Verdict,
    world::{ObjectRef, World},
};

/// Why a route is refused on its own account: when none of its rules can be used as written.
pub(super) fn rejection(rules: &Rules) -> Option<Problem<RouteRejection>> {
    let first = rules.faults.first()?;
    let messages = rules.faults.iter().map(|found| format!("{}{}", found.fault, consequence(found)));
    (rules.faults.len() == rules.total).then(|| Problem::new(first.fault.reason, joined(messages)))
}

/// Judges one parentRef of a route with these rules.
pub(super) fn verdict(
    attachment: &Attachment<'_>,
    rules: &Rules,
    rejection: &Option<Problem<RouteRejection>>,
) -> RouteParentVerdict {
    let accepted = match (&attachment.listeners, rejection) {
        (Err(problem), _) | (Ok(_), Some(problem)) => Err(problem.clone()),
        (Ok(_), None) => Ok(()),
    };
    RouteParentVerdict {
        parent_ref: attachment.parent_ref.clone(),
        controller_name: attachment.parent.controller_name.clone(),
        partially_invalid: accepted.is_ok().then(|| partially_invalid(rules)).flatten(),
        accepted,
        resolved_refs: resolved_refs(&rules.unresolved),
    }
}

/// The first reference's reason, and what is wrong with all of them.
pub(super) fn resolved_refs(unresolved: &[Unresolved]) -> Judgement<RouteUnresolved> {
    let Some(first) = unresolved.first() else { return Ok(()) };
    let messages = unresolved.iter().map(|found| format!("{}: {}", found.field, found.why.message));
    Err(Problem::new(first.why.reason, joined(messages)))
}

/// The API has the message begin with one of two phrases.
fn partially_invalid(rules: &Rules) -> Option<String> {
    let dropped =
        rules.faults.iter().map(|found| format!("Dropped Rule {}: {}{}", found.rule, found.fault, consequence(found)));
    let lacking = rules.fallbacks.iter().map(|found| format!("Fall Back: {}: {}", found.field, found.message));
    let parts: Vec<String> = dropped.chain(lacking).collect();
    (!parts.is_empty()).then(|| parts.join("; "))
}

fn consequence(found: &RuleFault) -> &'static str {
    if found.refuses { " (requests that match it are refused)" } else { "" }
}

fn joined(messages: impl Iterator<Item = String>) -> String {
    messages.collect::<Vec<_>>().join("; ")
}

/// Reports all that is wrong with a route's rules.
pub(super) fn find(rules: &Rules, object: &ObjectRef, findings: &mut Vec<Verdict>) {
    let faults = rules.faults.iter().map(|found| &found.fault);
    findings.extend(faults.map(|fault| Verdict::error(object, fault.field.as_str(), fault.message.as_str())));
    let fallbacks = rules.fallbacks.iter();
    findings.extend(fallbacks.map(|found| Verdict::warning(object, found.field.as_str(), found.message.as_str())));
    findings.extend(rules.idle.iter().map(|found| Verdict::warning(object, found.field.as_str(), found.message)));
    findings.extend(rules.unresolved.iter().map(|found| unresolved(object, found)));
}

/// Reports a reference that leads nowhere.
pub(super) fn unresolved(object: &ObjectRef, found: &Unresolved) -> Verdict {
    let why = &found.why;
    Verdict { mend: why.mend.clone(), ..Verdict::error(object, found.field.as_str(), why.message.as_str()) }
}

/// Reports a parentRef that leads to no listener.
pub(super) fn find_unattached(
    object: &ObjectRef,
    index: usize,
    problem: &Problem<RouteRejection>,
    findings: &mut Vec<Verdict>,
) {
    findings.push(Verdict::error(object, format!("spec.parentRefs[{index}]"), problem.message.as_str()));
}

/// Reports a parentRef whose parent does not exist, or is of a kind that is not served. One that is another
/// controller's is none of our business.
pub(super) fn find_no_parent(
    world: &World,
    form: &Form<'_>,
    index: usize,
    owner: Option<&ObjectRef>,
    findings: &mut Vec<Verdict>,
) {
    let message = match owner {
        Some(owner) if world.contains(owner) => return,
        Some(owner) => format!("{owner} does not exist"),
        None => {
            format!("{} is no kind of parent that is served; Gateway and ListenerSet are", form.parent_refs[index].kind)
        }
    };
    findings.push(Verdict::error(form.object, format!("spec.parentRefs[{index}]"), message));
}

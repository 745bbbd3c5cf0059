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
    let finding = |field: &str, message: &str, mend| Verdict {
        object: object.clone(),
        field: field.to_owned(),
        message: message.to_owned(),
        mend,
    };
    findings.extend(rules.faults.iter().map(|found| finding(&found.fault.field, &found.fault.message, None)));
    findings.extend(rules.fallbacks.iter().map(|found| finding(&found.field, &found.message, None)));
    let unresolved = rules.unresolved.iter();
    findings.extend(unresolved.map(|found| finding(&found.field, &found.why.message, found.why.mend.clone())));
}

/// Reports a parentRef that leads to no listener.
pub(super) fn find_unattached(
    object: &ObjectRef,
    index: usize,
    problem: &Problem<RouteRejection>,
    findings: &mut Vec<Verdict>,
) {
    let (field, message) = (format!("spec.parentRefs[{index}]"), problem.message.clone());
    findings.push(Verdict { object: object.clone(), field, message, mend: None });
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
    let field = format!("spec.parentRefs[{index}]");
    findings.push(Verdict { object: form.object.clone(), field, message, mend: None });
}

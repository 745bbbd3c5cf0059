//! Whose routes may attach to a listener, and whose ListenerSets to a Gateway.
//!
//! A selector that is invalid lets nobody in, whatever it may have meant.

use super::AllowedNamespaces;
use crate::api::{
    gateway::FromNamespaces,
    meta::{InvalidSelector, LabelSelector},
};

/// Of a selector that `from` does not ask for.
pub(super) const IGNORED: &str = "has no effect: `from` is not Selector";

/// Reads `from` and `selector` as a predicate; `Same` is the namespace `own`.
///
/// # Errors
/// What is wrong with the selector; each field is one beside `from`.
pub(super) fn resolve(
    from: FromNamespaces,
    selector: Option<&LabelSelector>,
    own: &str,
) -> Result<AllowedNamespaces, Vec<InvalidSelector>> {
    match (from, selector) {
        (FromNamespaces::All, _) => Ok(AllowedNamespaces::All),
        (FromNamespaces::Same, _) => Ok(AllowedNamespaces::Same(own.to_owned())),
        (FromNamespaces::None, _) => Ok(AllowedNamespaces::None),
        (FromNamespaces::Selector, Some(selector)) => match selector.parse() {
            Ok(selector) => Ok(AllowedNamespaces::Selector(selector)),
            Err(wrong) => Err(wrong.into_iter().map(within_selector).collect()),
        },
        (FromNamespaces::Selector, None) => {
            let message = "is missing; `from: Selector` needs one";
            Err(vec![InvalidSelector { field: "selector".to_owned(), message: message.to_owned() }])
        }
    }
}

/// Whether a selector is written that `from` does not ask for.
pub(super) fn ignores_selector(from: FromNamespaces, selector: Option<&LabelSelector>) -> bool {
    selector.is_some() && from != FromNamespaces::Selector
}

fn within_selector(wrong: InvalidSelector) -> InvalidSelector {
    InvalidSelector { field: format!("selector.{}", wrong.field), ..wrong }
}

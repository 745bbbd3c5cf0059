//! The only place that builds a [`Condition`].
//!
//! The rest of the compiler judges in enums whose names are the API's words; here they become conditions, and a status
//! that others have written to is merged with ours. Judges nothing itself.

pub mod gateway;
mod listener;
mod merge;
pub mod policy;
pub mod reason;
mod report;
pub mod route;

use crate::{
    api::meta::{Condition, ConditionStatus, Time},
    gateway::Note,
};
pub use gateway::AttachedRoutes;
pub use merge::{merge, owns};
use reason::Reason;
pub use report::{Status, Verdicts, report};
pub(crate) use report::{of_classes, of_gateways, of_policies, of_route};

/// Whether something holds, and if not, why.
pub type Judgement<R> = Result<(), Problem<R>>;

/// Why something does not hold: the API's reason, and a message for people, naming field and value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem<R> {
    pub reason: R,
    pub message: String,
}

impl<R> Problem<R> {
    pub fn new(reason: R, message: impl Into<String>) -> Self {
        Self { reason, message: message.into() }
    }
}

/// A condition without a time: that of its last change is [`merge`]'s affair.
fn condition(
    r#type: &str,
    status: ConditionStatus,
    reason: &str,
    message: impl Into<String>,
    generation: i64,
) -> Condition {
    let mut message = message.into();
    message.truncate(message.floor_char_boundary(MESSAGE_BYTES_MAX));
    Condition {
        r#type: r#type.to_owned(),
        status,
        observed_generation: generation,
        last_transition_time: Time(0),
        reason: reason.to_owned(),
        message,
    }
}

/// The API server takes no longer message.
const MESSAGE_BYTES_MAX: usize = 32_768;

/// True with `reason_true`, or False with the problem's reason.
fn judged<R: Reason>(r#type: &str, judgement: &Judgement<R>, reason_true: &str, generation: i64) -> Condition {
    match judgement {
        Ok(()) => condition(r#type, ConditionStatus::True, reason_true, "", generation),
        Err(problem) => {
            condition(r#type, ConditionStatus::False, problem.reason.as_str(), problem.message.as_str(), generation)
        }
    }
}

/// The message of something that holds although some of its fields have no effect.
fn noted(notes: &[Note]) -> String {
    notes.iter().map(Note::to_string).collect::<Vec<_>>().join("; ")
}

//! A status for tests.

use gatewright_core::{
    api::{
        gateway_class::GatewayClassStatus,
        meta::{Condition, ConditionStatus, Time},
    },
    status::Status,
};

/// Returns what is said of a GatewayClass of this generation that is accepted.
pub(super) fn accepted(generation: i64) -> Status {
    let condition = Condition {
        r#type: "Accepted".into(),
        status: ConditionStatus::True,
        observed_generation: generation,
        last_transition_time: Time(0),
        reason: "Accepted".into(),
        message: String::new(),
    };
    Status::GatewayClass(GatewayClassStatus { conditions: vec![condition], ..GatewayClassStatus::default() })
}

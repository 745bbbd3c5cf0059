//! What a proxy executes.
//!
//! A [`Plan`] is plain data: keyed resources that refer to each other by id, so that one changed route, endpoint or
//! certificate is one changed entry. It holds no Kubernetes type, needs nothing else to run, and is never modified once
//! built. A resource that could not be built is still there, as what the client must get instead (a [`Refusal`]):
//! nothing rejects a whole Plan.
//!
//! A struct that goes over the wire has `deny_unknown_fields`, and a new field of it `default` and `skip_serializing_if`:
//! [`resource`] says why.

#[cfg(feature = "translate")]
pub(crate) mod assemble;
mod backend;
mod hostname;
mod id;
mod listener;
mod path;
mod precedence;
mod request;
#[cfg(feature = "wire")]
pub mod resource;
mod route;
mod strictness;
mod table;
mod weight;

use std::{collections::BTreeMap, sync::Arc};

use gatewright_shared_map::SharedMap;
use serde::Serialize;

pub use backend::{
    Backend, BackendProtocol, BackendTls, Certificate, Endpoint, Endpoints, KeyPair, PrivateKey, TrustAnchors,
};
pub use hostname::Hostname;
pub use id::{BackendId, CertificateId, EndpointsId, GatewayId, ListenerId, RouteId};
pub use listener::{ClientValidation, Listener, ListenerFilter, ListenerTls, Port, PortProtocol, Unverified};
pub(crate) use path::is_forbidden_in_path;
pub use path::{EmptySegments, EncodedSlash, PathError, PathOptions, canonicalize};
pub use precedence::Precedence;
pub use request::Request;
pub(crate) use route::tight;
pub use route::{
    HeaderMatch, Match, MethodMatch, PathMatch, Pattern, QueryMatch, Refusal, Retry, Route, RouteKind, Rule,
    StringMatch, Target, Timeouts, WeightedBackend,
};
pub use strictness::{Strictness, Underscores};
pub use table::{Hit, Preflight, RouteTable};
pub use weight::Weights;
pub(crate) use weight::spread;

/// Everything one data plane needs to serve its Gateway, or the Gateways merged onto it.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Plan {
    /// By port number as the listeners name it; where it is bound is the proxy's affair.
    pub ports: BTreeMap<u16, Port>,
    pub routes: SharedMap<RouteId, Arc<Route>>,
    pub backends: BTreeMap<BackendId, Arc<Backend>>,
    /// Apart from the backends, so that endpoint churn touches no route and no backend.
    pub endpoints: BTreeMap<EndpointsId, Arc<Endpoints>>,
    pub certificates: BTreeMap<CertificateId, Certificate>,
}

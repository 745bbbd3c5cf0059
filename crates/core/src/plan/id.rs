//! Names of a Plan's resources: stable across compilations, and made of content, never of an index.

use std::{fmt, sync::Arc};

use serde::{Deserialize, Serialize};

macro_rules! id {
    ($(#[doc = $doc:literal] $name:ident;)*) => {$(
        #[doc = $doc]
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(Arc<str>);

        impl $name {
            pub fn new(id: impl Into<Arc<str>>) -> Self {
                Self(id.into())
            }

            pub fn as_str(&self) -> &str {
                &self.0
            }

            /// The same text, to be shared.
            pub fn as_arc(&self) -> &Arc<str> {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    )*};
}

id! {
    /// `namespace/name` of a Gateway.
    GatewayId;
    /// `gateway/namespace/name/listener` or `listenerset/namespace/name/listener`.
    ListenerId;
    /// `httproute/namespace/name` or `grpcroute/namespace/name`, and `/as/...` where backends are shown a certificate.
    RouteId;
    /// `service/namespace/name/port/protocol`, and whatever else makes two connections to the same endpoint differ.
    BackendId;
    /// `service/namespace/name/port`.
    EndpointsId;
    /// `secret/namespace/name`.
    CertificateId;
}

#[cfg(feature = "wire")]
impl ListenerId {
    /// For another allocation of the same text.
    pub(in crate::plan) fn as_arc_mut(&mut self) -> &mut Arc<str> {
        &mut self.0
    }
}

#[cfg(feature = "wire")]
impl BackendId {
    /// For another allocation of the same text.
    pub(in crate::plan) fn as_arc_mut(&mut self) -> &mut Arc<str> {
        &mut self.0
    }
}

//! The reasons that conditions give, in the API's words.

/// A closed set of reasons.
pub trait Reason: Copy {
    /// As the API spells it.
    fn as_str(self) -> &'static str;
}

macro_rules! reasons {
    ($($(#[doc = $doc:literal])* $name:ident { $($(#[doc = $variant_doc:literal])* $variant:ident,)* })*) => {$(
        $(#[doc = $doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum $name {
            $($(#[doc = $variant_doc])* $variant,)*
        }

        impl Reason for $name {
            fn as_str(self) -> &'static str {
                match self { $(Self::$variant => stringify!($variant),)* }
            }
        }
    )*};
}

reasons! {
    /// Why a GatewayClass is not accepted.
    ClassRejection {
        InvalidParameters,
        Unsupported,
    }
    /// Why a Gateway is not accepted.
    GatewayRejection {
        InvalidParameters,
        UnsupportedAddress,
        /// No listener is accepted.
        ListenersNotValid,
    }
    /// Why a Gateway is not programmed.
    GatewayNotProgrammed {
        Invalid,
        /// Not confirmed by the data plane yet.
        Pending,
        /// What runs the data plane cannot be made.
        NoResources,
        AddressNotAssigned,
        AddressNotUsable,
    }
    /// Why not all addresses are assigned (GEP-5093).
    AddressesUnassigned {
        PartiallyAssigned,
        NotAssigned,
    }
    /// Why the references of a Gateway itself are not resolved: a summary.
    GatewayUnresolved {
        RefNotPermitted,
        InvalidClientCertificateRef,
        ListenersNotResolved,
    }
    /// Why a listener is not accepted. `HostnameConflict` and `ProtocolConflict` are for ListenerSets.
    ListenerRejection {
        PortUnavailable,
        UnsupportedProtocol,
        UnsupportedValue,
        InvalidListenerFilter,
        NoValidCACertificate,
        HostnameConflict,
        ProtocolConflict,
    }
    /// What a listener disputes with another, the gravest last.
    Conflict {
        HostnameConflict,
        ProtocolConflict,
    }
    /// Why the references of a listener are not resolved, the gravest first.
    ListenerUnresolved {
        RefNotPermitted,
        InvalidCertificateRef,
        InvalidListenerFilterRef,
        InvalidCACertificateRef,
        InvalidCACertificateKind,
        InvalidRouteKinds,
    }
    /// Why a listener is not programmed.
    ListenerNotProgrammed {
        Invalid,
        /// Not confirmed by the data plane yet.
        Pending,
        HostnameConflict,
        ProtocolConflict,
    }
    /// Why a ListenerSet is not accepted.
    ListenerSetRejection {
        NotAllowed,
        ParentNotAccepted,
        ListenersNotValid,
    }
    /// Why a ListenerSet is not programmed.
    ListenerSetNotProgrammed {
        NotAllowed,
        ParentNotProgrammed,
        ListenersNotValid,
        /// Not confirmed by the data plane yet.
        Pending,
    }
    /// Why a route is not accepted by a parent.
    RouteRejection {
        NotAllowedByListeners,
        NoMatchingListenerHostname,
        NoMatchingParent,
        UnsupportedValue,
        IncompatibleFilters,
        /// Its kind is not served yet.
        Pending,
    }
    /// Why the references of a route are not resolved.
    RouteUnresolved {
        RefNotPermitted,
        InvalidKind,
        BackendNotFound,
        UnsupportedProtocol,
    }
    /// Why a policy is not accepted.
    PolicyRejection {
        Conflicted,
        Invalid,
        TargetNotFound,
        NoValidCACertificate,
        /// Its kind is not enforced yet.
        Pending,
    }
    /// Why the references of a policy are not resolved.
    PolicyUnresolved {
        InvalidCACertificateRef,
        InvalidKind,
        BackendNotFound,
        RefNotPermitted,
    }
}

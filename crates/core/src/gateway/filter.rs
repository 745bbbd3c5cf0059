//! The filters of a listener (GEP-5224): what every request goes through before a route is looked for.
//!
//! None is skipped: a filter that is not understood takes the listener with it, and one that leads nowhere refuses all
//! requests.

use super::{Judge, listener::Shared};
use crate::{
    api::{
        gateway::{Listener, ListenerFilter as Declared, ListenerFilterType},
        shared::{ExternalAuthProtocol, HttpExternalAuthFilter, LocalObjectReference},
    },
    backend::{Backends, Destination, Unusable, Use},
    field::Field,
    filter::external_auth,
    plan::{ListenerFilter, Refusal},
    policy::backend_tls::Ancestor,
    reference::Referrer,
    route::Fault,
    status::{
        Problem,
        reason::{ListenerRejection, ListenerUnresolved, RouteUnresolved},
    },
    verdict::Mend,
    world::ObjectRef,
};

/// A listener's filters as its Plan has them, and where they lead.
#[derive(Debug, Default)]
pub(super) struct Filters {
    pub(super) requests: Vec<ListenerFilter>,
    /// Each once.
    pub(super) destinations: Vec<Destination>,
}

/// Resolves the filters of one listener; `field` is where it is declared. References that lead nowhere are among the
/// `problems`.
///
/// # Errors
/// Why the listener is not accepted: a filter is not understood.
pub(super) fn resolve(
    judge: &mut Judge<'_>,
    owner: &ObjectRef,
    shared: Shared<'_>,
    listener: &Listener,
    field: &str,
    problems: &mut Vec<Problem<ListenerUnresolved>>,
) -> Result<Filters, Problem<ListenerRejection>> {
    let root = Field::root("filters.requests");
    let mut filters = Filters::default();
    for (index, declared) in listener.filters.requests.iter().enumerate() {
        let mut resolver = Resolver { judge, owner, shared, destinations: &mut filters.destinations };
        let (filter, unresolved) = resolver.filter(declared, &root.index(index))?;
        filters.requests.push(filter);
        if let Some(Unresolved { path, reason, message, mend }) = unresolved {
            judge.find(owner, format!("{field}.{path}"), message.as_str(), mend);
            problems.push(Problem::new(reason, format!("{path}: {message}")));
        }
    }
    Ok(filters)
}

/// A reference of a filter that leads nowhere.
struct Unresolved {
    path: String,
    reason: ListenerUnresolved,
    message: String,
    mend: Option<Mend>,
}

struct Resolver<'r, 'j, 'w> {
    judge: &'r mut Judge<'w>,
    owner: &'j ObjectRef,
    shared: Shared<'j>,
    destinations: &'r mut Vec<Destination>,
}

type Resolved = Result<(ListenerFilter, Option<Unresolved>), Problem<ListenerRejection>>;

impl Resolver<'_, '_, '_> {
    fn filter(&mut self, declared: &Declared, field: &Field<'_>) -> Resolved {
        match (&declared.r#type, &declared.external_auth, &declared.extension_ref) {
            (ListenerFilterType::ExternalAuth, Some(auth), _) => self.external_auth(auth, &field.name("externalAuth")),
            (ListenerFilterType::ExtensionRef, _, Some(reference)) => {
                Ok(extension(reference, &field.name("extensionRef")))
            }
            (ListenerFilterType::ExternalAuth, None, _) => Err(missing(&field.name("externalAuth"))),
            (ListenerFilterType::ExtensionRef, _, None) => Err(missing(&field.name("extensionRef"))),
            (ListenerFilterType::Unknown(name), _, _) => {
                let message = format!("{field}: `{name}` is no filter of a listener that is known here");
                Err(Problem::new(ListenerRejection::UnsupportedValue, message))
            }
        }
    }

    fn external_auth(&mut self, auth: &HttpExternalAuthFilter, field: &Field<'_>) -> Resolved {
        let invalid = |fault: Fault| Problem::new(ListenerRejection::InvalidListenerFilter, fault.to_string());
        let terms = external_auth::translate::translate(auth, &self.owner.key.namespace, field).map_err(invalid)?;
        let usage = Use {
            from: Referrer::new(self.owner),
            client_certificate: self.shared.client_certificate,
            grpc: auth.protocol == ExternalAuthProtocol::Grpc,
        };
        let backends = Backends { world: self.judge.world, tls: self.judge.tls };
        let resolved = backends.resolve(usage, &auth.backend_ref, &mut self.judge.reads);
        let service = match &resolved {
            Ok(found) => Some(&found.service),
            Err(why) => why.service.as_ref(),
        };
        if let Some(service) = service.filter(|service| self.judge.tls.name(service)) {
            let Shared { gateway, controller_name, .. } = self.shared;
            let ancestor = Ancestor { gateway: gateway.clone(), controller_name: controller_name.to_owned() };
            self.judge.uses.insert((service.clone(), ancestor));
        }
        match resolved {
            Ok(found) => {
                let filter = ListenerFilter::ExternalAuth(terms.with(found.id.clone()));
                if !self.destinations.iter().any(|other| other.id == found.id) {
                    self.destinations.push(found);
                }
                Ok((filter, None))
            }
            Err(why) => {
                let unresolved = Unresolved::new(&field.name("backendRef"), why);
                Ok((ListenerFilter::Refuse(Refusal::Broken), Some(unresolved)))
            }
        }
    }
}

impl Unresolved {
    fn new(field: &Field<'_>, why: Unusable) -> Self {
        let reason = match why.reason {
            RouteUnresolved::RefNotPermitted => ListenerUnresolved::RefNotPermitted,
            RouteUnresolved::InvalidKind | RouteUnresolved::BackendNotFound | RouteUnresolved::UnsupportedProtocol => {
                ListenerUnresolved::InvalidListenerFilterRef
            }
        };
        Self { path: field.to_string(), reason, message: why.message, mend: why.mend }
    }
}

fn extension(reference: &LocalObjectReference, field: &Field<'_>) -> (ListenerFilter, Option<Unresolved>) {
    let message = format!(
        "kind {:?} of group {:?} is no filter that is known here; all requests of the listener are refused",
        reference.kind, reference.group,
    );
    let unresolved = Unresolved::new(field, Unusable::new(RouteUnresolved::InvalidKind, message));
    (ListenerFilter::Refuse(Refusal::Broken), Some(unresolved))
}

fn missing(field: &Field<'_>) -> Problem<ListenerRejection> {
    let message = format!("{field}: is missing; the filter's `type` needs it");
    Problem::new(ListenerRejection::InvalidListenerFilter, message)
}

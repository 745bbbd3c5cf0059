//! TLSRoute, TCPRoute and UDPRoute: judged, and not served yet, which their status says.

use super::{Attachment, Form, Resolver, judge, rule::Unresolved};
use crate::{
    api::{service::TransportProtocol, shared::BackendRef},
    field::Field,
    reference::Referrer,
    status::{Problem, reason::RouteRejection, route::RouteParentVerdict},
    verdict::Verdict,
    world::{Kind, ObjectRef},
};

/// Judges one of them. `None` if there is no such route.
pub(super) fn resolve<'w>(resolver: &mut Resolver<'w>, object: &'w ObjectRef) -> Option<()> {
    let (world, key) = (resolver.known.world, &object.key);
    if let Some(route) = world.tls_routes.get(key).filter(|_| object.kind == Kind::TlsRoute) {
        let form = Form::new(object, &route.metadata, &route.spec.common, &route.spec.hostnames);
        let rules = route.spec.rules.iter().map(|rule| rule.backend_refs.as_slice());
        resolver.stream_route(&form, rules, &TransportProtocol::Tcp);
    } else if let Some(route) = world.tcp_routes.get(key).filter(|_| object.kind == Kind::TcpRoute) {
        let form = Form::new(object, &route.metadata, &route.spec.common, &[]);
        let rules = route.spec.rules.iter().map(|rule| rule.backend_refs.as_slice());
        resolver.stream_route(&form, rules, &TransportProtocol::Tcp);
    } else {
        let route = world.udp_routes.get(key).filter(|_| object.kind == Kind::UdpRoute)?;
        let form = Form::new(object, &route.metadata, &route.spec.common, &[]);
        let rules = route.spec.rules.iter().map(|rule| rule.backend_refs.as_slice());
        resolver.stream_route(&form, rules, &TransportProtocol::Udp);
    }
    Some(())
}

impl<'w> Resolver<'w> {
    fn stream_route<'r>(
        &mut self,
        form: &Form<'w>,
        rules: impl Iterator<Item = &'r [BackendRef]>,
        transport: &TransportProtocol,
    ) {
        let attachments = self.attach(form);
        if attachments.is_empty() {
            return;
        }
        let unresolved = self.unresolved(form, rules, transport);
        let resolved_refs = judge::resolved_refs(&unresolved);
        let message = format!("{} is read and judged, but its traffic is not served yet", form.object.kind.name());
        let verdict = |attachment: Attachment<'w>| RouteParentVerdict {
            parent_ref: attachment.parent_ref,
            controller_name: attachment.parent.controller_name.clone(),
            accepted: attachment.listeners.and_then(|_| Err(Problem::new(RouteRejection::Pending, message.as_str()))),
            resolved_refs: resolved_refs.clone(),
            partially_invalid: None,
        };
        self.routed.verdicts = attachments.into_iter().map(verdict).collect();
        self.routed.findings.push(Verdict::error(form.object, "", message));
        self.routed.findings.extend(unresolved.iter().map(|found| judge::unresolved(form.object, found)));
    }

    fn unresolved<'r>(
        &mut self,
        form: &Form<'w>,
        rules: impl Iterator<Item = &'r [BackendRef]>,
        transport: &TransportProtocol,
    ) -> Vec<Unresolved> {
        let field = Field::root("spec.rules");
        let mut unresolved = Vec::new();
        for (rule, backends) in rules.enumerate() {
            for (index, backend) in backends.iter().enumerate() {
                let from = Referrer::new(form.object);
                let checked = self.backends().check(from, &backend.object, transport, &mut self.routed.reads);
                if let Err(why) = checked {
                    let field = field.index(rule).name("backendRefs").index(index).to_string();
                    unresolved.push(Unresolved { field, why });
                }
            }
        }
        unresolved
    }
}

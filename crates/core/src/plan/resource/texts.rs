//! Texts that many resources name, each kept once.

use std::{collections::HashSet, sync::Arc};

use crate::{
    filter::{Filter, header::HeaderModifier},
    plan::{Hostname, Route, Target},
};

/// One allocation for each listener, hostname, namespace, backend and header field, however many routes name it: routes
/// come by the thousand, and differ in little.
#[derive(Debug, Default)]
pub(super) struct Texts {
    known: HashSet<Arc<str>>,
    /// Known texts that make it worth while to look for those that nobody names any more.
    prune_at: usize,
}

/// Below it nothing is looked for.
const PRUNE_AT_MIN: usize = 256;

impl Texts {
    /// Makes `text` the allocation that others of the same text are.
    pub(super) fn share(&mut self, text: &mut Arc<str>) {
        if let Some(known) = self.known.get(text) {
            *text = known.clone();
            return;
        }
        if self.known.len() >= self.prune_at.max(PRUNE_AT_MIN) {
            self.known.retain(|known| Arc::strong_count(known) > 1);
            self.prune_at = self.known.len() * 2;
        }
        self.known.insert(text.clone());
    }

    /// Shares what `route` has in common with others.
    pub(super) fn share_of_route(&mut self, route: &mut Route) {
        for hostname in &mut route.hostnames {
            match hostname {
                Hostname::Exact(text) | Hostname::Wildcard(text) => self.share(text),
                Hostname::Any => {}
            }
        }
        self.share(&mut route.precedence.namespace);
        for rule in &mut route.rules {
            self.share_of_filters(&mut rule.filters);
            for share in &mut rule.backends {
                if let Target::Backend(id) = &mut share.target {
                    self.share(id.as_arc_mut());
                }
                self.share_of_filters(&mut share.filters);
            }
        }
    }

    fn share_of_filters(&mut self, filters: &mut [Filter]) {
        for filter in filters {
            match filter {
                Filter::RequestHeader(modifier) | Filter::ResponseHeader(modifier) => self.share_of_fields(modifier),
                Filter::Mirror(mirror) => self.share(mirror.backend.as_arc_mut()),
                Filter::ExternalAuth(auth) => self.share(auth.backend.as_arc_mut()),
                Filter::Redirect(_) | Filter::Rewrite(_) | Filter::Cors(_) | Filter::Refuse(_) => {}
            }
        }
    }

    fn share_of_fields(&mut self, modifier: &mut HeaderModifier) {
        let names = modifier.set.iter_mut().chain(&mut modifier.add).map(|(name, _)| name);
        names.chain(&mut modifier.remove).for_each(|name| self.share(name));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_that_nobody_names_any_more_are_forgotten() {
        let mut texts = Texts::default();
        let mut named: Arc<str> = "named".into();
        texts.share(&mut named);
        for number in 0..10 * PRUNE_AT_MIN {
            texts.share(&mut number.to_string().into());
        }
        assert!(texts.known.len() <= PRUNE_AT_MIN);
        let mut again: Arc<str> = "named".into();
        texts.share(&mut again);
        assert!(Arc::ptr_eq(&again, &named));
    }
}

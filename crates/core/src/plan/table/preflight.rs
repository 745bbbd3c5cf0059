//! Which rule answers a CORS preflight: that of the request which it announces (GEP-1767).
//!
//! A preflight is an OPTIONS request that names the method to come and carries none of the headers to come, so that
//! matches by method are held against the announced method, and those by header cannot be judged. Where a CORS filter is
//! at a path, no preflight for it reaches a backend, whatever it announces.

use std::{borrow::Cow, sync::Arc};

use super::{
    Hit, RouteTable,
    host::{Entry, Run, best, best_by},
};
use crate::plan::{Request, Route, RouteKind};

/// What becomes of a preflight.
#[derive(Debug, PartialEq, Eq)]
pub enum Preflight<'t, T> {
    /// The rule takes it; its CORS filter answers, if it has one.
    Taken(Hit<'t, T>),
    /// This rule has a CORS filter for the path, but the announced request is another's, or nobody's: the answer allows
    /// nothing.
    Refused(Hit<'t, T>),
}

/// The announced request, as far as it is known.
struct Announced<'a, R> {
    preflight: &'a R,
    method: &'a str,
}

impl<R: Request> Request for Announced<'_, R> {
    fn host(&self) -> &str {
        self.preflight.host()
    }

    fn method(&self) -> &str {
        self.method
    }

    fn path(&self) -> &str {
        self.preflight.path()
    }

    fn query(&self) -> Option<&str> {
        self.preflight.query()
    }

    fn header(&self, _: &str) -> Option<Cow<'_, [u8]>> {
        None
    }

    fn is_grpc(&self) -> bool {
        false
    }
}

impl<T: AsRef<Route>> RouteTable<T> {
    /// Returns the rule that a preflight is for, if there is one. `preflight` is one by
    /// [`crate::filter::cors::Cors::is_preflight`].
    pub fn find_preflight(&self, preflight: &impl Request) -> Option<Preflight<'_, T>> {
        let method = preflight.header("access-control-request-method").unwrap_or_default();
        let method = std::str::from_utf8(&method).unwrap_or_default();
        let announced = Announced { preflight, method };
        let mut refusing = None;
        let found = self.search(preflight.host(), |host| {
            host.search(preflight.path(), |run| {
                // It needs no header, so that nothing after it could take the announced request.
                let certain = best(run, &announced);
                let answering = first_answering(run, &announced, Some(method));
                if let Some(entry) =
                    answering.filter(|entry| certain.is_none_or(|certain| entry.order <= certain.order))
                {
                    return Some(Some(entry));
                }
                if refusing.is_none() {
                    refusing = first_answering(run, &announced, None);
                }
                certain.map(|_| None)
            })
        });
        if let Some(Some(answering)) = found {
            return Some(Preflight::Taken(answering.hit()));
        }
        // A rule that matches OPTIONS itself may answer preflights for others.
        let taken = self.find(preflight);
        match (taken, refusing) {
            (Some(hit), _) if hit.answers_preflights() => Some(Preflight::Taken(hit)),
            (_, Some(refusing)) => Some(Preflight::Refused(refusing.hit())),
            (taken, None) => taken.map(Preflight::Taken),
        }
    }
}

impl<T: AsRef<Route>> Hit<'_, T> {
    fn answers_preflights(&self) -> bool {
        (**self.route).as_ref().rules[usize::from(self.rule)].answers_preflights()
    }
}

/// Returns the first entry whose rule answers preflights and whose path and query hold; with a method, that too.
fn first_answering<'t, T: AsRef<Route>>(
    run: &'t Run<Arc<T>>,
    announced: &impl Request,
    method: Option<&str>,
) -> Option<&'t Entry<Arc<T>>> {
    let holds = |entry: &Entry<Arc<T>>| {
        let (route, found) = entry.found();
        route.kind == RouteKind::Http
            && found.target_holds(announced)
            && method.is_none_or(|method| found.takes_method(method))
    };
    match run {
        Run::None => None,
        Run::One(entry) => (entry.hit().answers_preflights() && holds(entry)).then_some(entry),
        Run::Many(many) => best_by(&many.cors, announced, &holds),
    }
}

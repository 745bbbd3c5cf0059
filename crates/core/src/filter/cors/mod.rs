//! CORS (GEP-1767, <https://fetch.spec.whatwg.org/#http-cors-protocol>).
//!
//! Where the filter is, it alone decides: what a backend says about sharing is replaced. It never refuses a request; a
//! browser that misses the fields does.

mod origin;
#[cfg(test)]
mod tests;
#[cfg(feature = "translate")]
pub(crate) mod translate;

use std::{borrow::Cow, sync::Arc, time::Duration};

use serde::{Deserialize, Serialize};

use self::origin::Origin;
use super::header::Headers;
use crate::plan::Request;

/// Who may read the response from another origin.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Cors {
    /// `*`, or `scheme://host[:port]` with an optional `*` label run at the left of the host, lower-case.
    pub allow_origins: Vec<Arc<str>>,
    pub allow_credentials: bool,
    /// `*` or upper-case methods.
    pub allow_methods: Vec<Arc<str>>,
    /// `*` or header names.
    pub allow_headers: Vec<Arc<str>>,
    pub expose_headers: Vec<Arc<str>>,
    pub max_age: Duration,
}

impl Cors {
    /// Whether a browser asks what it may send, which the gateway answers itself: 204 with
    /// [`Cors::answer_preflight`]'s fields.
    pub fn is_preflight(request: &impl Request) -> bool {
        request.method() == "OPTIONS"
            && request.header("origin").is_some()
            && request.header("access-control-request-method").is_some()
    }

    /// Sets the fields of the answer to a preflight request; none but Vary when its origin is not allowed.
    pub fn answer_preflight(&self, request: &impl Request, response: &mut impl Headers) {
        if !self.share(request.header("origin").as_deref(), response) {
            return;
        }
        // `*` is answered by what is asked: with credentials it has to be, and without, `*` would leave out
        // Authorization (Fetch, CORS non-wildcard request-header name).
        let asked = |list: &[Arc<str>], name: &str| match list {
            [] => None,
            list if has_wildcard(list) => request.header(name).map(Cow::into_owned),
            list => Some(list.join(", ").into_bytes()),
        };
        if let Some(methods) = asked(&self.allow_methods, "access-control-request-method") {
            response.set("access-control-allow-methods", &methods);
        }
        if let Some(headers) = asked(&self.allow_headers, "access-control-request-headers") {
            response.set("access-control-allow-headers", &headers);
        }
        response.set("access-control-max-age", self.max_age.as_secs().to_string().as_bytes());
    }

    /// Sets the fields that let `origin` (the request's Origin field) read the response, if it may; returns whether.
    pub fn share(&self, origin: Option<&[u8]>, response: &mut impl Headers) -> bool {
        let anyone = has_wildcard(&self.allow_origins) && !self.allow_credentials;
        if !anyone {
            response.add("vary", b"Origin");
        }
        let Some(origin) = origin else { return false };
        for name in ["access-control-allow-origin", "access-control-allow-credentials", "access-control-expose-headers"]
        {
            response.remove(name);
        }
        if !self.allows(origin) {
            return false;
        }
        response.set("access-control-allow-origin", if anyone { b"*" } else { origin });
        if self.allow_credentials {
            response.set("access-control-allow-credentials", b"true");
        }
        let exposed = self.exposed();
        if !exposed.is_empty() {
            response.set("access-control-expose-headers", exposed.as_bytes());
        }
        true
    }

    fn allows(&self, origin: &[u8]) -> bool {
        let asking = std::str::from_utf8(origin).ok().and_then(Origin::parse);
        self.allow_origins.iter().any(|allowed| {
            **allowed == *"*"
                || asking.is_some_and(|asking| Origin::parse(allowed).is_some_and(|allowed| allowed.includes(&asking)))
        })
    }

    /// With credentials `*` would be read as a field of that name, so it is left out.
    fn exposed(&self) -> String {
        let names =
            self.expose_headers.iter().map(|name| &**name).filter(|&name| name != "*" || !self.allow_credentials);
        names.collect::<Vec<_>>().join(", ")
    }
}

fn has_wildcard(list: &[Arc<str>]) -> bool {
    list.iter().any(|entry| **entry == *"*")
}

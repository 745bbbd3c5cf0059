//! Filters, in the manifest's order: what they change of the request at once, and what they keep for its response.

use gatewright_core::filter::Filter;
use gatewright_core::filter::cors::Cors;
use gatewright_core::filter::external_auth::ExternalAuth;
use gatewright_core::filter::header::HeaderModifier;
use gatewright_core::filter::mirror::Mirror;
use gatewright_core::filter::redirect::{Original, Redirect};
use gatewright_core::filter::rewrite::Rewrite;
use gatewright_core::plan::Refusal;

use super::answer::Answer;
use super::{Account, Asked};
use crate::failure::What;
use crate::message::{Fields, RequestHead, Scheme};
use crate::snapshot::{Found, Snapshot};

/// What is left to do once the filters have seen the request.
#[derive(Default)]
pub(super) struct Prepared<'s> {
    on_response: Vec<OnResponse<'s>>,
    /// Those that take this request, by their drawn share.
    pub(super) mirrors: Vec<&'s Mirror>,
    /// What the client gets once the filters after it have been applied, too.
    redirect: Option<Answer>,
}

enum OnResponse<'s> {
    Headers(&'s HeaderModifier),
    /// What an authorization server wants of it.
    Fields(Vec<Change>),
    /// With the request's Origin.
    Cors(&'s Cors, Option<Vec<u8>>),
}

/// What becomes of one field, as an authorization server says.
pub(super) struct Change {
    pub(super) name: String,
    pub(super) value: Vec<u8>,
    pub(super) how: How,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum How {
    Add,
    AddIfAbsent,
    Replace,
    ReplaceIfPresent,
}

impl Change {
    pub(super) fn apply(&self, fields: &mut Fields) {
        let is_present = fields.get(&self.name).is_some();
        match self.how {
            How::Add => fields.push(self.name.as_bytes(), &self.value),
            How::AddIfAbsent if is_present => {}
            How::ReplaceIfPresent if !is_present => {}
            How::Replace | How::AddIfAbsent | How::ReplaceIfPresent => fields.set(&self.name, &self.value),
        }
    }
}

/// Filters that are still to be applied, and how many mirrors of the rule stand before them.
pub(super) struct Filters<'s> {
    rest: &'s [Filter],
    mirrors_before: u32,
}

impl<'s> Filters<'s> {
    pub(super) fn new(filters: &'s [Filter], mirrors_before: u32) -> Self {
        Self { rest: filters, mirrors_before }
    }
}

/// What is to be done after filters.
pub(super) enum Next<'s> {
    Forward,
    /// A filter answers instead of a backend.
    Answer(Answer),
    /// So does a redirect, and the request's mirrors get their copies.
    Redirect(Answer),
    /// Ask, and then go on with the filters that are left.
    Ask(&'s ExternalAuth),
}

/// What filters read besides the request itself.
#[derive(Clone, Copy)]
pub(super) struct Place<'s> {
    pub(super) snapshot: &'s Snapshot,
    pub(super) port: u16,
    /// See [`crate::edge::Edge::seen_port_offset`].
    pub(super) seen_port_offset: u16,
    pub(super) found: &'s Found<'s>,
}

impl Place<'_> {
    /// Returns where clients find a port of `host`: those of this gateway are where they are bound.
    fn seen_port(self, host: &str, port: u16) -> u16 {
        let served =
            |port| self.snapshot.port(port).is_some_and(|port| port.select(&host.to_ascii_lowercase()).is_some());
        if self.seen_port_offset > 0 && port < 1024 && served(port) {
            return port.saturating_add(self.seen_port_offset);
        }
        port
    }
}

impl<'s> Prepared<'s> {
    /// Applies `filters` to the request, as far as that goes without waiting. `count` returns how many requests the nth
    /// mirror of the rule has seen before.
    ///
    /// # Errors
    /// A filter that cannot be honoured fails the request.
    pub(super) fn apply(
        &mut self,
        filters: &mut Filters<'s>,
        head: &mut RequestHead,
        place: Place<'_>,
        account: &mut Account,
        mut count: impl FnMut(u32) -> u32,
    ) -> Result<Next<'s>, What> {
        while let Some((filter, rest)) = filters.rest.split_first() {
            filters.rest = rest;
            match filter {
                Filter::RequestHeader(modifier) => modifier.apply(&mut head.fields),
                Filter::ResponseHeader(modifier) => self.on_response.push(OnResponse::Headers(modifier)),
                Filter::Rewrite(rewrite) => apply_rewrite(rewrite, head, place, account)?,
                Filter::Redirect(redirect) => self.redirect = Some(redirect_answer(redirect, head, place)),
                Filter::Mirror(mirror) => {
                    if mirror.takes(count(filters.mirrors_before)) {
                        self.mirrors.push(mirror);
                    }
                    filters.mirrors_before += 1;
                }
                Filter::Cors(cors) if Cors::is_preflight(head) => {
                    let mut fields = Fields::default();
                    cors.answer_preflight(head, &mut fields);
                    return Ok(Next::Answer(Answer::new(204, fields)));
                }
                Filter::Cors(cors) => {
                    let origin = head.fields.get("origin").map(<[u8]>::to_vec);
                    self.on_response.push(OnResponse::Cors(cors, origin));
                }
                Filter::ExternalAuth(auth) => return Ok(Next::Ask(auth)),
                Filter::Refuse(refusal) => return Err(refused(*refusal)),
            }
        }
        Ok(self.redirect.take().map_or(Next::Forward, Next::Redirect))
    }

    /// Has the response's fields changed, in turn with what the filters want of it.
    pub(super) fn change_response(&mut self, changes: Vec<Change>) {
        self.on_response.push(OnResponse::Fields(changes));
    }

    /// Applies what was kept to the response's fields.
    pub(super) fn finish(&self, fields: &mut Fields) {
        for filter in &self.on_response {
            match filter {
                OnResponse::Headers(modifier) => modifier.apply(fields),
                OnResponse::Fields(changes) => changes.iter().for_each(|change| change.apply(fields)),
                OnResponse::Cors(cors, origin) => _ = cors.share(origin.as_deref(), fields),
            }
        }
    }

    /// Applies of what was kept that which lets a browser read an answer of the gateway's own, an error among them.
    pub(super) fn share(&self, fields: &mut Fields) {
        for filter in &self.on_response {
            if let OnResponse::Cors(cors, origin) = filter {
                cors.share(origin.as_deref(), fields);
            }
        }
    }
}

pub(super) fn refused(refusal: Refusal) -> What {
    match refusal {
        Refusal::Broken => What::Broken,
        Refusal::Unavailable => What::NoEndpoint,
    }
}

/// The answer to a preflight that allows nothing, as to one from an origin that is not allowed.
pub(super) fn refused_preflight() -> Answer {
    let mut fields = Fields::default();
    fields.push(b"vary", b"Origin");
    Answer::new(204, fields)
}

fn apply_rewrite(
    rewrite: &Rewrite,
    head: &mut RequestHead,
    place: Place<'_>,
    account: &mut Account,
) -> Result<(), What> {
    account.asked.get_or_insert_with(|| Asked { path: head.path.clone(), authority: head.authority.clone() });
    if let Some(path) = &rewrite.path {
        head.path = path.apply(&head.path, &place.found.matched().path);
    }
    if let Some(hostname) = &rewrite.hostname {
        head.set_authority(hostname.as_bytes()).map_err(|_| What::Broken)?;
    }
    Ok(())
}

fn redirect_answer(redirect: &Redirect, head: &RequestHead, place: Place<'_>) -> Answer {
    let host = head
        .authority
        .rsplit_once(':')
        .filter(|(_, port)| !port.contains(']'))
        .map_or(&*head.authority, |(host, _)| host);
    let original = Original {
        scheme: match head.scheme {
            Scheme::Http => "http",
            Scheme::Https => "https",
        },
        host,
        port: place.port,
        path: &head.path,
        query: head.query.as_deref(),
        matched: &place.found.matched().path,
    };
    let mut fields = Fields::default();
    fields.push(b"location", redirect.location(&original, |host, port| place.seen_port(host, port)).as_bytes());
    Answer::new(redirect.status, fields)
}

//! Filters, in the manifest's order: what they change of the request at once, and what they keep for its response.

use gatewright_core::filter::Filter;
use gatewright_core::filter::cors::Cors;
use gatewright_core::filter::header::HeaderModifier;
use gatewright_core::filter::mirror::Mirror;
use gatewright_core::filter::redirect::{Original, Redirect};
use gatewright_core::filter::rewrite::Rewrite;
use gatewright_core::plan::Refusal;

use super::answer::Answer;
use super::{Account, Asked};
use crate::failure::What;
use crate::message::{Fields, RequestHead, Scheme};
use crate::snapshot::Found;

/// What is left to do once the filters have seen the request.
#[derive(Default)]
pub(super) struct Prepared<'s> {
    on_response: Vec<OnResponse<'s>>,
    /// Those that take this request, by their drawn share.
    pub(super) mirrors: Vec<&'s Mirror>,
}

enum OnResponse<'s> {
    Headers(&'s HeaderModifier),
    /// With the request's Origin.
    Cors(&'s Cors, Option<Vec<u8>>),
}

/// What filters read besides the request itself.
#[derive(Clone, Copy)]
pub(super) struct Place<'s> {
    pub(super) port: u16,
    pub(super) found: &'s Found<'s>,
}

impl<'s> Prepared<'s> {
    /// Applies `filters` to the request; an answer is one that a filter gives instead of a backend. `count` returns how
    /// many requests the nth mirror has seen before.
    ///
    /// # Errors
    /// A filter that cannot be honoured fails the request.
    pub(super) fn apply(
        &mut self,
        filters: &'s [Filter],
        head: &mut RequestHead,
        place: Place<'_>,
        account: &mut Account,
        mut count: impl FnMut(u32) -> u32,
    ) -> Result<Option<Answer>, What> {
        let mut mirrors = 0;
        for filter in filters {
            match filter {
                Filter::RequestHeader(modifier) => modifier.apply(&mut head.fields),
                Filter::ResponseHeader(modifier) => self.on_response.push(OnResponse::Headers(modifier)),
                Filter::Rewrite(rewrite) => apply_rewrite(rewrite, head, place, account)?,
                Filter::Redirect(redirect) => return Ok(Some(redirect_answer(redirect, head, place))),
                Filter::Mirror(mirror) => {
                    if mirror.takes(count(mirrors)) {
                        self.mirrors.push(mirror);
                    }
                    mirrors += 1;
                }
                Filter::Cors(cors) if Cors::is_preflight(head) => {
                    let mut fields = Fields::default();
                    cors.answer_preflight(head, &mut fields);
                    return Ok(Some(Answer::new(204, fields)));
                }
                Filter::Cors(cors) => {
                    let origin = head.fields.get("origin").map(<[u8]>::to_vec);
                    self.on_response.push(OnResponse::Cors(cors, origin));
                }
                Filter::Refuse(refusal) => return Err(refused(*refusal)),
            }
        }
        Ok(None)
    }

    /// Applies what was kept to the response's fields.
    pub(super) fn finish(&self, fields: &mut Fields) {
        for filter in &self.on_response {
            match filter {
                OnResponse::Headers(modifier) => modifier.apply(fields),
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
        head.set_authority(hostname.as_bytes())?;
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
    fields.push(b"location", redirect.location(&original).as_bytes());
    Answer::new(redirect.status, fields)
}

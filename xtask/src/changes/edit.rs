//! The edits: what each changes in the files, and by which sign a client can tell that it is in force.

use anyhow::Result;
use rustls::pki_types::CertificateDer;
use serde::Serialize;

use super::{
    origin::NAMES,
    site::{Ports, Site},
};
use crate::{certificate::Authority, process};

/// What one edit does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Edit {
    Weights,
    Backends,
    Rules,
    AddRoute,
    Endpoints,
    AddListener,
    Certificate,
    RemoveRoute,
    RemoveListener,
    /// Leaves a file that is no YAML: what was served goes on.
    Break,
    Mend,
}

/// One turn of edits, repeated; whatever an edit adds, a later one removes.
pub(super) const TURN: [Edit; 11] = [
    Edit::Weights,
    Edit::AddRoute,
    Edit::Backends,
    Edit::Endpoints,
    Edit::AddListener,
    Edit::Rules,
    Edit::Certificate,
    Edit::RemoveRoute,
    Edit::Break,
    Edit::Mend,
    Edit::RemoveListener,
];

/// What shows on a new connection once an edit is in force.
#[derive(Debug)]
pub(super) enum Sign {
    /// A GET is answered with 200 and this `X-Edit`.
    Served { port: u16, path: &'static str, edit: u32 },
    /// A GET is answered by this backend.
    Backend { port: u16, path: &'static str, name: &'static str },
    /// A GET is answered with 404.
    Gone { port: u16, path: &'static str },
    /// Nobody listens.
    Closed { port: u16 },
    /// TLS shows this certificate.
    Certificate { port: u16, der: CertificateDer<'static> },
}

/// Makes the `number`th edit and returns its sign. The files are written when this returns.
pub(super) fn apply(edit: Edit, number: u32, site: &mut Site, ports: Ports, authority: &Authority) -> Result<Sign> {
    let port = ports.http;
    // A broken file shows nothing new, so what it showed before is what must go on.
    let before = site.edit;
    site.edit = number;
    let served = |path| Sign::Served { port, path, edit: number };
    Ok(match edit {
        Edit::Weights => {
            site.weights = std::array::from_fn(|index| (number + index as u32 * 7) % 10);
            site.write_loaded()?;
            served("/probe")
        }
        Edit::Backends => {
            let chosen = number as usize % NAMES.len();
            site.weights = std::array::from_fn(|index| u32::from(index == chosen));
            site.write_loaded()?;
            served("/probe")
        }
        Edit::Rules => {
            site.rule_order.rotate_left(1);
            site.write_loaded()?;
            served("/probe")
        }
        Edit::AddRoute => {
            site.write_added()?;
            site.edit = before;
            served("/added")
        }
        Edit::RemoveRoute => {
            site.remove_added()?;
            site.edit = before;
            Sign::Gone { port, path: "/added" }
        }
        Edit::Endpoints => {
            site.moving = (site.moving + 1) % NAMES.len();
            site.edit = before;
            site.write_backends()?;
            Sign::Backend { port, path: "/moving", name: NAMES[site.moving] }
        }
        Edit::AddListener => {
            let extra = process::free_port()?;
            site.extra_port = Some(extra);
            site.edit = before;
            site.write_gateway()?;
            Sign::Served { port: extra, path: "/probe", edit: before }
        }
        Edit::RemoveListener => {
            let extra = site.extra_port.take();
            site.edit = before;
            site.write_gateway()?;
            Sign::Closed { port: extra.unwrap_or_default() }
        }
        Edit::Certificate => {
            site.certificate = authority.issue(super::HOST)?;
            site.edit = before;
            site.write_certificate()?;
            Sign::Certificate { port: ports.https, der: site.certificate.der.clone() }
        }
        Edit::Break => {
            site.break_loaded()?;
            site.edit = before;
            Sign::Served { port, path: "/probe", edit: before }
        }
        Edit::Mend => {
            site.write_loaded()?;
            served("/probe")
        }
    })
}

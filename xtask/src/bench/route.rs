//! What routing costs as the table grows: Gatewright beside itself with ever more HTTPRoutes.

use std::{fmt::Write, fs};

use anyhow::Result;

use super::{
    HOST,
    peer::{self, Peer, Peers, Ports, Setup},
};
use crate::{build::Program, manifest};

const TABLES: [usize; 4] = [10, 100, 1000, 10_000];

/// How the routes of a table share hostnames.
#[derive(Clone, Copy)]
pub(crate) enum Layout {
    /// Ten routes per hostname, as tenants have them.
    TenPerHostname,
    /// All routes under one hostname.
    OneHostname,
}

/// Where the route of an index is reached.
#[derive(Debug, PartialEq)]
struct Place {
    hostname: String,
    prefix: String,
}

impl Layout {
    fn place(self, index: usize) -> Place {
        let (hostname, service) = match self {
            Self::TenPerHostname => (format!("tenant-{}.example.com", index / 10), index % 10),
            Self::OneHostname => (HOST.to_owned(), index),
        };
        Place { hostname, prefix: format!("/service-{service}") }
    }
}

/// Starts a Gatewright for each size of table, all on the proxies' core.
pub(crate) fn start_all(setup: &Setup<'_>, program: &Program, layout: Layout) -> Result<Peers> {
    let start = |routes: usize| start_one(setup, program, layout, routes);
    Ok(Peers(TABLES.into_iter().map(start).collect::<Result<_>>()?))
}

fn start_one(setup: &Setup<'_>, program: &Program, layout: Layout, routes: usize) -> Result<Peer> {
    let folder = tempfile::Builder::new().prefix("routes-").tempdir_in(setup.folder)?.keep();
    let ports = Ports::free()?;
    let places: Vec<Place> = (0..routes).map(|index| layout.place(index)).collect();
    let mut manifests = vec![
        manifest::gateway(&ports.listeners()),
        setup.secret(),
        manifest::service("origin", 80, setup.origin.port()),
    ];
    manifests.extend(places.iter().enumerate().map(|(index, Place { hostname, prefix })| {
        manifest::route(&format!("route-{index}"), Some(hostname), prefix, "origin", 80)
    }));
    fs::write(folder.join("routes.yaml"), manifests.join("---\n"))?;

    let mut peer = peer::start_gatewright_on(&format!("{routes} routes"), &folder, program, ports)?;
    let script = setup.folder.join(format!("{}.lua", peer.ports.http1));
    fs::write(&script, wrk_script(&places))?;
    peer.script = Some(script);
    Ok(peer)
}

/// Asks for all places in turn, in an order that neither the table nor a cache can foresee but every run repeats.
fn wrk_script(places: &[Place]) -> String {
    let mut order: Vec<&Place> = places.iter().collect();
    fastrand::Rng::with_seed(7).shuffle(&mut order);
    let mut script = "local requests = {\n".to_owned();
    for Place { hostname, prefix } in order {
        let _ = writeln!(script, r#""GET {prefix}/item HTTP/1.1\r\nHost: {hostname}\r\n\r\n","#);
    }
    script + "}\nlocal next = 0\nfunction request()\n  next = next % #requests + 1\n  return requests[next]\nend\n"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_two_routes_share_a_place() {
        for layout in [Layout::TenPerHostname, Layout::OneHostname] {
            let mut places: Vec<String> = (0..1000).map(|index| format!("{:?}", layout.place(index))).collect();
            places.sort();
            places.dedup();
            assert_eq!(places.len(), 1000);
        }
    }

    #[test]
    fn script_asks_for_every_place_once_a_turn() {
        let places: Vec<Place> = (0..10).map(|index| Layout::TenPerHostname.place(index)).collect();
        let script = wrk_script(&places);
        assert_eq!(script.matches("GET /service-").count(), 10);
        assert!(script.contains(r#""GET /service-3/item HTTP/1.1\r\nHost: tenant-0.example.com\r\n\r\n","#));
    }
}

//! The folder of manifests that the edits change: its state, and how that state reads as YAML.

use std::{
    fmt::Write as _,
    fs,
    io::Write,
    path::{Path, PathBuf},
};

use anyhow::Result;

use super::origin::{NAMES, Origins};
use crate::{
    certificate::Certificate,
    manifest::{self, Listener},
};

/// The paths of the loaded route's rules, and whether its load is spread over the backends.
const RULES: [Rule; 5] = [
    Rule { path: "/load/first", backends: Backends::Weighted },
    Rule { path: "/load", backends: Backends::Weighted },
    Rule { path: "/probe", backends: Backends::Weighted },
    Rule { path: "/moving", backends: Backends::Service("moving") },
    Rule { path: "/socket", backends: Backends::Service("websocket") },
];

/// The port that every Service names; only endpoints tell them apart.
const SERVICE_PORT: u16 = 80;

#[derive(Clone, Copy)]
struct Rule {
    path: &'static str,
    backends: Backends,
}

#[derive(Clone, Copy)]
enum Backends {
    /// By the site's weights.
    Weighted,
    Service(&'static str),
}

/// Everything the files say.
pub(super) struct Site {
    folder: PathBuf,
    origins: Origins,
    ports: Ports,
    /// What the loaded route's answers carry in `X-Edit`.
    pub(super) edit: u32,
    /// In the order of [`NAMES`]; at least one is not zero.
    pub(super) weights: [u32; NAMES.len()],
    /// Indices of [`RULES`], in the order they are written.
    pub(super) rule_order: [usize; RULES.len()],
    /// Index of the backend that is the endpoint of Service `moving`.
    pub(super) moving: usize,
    /// A listener that comes and goes.
    pub(super) extra_port: Option<u16>,
    pub(super) certificate: Certificate,
    writes: u32,
}

/// The listeners that stay.
#[derive(Clone, Copy)]
pub(super) struct Ports {
    pub(super) http: u16,
    pub(super) https: u16,
}

impl Site {
    /// Writes all files of a site that no edit has touched.
    pub(super) fn create(folder: &Path, origins: Origins, ports: Ports, certificate: Certificate) -> Result<Self> {
        let mut site = Self {
            folder: folder.to_owned(),
            origins,
            ports,
            edit: 0,
            weights: [1, 1, 0, 0],
            rule_order: std::array::from_fn(|index| index),
            moving: 0,
            extra_port: None,
            certificate,
            writes: 0,
        };
        site.write_gateway()?;
        site.write_certificate()?;
        site.write_backends()?;
        site.write_loaded()?;
        Ok(site)
    }

    pub(super) fn write_gateway(&mut self) -> Result<()> {
        let mut listeners =
            vec![Listener::http("http", self.ports.http), Listener::https("https", self.ports.https, "certificate")];
        listeners.extend(self.extra_port.map(|port| Listener::http("extra", port)));
        self.write("gateway.yaml", &manifest::gateway(&listeners))
    }

    pub(super) fn write_certificate(&mut self) -> Result<()> {
        let text = manifest::certificate("certificate", &self.certificate);
        self.write("certificate.yaml", &text)
    }

    pub(super) fn write_backends(&mut self) -> Result<()> {
        let http = self.origins.http;
        let mut services: Vec<String> =
            NAMES.iter().zip(http).map(|(name, port)| manifest::service(name, SERVICE_PORT, port)).collect();
        services.push(manifest::service("websocket", SERVICE_PORT, self.origins.websocket));
        services.push(manifest::service("moving", SERVICE_PORT, http[self.moving]));
        self.write("backends.yaml", &services.join("---\n"))
    }

    pub(super) fn write_loaded(&mut self) -> Result<()> {
        let text = self.loaded();
        self.write("loaded.yaml", &text)
    }

    /// Leaves the loaded route's file cut off in the middle of a word, as a failed copy would.
    pub(super) fn break_loaded(&mut self) -> Result<()> {
        let text = self.loaded();
        let cut = text.rfind("backendRefs: [").map_or(text.len() / 2, |found| found + 20);
        self.write("loaded.yaml", &text[..cut])
    }

    /// Adds the file of a route of its own, at `/added`.
    pub(super) fn write_added(&mut self) -> Result<()> {
        let rule = rule("/added", self.edit, &[("red", 1)]);
        let text = manifest::http_route("added", None, &rule);
        self.write("added.yaml", &text)
    }

    pub(super) fn remove_added(&mut self) -> Result<()> {
        Ok(fs::remove_file(self.folder.join("added.yaml"))?)
    }

    fn loaded(&self) -> String {
        let weighted: Vec<(&str, u32)> = NAMES.into_iter().zip(self.weights).collect();
        let rules = self.rule_order.map(|index| match RULES[index] {
            Rule { path, backends: Backends::Weighted } => rule(path, self.edit, &weighted),
            Rule { path, backends: Backends::Service(name) } => rule(path, self.edit, &[(name, 1)]),
        });
        manifest::http_route("loaded", None, &rules.concat())
    }

    /// Writes a file whole, by turns in place and by rename: people's editors and tools do both.
    fn write(&mut self, name: &str, text: &str) -> Result<()> {
        self.writes += 1;
        let path = self.folder.join(name);
        if self.writes.is_multiple_of(2) {
            return Ok(fs::File::create(path)?.write_all(text.as_bytes())?);
        }
        let draft = self.folder.join(format!(".{name}.draft"));
        fs::write(&draft, text)?;
        Ok(fs::rename(draft, path)?)
    }
}

fn rule(path: &str, edit: u32, backends: &[(&str, u32)]) -> String {
    let mut references = String::new();
    for (name, weight) in backends {
        let _ = write!(references, "{{ name: {name}, port: {SERVICE_PORT}, weight: {weight} }}, ");
    }
    format!(
        "    - matches: [{{ path: {{ type: PathPrefix, value: {path} }} }}]
      filters:
        - type: ResponseHeaderModifier
          responseHeaderModifier: {{ set: [{{ name: x-edit, value: \"{edit}\" }}] }}
      backendRefs: [{references}]
"
    )
}

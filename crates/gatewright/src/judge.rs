//! Everything that is known of some manifests, and what the compiler says of it.
//!
//! The commands share it: `check` and an offline `status` compile once, `run` again and again.

use std::{
    collections::BTreeMap,
    time::{SystemTime, UNIX_EPOCH},
};

use gatewright_core::{
    Outcome,
    api::{meta::Time, schema::Channel},
    compile,
    status::{self, Status},
    verdict::{Mend, Verdict},
    world::{Controllers, Kind, ObjectRef, Observed, Settings, World},
};
use serde_json::Value;

use crate::{
    finding::Finding,
    inspect::INSPECT,
    manifest::{Library, Manifests, Refresh, Sources, Watch},
    report::StatusReport,
};

/// Manifests, the World they make, and the statuses of its objects.
#[derive(Debug)]
pub(crate) struct Judge {
    manifests: Manifests,
    world: World,
    /// As last shown: a condition that still says the same keeps its time.
    statuses: BTreeMap<ObjectRef, Status>,
}

/// Which kinds a report tells about: those that have a status, in the order in which people read them.
const REPORTED: [Kind; 12] = [
    Kind::GatewayClass,
    Kind::Gateway,
    Kind::ListenerSet,
    Kind::HttpRoute,
    Kind::GrpcRoute,
    Kind::TlsRoute,
    Kind::TcpRoute,
    Kind::UdpRoute,
    Kind::BackendTlsPolicy,
    Kind::XBackend,
    Kind::XBackendTrafficPolicy,
    Kind::XTelemetryPolicy,
];

impl Judge {
    pub(crate) fn new(sources: Sources, channel: Channel) -> Self {
        let settings = Settings { controllers: Controllers::All, merge_gateways: true, inspect: INSPECT };
        Self { manifests: Manifests::new(sources, channel), world: World::new(settings), statuses: BTreeMap::new() }
    }

    /// Looks at files that nobody watches, once.
    pub(crate) fn read(sources: Sources, channel: Channel) -> Self {
        let mut judge = Self::new(sources, channel);
        judge.refresh(None);
        judge
    }

    /// Takes manifests that are no file.
    pub(crate) fn insert(&mut self, name: &str, text: &str) {
        self.manifests.insert(name, text, &mut self.world);
    }

    pub(crate) fn refresh(&mut self, watch: Option<&mut Watch>) -> Refresh {
        self.manifests.refresh(watch, &mut self.world)
    }

    /// Has every file read anew by the next refresh.
    pub(crate) fn distrust(&mut self) {
        self.manifests.distrust();
    }

    pub(crate) fn library(&self) -> &Library {
        self.manifests.library()
    }

    /// Takes facts of the running data plane; says whether they are new.
    pub(crate) fn observe(&mut self, observed: Observed) -> bool {
        let is_new = self.world.observed != observed;
        self.world.observed = observed;
        is_new
    }

    /// Compiles what is known now.
    pub(crate) fn compile(&self) -> Outcome {
        compile(&self.world)
    }

    /// Returns how many objects are in force.
    pub(crate) fn objects(&self) -> usize {
        self.world.object_refs().count()
    }

    /// Returns what is wrong: with files, with objects by themselves, and with what they mean together.
    pub(crate) fn findings(&self, outcome: &Outcome) -> Vec<Finding> {
        let library = self.manifests.library();
        let mut findings = self.manifests.findings();
        findings.extend(outcome.findings.iter().map(|verdict| finding_of(verdict, library)));
        findings.sort();
        findings.dedup();
        findings
    }

    /// Returns the status of every object that has one, and what is wrong.
    pub(crate) fn report(&mut self, outcome: &Outcome) -> StatusReport {
        self.merge(outcome);
        let library = self.manifests.library();
        let objects = REPORTED
            .iter()
            .flat_map(|kind| self.world.object_refs().filter(move |object| object.kind == *kind))
            .filter_map(|object| {
                let mut value: Value = library.written(&object)?.into();
                complete(&mut value, &object);
                let status = self.statuses.get(&object).and_then(|status| serde_json::to_value(status).ok());
                if let (Some(fields), Some(status)) = (value.as_object_mut(), status) {
                    fields.insert("status".into(), status);
                }
                Some(value)
            })
            .collect();
        StatusReport { objects, findings: self.findings(outcome) }
    }

    fn merge(&mut self, outcome: &Outcome) {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
        let merged = outcome.statuses.iter().map(|(object, computed)| {
            let existing = self.statuses.get(object).cloned().unwrap_or_else(|| blank(computed));
            (object.clone(), status::merge(&existing, computed, &|_| true, Time(now)))
        });
        self.statuses = merged.collect();
    }
}

/// Returns a status of the same kind that says nothing.
fn blank(status: &Status) -> Status {
    match status {
        Status::GatewayClass(_) => Status::GatewayClass(Default::default()),
        Status::Gateway(_) => Status::Gateway(Default::default()),
        Status::ListenerSet(_) => Status::ListenerSet(Default::default()),
        Status::Route(_) => Status::Route(Default::default()),
        Status::Policy(_) => Status::Policy(Default::default()),
    }
}

/// Writes the namespace out where the manifest leaves it to the default, as an API server would.
fn complete(value: &mut Value, object: &ObjectRef) {
    if let Some(metadata) = value.get_mut("metadata").and_then(Value::as_object_mut)
        && object.kind.is_namespaced()
    {
        metadata.entry("namespace").or_insert_with(|| object.key.namespace.clone().into());
    }
}

fn finding_of(verdict: &Verdict, library: &Library) -> Finding {
    let (file, at) = match library.place(&verdict.object, &verdict.field) {
        Some((path, at)) => (path.to_owned(), at),
        None => Default::default(),
    };
    Finding {
        object: verdict.object.to_string(),
        field: verdict.field.clone(),
        mend: match &verdict.mend {
            Some(Mend::Manifest(yaml)) => yaml.clone(),
            None => String::new(),
        },
        ..Finding::of_file(file, at, verdict.message.clone())
    }
}

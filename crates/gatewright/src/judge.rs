//! Everything that is known of some manifests, and what the compiler says of it.
//!
//! The commands share it: `check` and an offline `status` compile once, `run` again and again.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::PathBuf,
    sync::Arc,
    time::{SystemTime, UNIX_EPOCH},
};

use gatewright_core::{
    Compiler,
    api::{
        meta::Time,
        schema::{Channel, Position},
    },
    find_shadowed_matches, find_unserving_endpoints,
    plan::Plan,
    status::{self, Status},
    verdict::{Mend, Severity, Verdict},
    world::{Controllers, DataPlane, Kind, ObjectRef, Observed, Settings, World},
};
use serde_json::Value;

use crate::{
    finding::Finding,
    inspect::INSPECT,
    manifest::{Library, Manifests, Refresh, Sources, Watch, Written},
    report::StatusReport,
};

/// Manifests, the World they make, and what was last said of its objects.
#[derive(Debug)]
pub(crate) struct Judge {
    manifests: Manifests,
    world: World,
    compiler: Compiler,
    /// The Plan while no Gateway asks for one.
    nothing: Arc<Plan>,
    /// What is said beside what the compiler says: of Services, since here no cluster makes their endpoints, and of
    /// matches that no request reaches, which takes all routes of a listener together.
    unserving: Vec<Verdict>,
    /// As people see them: a condition that still says the same keeps its time.
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
        Self {
            manifests: Manifests::new(sources, channel),
            world: World::new(settings),
            compiler: Compiler::default(),
            nothing: Arc::default(),
            unserving: Vec::new(),
            statuses: BTreeMap::new(),
        }
    }

    /// Reads files that nobody watches, once, and compiles them.
    pub(crate) fn read(sources: Sources, channel: Channel) -> Self {
        let mut judge = Self::new(sources, channel);
        judge.refresh(None);
        judge.compile();
        judge
    }

    /// Takes manifests that are no file.
    pub(crate) fn insert(&mut self, name: &str, text: &str) {
        self.manifests.insert(name, text, &mut self.world);
    }

    /// Takes what changed in the files.
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

    /// Compiles what is known now, and returns the Plan of the one data plane there is: the same one as before if nothing
    /// in it changed.
    pub(crate) fn compile(&mut self) -> Arc<Plan> {
        let delta = self.compiler.compile(&mut self.world);
        self.show(delta.statuses);
        let plan = self.compiler.outcome().plans.get(&DataPlane::Merged).unwrap_or(&self.nothing).clone();
        self.unserving = find_unserving_endpoints(&self.world, &plan);
        self.unserving.extend(find_shadowed_matches(&self.world, &plan));
        plan
    }

    fn verdicts(&self) -> impl Iterator<Item = &Verdict> {
        self.compiler.outcome().findings.iter().chain(&self.unserving)
    }

    /// Takes facts of the running data plane. Statuses speak of them, and no Plan depends on them.
    pub(crate) fn observe(&mut self, observed: Observed) {
        if self.world.observed != observed {
            self.world.observed = observed;
            self.compile();
        }
    }

    fn show(&mut self, changed: BTreeSet<ObjectRef>) {
        let now = Time(SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs()));
        for object in changed {
            let shown = self.statuses.remove(&object);
            if let Some(computed) = self.compiler.outcome().statuses.get(&object) {
                let old = shown.unwrap_or_else(|| blank(computed));
                self.statuses.insert(object, status::merge(&old, computed, &|_| true, now));
            }
        }
    }

    /// Returns what is wrong: with files, with objects by themselves, and with what they mean together.
    pub(crate) fn findings(&self) -> Vec<Finding> {
        let mut findings = self.manifests.findings();
        findings.extend(self.verdicts().map(|verdict| self.finding(verdict)));
        findings.sort();
        findings.dedup();
        findings
    }

    /// Returns everything that a report is made of. Quick, so that the making can happen where nobody waits for it.
    pub(crate) fn draft(&self) -> Draft {
        let library = self.library();
        let objects = REPORTED
            .iter()
            .flat_map(|kind| self.world.object_refs().filter(move |object| object.kind == *kind))
            .filter_map(|object| {
                let status = self.statuses.get(&object).cloned();
                Some((library.written(&object)?.clone(), object, status))
            });
        Draft { objects: objects.collect(), findings: self.findings() }
    }

    /// Returns what was not said when `told` was last here, and notes that it is said now. Unknown fields are told by
    /// [`Self::unknown_fields`].
    pub(crate) fn news(&self, told: &mut Told) -> News {
        let files: BTreeSet<_> = self.manifests.findings().into_iter().collect();
        let verdicts: BTreeSet<_> = self.verdicts().cloned().collect();
        let mut new: Vec<_> = files.difference(&told.files).filter(|found| !found.is_unknown_field).cloned().collect();
        new.extend(verdicts.difference(&told.verdicts).map(|verdict| self.finding(verdict)));
        new.sort();
        let mended = told.files.difference(&files).count() + told.verdicts.difference(&verdicts).count();
        let total = files.len() + verdicts.len();
        *told = Told { files, verdicts };
        News { new, mended, total }
    }

    /// Returns the fields that no kind has. They are said anew whenever files are read: what they were meant to do is not
    /// done, while everything looks well.
    pub(crate) fn unknown_fields(&self) -> Vec<Finding> {
        let mut findings = self.manifests.findings();
        findings.retain(|finding| finding.is_unknown_field);
        findings
    }

    fn finding(&self, verdict: &Verdict) -> Finding {
        let place = self.library().place(&verdict.object, &verdict.field);
        let (file, at) = place.map_or((PathBuf::new(), Position::default()), |(path, at)| (path.to_owned(), at));
        Finding {
            object: verdict.object.to_string(),
            field: verdict.field.clone(),
            mend: match &verdict.mend {
                Some(Mend::Manifest(yaml)) => yaml.clone(),
                None => String::new(),
            },
            is_error: verdict.severity == Severity::Error,
            ..Finding::of_file(file, at, verdict.message.clone())
        }
    }
}

/// What was said of a [`Judge`]'s findings so far.
#[derive(Debug, Default)]
pub(crate) struct Told {
    files: BTreeSet<Finding>,
    verdicts: BTreeSet<Verdict>,
}

/// How findings changed.
#[derive(Debug)]
pub(crate) struct News {
    pub(crate) new: Vec<Finding>,
    pub(crate) mended: usize,
    /// How many there are now.
    pub(crate) total: usize,
}

/// A report before its objects are written out.
#[derive(Debug)]
pub(crate) struct Draft {
    objects: Vec<(Written, ObjectRef, Option<Status>)>,
    findings: Vec<Finding>,
}

impl Draft {
    pub(crate) fn finish(self) -> StatusReport {
        let write = |(written, object, status): (Written, ObjectRef, Option<Status>)| {
            let mut value: Value = written.node()?.into();
            let fields = value.as_object_mut()?;
            if let Some(metadata) = fields.get_mut("metadata").and_then(Value::as_object_mut)
                && object.kind.is_namespaced()
            {
                // As an API server would: the manifest may leave it to the default.
                metadata.entry("namespace").or_insert_with(|| object.key.namespace.into());
            }
            if let Some(status) = status.and_then(|status| serde_json::to_value(status).ok()) {
                fields.insert("status".into(), status);
            }
            Some(value)
        };
        StatusReport { objects: self.objects.into_iter().filter_map(write).collect(), findings: self.findings }
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

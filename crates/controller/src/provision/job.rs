//! The writes of one round to the objects of one data plane.

use std::time::Duration;

use kube::{
    Api, Client,
    api::{DeleteParams, Patch, PatchParams, Preconditions},
    core::DynamicObject,
};
use serde_json::Value;
use tokio::time::timeout;
use tracing::{info, warn};

use super::{kind::Id, label, round::Step};
use crate::leader::{SendError, Token};

/// Who applies, as managed fields name it.
const FIELD_MANAGER: &str = "gatewright";

/// How long the API server may take for one request.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(15);

/// How the API server refuses what an object says.
const UNPROCESSABLE: u16 = 422;

/// What is to be done.
pub(super) struct Job {
    pub(super) data_plane: String,
    pub(super) steps: Vec<Step>,
    /// Why some objects are not among the steps.
    pub(super) problems: Vec<String>,
    /// With the uid of what is to be deleted.
    pub(super) deletions: Vec<(Id, String)>,
}

/// What came of it.
pub(super) struct Done {
    pub(super) data_plane: String,
    /// In which it was done.
    pub(super) term: u64,
    /// What was sent, and what the API server made of it.
    pub(super) applied: Vec<(Id, Value, Value)>,
    /// What was asked to be deleted, or could not be.
    pub(super) deletions: Vec<Id>,
    pub(super) problems: Vec<String>,
    /// The term was over before all was done.
    pub(super) is_cut_short: bool,
}

/// Writes with the right to do so.
struct Hand {
    client: Client,
    /// The controller's own.
    namespace: String,
    token: Token,
}

/// Why a step was not done.
enum Undone {
    NotLeader,
    Problem(String),
}

impl Job {
    /// Does it, as long as the token's term lasts. `namespace` is the controller's.
    pub(super) async fn run(self, client: Client, namespace: String, token: Token) -> Done {
        let Self { data_plane, steps, problems, deletions } = self;
        let term = token.term();
        let hand = Hand { client, namespace, token };
        let mut done =
            Done { data_plane, term, applied: Vec::new(), deletions: Vec::new(), problems, is_cut_short: false };
        for step in steps {
            let result = match &step {
                Step::Apply(id, wanted) => hand.apply(id, wanted).await,
                Step::Create(id, wanted, cluster_ip) => hand.create(id, wanted, cluster_ip.as_deref()).await,
            };
            let (Step::Apply(id, wanted) | Step::Create(id, wanted, _)) = step;
            match result {
                Ok(answer) => done.applied.push((id, wanted, answer)),
                // What comes after leans on it: Pods on their ServiceAccount, and on whom they trust.
                Err(Undone::Problem(why)) => {
                    done.problems.push(why);
                    break;
                }
                Err(Undone::NotLeader) => {
                    done.is_cut_short = true;
                    return done;
                }
            }
        }
        for (id, uid) in deletions {
            match hand.delete(&id, uid).await {
                Ok(()) => done.deletions.push(id),
                Err(SendError::NotLeader) => {
                    done.is_cut_short = true;
                    return done;
                }
                Err(error) => {
                    warn!(object = %id, %error, "cannot delete what no Gateway wants any more");
                    done.deletions.push(id);
                }
            }
        }
        done
    }
}

impl Hand {
    async fn create(&self, id: &Id, wanted: &Value, cluster_ip: Option<&str>) -> Result<Value, Undone> {
        match timeout(REQUEST_TIMEOUT, self.is_taken(id, wanted)).await {
            Ok(Ok(false)) => {}
            Ok(Ok(true)) => {
                return Err(Undone::Problem(format!("{id} is there already and is not ours; it is left alone")));
            }
            Ok(Err(error)) => return Err(Undone::Problem(format!("cannot read {id}: {}", SendError::Api(error)))),
            Err(_) => return Err(Undone::Problem(format!("cannot read {id}: {}", SendError::Timeout))),
        }
        if let Some(cluster_ip) = cluster_ip {
            let mut asking = wanted.clone();
            asking["spec"]["clusterIP"] = cluster_ip.into();
            match self.send(id, &asking).await {
                Err(SendError::Api(kube::Error::Api(status))) if status.code == UNPROCESSABLE => {
                    info!(object = %id, cluster_ip, why = status.message, "the ClusterIP asked for is not to be had; the Service gets another");
                }
                answer => return answer.map_err(|error| not_applied(id, &error)),
            }
        }
        self.apply(id, wanted).await
    }

    async fn apply(&self, id: &Id, wanted: &Value) -> Result<Value, Undone> {
        self.send(id, wanted).await.map_err(|error| not_applied(id, &error))
    }

    async fn send(&self, id: &Id, wanted: &Value) -> Result<Value, SendError> {
        let how = PatchParams::apply(FIELD_MANAGER).force();
        let (api, patch) = (self.api(id), Patch::Apply(wanted));
        self.token.send(REQUEST_TIMEOUT, api.patch(&id.name, &how, &patch)).await.map(value)
    }

    /// Deletes an object that may be gone already, or be another of its name.
    async fn delete(&self, id: &Id, uid: String) -> Result<(), SendError> {
        let only = Preconditions { uid: Some(uid), resource_version: None };
        let how = DeleteParams { preconditions: Some(only), ..DeleteParams::background() };
        match self.token.send(REQUEST_TIMEOUT, self.api(id).delete(&id.name, &how)).await {
            Ok(_) => {
                info!(object = %id, "deleted what no Gateway wants any more");
                Ok(())
            }
            Err(SendError::Api(kube::Error::Api(status))) if status.is_not_found() || status.is_conflict() => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// Whether something of this name is there that we did not make.
    async fn is_taken(&self, id: &Id, wanted: &Value) -> Result<bool, kube::Error> {
        let Some(there) = self.api(id).get_opt(&id.name).await? else { return Ok(false) };
        let there = value(there);
        let metadata = &there["metadata"];
        let owner = wanted["metadata"]["ownerReferences"][0]["uid"].as_str();
        let owners = metadata["ownerReferences"].as_array();
        // Somebody may have taken our label away.
        let is_owned = owner.is_some() && owners.into_iter().flatten().any(|other| other["uid"].as_str() == owner);
        Ok(!is_owned && metadata["labels"][label::INSTALLATION] != self.namespace.as_str())
    }

    fn api(&self, id: &Id) -> Api<DynamicObject> {
        Api::namespaced_with(self.client.clone(), &id.namespace, &id.kind.resource())
    }
}

fn not_applied(id: &Id, error: &SendError) -> Undone {
    match error {
        SendError::NotLeader => Undone::NotLeader,
        SendError::Timeout | SendError::Api(_) => Undone::Problem(format!("cannot apply {id}: {error}")),
    }
}

/// An object without what is of no use here, and large.
pub(super) fn value(mut object: DynamicObject) -> Value {
    object.metadata.managed_fields = None;
    // A DynamicObject is made of JSON.
    serde_json::to_value(object).unwrap_or_default()
}

//! One stream of a client, from its first request to its end.

use std::{collections::BTreeMap, sync::Arc};

use prost::Message;
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Streaming, codegen::http::uri::PathAndQuery};
use tonic_prost::ProstCodec;

use super::{Acknowledgement, Client, Dial, Event, open};
use crate::{
    MARKER, Resource, Version, message,
    message::{DeltaDiscoveryRequest, DeltaDiscoveryResponse, Node, REJECTION_TYPE, RESOURCE_TYPE, Rejection},
    server::DISCOVERY_PATH,
};

/// Bytes of one message. Pieces are far smaller, but for a single resource that is longer: those are bounded where they are
/// published, by `BODY_BYTES_MAX`.
const RESPONSE_BYTES_MAX: usize = 16 * 1024 * 1024;
/// `INVALID_ARGUMENT`, as `google.rpc.Code` has it.
const INVALID_ARGUMENT: i32 = 3;

/// A snapshot that the receiver has been told is complete, and what answers it.
struct Complete {
    version: Version,
    nonce: String,
}

impl<D: Dial> Client<D> {
    /// Connects and takes what comes.
    ///
    /// # Errors
    /// Says why there is no connection, or no longer.
    pub(super) async fn session(&mut self) -> Result<(), String> {
        let (requests, sent) = mpsc::channel(16);
        let (mut grpc, request) = open(&self.dial, ReceiverStream::new(sent)).await?;
        // Names thousands of resources: not before there is somebody to tell.
        let hello = DeltaDiscoveryRequest {
            node: Some(Node {
                id: self.node.clone(),
                user_agent_name: "gatewright".into(),
                user_agent_version: env!("CARGO_PKG_VERSION").into(),
            }),
            type_url: RESOURCE_TYPE.into(),
            resource_names_subscribe: vec!["*".into()],
            initial_resource_versions: self
                .known
                .iter()
                .map(|(name, version)| (String::from(&**name), version.to_string()))
                .collect(),
            ..DeltaDiscoveryRequest::default()
        };
        requests.try_send(hello).map_err(|_| "the stream is gone")?;
        grpc = grpc.max_decoding_message_size(RESPONSE_BYTES_MAX);
        let codec = ProstCodec::<DeltaDiscoveryRequest, DeltaDiscoveryResponse>::default();
        let answer = grpc.streaming(request, PathAndQuery::from_static(DISCOVERY_PATH), codec).await;
        let mut responses = answer.map_err(|status| told(&status))?.into_inner();
        self.take(&requests, &mut responses).await
    }

    async fn take(
        &mut self,
        requests: &mpsc::Sender<DeltaDiscoveryRequest>,
        responses: &mut Streaming<DeltaDiscoveryResponse>,
    ) -> Result<(), String> {
        let mut complete: Option<Complete> = None;
        loop {
            tokio::select! {
                response = responses.message() => {
                    let Some(response) = response.map_err(|status| told(&status))? else { return Ok(()) };
                    let nonce = response.nonce.clone();
                    match self.receive(response).await? {
                        Some(version) => complete = Some(Complete { version, nonce }),
                        // A piece: it is here, and more cannot be said of it before the rest is.
                        None => answer(requests, nonce, None).await?,
                    }
                }
                Some(acknowledgement) = self.acknowledgements.recv() => {
                    let current = complete.as_ref().filter(|complete| complete.version == acknowledgement.version);
                    if let Some(current) = current {
                        answer(requests, current.nonce.clone(), refusal(acknowledgement)).await?;
                    }
                }
                () = self.events.closed() => return Ok(()),
            }
        }
    }

    /// Hands over what a response holds, and returns the snapshot's version if this was its last.
    async fn receive(&mut self, response: DeltaDiscoveryResponse) -> Result<Option<Version>, String> {
        if response.type_url != RESOURCE_TYPE {
            return Err(format!("the controller sent a {}", response.type_url));
        }
        let mut marker = None;
        let mut added = Vec::with_capacity(response.resources.len());
        for resource in response.resources {
            let version = resource.version.parse().map_err(|_| format!("{} has no version", resource.name))?;
            if resource.name == MARKER {
                marker = Some(version);
                continue;
            }
            let body = resource.resource.map(|any| any.value).unwrap_or_default();
            added.push(Resource { name: resource.name.into(), version, body });
        }
        let removed: Vec<Arc<str>> = response.removed_resources.into_iter().map(Into::into).collect();
        self.connected.send_replace(true);
        for resource in &added {
            self.known.insert(resource.name.clone(), resource.version);
        }
        for name in &removed {
            self.known.remove(name);
        }
        if !added.is_empty() || !removed.is_empty() {
            self.tell(Event::Piece { added, removed }).await?;
        }
        let Some(version) = marker else { return Ok(None) };
        if Version::of_all(self.known.iter().map(|(name, version)| (&**name, *version))) != version {
            // Both ends do not agree what there is. Everything again: nothing of it is in force before it is complete.
            let removed = std::mem::take(&mut self.known).into_keys().collect();
            self.tell(Event::Piece { added: Vec::new(), removed }).await?;
            return Err("what was sent is not what there should be: asking for everything again".into());
        }
        self.tell(Event::Complete(version)).await?;
        Ok(Some(version))
    }

    async fn tell(&self, event: Event) -> Result<(), String> {
        self.events.send(event).await.map_err(|_| "the receiver is gone".into())
    }
}

async fn answer(
    requests: &mpsc::Sender<DeltaDiscoveryRequest>,
    response_nonce: String,
    error_detail: Option<message::Status>,
) -> Result<(), String> {
    let request = DeltaDiscoveryRequest {
        type_url: RESOURCE_TYPE.into(),
        response_nonce,
        error_detail,
        ..DeltaDiscoveryRequest::default()
    };
    requests.send(request).await.map_err(|_| "the stream is gone".into())
}

fn refusal(acknowledgement: Acknowledgement) -> Option<message::Status> {
    let rejected: BTreeMap<String, String> = acknowledgement.rejected;
    let first = rejected.first_key_value().map(|(name, reason)| format!("{name}: {reason}"))?;
    let details = rejected.into_iter().map(|(name, reason)| message::Any {
        type_url: REJECTION_TYPE.into(),
        value: Rejection { name, reason }.encode_to_vec().into(),
    });
    Some(message::Status { code: INVALID_ARGUMENT, message: first, details: details.collect() })
}

fn told(status: &tonic::Status) -> String {
    format!("{}: {}", status.code(), status.message())
}

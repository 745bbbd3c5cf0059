//! What is under load: a namespace with backends, a Gateway of its own, a certificate and routes.

use std::{
    net::IpAddr,
    sync::Arc,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail, ensure};
use base64::{Engine, prelude::BASE64_STANDARD};
use kube::{Client, api::ListParams};
use rustls::{ClientConfig, pki_types::ServerName};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::{sleep, timeout},
};
use tokio_rustls::TlsConnector;

use super::{HOST, object};
use crate::{
    certificate::{Authority, Certificate},
    cluster::Cluster,
    load::Target,
    response::Response,
};

pub(super) const NAMESPACE: &str = "faults";
pub(super) const GATEWAY_API: &str = "gateway.networking.k8s.io/v1";
const CLASS: &str = "gatewright";
const PORT: u16 = 80;
const TLS_PORT: u16 = 443;

/// Between two looks at something that is to come about.
pub(super) const POLL: Duration = Duration::from_millis(2);
/// For how long so much is looked.
const POLL_CLOSELY: Duration = Duration::from_secs(5);
/// How long the site may take to be served at first: images are loaded, pods start.
const PATIENCE: Duration = Duration::from_secs(120);
/// How long one look may take.
const LOOK_TIMEOUT: Duration = Duration::from_secs(1);

/// A site that is served.
pub(super) struct Site {
    pub(super) cluster: Cluster,
    pub(super) client: Client,
    pub(super) target: Target,
    pub(super) trust: Arc<ClientConfig>,
    pub(super) authority: Authority,
}

impl Site {
    /// Brings the site about, and returns when all of it answers.
    pub(super) async fn create(cluster: Cluster) -> Result<Self> {
        let client = Client::try_default().await?;
        let authority = Authority::new()?;
        let certificate = authority.issue(HOST)?;
        let image = crate::cluster::image::GATEWRIGHT;
        let objects = [
            json!({ "apiVersion": "v1", "kind": "Namespace", "metadata": { "name": NAMESPACE } }),
            secret(&certificate),
            deployment("echo", 2, image),
            service("echo"),
            gateway("gateway"),
            calls(),
            loaded(0),
        ];
        for object in &objects {
            object::apply(&client, object).await?;
        }
        let address = until("the Gateway has an address", PATIENCE, async || {
            let gateway = object::api(&client, GATEWAY_API, "Gateway", NAMESPACE).get("gateway").await?;
            ensure!(
                object::is_true(&gateway, "Programmed"),
                "not programmed: {}",
                gateway.data["status"]["conditions"]
            );
            let address = gateway.data.pointer("/status/addresses/0/value").and_then(Value::as_str);
            Ok(address.context("no address")?.parse::<IpAddr>()?)
        })
        .await?;
        let target = Target { address, http: PORT, https: TLS_PORT, host: HOST, may_go: true, lasts: true };
        let site = Self { cluster, client, target, trust: authority.http2_client()?, authority };
        until("the site answers", PATIENCE, async || {
            let status = site.look("/load").await?.status;
            ensure!(status == 200, "answered with {status}");
            Ok(())
        })
        .await?;
        let calls = object::api(&site.client, GATEWAY_API, "GRPCRoute", NAMESPACE);
        until("the site answers calls", PATIENCE, async || {
            // What is said of a route is said when it is in force.
            let said = calls.get("calls").await?.data.pointer("/status/parents/0/conditions/0").cloned();
            said.map(|_| ()).context("nothing is said of their route")
        })
        .await?;
        // The certificate may be another than that of an earlier run.
        until("TLS clients trust the site", PATIENCE, async || site.shake_hands().await).await?;
        Ok(site)
    }

    pub(super) async fn apply(&self, object: &Value) -> Result<()> {
        object::apply(&self.client, object).await.map(|_| ())
    }

    pub(super) async fn delete(&self, object: &Value) -> Result<()> {
        object::delete(&self.client, object).await
    }

    /// The endpoints of the backends, as their EndpointSlice has them.
    pub(super) async fn endpoints(&self) -> Result<Value> {
        let slices = object::api(&self.client, "discovery.k8s.io/v1", "EndpointSlice", NAMESPACE);
        let slices = slices.list(&ListParams::default().labels("kubernetes.io/service-name=echo")).await?;
        Ok(slices.items.first().context("the backends have no EndpointSlice")?.data["endpoints"].clone())
    }

    async fn shake_hands(&self) -> Result<()> {
        let connection = TcpStream::connect((self.target.address, TLS_PORT)).await?;
        let name = ServerName::try_from(HOST)?;
        timeout(LOOK_TIMEOUT, TlsConnector::from(self.trust.clone()).connect(name, connection)).await??;
        Ok(())
    }

    /// Asks once on a new connection.
    pub(super) async fn look(&self, path: &str) -> Result<Response> {
        look_at(self.target.address, path).await
    }

    /// Adds a route and removes it again; returns the seconds from the API server's answer until it was in force.
    pub(super) async fn edit(&self, number: u64) -> Result<f64> {
        // No other edit's, should that still be there.
        let name = format!("edit-{number}-{:x}", fastrand::u32(..));
        let path = format!("/{name}");
        let route = route(&name, &[rule(&path, number, &json!([{ "name": "echo", "port": PORT }]))]);
        self.apply(&route).await?;
        let since = Instant::now();
        let in_force = self.until_status(&path, 200, Duration::from_secs(60)).await;
        let after = since.elapsed().as_secs_f64();
        self.delete(&route).await?;
        in_force.map(|()| after)
    }

    /// Waits until `path` is answered with `status`.
    pub(super) async fn until_status(&self, path: &str, status: u16, patience: Duration) -> Result<()> {
        until(&format!("{path} is answered with {status}"), patience, async || {
            let answered = self.look(path).await?.status;
            ensure!(answered == status, "it is answered with {answered}");
            Ok(())
        })
        .await
    }
}

/// Asks a gateway once on a new connection.
pub(super) async fn look_at(address: IpAddr, path: &str) -> Result<Response> {
    look_at_port(address, PORT, path).await
}

/// The same where a port of ours is another.
pub(super) async fn look_at_port(address: IpAddr, port: u16, path: &str) -> Result<Response> {
    timeout(LOOK_TIMEOUT, async {
        let mut connection = TcpStream::connect((address, port)).await?;
        let request = format!("GET {path} HTTP/1.1\r\nHost: {HOST}\r\nConnection: close\r\n\r\n");
        connection.write_all(request.as_bytes()).await?;
        let mut bytes = Vec::new();
        loop {
            if let Some(response) = Response::take(&mut bytes)? {
                return Ok(response);
            }
            ensure!(connection.read_buf(&mut bytes).await? > 0, "the connection ended without an answer");
        }
    })
    .await
    .context("no answer in time")?
}

/// Tries until it succeeds.
pub(super) async fn until<T>(what: &str, patience: Duration, mut look: impl AsyncFnMut() -> Result<T>) -> Result<T> {
    let start = Instant::now();
    loop {
        match look().await {
            Ok(found) => return Ok(found),
            Err(error) if start.elapsed() > patience => bail!("not within {patience:?}: {what}: {error:#}"),
            // Each look may be a connection, and the node has so many ports.
            Err(_) if start.elapsed() > POLL_CLOSELY => sleep(POLL * 10).await,
            Err(_) => sleep(POLL).await,
        }
    }
}

fn metadata(name: &str) -> Value {
    json!({ "name": name, "namespace": NAMESPACE })
}

pub(super) fn secret(certificate: &Certificate) -> Value {
    secret_of(&certificate.chain, &certificate.key)
}

pub(super) fn secret_of(chain: &str, key: &str) -> Value {
    json!({
        "apiVersion": "v1", "kind": "Secret", "metadata": metadata("certificate"), "type": "kubernetes.io/tls",
        "data": { "tls.crt": BASE64_STANDARD.encode(chain), "tls.key": BASE64_STANDARD.encode(key) },
    })
}

fn deployment(name: &str, replicas: u32, image: &str) -> Value {
    json!({
        "apiVersion": "apps/v1", "kind": "Deployment", "metadata": metadata(name),
        "spec": {
            "replicas": replicas,
            "selector": { "matchLabels": { "app": name } },
            "template": {
                "metadata": { "labels": { "app": name } },
                "spec": { "containers": [{
                    "name": "echo", "image": image, "imagePullPolicy": "IfNotPresent",
                    "args": ["echo", "--listen", "0.0.0.0:3000"],
                    "readinessProbe": { "httpGet": { "port": 3000, "path": "/" }, "periodSeconds": 1 },
                }] },
            },
        },
    })
}

fn service(name: &str) -> Value {
    json!({
        "apiVersion": "v1", "kind": "Service", "metadata": metadata(name),
        "spec": { "selector": { "app": name }, "ports": [{ "port": PORT, "targetPort": 3000 }] },
    })
}

pub(super) fn gateway(name: &str) -> Value {
    let certificate = json!({ "certificateRefs": [{ "name": "certificate" }] });
    json!({
        "apiVersion": GATEWAY_API, "kind": "Gateway", "metadata": metadata(name),
        "spec": { "gatewayClassName": CLASS, "listeners": [
            { "name": "http", "port": PORT, "protocol": "HTTP" },
            { "name": "https", "port": TLS_PORT, "protocol": "HTTPS", "tls": certificate },
        ] },
    })
}

pub(super) fn rule(path: &str, edit: u64, backends: &Value) -> Value {
    let set = json!({ "set": [{ "name": "x-edit", "value": edit.to_string() }] });
    json!({
        "matches": [{ "path": { "type": "PathPrefix", "value": path } }],
        "filters": [{ "type": "ResponseHeaderModifier", "responseHeaderModifier": set }],
        "backendRefs": backends,
    })
}

pub(super) fn route(name: &str, rules: &[Value]) -> Value {
    json!({
        "apiVersion": GATEWAY_API, "kind": "HTTPRoute", "metadata": metadata(name),
        "spec": { "parentRefs": [{ "name": "gateway" }], "hostnames": [HOST], "rules": rules },
    })
}

/// The route of the load's gRPC calls.
fn calls() -> Value {
    json!({
        "apiVersion": GATEWAY_API, "kind": "GRPCRoute", "metadata": metadata("calls"),
        "spec": {
            "parentRefs": [{ "name": "gateway" }], "hostnames": [HOST],
            "rules": [{ "matches": [{ "method": { "service": "faults.Echo" } }], "backendRefs": [{ "name": "echo", "port": PORT }] }],
        },
    })
}

/// The route that the load asks for; edits change a field of its answers and the order of its rules.
pub(super) fn loaded(edit: u64) -> Value {
    let paths = ["/load/first", "/load", "/probe", "/socket"];
    let backends = json!([{ "name": "echo", "port": PORT, "weight": 1 + edit % 3 }]);
    let mut rules: Vec<Value> = paths.iter().map(|path| rule(path, edit, &backends)).collect();
    rules.rotate_left((edit % 4) as usize);
    route("loaded", &rules)
}

//! Two tenants with a Gateway each: what is one's never comes to the other, but by a grant and as long as that lasts.
//!
//! The tenant is taken to hold the proxy's own credentials: an enforced boundary is one that holds against those.

use std::{
    net::IpAddr,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, ensure};
use base64::{Engine, prelude::BASE64_STANDARD};
use k8s_openapi::api::{
    authentication::v1::{TokenRequest, TokenRequestSpec},
    core::v1::ServiceAccount,
};
use kube::{
    Api,
    api::{DynamicObject, ListParams, PostParams},
};
use rustls::pki_types::ServerName;
use serde_json::{Value, json};
use tokio::{net::TcpStream, time::sleep};
use tokio_rustls::TlsConnector;

use super::{
    Figure, HOST, control, object,
    reader::Reader,
    site::{self, GATEWAY_API, Site, until},
};

const BORROWER: &str = "faults-borrower";
const OWNER: &str = "faults-owner";
/// What the certificate is for, which is the owner's and lent by a grant.
const LENT: &str = "lent.example.com";
/// Stands in the owner's Plan, and nowhere else.
const PRIVATE: &str = "private.example.com";
const AUDIENCE: &str = "gatewright-xds";
/// The controllers' Service, which their certificate is for, and the port of the channel.
const CONTROLLER: &str = "gatewright.gatewright-system.svc";
const CHANNEL_PORT: u16 = 18_000;
const OF_GATEWAY: &str = "gateway.networking.k8s.io/gateway-name=gateway";
/// How long two Gateways may take to be served.
const PATIENCE: Duration = Duration::from_secs(120);
/// How long a change may take at most before it is said never to come.
const CHANGE_PATIENCE: Duration = Duration::from_secs(20);
/// Many times what somebody who may read waits for all that there is.
const DENIAL: Duration = Duration::from_secs(5);

/// Lets a tenant read with all that it could have, and a grant begin and end.
pub(super) async fn tenants(site: &Site) -> Result<Vec<Figure>> {
    let certificate = site.authority.issue(LENT)?;
    // The middle of the key: no other key has this line, in whatever form its text is sent.
    let secret = certificate.key.lines().nth(2).context("a key has three lines")?.to_owned();
    for object in objects(site, &certificate.chain, &certificate.key).await? {
        site.apply(&object).await?;
    }
    let address = programmed(site, BORROWER).await?;
    programmed(site, OWNER).await?;
    let figures = judge(site, address, &secret).await;
    remove(site).await?;
    figures
}

async fn remove(site: &Site) -> Result<()> {
    let namespaces = object::api(&site.client, "v1", "Namespace", "");
    for name in [BORROWER, OWNER] {
        site.delete(&namespace(name)).await?;
        until("nothing is left of a tenant", PATIENCE, async || {
            ensure!(namespaces.get_opt(name).await?.is_none(), "{name} is there");
            Ok(())
        })
        .await?;
    }
    Ok(())
}

async fn judge(site: &Site, address: IpAddr, secret: &str) -> Result<Vec<Figure>> {
    let owners = Readers::start(site, OWNER, Token::Proxy, &Readers::default()).await?;
    owners.complete().await?;
    for words in [secret, PRIVATE] {
        ensure!(owners.ever_had(words), "the owner's own proxies are not given {words:?}: nothing would be proven");
    }
    let borrowers = Readers::start(site, BORROWER, Token::Proxy, &owners).await?;
    borrowers.complete().await?;
    let mut strangers = 0;
    for token in [Token::OtherAudience, Token::OtherAccount] {
        let readers = Readers::start(site, BORROWER, token, &owners).await?;
        sleep(DENIAL).await;
        strangers += readers.count();
    }
    until("without a grant the reference is not permitted", CHANGE_PATIENCE, async || {
        let status = site::look_at(address, "/lent").await?.status;
        ensure!(status == 500, "it is answered with {status}");
        ensure!(handshake(site, address).await.is_err(), "the certificate is shown");
        Ok(())
    })
    .await?;
    let leaked = [secret, PRIVATE].iter().filter(|words| borrowers.ever_had(words)).count();

    for grant in grants() {
        site.apply(&grant).await?;
    }
    lent(site, address, &borrowers, secret, true).await.context("the grants")?;
    for grant in grants() {
        site.delete(&grant).await?;
    }
    let since = Instant::now();
    lent(site, address, &borrowers, secret, false).await.context("the end of the grants")?;
    let ended = since.elapsed().as_secs_f64();
    let still_private = usize::from(borrowers.ever_had(PRIVATE));
    Ok(vec![
        Figure { name: "parts of another's Plan read", value: (leaked + still_private) as f64, at_most: 0.0 },
        Figure { name: "resources given to strangers", value: strangers as f64, at_most: 0.0 },
        Figure { name: "a grant's end is in force, s", value: ended, at_most: 1.0 },
    ])
}

/// Waits until what the grants allow is in force, or is not: the key at every reader, the handshake, the backend.
async fn lent(site: &Site, address: IpAddr, readers: &Readers, secret: &str, is_lent: bool) -> Result<()> {
    let status = if is_lent { 200 } else { 500 };
    let key = async {
        for reader in &readers.0 {
            reader.until_has(secret, is_lent, CHANGE_PATIENCE).await.context("the key")?;
        }
        anyhow::Ok(())
    };
    let shown = until("the certificate is shown as allowed", CHANGE_PATIENCE, async || {
        let shown = handshake(site, address).await;
        ensure!(shown.is_ok() == is_lent, "the handshake ends with {shown:?}");
        Ok(())
    });
    let answered = until("the backend answers as allowed", CHANGE_PATIENCE, async || {
        let answered = site::look_at(address, "/lent").await?.status;
        ensure!(answered == status, "it is answered with {answered}");
        Ok(())
    });
    tokio::try_join!(key, shown, answered)?;
    Ok(())
}

async fn handshake(site: &Site, address: IpAddr) -> Result<()> {
    let socket = TcpStream::connect((address, 443)).await?;
    TlsConnector::from(site.trust.clone()).connect(ServerName::try_from(LENT)?, socket).await?;
    Ok(())
}

/// Which token of a tenant's namespace is shown.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Token {
    /// The proxy's own.
    Proxy,
    /// The proxy's account's, but for the API server.
    OtherAudience,
    /// Of the account that every Pod has, for the channel.
    OtherAccount,
}

/// One reader at each controller.
#[derive(Default)]
struct Readers(Vec<Reader>);

impl Readers {
    /// They claim to have what the `other` ones have.
    async fn start(site: &Site, namespace: &str, token: Token, other: &Self) -> Result<Self> {
        let account = first(site, "ServiceAccount", namespace).await?;
        let account = account.metadata.name.context("an object has a name")?;
        let audiences = (token != Token::OtherAudience).then(|| vec![AUDIENCE.to_owned()]);
        let account = if token == Token::OtherAccount { "default" } else { &account };
        let spec = Some(TokenRequestSpec { audiences, ..TokenRequestSpec::default() });
        let request = TokenRequest { spec, ..TokenRequest::default() };
        let accounts: Api<ServiceAccount> = Api::namespaced(site.client.clone(), namespace);
        let issued = accounts.create_token_request(account, &PostParams::default(), &request).await?;
        let issued = issued.status.and_then(|status| status.token).context("no token was issued")?;
        let trust = first(site, "ConfigMap", namespace).await?;
        let ca = trust.data.pointer("/data/ca.crt").and_then(Value::as_str).context("proxies are told a CA")?;
        let known = other.0.first().map(Reader::names).unwrap_or_default();
        let mut readers = Vec::new();
        for pod in control::controllers(site).await? {
            let ip =
                pod.data.pointer("/status/podIP").and_then(Value::as_str).context("a controller has an address")?;
            readers.push(Reader::start(format!("{ip}:{CHANNEL_PORT}"), CONTROLLER, ca, &issued, &known)?);
        }
        ensure!(!readers.is_empty(), "no controller runs");
        Ok(Self(readers))
    }

    async fn complete(&self) -> Result<()> {
        for reader in &self.0 {
            reader.complete(CHANGE_PATIENCE).await?;
        }
        Ok(())
    }

    fn ever_had(&self, words: &str) -> bool {
        self.0.iter().any(|reader| reader.ever_had(words))
    }

    fn count(&self) -> usize {
        self.0.iter().map(Reader::count).sum()
    }
}

/// Returns the object of this kind that a tenant's data plane is made of.
async fn first(site: &Site, kind: &str, namespace: &str) -> Result<DynamicObject> {
    let found =
        object::api(&site.client, "v1", kind, namespace).list(&ListParams::default().labels(OF_GATEWAY)).await?;
    found.items.into_iter().next().with_context(|| format!("the Gateway of {namespace} has no {kind}"))
}

async fn programmed(site: &Site, namespace: &str) -> Result<IpAddr> {
    until(&format!("the Gateway of {namespace} is programmed"), PATIENCE, async || {
        let gateway = object::api(&site.client, GATEWAY_API, "Gateway", namespace).get("gateway").await?;
        ensure!(object::is_true(&gateway, "Programmed"), "{}", gateway.data["status"]["conditions"]);
        let address = gateway.data.pointer("/status/addresses/0/value").and_then(Value::as_str);
        Ok(address.context("no address")?.parse()?)
    })
    .await
}

fn namespace(name: &str) -> Value {
    json!({ "apiVersion": "v1", "kind": "Namespace", "metadata": { "name": name } })
}

/// The borrower refers to a Secret and a Service of the owner's, which the owner's own Gateway uses, too.
async fn objects(site: &Site, chain: &str, key: &str) -> Result<Vec<Value>> {
    let metadata = |name: &str, namespace: &str| json!({ "name": name, "namespace": namespace });
    let gateway = |namespace: &str| {
        json!({
            "apiVersion": GATEWAY_API, "kind": "Gateway", "metadata": metadata("gateway", namespace),
            "spec": { "gatewayClassName": "gatewright", "listeners": [
                { "name": "http", "port": 80, "protocol": "HTTP" },
                { "name": "https", "port": 443, "protocol": "HTTPS", "hostname": LENT,
                  "tls": { "certificateRefs": [{ "name": "lent", "namespace": OWNER }] } },
            ] },
        })
    };
    let route = |namespace: &str, host: &str| {
        json!({
            "apiVersion": GATEWAY_API, "kind": "HTTPRoute", "metadata": metadata("lent", namespace),
            "spec": { "parentRefs": [{ "name": "gateway" }], "hostnames": [host], "rules": [{
                "matches": [{ "path": { "type": "PathPrefix", "value": "/lent" } }],
                "backendRefs": [{ "name": "lent", "namespace": OWNER, "port": 80 }],
            }] },
        })
    };
    let mut slice = metadata("lent", OWNER);
    slice["labels"] = json!({ "kubernetes.io/service-name": "lent" });
    Ok(vec![
        namespace(BORROWER),
        namespace(OWNER),
        json!({
            "apiVersion": "v1", "kind": "Secret", "metadata": metadata("lent", OWNER), "type": "kubernetes.io/tls",
            "data": { "tls.crt": BASE64_STANDARD.encode(chain), "tls.key": BASE64_STANDARD.encode(key) },
        }),
        json!({
            "apiVersion": "v1", "kind": "Service", "metadata": metadata("lent", OWNER),
            "spec": { "ports": [{ "name": "http", "port": 80 }] },
        }),
        json!({
            "apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice", "metadata": slice, "addressType": "IPv4",
            "ports": [{ "name": "http", "port": 3000 }], "endpoints": site.endpoints().await?,
        }),
        gateway(OWNER),
        gateway(BORROWER),
        route(OWNER, PRIVATE),
        route(BORROWER, HOST),
    ])
}

fn grants() -> [Value; 2] {
    let grant = |from: &str, to: &str| {
        json!({
            "apiVersion": "gateway.networking.k8s.io/v1beta1", "kind": "ReferenceGrant",
            "metadata": { "name": to.to_ascii_lowercase(), "namespace": OWNER },
            "spec": { "from": [{ "group": "gateway.networking.k8s.io", "kind": from, "namespace": BORROWER }],
                      "to": [{ "group": "", "kind": to }] },
        })
    };
    [grant("Gateway", "Secret"), grant("HTTPRoute", "Service")]
}

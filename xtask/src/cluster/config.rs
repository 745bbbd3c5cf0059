//! The configuration of the cluster's programs, as text. Opens nothing.

use std::path::Path;

/// The only node.
pub(crate) const NODE: &str = "node";
/// Documentation addresses: nothing that a pod might look for has them.
pub(crate) const NODE_ADDRESS: &str = "192.0.2.10";
pub(crate) const POD_RANGE: &str = "10.244.0.0/16";
const NODE_POD_RANGE: &str = "10.244.0.0/20";
pub(crate) const SERVICE_RANGE: &str = "10.96.0.0/16";
/// The first of the Service range is the API server's own.
pub(crate) const KUBERNETES_ADDRESS: &str = "10.96.0.1";
pub(crate) const DNS_ADDRESS: &str = "10.96.0.10";
pub(crate) const PAUSE_IMAGE: &str = "registry.k8s.io/pause:3.10";

/// How a user reaches the API server.
pub(crate) fn kubeconfig(folder: &Path, user: &str) -> String {
    let pki = folder.join("pki").display().to_string();
    format!(
        r#"apiVersion: v1
kind: Config
clusters: [{{name: cluster, cluster: {{server: "https://{NODE_ADDRESS}:6443", certificate-authority: {pki}/ca.crt}}}}]
users: [{{name: {user}, user: {{client-certificate: {pki}/{user}.crt, client-key: {pki}/{user}.key}}}}]
contexts: [{{name: cluster, context: {{cluster: cluster, user: {user}}}}}]
current-context: cluster
"#
    )
}

/// containerd's, with all that it keeps below the cluster's folder.
pub(crate) fn containerd(folder: &Path, plugins: &Path, runc: &Path) -> String {
    let (folder, plugins, runc) = (folder.display(), plugins.display(), runc.display());
    // Root may lack CAP_SYS_RESOURCE, so scores of the out-of-memory killer are not lowered. The pods' network namespaces
    // lie below the state folder, so that they are known to be ours.
    format!(
        r#"version = 3
root = "{folder}/containerd/root"
state = "{folder}/containerd/state"
[grpc]
  address = "{folder}/containerd.sock"
[plugins."io.containerd.internal.v1.opt"]
  path = "{folder}/containerd/opt"
[plugins."io.containerd.nri.v1.nri"]
  disable = true
[plugins."io.containerd.cri.v1.images".pinned_images]
  sandbox = "{PAUSE_IMAGE}"
[plugins."io.containerd.cri.v1.runtime"]
  restrict_oom_score_adj = true
  netns_mounts_under_state_dir = true
[plugins."io.containerd.cri.v1.runtime".cni]
  bin_dirs = ["{plugins}"]
  conf_dir = "{folder}/cni"
[plugins."io.containerd.cri.v1.runtime".containerd.runtimes.runc]
  runtime_type = "io.containerd.runc.v2"
[plugins."io.containerd.cri.v1.runtime".containerd.runtimes.runc.options]
  BinaryName = "{runc}"
"#
    )
}

/// The pods' network: a bridge in the cluster's namespace, and addresses from a file. The name tells clusters apart in
/// the one folder where the library of all plug-ins keeps its results.
pub(crate) fn network(folder: &Path, name: &str) -> String {
    let folder = folder.display();
    format!(
        r#"{{"cniVersion": "1.0.0", "name": "{name}", "plugins": [
  {{"type": "bridge", "bridge": "pods", "isGateway": true, "ipMasq": false, "hairpinMode": true,
   "ipam": {{"type": "host-local", "dataDir": "{folder}/ipam", "ranges": [[{{"subnet": "{NODE_POD_RANGE}"}}]],
            "routes": [{{"dst": "0.0.0.0/0"}}]}}}},
  {{"type": "portmap", "capabilities": {{"portMappings": true}}}}
]}}
"#
    )
}

/// The kubelet's: without cgroups of its own around pods, as machines with cgroup v1 are served, too.
pub(crate) fn kubelet(folder: &Path) -> String {
    let folder = folder.display();
    format!(
        r#"apiVersion: kubelet.config.k8s.io/v1beta1
kind: KubeletConfiguration
authentication: {{x509: {{clientCAFile: {folder}/pki/ca.crt}}, webhook: {{enabled: true}}, anonymous: {{enabled: false}}}}
authorization: {{mode: Webhook}}
tlsCertFile: {folder}/pki/kubelet.crt
tlsPrivateKeyFile: {folder}/pki/kubelet.key
containerRuntimeEndpoint: unix://{folder}/containerd.sock
podLogsDir: {folder}/pods
volumePluginDir: {folder}/kubelet/volume-plugins
cgroupDriver: cgroupfs
failCgroupV1: false
failSwapOn: false
cgroupsPerQOS: false
enforceNodeAllocatable: []
evictionHard: {{nodefs.available: "1%", imagefs.available: "1%"}}
# What is loaded is nowhere to be pulled from, however full the disk is.
imageGCHighThresholdPercent: 100
clusterDNS: ["{DNS_ADDRESS}"]
clusterDomain: cluster.local
resolvConf: ""
maxPods: 500
registryPullQPS: 0
serializeImagePulls: false
# A test's pods should be gone when they are deleted, not at the next tick.
syncFrequency: 10s
kubeAPIQPS: 200
kubeAPIBurst: 400
eventRecordQPS: 0
"#
    )
}

/// kube-proxy's. It leaves the machine's connection table as it is.
pub(crate) fn proxy(folder: &Path) -> String {
    format!(
        r"apiVersion: kubeproxy.config.k8s.io/v1alpha1
kind: KubeProxyConfiguration
mode: nftables
nftables: {{minSyncPeriod: 100ms}}
clientConnection: {{kubeconfig: {}/proxy.kubeconfig}}
hostnameOverride: {NODE}
clusterCIDR: {POD_RANGE}
conntrack: {{maxPerCore: 0}}
",
        folder.display()
    )
}

/// CoreDNS, with its Service on the address that the kubelet tells all pods.
pub(crate) fn dns(image: &str) -> String {
    format!(
        r#"apiVersion: v1
kind: ServiceAccount
metadata: {{name: coredns, namespace: kube-system}}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata: {{name: "system:coredns"}}
rules:
  - {{apiGroups: [""], resources: [services, namespaces], verbs: [list, watch]}}
  - {{apiGroups: [discovery.k8s.io], resources: [endpointslices], verbs: [list, watch]}}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata: {{name: "system:coredns"}}
roleRef: {{apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: "system:coredns"}}
subjects: [{{kind: ServiceAccount, name: coredns, namespace: kube-system}}]
---
apiVersion: v1
kind: ConfigMap
metadata: {{name: coredns, namespace: kube-system}}
data:
  Corefile: |
    .:5353 {{
      errors
      health :8085
      ready :8181
      cache 5
      kubernetes cluster.local in-addr.arpa ip6.arpa
    }}
---
apiVersion: apps/v1
kind: Deployment
metadata: {{name: coredns, namespace: kube-system, labels: {{k8s-app: kube-dns}}}}
spec:
  selector: {{matchLabels: {{k8s-app: kube-dns}}}}
  template:
    metadata: {{labels: {{k8s-app: kube-dns}}}}
    spec:
      serviceAccountName: coredns
      dnsPolicy: Default
      containers:
        - name: coredns
          image: {image}
          args: [-conf, /etc/coredns/Corefile]
          readinessProbe: {{httpGet: {{path: /ready, port: 8181}}, periodSeconds: 1}}
          volumeMounts: [{{name: config, mountPath: /etc/coredns}}]
      volumes: [{{name: config, configMap: {{name: coredns}}}}]
---
apiVersion: v1
kind: Service
metadata: {{name: kube-dns, namespace: kube-system}}
spec:
  clusterIP: {DNS_ADDRESS}
  selector: {{k8s-app: kube-dns}}
  ports:
    - {{name: dns, port: 53, targetPort: 5353, protocol: UDP}}
    - {{name: dns-tcp, port: 53, targetPort: 5353, protocol: TCP}}
"#
    )
}

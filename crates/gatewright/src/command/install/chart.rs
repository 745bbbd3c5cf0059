//! The Helm chart: the same manifests, with Helm's expressions where people's values stand.
//!
//! `deploy/chart` is written by `GOLDEN=write cargo test -p gatewright chart`, and held to it by the same test.

use std::{collections::BTreeMap, fs, path::PathBuf};

use serde_json::Value;

use super::{
    manifest::{self, Values, crd, rbac},
    text,
};

/// The chart's values as expressions.
fn values() -> Values {
    Values {
        namespace: "{{ .Release.Namespace }}".into(),
        image: IMAGE.into(),
        pull_policy: "{{ .Values.image.pullPolicy }}".into(),
        replicas: "{{ .Values.replicas }}".into(),
        controller_names: vec![
            "{{- range .Values.controllerNames }}".into(),
            "--controller-name={{ . }}".into(),
            "{{- end }}".into(),
        ],
        controller_name: "{{ first .Values.controllerNames }}".into(),
        gateway_class: "{{ .Values.gatewayClass.name }}".into(),
        log_level: "{{ .Values.logLevel }}".into(),
    }
}

const IMAGE: &str = "{{ .Values.image.repository }}:{{ .Values.image.tag | default .Chart.AppVersion }}";

/// Every file that is made of manifests, by its path in the chart.
fn files() -> BTreeMap<&'static str, String> {
    let values = values();
    let all = manifest::always(&values);
    let (roles, rest): (Vec<Value>, Vec<Value>) = all.into_iter().partition(|object| {
        object["apiVersion"].as_str().is_some_and(|version| version.starts_with("rbac.authorization.k8s.io"))
    });
    let secrets_of = rbac::secrets_of(&values, "{{ $namespace }}");
    // Inside a range the dot is the item: what is meant of the chart is said of `$`.
    let secrets_of = template(&secrets_of).replace("{{ .Release", "{{ $.Release");
    let crd = |crd: Value| text(&[crd]);
    BTreeMap::from([
        ("crds/gatewayparameters.yaml", crd(crd::gateway_parameters())),
        ("templates/controller.yaml", template(&rest)),
        ("templates/rbac.yaml", template(&roles)),
        (
            "templates/secrets.yaml",
            format!(
                "{{{{- if .Values.secrets.clusterWide }}}}\n{}{{{{- else }}}}\n{{{{- range $namespace := .Values.secrets.namespaces }}}}\n{secrets_of}{{{{- end }}}}\n{{{{- end }}}}\n",
                template(&rbac::secrets_cluster_wide(&values)),
            ),
        ),
        (
            "templates/gatewayclass.yaml",
            when(".Values.gatewayClass.create", &template(&[manifest::gateway_class(&values)])),
        ),
        ("templates/envoyproxy-crd.yaml", when(".Values.envoyProxyCrd", &crd(crd::envoy_proxy()))),
    ])
}

fn when(condition: &str, text: &str) -> String {
    format!("{{{{- if {condition} }}}}\n{text}{{{{- end }}}}\n")
}

/// Writes manifests as a template: control structures stand alone in their lines, and numbers are not quoted.
fn template(manifests: &[Value]) -> String {
    let line = |line: &str| {
        let control = line.trim_start().strip_prefix("- \"{{- ").and_then(|rest| rest.strip_suffix('"'));
        match (control, line.split_once("replicas: \"")) {
            (Some(control), _) => {
                let indent = line.len() - line.trim_start().len();
                format!("{:indent$}{{{{- {control}", "")
            }
            (None, Some((before, number))) => format!("{before}replicas: {}", number.trim_end_matches('"')),
            (None, None) => line.to_owned(),
        }
    };
    text(manifests).lines().map(|each| line(each) + "\n").collect()
}

#[test]
fn the_chart_is_made_of_the_manifests_that_install_applies() {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../deploy/chart");
    let write = std::env::var("GOLDEN").is_ok_and(|mode| mode == "write");
    for (path, expected) in files() {
        let path = folder.join(path);
        if write {
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(&path, &expected).unwrap();
        }
        let found = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        assert_eq!(found, expected, "{}: `GOLDEN=write cargo test -p gatewright chart` writes it", path.display());
    }
}

#[test]
fn the_chart_is_of_this_release() {
    let chart = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../deploy/chart/Chart.yaml");
    let chart = fs::read_to_string(chart).unwrap();
    for field in ["version", "appVersion"] {
        let line = format!("{field}: {}", env!("CARGO_PKG_VERSION"));
        assert!(chart.lines().any(|found| found == line), "no line {line:?}");
    }
}

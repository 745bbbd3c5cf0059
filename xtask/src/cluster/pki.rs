//! The cluster's certificates, and the kubeconfigs that use them. All are made anew with each cluster.

use std::{fs, net::IpAddr, path::Path};

use anyhow::Result;
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, ExtendedKeyUsagePurpose, IsCa, KeyPair, SanType,
};

use super::config;

/// A user's name in files, its name and group in Kubernetes, and the names of what it serves.
struct User {
    file: &'static str,
    name: &'static str,
    group: Option<&'static str>,
    hosts: &'static [&'static str],
    addresses: &'static [&'static str],
}

const USERS: [User; 7] = [
    User {
        file: "apiserver",
        name: "kube-apiserver",
        group: None,
        hosts: &["kubernetes", "kubernetes.default", "kubernetes.default.svc"],
        addresses: &[config::NODE_ADDRESS, "127.0.0.1", config::KUBERNETES_ADDRESS],
    },
    User { file: "admin", name: "admin", group: Some("system:masters"), hosts: &[], addresses: &[] },
    User { file: "controllers", name: "system:kube-controller-manager", group: None, hosts: &[], addresses: &[] },
    User { file: "scheduler", name: "system:kube-scheduler", group: None, hosts: &[], addresses: &[] },
    User { file: "proxy", name: "system:kube-proxy", group: None, hosts: &[], addresses: &[] },
    User {
        file: "kubelet",
        name: "system:node:node",
        group: Some("system:nodes"),
        hosts: &[config::NODE],
        addresses: &[config::NODE_ADDRESS],
    },
    // What the API server shows the kubelet.
    User { file: "kubelet-client", name: "apiserver", group: Some("system:masters"), hosts: &[], addresses: &[] },
];

/// Fills `pki/` and writes a kubeconfig for every user.
pub(crate) fn write(folder: &Path) -> Result<()> {
    let pki = folder.join("pki");
    fs::create_dir_all(&pki)?;
    let mut params = CertificateParams::default();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.distinguished_name.push(DnType::CommonName, "cluster");
    let authority = CertifiedIssuer::self_signed(params, KeyPair::generate()?)?;
    fs::write(pki.join("ca.crt"), authority.pem())?;
    fs::write(pki.join("ca.key"), authority.key().serialize_pem())?;
    for user in &USERS {
        let key = KeyPair::generate()?;
        let certificate = user.params()?.signed_by(&key, &authority)?;
        fs::write(pki.join(format!("{}.crt", user.file)), certificate.pem())?;
        fs::write(pki.join(format!("{}.key", user.file)), key.serialize_pem())?;
        fs::write(folder.join(format!("{}.kubeconfig", user.file)), config::kubeconfig(folder, user.file))?;
    }
    let key = KeyPair::generate()?;
    fs::write(pki.join("service-accounts.key"), key.serialize_pem())?;
    fs::write(pki.join("service-accounts.pub"), key.public_key_pem())?;
    Ok(())
}

impl User {
    fn params(&self) -> Result<CertificateParams> {
        let hosts: Vec<String> = self.hosts.iter().map(ToString::to_string).collect();
        let mut params = CertificateParams::new(hosts)?;
        for address in self.addresses {
            params.subject_alt_names.push(SanType::IpAddress(address.parse::<IpAddr>()?));
        }
        params.distinguished_name.push(DnType::CommonName, self.name);
        if let Some(group) = self.group {
            params.distinguished_name.push(DnType::OrganizationName, group);
        }
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth, ExtendedKeyUsagePurpose::ClientAuth];
        Ok(params)
    }
}

//! The Kubernetes cluster to watch.
use super::{Key, SettingsError, layers::Layer, nats};
use domain::ClusterName;
use std::path::PathBuf;

/// How a Kubernetes cluster is watched.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Kubernetes {
    /// How it is reached.
    pub access: Access,
    /// What it is called here.
    pub cluster: ClusterName,
    /// The label, or else the annotation, that names a pod's user.
    pub user_label: String,
    /// Whether only pods that ask for GPUs are mirrored.
    pub gpu_pods_only: bool,
}

/// How its API server is reached.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Access {
    /// As this file's current context says.
    Kubeconfig(PathBuf),
    /// By the service account of the pod that this runs in.
    InCluster,
}

pub(super) fn read(layers: &Layer) -> Result<Option<Kubernetes>, SettingsError> {
    let access = match (nats::file(layers, Key::Kubeconfig)?, layers.required(Key::InCluster)?) {
        (Some(_), true) => return Err(layers.unfit(Key::InCluster, "kubeconfig is set as well: use one of them")),
        (Some(path), false) => Access::Kubeconfig(path),
        (None, true) => Access::InCluster,
        (None, false) => return Ok(None),
    };
    if layers.get(Key::Simulate).is_some() {
        let key = if matches!(access, Access::InCluster) { Key::InCluster } else { Key::Kubeconfig };
        return Err(layers.unfit(key, "simulate is set: a demonstration shows a simulated cluster, and no real one"));
    }
    let user_label: String = layers.required(Key::KubeUserLabel)?;
    // A qualified name: a DNS subdomain of at most 253 characters, a slash, and 63 more.
    let plain = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.' | b'/');
    if user_label.is_empty() || user_label.len() > 317 || !user_label.bytes().all(plain) {
        return Err(layers.unfit(Key::KubeUserLabel, "a label's name is letters, digits and . _ - /, as dkube.io/user"));
    }
    Ok(Some(Kubernetes {
        access,
        cluster: layers.required(Key::KubeCluster)?,
        user_label,
        gpu_pods_only: layers.required(Key::KubeGpuPodsOnly)?,
    }))
}

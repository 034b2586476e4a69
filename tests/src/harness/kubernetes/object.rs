//! Objects, as their JSON.
use serde_json::{Value, json};

/// An object of the cluster.
#[derive(Debug, Clone, PartialEq)]
pub struct Object {
    pub(super) kind: &'static str,
    pub(super) value: Value,
}

impl Object {
    /// A node that is ready, with so many GPUs.
    pub fn node(name: &str, gpus: u32) -> Self {
        let resources = json!({ "nvidia.com/gpu": gpus.to_string(), "cpu": "64" });
        let value = json!({
            "metadata": { "name": name, "labels": { "topology.kubernetes.io/zone": "a", "other": "x" },
                "managedFields": [{ "manager": "kubelet" }] },
            "spec": { "taints": [{ "key": "nvidia.com/gpu", "effect": "NoSchedule" }] },
            "status": { "capacity": resources, "allocatable": resources,
                "conditions": [{ "type": "Ready", "status": "True" }, { "type": "DiskPressure", "status": "True" }],
                "nodeInfo": { "architecture": "amd64", "bootID": "", "containerRuntimeVersion": "", "kernelVersion": "",
                    "kubeProxyVersion": "", "kubeletVersion": "v1.34.1", "machineID": "", "operatingSystem": "linux",
                    "osImage": "", "systemUUID": "" } },
        });
        Self { kind: "nodes", value }
    }

    /// A pod that waits for a node.
    pub fn pod(namespace: &str, name: &str) -> Self {
        let value = json!({
            "metadata": { "namespace": namespace, "name": name, "labels": {},
                "creationTimestamp": "2026-03-01T12:00:00Z",
                "managedFields": [{ "manager": "kubelet" }],
                "ownerReferences": [{ "apiVersion": "batch/v1", "kind": "Job", "name": "train", "uid": "x", "controller": true }] },
            "spec": { "containers": [{ "name": "main" }] },
            "status": { "phase": "Pending" },
        });
        Self { kind: "pods", value }
    }

    /// It runs on this node.
    #[must_use]
    pub fn runs_on(mut self, node: &str) -> Self {
        self.value["spec"]["nodeName"] = node.into();
        self.value["status"] = json!({ "phase": "Running", "startTime": "2026-03-01T12:00:05Z",
            "conditions": [{ "type": "Ready", "status": "True" }],
            "containerStatuses": [{ "name": "main", "image": "", "imageID": "", "ready": true, "restartCount": 2 }] });
        self
    }

    /// It crashes again and again.
    #[must_use]
    pub fn crashes(mut self) -> Self {
        self.value["status"]["conditions"] = json!([{ "type": "Ready", "status": "False" }]);
        self.value["status"]["containerStatuses"] = json!([{ "name": "main", "image": "", "imageID": "", "ready": false,
            "restartCount": 7, "state": { "waiting": { "reason": "CrashLoopBackOff" } } }]);
        self
    }

    /// It has this label.
    #[must_use]
    pub fn label(mut self, name: &str, value: &str) -> Self {
        self.value["metadata"]["labels"][name] = value.into();
        self
    }

    /// It was given the devices of this claim in its namespace.
    #[must_use]
    pub fn claims(mut self, claim: &str) -> Self {
        self.value["spec"]["resourceClaims"] = json!([{ "name": "gpus", "resourceClaimName": claim }]);
        self
    }

    /// It asks for so many GPUs of the device plugin.
    #[must_use]
    pub fn asks_for(mut self, gpus: u32) -> Self {
        self.value["spec"]["containers"][0]["resources"] = json!({ "limits": { "nvidia.com/gpu": gpus.to_string() } });
        self
    }

    /// The GPUs of a node, by name and UUID, as NVIDIA's driver tells them.
    pub fn slice(node: &str, gpus: &[(&str, &str)]) -> Self {
        let device = |(name, uuid): &(&str, &str)| {
            json!({ "name": name, "attributes": {
            "type": { "string": "gpu" }, "uuid": { "string": uuid } } })
        };
        let value = json!({
            "metadata": { "name": format!("{node}-gpus") },
            "spec": { "driver": "gpu.nvidia.com", "nodeName": node,
                "pool": { "name": node, "generation": 1, "resourceSliceCount": 1 },
                "devices": gpus.iter().map(device).collect::<Vec<_>>() },
        });
        Self { kind: "resourceslices", value }
    }

    /// A claim that was given these devices of a node.
    pub fn claim(namespace: &str, name: &str, node: &str, gpus: &[&str]) -> Self {
        let result = |gpu: &&str| json!({ "request": "gpus", "driver": "gpu.nvidia.com", "pool": node, "device": gpu });
        let value = json!({
            "metadata": { "namespace": namespace, "name": name },
            "spec": {},
            "status": { "allocation": { "devices": { "results": gpus.iter().map(result).collect::<Vec<_>>() } } },
        });
        Self { kind: "resourceclaims", value }
    }

    pub(super) fn key(&self) -> (String, String) {
        let text = |name: &str| self.value["metadata"][name].as_str().unwrap_or_default().to_owned();
        (text("namespace"), text("name"))
    }
}

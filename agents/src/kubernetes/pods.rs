//! Pods.
use super::{
    claims::Claims,
    compact::{self, Compact},
    follow::Keeps,
};
use crate::mirror::Picture;
use domain::mirror::PodKey;
use k8s_openapi::api::core::v1::Pod;
use std::collections::BTreeSet;

/// Keeps the pods.
pub(super) struct Pods {
    picture: Picture,
    claims: Claims,
    user_label: String,
    gpu_only: bool,
    listed: Option<BTreeSet<PodKey>>,
}

impl Pods {
    pub(super) const fn new(picture: Picture, claims: Claims, user_label: String, gpu_only: bool) -> Self {
        Self { picture, claims, user_label, gpu_only, listed: None }
    }
}

impl Keeps<Pod> for Pods {
    fn begin(&mut self) {
        self.listed = Some(BTreeSet::new());
    }

    fn put(&mut self, object: Pod) {
        let Some(Compact { pod, claims }) = compact::pod(object, &self.user_label) else { return };
        if self.gpu_only && pod.gpus == 0 && claims.is_empty() {
            return;
        }
        if let Some(listed) = &mut self.listed {
            listed.insert(pod.key.clone());
        }
        self.claims.put_pod(pod, claims);
    }

    fn gone(&mut self, object: Pod) {
        if let Some(key) = compact::key(&object) {
            self.claims.drop_pod(&key);
        }
    }

    fn whole(&mut self) {
        if let Some(listed) = self.listed.take() {
            self.claims.only_pods(&listed);
            self.picture.only_pods(&listed);
        }
    }
}

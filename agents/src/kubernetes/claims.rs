//! Which devices pods were given, where the cluster tells (`resource.k8s.io/v1`, dynamic resource allocation).
//!
//! A claim's allocation names a device by driver, pool and name; a slice tells the UUID of the device of that name.
use super::{
    follow::{Keeps, follow},
    lines::{Kind, Lines},
};
use crate::mirror::Picture;
use domain::{
    device::DeviceId,
    mirror::{Pod, PodKey},
};
use k8s_openapi::api::resource::v1::{Device, ResourceClaim, ResourceSlice};
use kube::{Api, Client};
use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};
use tokio::{
    task::JoinSet,
    time::{sleep, timeout},
};

/// How often it is looked whether the cluster serves claims; and after a failure to find out.
const LOOK_EVERY: Duration = Duration::from_mins(1);
const LOOK_AGAIN: Duration = Duration::from_secs(2);
const ANSWER_WITHIN: Duration = Duration::from_secs(10);

/// The driver of NVIDIA's GPUs.
const DRIVER: &str = "gpu.nvidia.com";

/// A device as claims name it: driver, pool, name.
type Name = (String, String, String);

/// A claim: namespace and name.
type ClaimKey = (Arc<str>, String);

/// A handle on what is known of claims. Cheap to clone.
#[derive(Clone)]
pub(super) struct Claims {
    picture: Picture,
    known: Arc<Mutex<Known>>,
}

#[derive(Default)]
struct Known {
    /// The devices of each slice.
    slices: BTreeMap<String, Vec<Name>>,
    /// Each device, and the slice that tells of it.
    devices: HashMap<Name, (DeviceId, String)>,
    /// What each claim was given.
    claims: BTreeMap<ClaimKey, Vec<Name>>,
    /// The claims of each pod that has some, with the GPUs that it asks for besides; and the pods of each claim.
    pods: BTreeMap<PodKey, (Vec<ClaimKey>, u32)>,
    users: BTreeMap<ClaimKey, BTreeSet<PodKey>>,
}

impl Claims {
    pub(super) fn new(picture: Picture) -> Self {
        Self { picture, known: Arc::default() }
    }

    /// A pod with claims of these names.
    pub(super) fn put_pod(&self, mut pod: Pod, claims: Vec<String>) {
        let mut known = self.known();
        known.forget(&pod.key);
        if !claims.is_empty() {
            let claims: Vec<ClaimKey> = claims.into_iter().map(|name| (Arc::clone(&pod.key.namespace), name)).collect();
            for claim in &claims {
                known.users.entry(claim.clone()).or_default().insert(pod.key.clone());
            }
            known.pods.insert(pod.key.clone(), (claims, pod.gpus));
            known.give(&mut pod);
        }
        self.picture.put_pod(pod);
    }

    pub(super) fn drop_pod(&self, key: &PodKey) {
        self.known().forget(key);
        self.picture.drop_pod(key);
    }

    pub(super) fn only_pods(&self, there: &BTreeSet<PodKey>) {
        let mut known = self.known();
        let gone: Vec<_> = known.pods.keys().filter(|key| !there.contains(*key)).cloned().collect();
        for key in gone {
            known.forget(&key);
        }
    }

    /// Gives pods anew what they were given.
    fn give(&self, known: &Known, pods: impl IntoIterator<Item = PodKey>) {
        for key in pods {
            self.picture.with_pod(&key, |pod| known.give(pod));
        }
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What a claim was given; none if it is gone.
    fn put_claim(&self, key: &ClaimKey, given: Option<Vec<Name>>) {
        let mut known = self.known();
        match given {
            Some(given) => known.claims.insert(key.clone(), given),
            None => known.claims.remove(key),
        };
        let pods = known.users.get(key).cloned().unwrap_or_default();
        self.give(&known, pods);
    }

    /// A slice with these devices, or without: then it is gone.
    fn put_slice(&self, name: &str, devices: Vec<(Name, DeviceId)>) {
        let mut known = self.known();
        let names = devices.iter().map(|(device, _)| device.clone()).collect();
        for device in known.slices.insert(name.to_owned(), names).into_iter().flatten() {
            // Another slice may have it by now: a pool is told anew in new slices.
            if known.devices.get(&device).is_some_and(|(_, slice)| slice == name) {
                known.devices.remove(&device);
            }
        }
        if devices.is_empty() {
            known.slices.remove(name);
        }
        known.devices.extend(devices.into_iter().map(|(device, id)| (device, (id, name.to_owned()))));
    }

    /// Gives every pod anew what it was given.
    fn give_all(&self) {
        let known = self.known();
        let pods: Vec<_> = known.pods.keys().cloned().collect();
        self.give(&known, pods);
    }
}

impl Known {
    fn forget(&mut self, pod: &PodKey) {
        for claim in self.pods.remove(pod).into_iter().flat_map(|(claims, _)| claims) {
            if let Some(users) = self.users.get_mut(&claim) {
                users.remove(pod);
                if users.is_empty() {
                    self.users.remove(&claim);
                }
            }
        }
    }

    fn give(&self, pod: &mut Pod) {
        let Some((claims, besides)) = self.pods.get(&pod.key) else { return };
        let given: Vec<&Name> = claims.iter().filter_map(|claim| self.claims.get(claim)).flatten().collect();
        let devices: BTreeSet<DeviceId> =
            given.iter().filter_map(|name| self.devices.get(*name)).map(|(id, _)| *id).collect();
        let count = u32::try_from(given.len()).unwrap_or(u32::MAX);
        pod.gpus = count.max(*besides);
        pod.devices = devices.into_iter().take(Pod::DEVICES_MAX).collect();
    }
}

/// Watches slices and claims for as long as the cluster serves them, and looks now and then whether it does.
pub(super) async fn watch(client: Client, claims: Claims, lines: Lines) {
    let mut following: Option<JoinSet<()>> = None;
    loop {
        // What was so stays so until the API server says otherwise.
        let Ok(Ok(groups)) = timeout(ANSWER_WITHIN, client.list_api_groups()).await else {
            sleep(LOOK_AGAIN).await;
            continue;
        };
        let served = groups.groups.iter().any(|group| {
            group.name == "resource.k8s.io" && group.versions.iter().any(|version| version.version == "v1")
        });
        match (&following, served) {
            (None, true) => {
                tracing::info!("the cluster tells which devices pods are given (resource.k8s.io/v1)");
                let mut tasks = JoinSet::new();
                let slices = Slices { claims: claims.clone(), listed: None };
                tasks.spawn(follow(Api::all(client.clone()), slices, lines.of(Kind::Slices)));
                let allocations = Allocations { claims: claims.clone(), listed: None };
                tasks.spawn(follow(Api::all(client.clone()), allocations, lines.of(Kind::Claims)));
                following = Some(tasks);
            }
            (Some(_), false) => {
                following = None;
                lines.without_claims();
            }
            (None, false) | (Some(_), true) => {}
        }
        sleep(LOOK_EVERY).await;
    }
}

struct Slices {
    claims: Claims,
    listed: Option<BTreeSet<String>>,
}

impl Keeps<ResourceSlice> for Slices {
    fn begin(&mut self) {
        self.listed = Some(BTreeSet::new());
    }

    fn put(&mut self, object: ResourceSlice) {
        let Some(name) = object.metadata.name else { return };
        let spec = object.spec;
        if spec.driver != DRIVER {
            return;
        }
        if let Some(listed) = &mut self.listed {
            listed.insert(name.clone());
        }
        let devices = spec.devices.unwrap_or_default();
        let named = devices.into_iter().filter_map(|device| {
            let id = uuid(&device)?;
            Some(((spec.driver.clone(), spec.pool.name.clone(), device.name), id))
        });
        self.claims.put_slice(&name, named.collect());
        // While all are listed, pods wait for the last one.
        if self.listed.is_none() {
            self.claims.give_all();
        }
    }

    fn gone(&mut self, object: ResourceSlice) {
        if let Some(name) = object.metadata.name {
            self.claims.put_slice(&name, vec![]);
            self.claims.give_all();
        }
    }

    fn whole(&mut self) {
        let Some(listed) = self.listed.take() else { return };
        let gone: Vec<_> = self.claims.known().slices.keys().filter(|name| !listed.contains(*name)).cloned().collect();
        for name in gone {
            self.claims.put_slice(&name, vec![]);
        }
        self.claims.give_all();
    }
}

/// The GPU that a device is, or is a part of.
fn uuid(device: &Device) -> Option<DeviceId> {
    let attributes = device.attributes.as_ref()?;
    // A name without a domain is of the driver's own.
    let attribute = |name: &str| {
        let found = attributes.get(name).or_else(|| attributes.get(&format!("{DRIVER}/{name}")))?;
        found.string.as_ref()?.parse().ok()
    };
    attribute("uuid").or_else(|| attribute("parentUUID"))
}

struct Allocations {
    claims: Claims,
    listed: Option<BTreeSet<ClaimKey>>,
}

fn claim_key(claim: &ResourceClaim) -> Option<ClaimKey> {
    Some((claim.metadata.namespace.as_deref()?.into(), claim.metadata.name.clone()?))
}

impl Keeps<ResourceClaim> for Allocations {
    fn begin(&mut self) {
        self.listed = Some(BTreeSet::new());
    }

    fn put(&mut self, object: ResourceClaim) {
        let Some(key) = claim_key(&object) else { return };
        if let Some(listed) = &mut self.listed {
            listed.insert(key.clone());
        }
        let allocation = object.status.and_then(|status| status.allocation).and_then(|allocation| allocation.devices);
        let results = allocation.and_then(|devices| devices.results).unwrap_or_default();
        let of_ours = results.into_iter().filter(|result| result.driver == DRIVER);
        self.claims.put_claim(&key, Some(of_ours.map(|result| (result.driver, result.pool, result.device)).collect()));
    }

    fn gone(&mut self, object: ResourceClaim) {
        if let Some(key) = claim_key(&object) {
            self.claims.put_claim(&key, None);
        }
    }

    fn whole(&mut self) {
        let Some(listed) = self.listed.take() else { return };
        let gone: Vec<_> = self.claims.known().claims.keys().filter(|key| !listed.contains(*key)).cloned().collect();
        for key in gone {
            self.claims.put_claim(&key, None);
        }
    }
}

use super::{Event, Job, Source};
use crate::{Cluster, JobId, Stamp, device::DeviceId};
use std::collections::{BTreeSet, btree_map::Entry};

pub(crate) fn evolve(cluster: &mut Cluster, at: Stamp, event: &Event) {
    match event {
        Event::Started { job, name, user, pool, devices } => begin(
            cluster,
            Job {
                id: *job,
                name: name.clone(),
                user: Some(*user),
                devices: vec![],
                source: Source::Started { pool: pool.clone() },
                started_at: at.recorded_at,
                revision: at.position,
            },
            devices,
        ),
        Event::Observed { job, name, source, user, devices, breaches } => {
            cluster.observed.insert(source.clone(), *job);
            let seen = Job {
                id: *job,
                name: name.clone(),
                user: *user,
                devices: vec![],
                source: Source::Observed { source: source.clone(), breaches: breaches.clone() },
                started_at: at.recorded_at,
                revision: at.position,
            };
            begin(cluster, seen, devices);
        }
        Event::DevicesAdded { job, devices } => claim(cluster, *job, devices),
        Event::DevicesReleased { job, devices } => {
            let Some(found) = cluster.jobs.get_mut(job) else { return };
            let released: BTreeSet<_> = devices.iter().collect();
            found.devices.retain(|device| !released.contains(device));
            release(cluster, *job, devices);
        }
        Event::Finished { job, .. } => finish(cluster, *job),
    }
}

fn begin(cluster: &mut Cluster, job: Job, devices: &[DeviceId]) {
    let id = job.id;
    if let Some(user) = job.user.and_then(|user| cluster.users.get_mut(&user)) {
        user.jobs.insert(id);
    }
    cluster.jobs.insert(id, job);
    claim(cluster, id, devices);
}

fn claim(cluster: &mut Cluster, id: JobId, devices: &[DeviceId]) {
    let Some(job) = cluster.jobs.get_mut(&id) else { return };
    job.devices.extend(devices);
    let alone = matches!(job.source, Source::Started { .. });
    for device in devices {
        if !cluster.devices.contains_key(device) {
            cluster.awaited.entry(*device).or_default().insert(id);
            continue;
        }
        cluster.change_device(*device, |device| {
            if alone {
                device.job = Some(id);
            } else {
                device.observed.push(id);
            }
        });
    }
}

fn finish(cluster: &mut Cluster, id: JobId) {
    let Some(job) = cluster.jobs.remove(&id) else { return };
    if let Source::Observed { source, .. } = &job.source {
        cluster.observed.remove(source);
    }
    if let Some(user) = job.user.and_then(|user| cluster.users.get_mut(&user)) {
        user.jobs.remove(&id);
    }
    release(cluster, id, &job.devices);
}

fn release(cluster: &mut Cluster, id: JobId, devices: &[DeviceId]) {
    for device in devices {
        if let Entry::Occupied(mut awaiting) = cluster.awaited.entry(*device) {
            awaiting.get_mut().remove(&id);
            if awaiting.get().is_empty() {
                awaiting.remove();
            }
        }
        cluster.change_device(*device, |device| {
            device.job = device.job.filter(|held| *held != id);
            device.observed.retain(|seen| *seen != id);
        });
    }
}

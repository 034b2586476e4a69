use super::{Breach, Command, Event, Job, Source};
use crate::{
    Action, Allowed, Availability, Cluster, Context, Event as Fact, JobId, JobName, Login, Model, NodeName, Rejection,
    Shortage, Subject, UserId,
    decide::{Facts, distinct, unknown_model},
    device::DeviceId,
};
use std::{collections::BTreeSet, sync::Arc};

pub(crate) fn decide(cluster: &Cluster, command: &Command, context: &Context<'_>) -> Facts {
    match command {
        Command::Start { name, user, devices, model } => start(cluster, context, name, user, *devices, model.as_ref()),
        Command::Finish { job, force } => finish(cluster, context, *job, *force),
        Command::Observe { name, source, user, devices } => observe(cluster, context, name, source, *user, devices),
        Command::ObserveEnd { source } => {
            let seen = cluster.observed.get(source).and_then(|id| cluster.job(*id));
            Ok(seen.map(|job| ended(job, false)).unwrap_or_default())
        }
    }
}

fn start(
    cluster: &Cluster,
    context: &Context<'_>,
    name: &JobName,
    login: &Login,
    count: u32,
    model: Option<&Model>,
) -> Facts {
    if count == 0 {
        return Err(Rejection::Malformed("a job claims at least one device"));
    }
    let user = cluster.user_by_login(login).ok_or(Rejection::UnknownLogin(0))?;
    if user.role.allows(Action::RunJobs) == Allowed::No {
        return Err(Rejection::RoleWithoutJobs { user: user.id, role: user.role });
    }
    if user.suspended {
        return Err(Rejection::UserSuspended { user: user.id });
    }
    let group = user.group.as_ref().and_then(|name| cluster.group(name)).ok_or(Rejection::NoGroup { user: user.id })?;
    let no_pool = || Rejection::NoPool { group: group.name.clone() };
    let pool = group.pool.as_ref().and_then(|name| cluster.pool(name)).ok_or_else(no_pool)?;
    let short = || {
        let had = pool.stock.nearest(model);
        model
            .and_then(|model| unknown_model([pool], model))
            .unwrap_or(Rejection::JobShortage(Shortage { asked: count, had }))
    };
    let devices = pool.stock.pick(model, count as usize).ok_or_else(short)?;
    let job = JobId(context.command.made(0));
    let (first, rest) = chunks(&devices);
    let started = Event::Started { job, name: name.clone(), user: user.id, pool: pool.name.clone(), devices: first };
    Ok(claim(job, started, rest))
}

/// The devices that the first event names, and the rest.
fn chunks(devices: &[DeviceId]) -> (Vec<DeviceId>, &[DeviceId]) {
    let (first, rest) = devices.split_at(devices.len().min(Event::CHUNK));
    (first.to_vec(), rest)
}

fn claim(job: JobId, first: Event, rest: &[DeviceId]) -> Vec<Fact> {
    let more = rest.chunks(Event::CHUNK).map(|devices| Event::DevicesAdded { job, devices: devices.to_vec() });
    std::iter::once(first).chain(more).map(Fact::Job).collect()
}

fn finish(cluster: &Cluster, context: &Context<'_>, id: JobId, force: bool) -> Facts {
    let job = cluster.job(id).ok_or(Rejection::NotFound(Subject::Job(id)))?;
    if matches!(job.source, Source::Observed { .. }) {
        return Err(Rejection::JobObserved(id));
    }
    // What is somebody else's is ended by force, so that it stands in the log as such, with the reason.
    if !force && context.asker.user().is_some_and(|asker| job.user != Some(asker)) {
        return Err(Rejection::ForceNeeded(id));
    }
    if force && !context.has_reason {
        return Err(Rejection::ReasonNeeded);
    }
    Ok(ended(job, force))
}

/// The end is told last: while devices are released, the job is still there to release them.
pub(crate) fn ended(job: &Job, forced: bool) -> Vec<Fact> {
    let (devices, rest) = chunks(&job.devices);
    let pool = match &job.source {
        Source::Started { pool } => Some(pool.clone()),
        Source::Observed { .. } => None,
    };
    let released =
        rest.chunks(Event::CHUNK).map(|devices| Event::DevicesReleased { job: job.id, devices: devices.to_vec() });
    let finished = Event::Finished { job: job.id, user: job.user, pool, devices, forced };
    released.chain([finished]).map(Fact::Job).collect()
}

/// Whether a job was observed, and on no device of another node.
pub(crate) fn is_only_on(cluster: &Cluster, id: JobId, node: &NodeName) -> bool {
    let own = |id: &DeviceId| cluster.device(*id).is_none_or(|device| device.node == *node);
    let seen = |job: &Job| matches!(job.source, Source::Observed { .. }) && job.devices.iter().all(own);
    cluster.job(id).is_some_and(seen)
}

fn observe(
    cluster: &Cluster,
    context: &Context<'_>,
    name: &JobName,
    source: &Arc<str>,
    user: Option<UserId>,
    devices: &[DeviceId],
) -> Facts {
    if source.is_empty() || source.len() > 512 {
        return Err(Rejection::Malformed("the source of an observed job is 1 to 512 bytes"));
    }
    if cluster.observed.contains_key(source) {
        return Ok(vec![]);
    }
    distinct(devices, |id| Subject::Device(*id))?;
    let user = user.filter(|id| cluster.user(*id).is_some());
    let job = JobId(context.command.made(0));
    let (first, rest) = chunks(devices);
    let breaches = breaches(cluster, user, devices).into_iter().collect();
    let seen = Event::Observed { job, name: name.clone(), source: source.clone(), user, devices: first, breaches };
    Ok(claim(job, seen, rest))
}

/// What is already true can't be refused: the rules that it breaks are told.
fn breaches(cluster: &Cluster, user: Option<UserId>, devices: &[DeviceId]) -> BTreeSet<Breach> {
    let user = user.and_then(|id| cluster.user(id));
    let group = user.and_then(|user| user.group.as_ref()).and_then(|name| cluster.group(name));
    let pool = group.and_then(|group| group.pool.as_ref());
    let mut breaches = BTreeSet::new();
    match (user, pool) {
        (None, _) => breaches.insert(Breach::UnknownUser),
        (Some(_), None) => breaches.insert(Breach::NoPool),
        (Some(_), Some(_)) => false,
    };
    for id in devices {
        let Some(device) = cluster.device(*id) else {
            breaches.insert(Breach::UnhealthyDevice);
            continue;
        };
        if pool.is_some() && device.pool.as_ref() != pool {
            breaches.insert(Breach::ForeignPool);
        }
        match cluster.availability(device) {
            Availability::Busy => breaches.insert(Breach::SharedDevice),
            Availability::Missing | Availability::Unknown | Availability::Quarantined => {
                breaches.insert(Breach::UnhealthyDevice)
            }
            // A cordon asks for no new work; it does not make work that runs a breach.
            Availability::Cordoned | Availability::Free => false,
        };
    }
    breaches
}

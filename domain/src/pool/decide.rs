use super::{Command, Event, Pool, Wanted};
use crate::{
    Cluster, Event as Fact, JobId, Model, PoolName, Rejection, Shortage, Subject,
    decide::{Facts, distinct, unknown_model},
    device::{self, Device, DeviceId},
    group,
};
use std::collections::BTreeSet;

pub(crate) fn decide(cluster: &Cluster, command: &Command) -> Facts {
    match command {
        Command::Create { name, devices } => create(cluster, name, devices),
        Command::SetDevices { name, devices } => {
            let pool = managed(cluster, name)?;
            let wanted = distinct(devices, |id| Subject::Device(*id))?;
            let add = wanted.difference(&pool.devices).copied().collect();
            let remove = pool.devices.difference(&wanted).copied().collect();
            reassign(cluster, pool, &add, &remove)
        }
        Command::ChangeDevices { name, add, remove } => change(cluster, managed(cluster, name)?, add, remove),
        Command::Delete { name } => delete(cluster, managed(cluster, name)?),
    }
}

/// The pool, if operators may manage it.
fn managed<'a>(cluster: &'a Cluster, name: &PoolName) -> Result<&'a Pool, Rejection> {
    if name.is_default() {
        return Err(Rejection::PoolIsDefault);
    }
    cluster.pool(name).ok_or_else(|| Rejection::NotFound(Subject::Pool(name.clone())))
}

fn create(cluster: &Cluster, name: &PoolName, wanted: &Wanted) -> Facts {
    if cluster.pool(name).is_some() {
        return Err(Rejection::NameTaken(Subject::Pool(name.clone())));
    }
    let devices = match wanted {
        Wanted::Listed(devices) => distinct(devices, |id| Subject::Device(*id))?,
        Wanted::Picked { model, count } => pick(cluster, model, *count)?,
    };
    let model = one_model(None, &free(cluster, &devices)?)?;
    let created = Fact::Pool(Event::Created { name: name.clone(), model });
    let assigned = devices.iter().map(|id| assign(*id, &PoolName::default_pool(), name));
    Ok(std::iter::once(created).chain(assigned).collect())
}

fn pick(cluster: &Cluster, model: &Model, count: u32) -> Result<BTreeSet<DeviceId>, Rejection> {
    if count == 0 {
        return Err(Rejection::Malformed("a count of devices is at least one"));
    }
    let Some(default) = cluster.pool(&PoolName::default_pool()) else { return Ok(BTreeSet::new()) };
    let picked = default.stock.pick(Some(model), count as usize);
    let short = || {
        let had = default.tally_of(model);
        unknown_model(cluster.pools().values(), model)
            .unwrap_or(Rejection::PoolShortage(Shortage { asked: count, had }))
    };
    picked.map(|ids| ids.into_iter().collect()).ok_or_else(short)
}

fn change(cluster: &Cluster, pool: &Pool, add: &[DeviceId], remove: &[DeviceId]) -> Facts {
    let (add, remove) = (distinct(add, |id| Subject::Device(*id))?, distinct(remove, |id| Subject::Device(*id))?);
    if let Some(both) = add.intersection(&remove).next() {
        return Err(Rejection::NamedTwice(Subject::Device(*both)));
    }
    let add = add.difference(&pool.devices).copied().collect();
    // What is in the default pool is released already; what is in a third pool was never ours to release.
    let mut foreign = vec![];
    for device in look_up(cluster, &remove)? {
        if device.pool.as_ref().is_none_or(|held| *held != pool.name && !held.is_default()) {
            foreign.push(device.id);
        }
    }
    if !foreign.is_empty() {
        return Err(Rejection::DeviceNotInPool { pool: pool.name.clone(), devices: foreign });
    }
    let remove = remove.intersection(&pool.devices).copied().collect();
    reassign(cluster, pool, &add, &remove)
}

/// Takes devices out of the default pool, and gives others back to it.
fn reassign(cluster: &Cluster, pool: &Pool, add: &BTreeSet<DeviceId>, remove: &BTreeSet<DeviceId>) -> Facts {
    let joining = free(cluster, add)?;
    let leaving = look_up(cluster, remove)?;
    idle(&leaving)?;
    let staying = pool.devices.difference(remove).next().and_then(|id| cluster.device(*id));
    one_model(staying, &joining)?;
    let default = PoolName::default_pool();
    let released = remove.iter().map(|id| assign(*id, &pool.name, &default));
    let taken = add.iter().map(|id| assign(*id, &default, &pool.name));
    Ok(released.chain(taken).collect())
}

fn delete(cluster: &Cluster, pool: &Pool) -> Facts {
    idle(&look_up(cluster, &pool.devices)?)?;
    let unbound = pool
        .group
        .iter()
        .map(|name| Fact::Group(group::Event::PoolUnbound { group: name.clone(), pool: pool.name.clone() }));
    let default = PoolName::default_pool();
    let released = pool.devices.iter().map(|id| assign(*id, &pool.name, &default));
    let deleted = Fact::Pool(Event::Deleted { name: pool.name.clone() });
    Ok(unbound.chain(released).chain([deleted]).collect())
}

fn assign(device: DeviceId, from: &PoolName, pool: &PoolName) -> Fact {
    Fact::Device(device::Event::Assigned { device, from: from.clone(), pool: pool.clone() })
}

fn look_up<'a>(cluster: &'a Cluster, ids: &BTreeSet<DeviceId>) -> Result<Vec<&'a Device>, Rejection> {
    let found = |id: &DeviceId| cluster.device(*id).ok_or(Rejection::NotFound(Subject::Device(*id)));
    ids.iter().map(found).collect()
}

/// The devices, if they are in service, in the default pool, and without a job.
fn free<'a>(cluster: &'a Cluster, ids: &BTreeSet<DeviceId>) -> Result<Vec<&'a Device>, Rejection> {
    let devices = look_up(cluster, ids)?;
    let which = |test: fn(&Device) -> bool| -> Vec<DeviceId> {
        devices.iter().filter(|device| test(device)).map(|device| device.id).collect()
    };
    let retired = which(|device| device.pool.is_none());
    if !retired.is_empty() {
        return Err(Rejection::DeviceRetired { devices: retired });
    }
    let held = which(|device| device.pool.as_ref().is_some_and(|pool| !pool.is_default()));
    if !held.is_empty() {
        return Err(Rejection::DeviceNotFree { devices: held });
    }
    idle(&devices)?;
    Ok(devices)
}

fn idle(devices: &[&Device]) -> Result<(), Rejection> {
    let jobs: BTreeSet<JobId> = devices.iter().flat_map(|device| device.jobs()).collect();
    if jobs.is_empty() { Ok(()) } else { Err(Rejection::PoolBusy { jobs: jobs.into_iter().collect() }) }
}

/// The one model of all of them and of `already`, if they have one.
fn one_model(already: Option<&Device>, joining: &[&Device]) -> Result<Option<Model>, Rejection> {
    let Some(model) = already.or(joining.first().copied()).map(|device| &device.model) else { return Ok(None) };
    let others: Vec<_> = joining.iter().filter(|device| device.model != *model).map(|device| device.id).collect();
    if others.is_empty() { Ok(Some(model.clone())) } else { Err(Rejection::MixedModels { devices: others }) }
}

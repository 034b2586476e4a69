//! The stored form of what happens to jobs.
use super::{
    DecodeError, EncodeError,
    codes::Coded,
    envelope::word,
    frozen::{Opener, Thaw, Writer},
};
use crate::{
    Event as Fact, JobId, PoolName, UserId,
    device::DeviceId,
    job::{Breach, Event},
};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

#[derive(Serialize, Deserialize)]
pub(super) struct JobStartedV1<'a> {
    job: [u8; 16],
    name: &'a str,
    user: [u8; 16],
    pool: &'a str,
    devices: Vec<[u8; 16]>,
}

#[derive(Serialize, Deserialize)]
pub(super) struct JobObservedV1<'a> {
    job: [u8; 16],
    name: &'a str,
    source: &'a str,
    user: Option<[u8; 16]>,
    devices: Vec<[u8; 16]>,
    breaches: Vec<u8>,
}

#[derive(Serialize, Deserialize)]
pub(super) struct JobDevicesAddedV1 {
    job: [u8; 16],
    devices: Vec<[u8; 16]>,
}

#[derive(Serialize, Deserialize)]
pub(super) struct JobDevicesReleasedV1 {
    job: [u8; 16],
    devices: Vec<[u8; 16]>,
}

#[derive(Serialize, Deserialize)]
pub(super) struct JobFinishedV1<'a> {
    job: [u8; 16],
    user: Option<[u8; 16]>,
    #[serde(borrow)]
    pool: Option<&'a str>,
    devices: Vec<[u8; 16]>,
    forced: bool,
}

fn bytes(devices: &[DeviceId]) -> Vec<[u8; 16]> {
    devices.iter().map(|device| device.uuid().into_bytes()).collect()
}

fn ids(devices: Vec<[u8; 16]>) -> Vec<DeviceId> {
    devices.into_iter().map(|bytes| DeviceId::from_uuid(Uuid::from_bytes(bytes))).collect()
}

const fn job(bytes: [u8; 16]) -> JobId {
    JobId(Uuid::from_bytes(bytes))
}

const fn user(bytes: [u8; 16]) -> UserId {
    UserId(Uuid::from_bytes(bytes))
}

pub(super) fn write(event: &Event, writer: &Writer<'_>) -> Result<Vec<u8>, EncodeError> {
    match event {
        Event::Started { job, name, user, pool, devices } => writer.put(&JobStartedV1 {
            job: job.0.into_bytes(),
            name: name.as_str(),
            user: user.0.into_bytes(),
            pool: pool.as_str(),
            devices: bytes(devices),
        }),
        Event::Observed { job, name, source, user, devices, breaches } => writer.put(&JobObservedV1 {
            job: job.0.into_bytes(),
            name: name.as_str(),
            source,
            user: user.map(|user| user.0.into_bytes()),
            devices: bytes(devices),
            breaches: breaches.iter().map(Coded::code).collect(),
        }),
        Event::DevicesAdded { job, devices } => {
            writer.put(&JobDevicesAddedV1 { job: job.0.into_bytes(), devices: bytes(devices) })
        }
        Event::DevicesReleased { job, devices } => {
            writer.put(&JobDevicesReleasedV1 { job: job.0.into_bytes(), devices: bytes(devices) })
        }
        Event::Finished { job, user, pool, devices, forced } => writer.put(&JobFinishedV1 {
            job: job.0.into_bytes(),
            user: user.map(|user| user.0.into_bytes()),
            pool: pool.as_ref().map(PoolName::as_str),
            devices: bytes(devices),
            forced: *forced,
        }),
    }
}

impl Thaw for JobStartedV1<'_> {
    fn thaw(self, _: &Opener<'_>) -> Result<Fact, DecodeError> {
        Ok(Fact::Job(Event::Started {
            job: job(self.job),
            name: word(self.name, "the job's name")?,
            user: user(self.user),
            pool: word(self.pool, "the pool")?,
            devices: ids(self.devices),
        }))
    }
}

impl Thaw for JobObservedV1<'_> {
    fn thaw(self, _: &Opener<'_>) -> Result<Fact, DecodeError> {
        Ok(Fact::Job(Event::Observed {
            job: job(self.job),
            name: word(self.name, "the job's name")?,
            source: self.source.into(),
            user: self.user.map(user),
            devices: ids(self.devices),
            breaches: self.breaches.into_iter().map(Breach::from_code).collect::<Result<_, _>>()?,
        }))
    }
}

impl Thaw for JobDevicesAddedV1 {
    fn thaw(self, _: &Opener<'_>) -> Result<Fact, DecodeError> {
        Ok(Fact::Job(Event::DevicesAdded { job: job(self.job), devices: ids(self.devices) }))
    }
}

impl Thaw for JobDevicesReleasedV1 {
    fn thaw(self, _: &Opener<'_>) -> Result<Fact, DecodeError> {
        Ok(Fact::Job(Event::DevicesReleased { job: job(self.job), devices: ids(self.devices) }))
    }
}

impl Thaw for JobFinishedV1<'_> {
    fn thaw(self, _: &Opener<'_>) -> Result<Fact, DecodeError> {
        Ok(Fact::Job(Event::Finished {
            job: job(self.job),
            user: self.user.map(user),
            pool: self.pool.map(|pool| word(pool, "the pool")).transpose()?,
            devices: ids(self.devices),
            forced: self.forced,
        }))
    }
}

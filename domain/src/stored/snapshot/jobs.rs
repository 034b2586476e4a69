//! Active jobs in a snapshot.
use crate::{
    Cluster, JobId, Position, UserId,
    device::DeviceId,
    job::{self, Breach, Source},
    stored::{
        DecodeError,
        codes::Coded,
        envelope::{timestamp, word},
    },
};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

#[derive(Serialize, Deserialize)]
pub(super) struct Job<'a> {
    id: [u8; 16],
    name: &'a str,
    user: Option<[u8; 16]>,
    devices: Vec<[u8; 16]>,
    /// The pool of a job that was started here.
    #[serde(borrow)]
    pool: Option<&'a str>,
    /// Where an observed job was seen; empty otherwise.
    source: &'a str,
    breaches: Vec<u8>,
    started_at: i64,
    revision: u64,
}

impl<'a> Job<'a> {
    pub(super) fn of(job: &'a job::Job) -> Self {
        let (pool, source, breaches) = match &job.source {
            Source::Started { pool } => (Some(pool.as_str()), "", vec![]),
            Source::Observed { source, breaches } => (None, &**source, breaches.iter().map(Coded::code).collect()),
        };
        Self {
            id: job.id.0.into_bytes(),
            name: job.name.as_str(),
            user: job.user.map(|user| user.0.into_bytes()),
            devices: job.devices.iter().map(|device| device.uuid().into_bytes()).collect(),
            pool,
            source,
            breaches,
            started_at: job.started_at.micros(),
            revision: job.revision.0,
        }
    }

    /// Comes after the fleet and the people: their jobs are told by the jobs.
    pub(super) fn settle(self, cluster: &mut Cluster) -> Result<(), DecodeError> {
        let job = self.job()?;
        if let Some(user) = job.user.and_then(|user| cluster.users.get_mut(&user)) {
            user.jobs.insert(job.id);
        }
        if let Source::Observed { source, .. } = &job.source {
            cluster.observed.insert(source.clone(), job.id);
            for device in job.devices.iter().filter(|device| !cluster.devices.contains_key(device)) {
                cluster.awaited.entry(*device).or_default().insert(job.id);
            }
        }
        cluster.jobs.insert(job.id, job);
        Ok(())
    }

    fn job(self) -> Result<job::Job, DecodeError> {
        let source = match self.pool {
            Some(pool) => Source::Started { pool: word(pool, "a pool")? },
            None => Source::Observed {
                source: self.source.into(),
                breaches: self.breaches.into_iter().map(Breach::from_code).collect::<Result<_, _>>()?,
            },
        };
        let device = |bytes| DeviceId::from_uuid(Uuid::from_bytes(bytes));
        Ok(job::Job {
            id: JobId(Uuid::from_bytes(self.id)),
            name: word(self.name, "a job's name")?,
            user: self.user.map(|user| UserId(Uuid::from_bytes(user))),
            devices: self.devices.into_iter().map(device).collect(),
            source,
            started_at: timestamp(self.started_at, "a time")?,
            revision: Position(self.revision),
        })
    }
}

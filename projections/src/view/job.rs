//! Jobs: claims of users on devices, while they run, and from the audit trail after they ended.
use super::{Breach, Listed, Look, Page, PageError, Sight, UserRef};
use domain::{
    Event, JobId, JobName, PoolName, Position, Recorded, Subject, Timestamp, UserId,
    device::DeviceId,
    job::{self, Job, Source},
};
use serde::Serialize;
use std::{ops::Bound, sync::Arc};
use utoipa::ToSchema;

/// A job.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct JobView {
    /// Its id.
    #[schema(value_type = String, format = Uuid)]
    pub id: JobId,
    /// What it is called.
    #[schema(value_type = String)]
    pub name: JobName,
    /// Its owner, if known.
    pub user: Option<UserRef>,
    /// How it came to be known.
    pub source: JobSource,
    /// Its devices, as they were given or seen.
    #[schema(value_type = Vec<String>)]
    pub devices: Vec<DeviceId>,
    /// When it was recorded.
    #[schema(value_type = String, format = DateTime)]
    pub started_at: Timestamp,
    /// When it ended; null while it runs.
    #[schema(value_type = Option<String>, format = DateTime)]
    pub finished_at: Option<Timestamp>,
    /// Whether an operator ended it without its owner.
    pub forced: bool,
    /// Where it was last configured: what `If-Match` compares.
    #[schema(value_type = u64)]
    pub revision: Position,
}

/// How a job came to be known.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum JobSource {
    /// It was started here, and holds its devices alone.
    Started {
        /// The pool that its devices are of.
        #[schema(value_type = String)]
        pool: PoolName,
    },
    /// It was seen running elsewhere.
    Observed {
        /// Where.
        #[schema(value_type = String)]
        source: Arc<str>,
        /// The rules that it breaks.
        breaches: Vec<Breach>,
    },
}

/// Which jobs: those that meet all that is given.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct JobFilter {
    /// Of this user; `Some(None)`: of nobody known.
    pub user: Option<Option<UserId>>,
    /// On a device of this pool, or claimed from it.
    pub pool: Option<PoolName>,
    /// On a device of this node.
    pub node: Option<domain::NodeName>,
    /// On this device.
    pub device: Option<DeviceId>,
    /// Observed, or started here.
    pub observed: Option<bool>,
}

impl Look<'_> {
    /// The active job with this id. For one that ended, see [`past_job`](Self::past_job).
    pub fn job(&self, id: JobId) -> Option<JobView> {
        let job = self.cluster().job(id)?;
        self.sees_of(job.user).then(|| self.show_job(job))
    }

    /// Active jobs, the oldest first.
    ///
    /// # Errors
    /// The cursor is none.
    pub fn jobs(&self, filter: &JobFilter, page: &Page) -> Result<Listed<JobView>, PageError> {
        let after = page.after_id::<JobId>()?;
        let range = (after.map_or(Bound::Unbounded, Bound::Excluded), Bound::Unbounded);
        // Where a user bounds what can be shown, only theirs are looked at.
        let owner = match self.sight {
            Sight::Own(me) => Some(me),
            Sight::All => filter.user.flatten(),
        };
        let jobs: Box<dyn Iterator<Item = &Job>> = match owner {
            Some(owner) => {
                let ids = self.cluster().user(owner).into_iter().flat_map(|user| user.jobs.range(range));
                Box::new(ids.filter_map(|id| self.cluster().job(*id)))
            }
            None => Box::new(self.cluster().jobs().range(range).map(|(_, job)| job)),
        };
        let jobs = jobs.filter(|job| self.sees_of(job.user) && self.admits_job(filter, job));
        Ok(page.take(self.position(), jobs, |job| job.id.to_string(), |job| self.show_job(job)))
    }

    /// Every active job that is to be seen, the oldest first.
    pub fn every_job(&self) -> Vec<JobView> {
        let jobs = self.cluster().jobs().values().filter(|job| self.sees_of(job.user));
        jobs.map(|job| self.show_job(job)).collect()
    }

    /// A job as its own events tell it, up to the position that is looked at: those that the audit trail has of the
    /// subject `job/<id>`, the oldest first. This is how one that ended is shown. None if they hold no beginning.
    pub fn past_job<'e>(&self, id: JobId, events: impl IntoIterator<Item = &'e Recorded>) -> Option<JobView> {
        let mut told = None;
        for recorded in events.into_iter().filter(|recorded| recorded.position <= self.position()) {
            if let Event::Job(event) = &recorded.event
                && recorded.subjects.contains(&Subject::Job(id))
            {
                self.tell(&mut told, recorded, event);
            }
        }
        told.filter(|job| self.sees_of(job.user.as_ref().map(|user| user.id)))
    }

    fn tell(&self, told: &mut Option<JobView>, recorded: &Recorded, event: &job::Event) {
        let begun = |name: &JobName, user: Option<UserId>, source, devices: &[DeviceId], id: JobId| JobView {
            id,
            name: name.clone(),
            user: user.map(|user| self.user_ref(user)),
            source,
            devices: devices.to_vec(),
            started_at: recorded.recorded_at,
            finished_at: None,
            forced: false,
            revision: recorded.position,
        };
        match event {
            job::Event::Started { job, name, user, pool, devices } => {
                let source = JobSource::Started { pool: pool.clone() };
                *told = Some(begun(name, Some(*user), source, devices, *job));
            }
            job::Event::Observed { job, name, source, user, devices, breaches } => {
                let breaches = breaches.iter().copied().map(Breach::from).collect();
                let source = JobSource::Observed { source: Arc::clone(source), breaches };
                *told = Some(begun(name, *user, source, devices, *job));
            }
            job::Event::DevicesAdded { devices, .. } => {
                if let Some(job) = told {
                    job.devices.extend(devices);
                }
            }
            // It is told with all devices that it had.
            job::Event::DevicesReleased { .. } => {}
            job::Event::Finished { forced, .. } => {
                if let Some(job) = told {
                    job.finished_at = Some(recorded.recorded_at);
                    job.forced = *forced;
                }
            }
        }
    }

    fn admits_job(&self, filter: &JobFilter, job: &Job) -> bool {
        let devices = || job.devices.iter().filter_map(|id| self.cluster().device(*id));
        let claimed = |name: &PoolName| matches!(&job.source, Source::Started { pool } if pool == name);
        filter.user.is_none_or(|user| user == job.user)
            && filter.observed.is_none_or(|observed| observed == matches!(job.source, Source::Observed { .. }))
            && filter.device.is_none_or(|device| job.devices.contains(&device))
            && filter.node.as_ref().is_none_or(|node| devices().any(|device| device.node == *node))
            && filter
                .pool
                .as_ref()
                .is_none_or(|pool| claimed(pool) || devices().any(|device| device.pool.as_ref() == Some(pool)))
    }

    fn show_job(&self, job: &Job) -> JobView {
        let source = match &job.source {
            Source::Started { pool } => JobSource::Started { pool: pool.clone() },
            Source::Observed { source, breaches } => {
                let breaches = breaches.iter().copied().map(Breach::from).collect();
                JobSource::Observed { source: Arc::clone(source), breaches }
            }
        };
        JobView {
            id: job.id,
            name: job.name.clone(),
            user: job.user.map(|user| self.user_ref(user)),
            source,
            devices: job.devices.clone(),
            started_at: job.started_at,
            finished_at: None,
            forced: false,
            revision: job.revision,
        }
    }
}

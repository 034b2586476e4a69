//! A log in memory, for the relay alone.
use bus::relay::{CommittedLog, ReadError};
use domain::{
    Actor, ClusterId, CommandId, Event, JobId, NodeName, Position, Recorded, Timestamp, UserId, device, group, job,
    node, pool,
};
use std::sync::{Arc, PoisonError, RwLock};
use tokio::sync::watch;
use uuid::Uuid;

/// A log whose events are durable as soon as they are there.
#[derive(Debug)]
pub struct MemoryLog {
    cluster: ClusterId,
    salt: u64,
    events: RwLock<Vec<Recorded>>,
    watermark: watch::Sender<Position>,
}

impl MemoryLog {
    /// An empty log of the cluster with this number. Logs with another salt have other events.
    pub fn new(cluster: u128, salt: u64) -> Arc<Self> {
        Arc::new(Self {
            cluster: ClusterId(Uuid::from_u128(cluster)),
            salt,
            events: RwLock::default(),
            watermark: watch::Sender::new(Position::START),
        })
    }

    /// Commits so many events of all sorts, and answers the last position.
    pub fn append(&self, events: u64) -> Position {
        let mut known = self.events.write().unwrap_or_else(PoisonError::into_inner);
        let first = u64::try_from(known.len()).unwrap_or(u64::MAX) + 1;
        known.extend((first..first + events).map(|position| self.event(position)));
        drop(known);
        let last = Position(first + events - 1);
        self.watermark.send_replace(last);
        last
    }

    /// What is in it.
    pub fn events(&self) -> Vec<Recorded> {
        self.events.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The same log, cut behind this position: what a restore from an old backup gives.
    pub fn cut(&self, last: Position) -> Arc<Self> {
        let mut events = self.events();
        events.retain(|event| event.position <= last);
        let watermark = watch::Sender::new(last);
        Arc::new(Self { cluster: self.cluster, salt: self.salt + 1, events: RwLock::new(events), watermark })
    }

    fn event(&self, position: u64) -> Recorded {
        let number = u128::from(position);
        let event = sample(position);
        Recorded {
            position: Position(position),
            id: CommandId::from_uuid(Uuid::from_u128(u128::from(self.salt) << 80 | number << 16)).event(0),
            recorded_at: Timestamp::from_micros(1_772_366_400_000_000 + i64::try_from(position).unwrap_or(0)),
            actor: Actor::System,
            token: None,
            origin: None,
            index: 0,
            count: 1,
            correlation: Uuid::from_u128(number),
            particulars: None,
            subjects: event.subjects(),
            event,
        }
    }
}

impl CommittedLog for MemoryLog {
    fn cluster(&self) -> ClusterId {
        self.cluster
    }

    fn watermark(&self) -> watch::Receiver<Position> {
        self.watermark.subscribe()
    }

    fn read(&self, after: Position, up_to: Position, events_max: usize) -> Result<Vec<Recorded>, ReadError> {
        let known = self.events.read().unwrap_or_else(PoisonError::into_inner);
        let (after, up_to) = (index(after)?, index(up_to)?);
        let found = known.get(after..up_to).ok_or_else(|| ReadError("that is not committed".into()))?;
        Ok(found.iter().take(events_max).cloned().collect())
    }
}

fn index(position: Position) -> Result<usize, ReadError> {
    usize::try_from(position.0).map_err(|error| ReadError(error.into()))
}

fn sample(position: u64) -> Event {
    let device = device::DeviceId::from_uuid(Uuid::from_u128(u128::from(position)));
    let user = UserId(Uuid::from_u128(u128::from(position)));
    let node: NodeName = "gpu-01.rack3".parse().expect("a node name");
    let pool = domain::PoolName::default_pool();
    match position % 6 {
        0 => Event::Pool(pool::Event::Deleted { name: pool }),
        1 => Event::Device(device::Event::Cordoned { device }),
        2 => Event::Node(node::Event::Lost { node }),
        3 => Event::Group(group::Event::UserAdded { group: domain::GroupName::default_group(), user }),
        4 => Event::Device(device::Event::Missing { device, node }),
        _ => {
            let job = JobId(Uuid::from_u128(u128::from(position)));
            Event::Job(job::Event::Finished {
                job,
                user: Some(user),
                pool: Some(pool),
                devices: vec![device],
                forced: false,
            })
        }
    }
}

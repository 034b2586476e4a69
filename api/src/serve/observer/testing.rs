use domain::{
    Cluster, ClusterId, Command, CommandId, Context, Event, Limits, Position, Principal, Stamp, Timestamp, decide,
    evolve, job, user::Newcomer,
};
use std::time::Duration;
use uuid::Uuid;

/// A cluster that is told what a watch finds.
pub(super) struct World {
    pub(super) cluster: Cluster,
    pub(super) now: Timestamp,
    commands: u128,
}

impl World {
    /// With a user, `ada`.
    pub(super) fn new() -> Self {
        let mut world = Self { cluster: Cluster::default(), now: Timestamp::from_micros(1), commands: 0 };
        let operator = Newcomer::new("ada".parse().unwrap());
        let cluster = ClusterId(Uuid::from_u128(1));
        world.record(&Command::Found { cluster, demonstration: false, operator });
        world
    }

    /// Carries out a command, and says the names of the events.
    pub(super) fn record(&mut self, command: &Command) -> Vec<&'static str> {
        self.commands += 1;
        let (limits, asker) = (Limits::default(), Principal::SYSTEM);
        let context = Context {
            command: CommandId::from_uuid(Uuid::from_u128(self.commands << 16)),
            now: self.now,
            asker: &asker,
            has_reason: false,
            limits: &limits,
        };
        let events = decide(&self.cluster, command, &context).unwrap();
        for event in &events {
            let position = Position(self.cluster.at().position.0 + 1);
            evolve(&mut self.cluster, Stamp { position, recorded_at: self.now }, event);
        }
        events.iter().map(Event::name).collect()
    }

    /// Carries out what is due.
    pub(super) fn record_all(&mut self, due: Vec<job::Command>) -> Vec<&'static str> {
        due.into_iter().flat_map(|command| self.record(&Command::Job(command))).collect()
    }

    /// Lets time pass, on the paused clock as well.
    pub(super) async fn pass(&mut self, time: Duration) {
        tokio::time::advance(time).await;
        self.now = Timestamp::from_micros(self.now.micros() + i64::try_from(time.as_micros()).unwrap());
    }
}

//! A cluster with its history: given, when, then.
use crate::{
    invariants,
    words::{A100, H100, d, newcomer, report, seen, w},
};
use domain::{
    Actor, Availability, Cluster, ClusterId, Command, CommandId, Context, Denied, Event, JobId, Limits, Position,
    Principal, Recorded, Rejection, Stamp, Timestamp, UserId, Via, Warning, decide,
    device::Device,
    evolve, node, permit,
    stored::{decode, encode, testing::TestVault},
    user::User,
    warnings,
};
use uuid::Uuid;

/// A cluster, what happened in it, and who asks next.
#[derive(Clone)]
pub(crate) struct World {
    pub(crate) cluster: Cluster,
    pub(crate) log: Vec<Recorded>,
    pub(crate) limits: Limits,
    /// Whether the next commands say why.
    pub(crate) has_reason: bool,
    pub(crate) asker: Principal,
    pub(crate) now: Timestamp,
    /// Whether the last report said all that its agent had to say.
    settled: bool,
    commands: u64,
}

/// What came of a command.
#[derive(Debug)]
pub(crate) struct Outcome {
    pub(crate) result: Result<Vec<Event>, Rejection>,
    pub(crate) warnings: Vec<Warning>,
}

impl World {
    /// Before genesis.
    pub(crate) fn empty() -> Self {
        Self {
            cluster: Cluster::default(),
            log: vec![],
            limits: Limits::default(),
            has_reason: false,
            asker: Principal::SYSTEM,
            now: Timestamp::from_micros(1_772_366_400_000_000),
            settled: true,
            commands: 1,
        }
    }

    /// After genesis, with `operator` asking.
    pub(crate) fn founded() -> Self {
        let mut world = Self::empty();
        world.given(found());
        world.asker = world.session("operator");
        world
    }

    /// With node-a (devices 1 to 4) and node-b (5 to 8) of H100s, and node-c (9 and 10) of A100s.
    pub(crate) fn with_fleet() -> Self {
        let mut world = Self::founded();
        world.given(report("node-a", (1..=4).map(|n| seen(n, n, H100)).collect()));
        world.given(report("node-b", (5..=8).map(|n| seen(n, n, H100)).collect()));
        world.given(report("node-c", (9..=10).map(|n| seen(n, n, A100)).collect()));
        world
    }

    /// A command that must be accepted and change something.
    #[track_caller]
    #[expect(clippy::needless_pass_by_value, reason = "a history reads better without ampersands")]
    pub(crate) fn given(&mut self, command: Command) -> &mut Self {
        let outcome = self.when(command.clone());
        assert!(matches!(&outcome.result, Ok(events) if !events.is_empty()), "{command:?}: {outcome:?}");
        self
    }

    /// Decides a command, and records what happens.
    #[track_caller]
    #[expect(clippy::needless_pass_by_value, reason = "a history reads better without ampersands")]
    pub(crate) fn when(&mut self, command: Command) -> Outcome {
        self.now = self.now.plus_seconds(1);
        let id = CommandId::from_uuid(Uuid::from_u128(u128::from(self.commands) << 16));
        self.commands += 1;
        let (has_reason, limits) = (self.has_reason, self.limits.clone());
        let context = Context { now: self.now, command: id, asker: &self.asker, has_reason, limits: &limits };
        let result = decide(&self.cluster, &command, &context);
        let Ok(events) = &result else { return Outcome { result, warnings: vec![] } };
        let before = self.cluster.clone();
        self.record(id, events);
        invariants::check(&self.cluster);
        invariants::check_step(&before, events);
        self.settled = says_all(&command).unwrap_or(self.settled);
        if self.settled {
            invariants::check_settled(&self.cluster);
        }
        let warnings = warnings(&before, events);
        Outcome { result, warnings }
    }

    /// A job that its owner finishes.
    #[track_caller]
    pub(crate) fn ended(&mut self, job: JobId) {
        let owner = self.cluster.job(job).expect("the job is active").user.expect("it has an owner");
        let asker = self.session_of(owner);
        let asker = std::mem::replace(&mut self.asker, asker);
        self.given(crate::words::finish(job));
        self.asker = asker;
    }

    /// Whether this asker may.
    pub(crate) fn ask(&self, who: &Principal, command: &Command) -> Result<(), Denied> {
        permit(&self.cluster, who, command, self.now)
    }

    fn record(&mut self, id: CommandId, events: &[Event]) {
        let count = u16::try_from(events.len()).expect("a command has few events");
        for (event, index) in events.iter().zip(0..) {
            let recorded = Recorded {
                position: self.cluster.at().position.next(),
                id: id.event(index),
                recorded_at: self.now,
                actor: self.asker.actor.clone(),
                token: self.asker.token(),
                origin: None,
                index,
                count,
                correlation: id.uuid(),
                particulars: None,
                subjects: event.subjects(),
                event: event.clone(),
            };
            // What is decided can be written, and is read as the same.
            let vault = TestVault::new();
            let bytes = encode(&recorded, &vault).expect("what is decided can be written");
            assert_eq!(decode(&bytes, &vault).as_ref(), Ok(&recorded));
            let before = self.cluster.clone();
            evolve(&mut self.cluster, Stamp { position: recorded.position, recorded_at: self.now }, event);
            invariants::check_subjects(&before, &self.cluster, event);
            self.log.push(recorded);
        }
    }

    /// A user, who must exist.
    #[track_caller]
    pub(crate) fn user(&self, login: &str) -> &User {
        self.cluster.user_by_login(&w(login)).expect("the user is on-boarded")
    }

    #[track_caller]
    pub(crate) fn id(&self, login: &str) -> UserId {
        self.user(login).id
    }

    /// The user, signed in.
    #[track_caller]
    pub(crate) fn session(&self, login: &str) -> Principal {
        self.session_of(self.id(login))
    }

    /// The user with that id, signed in.
    pub(crate) const fn session_of(&self, user: UserId) -> Principal {
        Principal { actor: Actor::User(user), via: Via::Session { since: self.position() }, address: None }
    }

    /// The active job that began last.
    #[track_caller]
    pub(crate) fn last_job(&self) -> JobId {
        *self.cluster.jobs().keys().next_back().expect("there is a job")
    }

    /// The position of the last event.
    pub(crate) const fn position(&self) -> Position {
        self.cluster.at().position
    }
}

impl Outcome {
    /// These events happened, by name.
    #[track_caller]
    pub(crate) fn then(self, names: &[&str]) -> Self {
        let happened: Vec<_> = self.events().iter().map(Event::name).collect();
        assert_eq!(happened, names);
        self
    }

    /// Exactly these events happened.
    #[track_caller]
    pub(crate) fn exactly(self, events: &[Event]) -> Self {
        assert_eq!(self.events(), events);
        self
    }

    /// It was accepted, and nothing happened.
    #[track_caller]
    pub(crate) fn nothing(self) {
        assert_eq!(self.result, Ok(vec![]));
    }

    /// It was refused with this code.
    #[track_caller]
    pub(crate) fn refused(self, code: &str) -> Rejection {
        let rejection = self.result.expect_err("it is refused");
        assert_eq!(rejection.code(), code, "{rejection}");
        rejection
    }

    /// It was refused for exactly this.
    #[track_caller]
    pub(crate) fn refused_for(self, rejection: &Rejection) {
        assert_eq!(self.result.as_ref(), Err(rejection));
    }

    #[track_caller]
    fn events(&self) -> &[Event] {
        self.result.as_ref().expect("it is accepted")
    }
}

/// Whether a report says all; none if the command is no report.
const fn says_all(command: &Command) -> Option<bool> {
    match command {
        Command::Node(node::Command::ReportInventory { settled, .. } | node::Command::ReportHealth { settled, .. }) => {
            Some(*settled)
        }
        _ => None,
    }
}

pub(crate) fn found() -> Command {
    let cluster = ClusterId(Uuid::from_u128(0xc1));
    Command::Found { cluster, demonstration: false, operator: newcomer("operator") }
}

pub(crate) fn device(world: &World, n: u8) -> &Device {
    world.cluster.device(d(n)).expect("the device is known")
}

pub(crate) fn availability(world: &World, n: u8) -> Availability {
    world.cluster.availability(device(world, n))
}

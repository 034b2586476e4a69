use super::vault::GlassVault;
use crate::http::port::{Commands, Entry, EventLog, LogSize, LogTrouble, Waiting};
use bus::engine::{Answer, Barrier, Failure, Idempotency, Outcome, Request};
use domain::{
    Actor, Cluster, ClusterId, Command, CommandId, Context, Event, Expected, Limits, Position, Recorded, Refusal,
    Stamp, Subject, Timestamp, decide, evolve, permit,
    stored::{Particulars, named, sharers},
    warnings,
};
use projections::{Events, Root, SourceError, Store};
use std::{
    collections::HashMap,
    io,
    sync::{
        Arc, Mutex, MutexGuard,
        atomic::{AtomicBool, Ordering},
    },
};
use tokio::sync::watch;
use uuid::Uuid;

/// What the engine does with the next command instead of deciding it.
#[derive(Debug, Clone)]
pub(crate) enum Act {
    /// Answers so.
    Fail(Failure),
    /// Never answers.
    Hang,
    /// Panics.
    Panic,
}

/// Decides with `domain` and keeps everything in memory: what it answers is what the real one answers.
pub(crate) struct FakeEngine {
    cluster_id: ClusterId,
    pub(crate) vault: Arc<GlassVault>,
    held: Mutex<Held>,
    watermark: watch::Sender<Position>,
    /// Whether the disk gives no event back.
    pub(crate) unreadable: AtomicBool,
    /// Whether it gives the read models none.
    pub(crate) stalled: AtomicBool,
}

/// The body that came with a key, and what came of it.
type Kept = (Vec<u8>, Result<Answer, Failure>);

struct Held {
    now: Timestamp,
    cluster: Cluster,
    log: Vec<Recorded>,
    outcomes: HashMap<(Actor, String), Kept>,
    commands: u128,
    next: Option<Act>,
    limits: Limits,
    seen: Vec<Request>,
}

impl FakeEngine {
    pub(crate) fn new(cluster_id: ClusterId, start: Timestamp) -> Self {
        let held = Held {
            now: start,
            cluster: Cluster::default(),
            log: vec![],
            outcomes: HashMap::new(),
            commands: 0,
            next: None,
            limits: Limits::default(),
            seen: vec![],
        };
        let watermark = watch::Sender::new(Position(0));
        let (unreadable, stalled) = (AtomicBool::new(false), AtomicBool::new(false));
        Self { cluster_id, vault: Arc::default(), held: Mutex::new(held), watermark, unreadable, stalled }
    }

    /// From now on, growth needs a license.
    pub(crate) fn require_license(&self) {
        self.held().limits.license_required = true;
    }

    fn held(&self) -> MutexGuard<'_, Held> {
        self.held.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    /// The time that everything here goes by.
    pub(crate) fn now(&self) -> Timestamp {
        self.held().now
    }

    pub(crate) fn pass(&self, seconds: i64) {
        let mut held = self.held();
        held.now = held.now.plus_seconds(seconds);
    }

    /// Does this with the next command.
    pub(crate) fn next(&self, act: Act) {
        self.held().next = Some(act);
    }

    /// The last request that came.
    pub(crate) fn last(&self) -> Request {
        self.held().seen.last().cloned().expect("a command came")
    }

    /// How many commands came.
    pub(crate) fn count(&self) -> usize {
        self.held().seen.len()
    }

    /// Decides it at once.
    pub(crate) fn carry_out(&self, request: &Request) -> Result<Answer, Failure> {
        let mut held = self.held();
        if !matches!(request.command, Command::Access(_)) {
            held.seen.push(request.clone());
        }
        let now = held.now.next();
        permit(&held.cluster, &request.asker, &request.command, now)?;
        let Some(Idempotency { key, request: body }) = &request.idempotency else {
            return self.decided(&mut held, request, now);
        };
        let key = (request.asker.actor.clone(), key.clone());
        if let Some((kept, outcome)) = held.outcomes.get(&key) {
            let repeat = outcome.clone().map(|answer| Answer { repeated: true, ..answer });
            return if *kept == **body { repeat } else { Err(Failure::KeyReused) };
        }
        let outcome = self.decided(&mut held, request, now);
        if matches!(outcome, Ok(_) | Err(Failure::Refused(_))) {
            held.outcomes.insert(key, (body.to_vec(), outcome.clone()));
        }
        outcome
    }

    fn decided(&self, held: &mut Held, request: &Request, now: Timestamp) -> Result<Answer, Failure> {
        for expected in &request.expected {
            let (subject, actual, holds) = match expected {
                Expected::Revision(subject, wanted) => {
                    let actual = held.cluster.revision(subject);
                    (Some(subject.clone()), actual, actual == Some(*wanted))
                }
                Expected::Login(login, wanted) => {
                    let subject = held.cluster.user_by_login(login).map(|user| Subject::User(user.id));
                    let actual = subject.as_ref().and_then(|subject| held.cluster.revision(subject));
                    (subject, actual, actual == Some(*wanted))
                }
                Expected::PlannedAt(planned) => {
                    let subjects = request.command.subjects(&held.cluster);
                    let revisions = subjects.into_iter().map(|subject| (held.cluster.revision(&subject), subject));
                    match revisions.into_iter().find(|(actual, _)| actual.is_some_and(|actual| actual > *planned)) {
                        Some((actual, subject)) => (Some(subject), actual, false),
                        None => continue,
                    }
                }
            };
            if !holds {
                return Err(Failure::ConditionFailed { subject, actual });
            }
        }
        held.commands += 1;
        // Rises with each command, and looks like a UUIDv7.
        let command =
            CommandId::from_uuid(Uuid::from_u128(0x0199_c0de_0000_7000_8000_0000_0000_0000 + (held.commands << 16)));
        let limits = held.limits.clone();
        let has_reason = request.reason.is_some();
        let context = Context { now, command, asker: &request.asker, has_reason, limits: &limits };
        let events = decide(&held.cluster, &request.command, &context)
            .map_err(|rejection| Failure::Refused(Refusal::from(&rejection)))?;
        let warnings = warnings(&held.cluster, &events);
        let position = held.cluster.at().position;
        if request.dry_run {
            return Ok(Answer { position, outcome: Outcome::DryRun(events), warnings, repeated: false });
        }
        let recorded = self.record(held, request, command, now, events);
        let position = held.cluster.at().position;
        Ok(Answer { position, outcome: Outcome::Recorded(recorded), warnings, repeated: false })
    }

    fn record(
        &self,
        held: &mut Held,
        request: &Request,
        command: CommandId,
        now: Timestamp,
        events: Vec<Event>,
    ) -> Vec<Recorded> {
        let particulars = Particulars { address: request.asker.address, reason: request.reason.clone() };
        let count = u16::try_from(events.len()).unwrap();
        let first = held.cluster.at().position.0 + 1;
        let named = request.reason.iter().flat_map(|reason| named(reason, &held.cluster, &events)).collect();
        let mut recorded = vec![];
        for (index, event) in (0..count).zip(events) {
            let id = command.event(index);
            let owner = Particulars::owner(&request.asker.actor, &event);
            let sharers = sharers(&event, owner, &named, &held.cluster);
            let one = Recorded {
                position: Position(first + u64::from(index)),
                id,
                recorded_at: now,
                actor: request.asker.actor.clone(),
                token: request.asker.token(),
                origin: None,
                index,
                count,
                correlation: command.uuid(),
                particulars: particulars.seal(&*self.vault, owner, id, &sharers).unwrap(),
                subjects: event.subjects(),
                event,
            };
            let at = Stamp { position: one.position, recorded_at: now };
            evolve(&mut held.cluster, at, &one.event);
            recorded.push(one);
        }
        if !recorded.is_empty() {
            held.now = now;
        }
        held.log.extend(recorded.iter().cloned());
        self.watermark.send_replace(held.cluster.at().position);
        recorded
    }

    fn slice(&self, after: Position, up_to: Position, max: usize) -> Vec<Recorded> {
        let held = self.held();
        let (from, to) = (usize::try_from(after.0).unwrap(), usize::try_from(up_to.0).unwrap());
        held.log.iter().take(to).skip(from).take(max).cloned().collect()
    }
}

impl Commands for FakeEngine {
    fn submit(&self, request: Request) -> Waiting<'_, Answer> {
        // What is told of attempts comes beside the commands that a test is about.
        let told = matches!(request.command, Command::Access(_));
        let act = if told { None } else { self.held().next.take() };
        Box::pin(async move {
            match act {
                None => self.carry_out(&request),
                Some(Act::Fail(failure)) => Err(failure),
                Some(Act::Hang) => std::future::pending().await,
                Some(Act::Panic) => panic!("a planted panic"),
            }
        })
    }

    fn barrier(&self) -> Waiting<'_, Barrier> {
        let held = self.held();
        let barrier = Barrier { position: held.cluster.at().position, at: held.now };
        Box::pin(std::future::ready(Ok(barrier)))
    }

    fn watermark(&self) -> watch::Receiver<Position> {
        self.watermark.subscribe()
    }
}

impl EventLog for FakeEngine {
    fn read(&self, after: Position, up_to: Position, max: usize) -> Result<Vec<Entry>, LogTrouble> {
        Ok(self.slice(after, up_to, max).into_iter().map(|recorded| Entry::Known(Box::new(recorded))).collect())
    }

    fn pick(&self, positions: &[Position]) -> Result<Vec<Entry>, LogTrouble> {
        if self.unreadable.load(Ordering::Relaxed) {
            return Err(LogTrouble { operation: "read the log", source: "the disk gives nothing back".into() });
        }
        let one = |position: &Position| self.slice(Position(position.0.saturating_sub(1)), *position, 1);
        let found = positions.iter().filter(|position| position.0 > 0).flat_map(one);
        Ok(found.map(|recorded| Entry::Known(Box::new(recorded))).collect())
    }

    fn size(&self) -> Result<LogSize, LogTrouble> {
        Ok(LogSize { events: self.held().log.len() as u64, bytes: 4096, free_bytes: 1 << 30 })
    }
}

impl Events for FakeEngine {
    fn log(&self) -> ClusterId {
        self.cluster_id
    }

    fn read(&self, after: Position, up_to: Position, max: usize) -> Result<Vec<Recorded>, SourceError> {
        if self.stalled.load(Ordering::Relaxed) {
            return Err(SourceError::new("the disk gives nothing back"));
        }
        Ok(self.slice(after, up_to, max))
    }

    fn root(&self, at: Position) -> Result<Root, SourceError> {
        let mut root = Root::default();
        root[..8].copy_from_slice(&at.0.to_be_bytes());
        Ok(root)
    }
}

/// A folder in memory.
#[derive(Default)]
pub(crate) struct Folder(Mutex<HashMap<String, Vec<u8>>>);

impl Store for Folder {
    fn list(&self) -> io::Result<Vec<String>> {
        Ok(self.0.lock().unwrap().keys().cloned().collect())
    }

    fn load(&self, name: &str) -> io::Result<Vec<u8>> {
        self.0.lock().unwrap().get(name).cloned().ok_or_else(|| io::ErrorKind::NotFound.into())
    }

    fn store(&self, name: &str, bytes: &[u8]) -> io::Result<()> {
        self.0.lock().unwrap().insert(name.to_owned(), bytes.to_vec());
        Ok(())
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        self.0.lock().unwrap().remove(name);
        Ok(())
    }
}

//! Deciding: the one place where a wish becomes facts. No thread, no disk: what comes out is a [`Batch`].
use super::{
    Barrier, Failure, Outcome, Request,
    attempts::Attempts,
    batch::{Batch, Reply, Verdict},
    ledger::{Full, Hashes, Ledger, Turn},
    outcome::Kept,
};
use crate::clock::{Clock, Entropy, command_id};
use domain::{
    Cluster, Command, CommandId, Context, Event, EventId, Expected, Limits, NodeName, Origin, Position, Principal,
    Reason, Recorded, Refusal, Rejection, Stamp, Subject, Timestamp, access, decide, evolve, node, permit,
    stored::{self, EncodeError, NAMED_MAX, Particulars, Vault, named, sharers},
    user, warnings,
};
use std::sync::Arc;
use uuid::Uuid;

/// Owns the staged state: what is durable, and what will be once the commits under way are.
pub(super) struct Decider {
    pub(super) cluster: Cluster,
    pub(super) ledger: Ledger,
    pub(super) limits: Limits,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) entropy: Arc<dyn Entropy>,
    pub(super) vault: Arc<dyn Vault + Send + Sync>,
    /// The last moment that an event was recorded at, or that a barrier promised to be over.
    pub(super) last: Timestamp,
    /// The last event.
    pub(super) last_event: Option<EventId>,
    /// How many attempts were recorded of late.
    pub(super) attempts: Attempts,
    pub(super) batch: Batch,
    /// The number of the last commit that was cut.
    pub(super) commit: u64,
    /// After how many commits the ledger's file is saved, and the last commit that it has.
    pub(super) ledger_every: u64,
    pub(super) ledger_saved: u64,
}

impl Decider {
    /// Decides a command; the answer goes out when the batch is durable.
    pub(super) fn take(&mut self, request: &Request, reply: Reply) {
        let told = if request.dry_run { Ok(()) } else { self.tell_omitted() };
        let verdict = told.and_then(|()| self.judge(request));
        self.batch.waiting.push((reply, verdict));
    }

    /// Promises that nothing more is recorded at or before this moment.
    pub(super) fn barrier(&mut self, reply: Reply) {
        self.last = self.last.max(self.clock.now());
        let barrier = Barrier { position: self.cluster.at().position, at: self.last };
        self.batch.waiting.push((reply, Ok(Verdict::Barrier(barrier))));
    }

    /// What was decided since the last cut, now and then with the ledger's file up to it.
    pub(super) fn cut(&mut self) -> Batch {
        let mut batch = std::mem::take(&mut self.batch);
        self.commit += u64::from(batch.commits());
        if self.commit - self.ledger_saved >= self.ledger_every {
            batch.ledger = Some(self.ledger_file());
        }
        batch
    }

    /// What is left when all is committed: the ledger's file.
    pub(super) fn last_cut(&mut self) -> Batch {
        Batch { ledger: Some(self.ledger_file()), ..self.cut() }
    }

    fn ledger_file(&mut self) -> Vec<u8> {
        self.ledger_saved = self.commit;
        self.ledger.to_file(self.commit, self.cluster.at().position, self.last_event)
    }

    /// Records how many attempts were not recorded, once their time is over.
    fn tell_omitted(&mut self) -> Result<(), Failure> {
        let now = self.clock.now();
        self.attempts.renew(now).map_or(Ok(()), |omitted| self.record_omitted(now, omitted))
    }

    /// Records how many attempts were not recorded yet, before the end.
    pub(super) fn tell_omitted_at_last(&mut self) {
        let now = self.clock.now();
        let Some(omitted) = self.attempts.end(now, now) else { return };
        if let Err(failure) = self.record_omitted(now, omitted) {
            tracing::warn!(reason = %failure, "how many attempts were left out was not recorded");
        }
    }

    fn record_omitted(&mut self, clock: Timestamp, omitted: access::Event) -> Result<(), Failure> {
        let now = clock.max(self.last.next());
        let command = command_id(now, &*self.entropy);
        self.record(&Envelope::SYSTEM, command, now, vec![Event::Access(omitted)]).map(drop)
    }

    /// Records that the rules refused a command of a user, within what is recorded of such.
    fn record_rejection(
        &mut self,
        request: &Request,
        command: CommandId,
        now: Timestamp,
        refusal: &Refusal,
    ) -> Result<(), Failure> {
        let told = !request.dry_run && !matches!(request.command, Command::Access(_));
        let Some(user) = request.asker.user().filter(|_| told) else { return Ok(()) };
        let about = request.command.subjects(&self.cluster).into_iter();
        let about = about.filter(|subject| self.cluster.revision(subject).is_some()).collect();
        let rejected = access::Event::rejected(user, request.command.name(), refusal, about);
        if !self.attempts.admit(&rejected, &request.asker) {
            return Ok(());
        }
        self.record(&Envelope::of(request), command, now, vec![Event::Access(rejected)]).map(drop)
    }

    fn judge(&mut self, request: &Request) -> Result<Verdict, Failure> {
        // Whether somebody's time is over is judged by the clock alone: the time of records, once a clock has jumped ahead,
        // stays ahead of it.
        let clock = self.clock.now();
        let now = clock.max(self.last.next());
        permit(&self.cluster, &request.asker, &request.command, clock)?;
        names_few(request, &self.cluster, &[])?;
        self.ledger.expire(clock);
        let key = match &request.idempotency {
            Some(idempotency) if !request.dry_run => {
                let hashes = self.ledger.hashes(&request.asker.actor, idempotency);
                match self.ledger.outcome(&hashes, clock) {
                    Some(entry) if entry.fingerprint == hashes.fingerprint => return Verdict::of(entry.kept()),
                    Some(_) => return Err(Failure::KeyReused),
                    None => self.ledger.room(&hashes, clock)?,
                }
                Some(hashes)
            }
            Some(_) | None => None,
        };
        if let Some((node, origin)) = report(&request.command) {
            match self.ledger.turn(node, origin) {
                Turn::Next => {}
                Turn::Repeat => return Ok(self.nothing_new()),
                Turn::Gap(last) => return Err(Failure::OutOfTurn { last }),
            }
        }
        self.check(request)?;
        let command = command_id(now, &*self.entropy);
        let context =
            Context { now, command, asker: &request.asker, has_reason: request.reason.is_some(), limits: &self.limits };
        match decide(&self.cluster, &request.command, &context) {
            Err(rejection) => {
                let refusal = Refusal::from(&rejection);
                self.record_rejection(request, command, now, &refusal)?;
                if let Some(key) = key {
                    self.keep(key, clock, &Kept::Refused(refusal.clone()));
                }
                Err(Failure::Refused(refusal))
            }
            Ok(events) => {
                names_few(request, &self.cluster, &events)?;
                if let [Event::Access(attempt)] = &*events
                    && !request.dry_run
                    && !self.attempts.admit(attempt, &request.asker)
                {
                    return Ok(self.nothing_new());
                }
                let warnings = warnings(&self.cluster, &events);
                if request.dry_run {
                    let position = self.cluster.at().position;
                    return Ok(Verdict::answer(position, Outcome::DryRun(events), warnings));
                }
                let recorded = self.record(&Envelope::of(request), command, now, events)?;
                let position = self.cluster.at().position;
                if let Some(key) = key {
                    let first = recorded.first().map_or(position, |recorded| recorded.position);
                    let count = u16::try_from(recorded.len()).expect("decide bounds the events of a command");
                    let kept = Kept::Accepted { position, first, count, warnings: warnings.clone() };
                    self.keep(key, clock, &kept);
                }
                Ok(Verdict::answer(position, Outcome::Recorded(recorded), warnings))
            }
        }
    }

    fn keep(&mut self, key: Hashes, decided_at: Timestamp, kept: &Kept) {
        let record = self.ledger.keep(key, decided_at, kept, self.commit + 1);
        self.batch.push_record(record);
    }

    /// The answer to what is not recorded: a report that was taken before, an attempt of many.
    fn nothing_new(&self) -> Verdict {
        Verdict::answer(self.cluster.at().position, Outcome::Recorded(vec![]), vec![])
    }

    /// Holds the command to what its sender expects.
    fn check(&self, request: &Request) -> Result<(), Failure> {
        let differs = |subject, actual| Err(Failure::ConditionFailed { subject, actual });
        for expected in &request.expected {
            match expected {
                Expected::Revision(subject, revision) => {
                    let actual = self.cluster.revision(subject);
                    if actual != Some(*revision) {
                        return differs(Some(subject.clone()), actual);
                    }
                }
                Expected::Login(login, revision) => {
                    let subject = self.cluster.user_by_login(login).map(|user| Subject::User(user.id));
                    let actual = subject.as_ref().and_then(|subject| self.cluster.revision(subject));
                    if actual != Some(*revision) {
                        return differs(subject, actual);
                    }
                }
                Expected::PlannedAt(position) => {
                    for subject in request.command.subjects(&self.cluster) {
                        let actual = self.cluster.revision(&subject);
                        if actual > Some(*position) {
                            return differs(Some(subject), actual);
                        }
                    }
                }
            }
        }
        Ok(())
    }

    /// Writes the events into the batch and folds them into the state: all of them, or none.
    fn record(
        &mut self,
        envelope: &Envelope<'_>,
        command: CommandId,
        now: Timestamp,
        events: Vec<Event>,
    ) -> Result<Vec<Recorded>, Failure> {
        let Envelope { asker, reason, correlation, report } = *envelope;
        if events.is_empty() {
            if let Some((node, origin)) = report {
                let position = self.cluster.at().position;
                self.ledger.mark(node, origin, position);
                self.batch.push_record(Ledger::mark_record(node, origin, position));
            }
            return Ok(vec![]);
        }
        let particulars = Particulars { address: asker.address, reason: reason.cloned() };
        let named = reason.map(|reason| named(reason, &self.cluster, &events)).unwrap_or_default();
        debug_assert!(named.len() <= NAMED_MAX, "it was judged before");
        let count = u16::try_from(events.len()).expect("decide bounds the events of a command");
        let mut recorded = Vec::with_capacity(events.len());
        let mut bytes = Vec::with_capacity(events.len());
        for (index, event) in (0..count).zip(events) {
            let id = command.event(index);
            let owner = Particulars::owner(&asker.actor, &event);
            let sharers = sharers(&event, owner, &named, &self.cluster);
            let sealed = particulars.seal(&*self.vault, owner, id, &sharers).map_err(EncodeError::from);
            let fact = Recorded {
                position: Position(self.cluster.at().position.0 + u64::from(index) + 1),
                id,
                recorded_at: now,
                actor: asker.actor.clone(),
                token: asker.token(),
                origin: report.map(|(_, origin)| *origin),
                index,
                count,
                correlation: correlation.unwrap_or_else(|| command.uuid()),
                particulars: sealed.map_err(|error| unwritable(&error))?,
                subjects: event.subjects(),
                event,
            };
            bytes.push(stored::encode(&fact, &*self.vault).map_err(|error| unwritable(&error))?);
            recorded.push(fact);
        }
        for (fact, bytes) in recorded.iter().zip(bytes) {
            if let Event::User(user::Event::Erased { user }) = &fact.event {
                self.batch.erased.push(*user);
            }
            self.batch.push_event(bytes);
            evolve(&mut self.cluster, Stamp { position: fact.position, recorded_at: now }, &fact.event);
        }
        if let Some((node, origin)) = report {
            self.ledger.mark(node, origin, self.cluster.at().position);
        }
        self.last = now;
        self.last_event = recorded.last().map(|recorded| recorded.id);
        Ok(recorded)
    }
}

/// What events are recorded with besides themselves.
struct Envelope<'a> {
    asker: &'a Principal,
    reason: Option<&'a Reason>,
    correlation: Option<Uuid>,
    report: Option<(&'a NodeName, &'a Origin)>,
}

impl Envelope<'_> {
    const SYSTEM: Self = Self { asker: &Principal::SYSTEM, reason: None, correlation: None, report: None };
}

impl<'a> Envelope<'a> {
    fn of(request: &'a Request) -> Self {
        let Request { asker, reason, correlation, command, .. } = request;
        Self { asker, reason: reason.as_ref(), correlation: *correlation, report: report(command) }
    }
}

/// The report that a command is, if it is one.
pub(super) const fn report(command: &Command) -> Option<(&NodeName, &Origin)> {
    match command {
        Command::Node(
            node::Command::ReportInventory { node, origin, .. } | node::Command::ReportHealth { node, origin, .. },
        ) => Some((node, origin)),
        _ => None,
    }
}

impl From<Full> for Failure {
    fn from(full: Full) -> Self {
        Self::OutcomesFull { own: full.own, seconds: full.seconds }
    }
}

fn refused(rejection: &Rejection) -> Failure {
    Failure::Refused(Refusal::from(rejection))
}

fn unwritable(error: &EncodeError) -> Failure {
    match error {
        EncodeError::TooLarge(_) | EncodeError::TooManySubjects(_) | EncodeError::Unwritable => {
            refused(&Rejection::Malformed("what this would record is too large for an event"))
        }
        EncodeError::Vault(error) => Failure::ReadOnly(error.to_string()),
    }
}

/// Whether the reason is sealed for no more users than it may be: those whom it names by login, also by one of these events.
fn names_few(request: &Request, cluster: &Cluster, events: &[Event]) -> Result<(), Failure> {
    let named = request.reason.as_ref().map_or(0, |reason| named(reason, cluster, events).len());
    if named > NAMED_MAX {
        return Err(refused(&Rejection::Malformed("a reason names at most 16 users")));
    }
    Ok(())
}

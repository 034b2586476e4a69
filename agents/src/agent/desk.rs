//! What one agent thinks: what is, what the server knows, and what waits to be told. No clock, no network.
use super::{hold::Holds, lack::Lack, refusal::Fault};
use crate::{
    health::{Faults, Judge, Policy, Present},
    plan::{Known, plan},
    queue::{Queue, QueueError},
    source::{Observation, Tick},
};
use bus::wire::{Content, Reply, Report};
use domain::{
    Incarnation, Timestamp,
    device::{DeviceId, Finding},
};
use std::{sync::Arc, time::Duration};

/// The most devices that one report tells the health of.
pub const FINDINGS_MAX: usize = 32;

/// The state of one agent.
#[derive(Debug)]
pub struct Desk<Q> {
    queue: Q,
    judge: Judge,
    known: Known,
    present: Option<Present>,
    /// Whether nothing was to be seen last: then nobody is there to report.
    silent: bool,
    /// Whether the last answer was that another agent has the node.
    held: bool,
    holds: Holds,
    /// What the server was told since it lacks devices.
    lack: Lack,
    /// Until when nothing is told, since the server takes nothing of this node. Then everything is.
    shut_until: Option<Duration>,
    restate_every: Duration,
    restate_at: Option<Duration>,
}

/// So long after the server said that it takes nothing of this node, it is asked again, with everything that there is to tell.
const SHUT_FOR: Duration = Duration::from_mins(1);

/// What an answer of the server came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Progress {
    /// Reports were taken, or are out of the way.
    Forward,
    /// The same report again, after a while.
    Again,
    /// The server and this agent do not agree on what was told: everything is told anew.
    Anew,
}

impl<Q: Queue> Desk<Q> {
    /// An agent that has seen nothing yet, with what its queue holds from before. Now and then it tells everything anew,
    /// in case that the server lost something without knowing.
    pub fn new(queue: Q, policy: Arc<Policy>, restate_every: Duration) -> Self {
        let judge = Judge::new(policy, queue.recall().clone());
        Self {
            queue,
            judge,
            known: Known::default(),
            present: None,
            silent: true,
            held: false,
            holds: Holds::default(),
            lack: Lack::default(),
            shut_until: None,
            restate_every,
            restate_at: None,
        }
    }

    /// The reports that wait.
    pub const fn queue(&self) -> &Q {
        &self.queue
    }

    /// What was last seen.
    pub const fn present(&self) -> Option<&Present> {
        self.present.as_ref()
    }

    /// What was logged of each device.
    pub fn faults(&self) -> impl Iterator<Item = (DeviceId, &Faults)> {
        self.judge.faults()
    }

    /// Takes in what was seen, and queues what the server does not know of it.
    ///
    /// # Errors
    /// The queue took only some of it, and the rest is the difference that the next look finds; or it could not be kept,
    /// and is lost if this agent ends before the next look.
    pub fn look(&mut self, tick: Tick, observation: Option<Observation>) -> Result<(), QueueError> {
        let Some(observation) = observation else {
            self.silent = true;
            return Ok(());
        };
        let due = self.restate_at.is_none_or(|at| tick.elapsed >= at);
        if std::mem::take(&mut self.silent) || due {
            self.restate();
            self.restate_at = Some(tick.elapsed + self.restate_every);
        }
        let Some(present) = self.judge.look(tick, observation) else { return Ok(()) };
        self.holds.keep(|device| present.health.contains_key(device));
        if self.shut_until.is_some_and(|until| tick.elapsed >= until) {
            self.shut_until = None;
            self.holds = Holds::default();
            self.restate();
        }
        let told = if self.shut_until.is_none() { self.tell(&present, tick) } else { Ok(()) };
        self.present = Some(present);
        if let Some(memory) = self.judge.news(tick.elapsed) {
            self.queue.remember(memory);
        }
        told.and(self.queue.keep())
    }

    /// Puts down what the next agent is to remember.
    ///
    /// # Errors
    /// What keeps it failed.
    pub fn close(&mut self) -> Result<(), QueueError> {
        self.queue.remember(self.judge.memory());
        self.queue.keep()
    }

    /// Lets the next look tell everything, known or not.
    pub fn restate(&mut self) {
        self.known = Known::default();
    }

    /// Takes in what the server answered to the question whether it takes reports.
    pub fn told(&mut self, now: Duration, reply: &Reply) {
        if let Reply::Taken { .. } | Reply::Refused { .. } = reply {
            self.lack.is_over();
        }
        match reply {
            Reply::Expected { .. } if self.lack.is_due(now, reply, self.present.as_ref()) => self.restate(),
            Reply::Refused { code, .. } if Fault::of(code) == Fault::Node => self.shut(now),
            Reply::Expected { .. }
            | Reply::Refused { .. }
            | Reply::Taken { .. }
            | Reply::TryAgain { .. }
            | Reply::Held { .. } => {}
        }
    }

    /// Whether nothing is told at present, since the server takes nothing.
    pub const fn is_shut(&self) -> bool {
        self.shut_until.is_some()
    }

    /// What waits would be refused. All that it says is told anew later, as it is then.
    fn shut(&mut self, now: Duration) {
        self.queue.settle(u64::MAX);
        self.shut_until = Some(now + SHUT_FOR);
    }

    /// Whether the last answer was that another agent has the node.
    pub const fn is_held(&self) -> bool {
        self.held
    }

    /// The report to send next.
    pub fn next(&self) -> Option<&Report> {
        if self.silent { None } else { self.queue.first() }
    }

    /// Takes in what the server answered to the oldest report. `fresh` names the life that begins where one has to.
    ///
    /// # Errors
    /// What keeps the reports failed.
    pub fn answered(&mut self, now: Duration, reply: &Reply, fresh: Incarnation) -> Result<Progress, QueueError> {
        let Some(first) = self.queue.first() else { return Ok(Progress::Forward) };
        let sequence = first.origin.sequence;
        let progress = match reply {
            Reply::Taken { up_to } if *up_to >= sequence => self.taken(*up_to),
            // An answer that fits to no question of ours.
            Reply::Taken { .. } | Reply::TryAgain { .. } => Progress::Again,
            Reply::Held { .. } if self.held => Progress::Again,
            // The other may be a copy of this one, with its numbers. What it told meanwhile is not what is here.
            Reply::Held { .. } => {
                self.queue.begin_anew(fresh);
                self.restate();
                Progress::Again
            }
            Reply::Refused { next, code, .. } => {
                let fault = Fault::of(code);
                self.holds.refuse(now, &first.content, fault);
                self.queue.settle(sequence);
                match fault {
                    Fault::Node => self.shut(now),
                    Fault::Unknown => self.restate(),
                    Fault::Books | Fault::Report => {}
                }
                // Its number may be wanted again. In a new life no late copy of it can be taken for another report.
                if *next <= sequence {
                    self.queue.begin_anew(fresh);
                }
                Progress::Forward
            }
            Reply::Expected { next } => self.expected(sequence, *next, fresh),
        };
        self.held = matches!(reply, Reply::Held { .. });
        self.queue.keep()?;
        Ok(progress)
    }

    fn taken(&mut self, up_to: u64) -> Progress {
        for report in self.queue.waiting().take_while(|report| report.origin.sequence <= up_to) {
            self.known.learn(&report.content);
            self.holds.release(&report.content);
        }
        self.queue.settle(up_to);
        Progress::Forward
    }

    fn expected(&mut self, sequence: u64, next: u64, fresh: Incarnation) -> Progress {
        let waiting = self.queue.waiting().any(|report| report.origin.sequence == next);
        if waiting && next > sequence {
            return self.taken(next - 1);
        }
        if next == sequence {
            return Progress::Again;
        }
        // The server lacks reports that it once took: it may lack anything.
        self.queue.begin_anew(fresh);
        self.restate();
        Progress::Anew
    }

    /// Queues the difference between what the server will know, once it has taken all that waits, and what is.
    fn tell(&mut self, present: &Present, tick: Tick) -> Result<(), QueueError> {
        let mut known = None;
        for report in self.queue.waiting() {
            known.get_or_insert_with(|| self.known.clone()).learn(&report.content);
        }
        let plan = plan(known.as_ref().unwrap_or(&self.known), present);
        if let Some(inventory) = plan.inventory
            && self.holds.inventory(tick.elapsed)
        {
            self.queue.push(tick.wall, inventory)?;
        }
        let due = plan.findings.into_iter().filter(|finding| self.holds.device(tick.elapsed, finding));
        // One that was refused goes alone, so that it keeps no other from being taken.
        let (suspect, good): (Vec<_>, Vec<_>) = due.partition(|finding| self.holds.suspects(finding));
        for findings in good.chunks(FINDINGS_MAX).chain(suspect.chunks(1)) {
            push(&mut self.queue, tick.wall, findings)?;
        }
        Ok(())
    }
}

fn push<Q: Queue>(queue: &mut Q, observed_at: Timestamp, findings: &[Finding]) -> Result<(), QueueError> {
    queue.push(observed_at, Content::Health { findings: findings.to_vec() })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        queue::InMemory,
        source::simulated::{Entry, Fault, Faults, Fleet, Script, SimulatedNode},
    };
    use bus::wire::Kind;
    use std::sync::Arc;
    use uuid::Uuid;

    fn life(number: u128) -> Incarnation {
        Incarnation(Uuid::from_u128(number))
    }

    /// A node of two GPUs, the first of which has a row to remap in every second ten seconds: that is told at once.
    fn node() -> SimulatedNode {
        let entry = |nth: u64| Entry {
            at: Duration::from_secs(10 + 20 * nth),
            lasts: Duration::from_secs(10),
            node: 0,
            device: 0,
            fault: Fault::RemapPending,
        };
        let faults = Faults::Script(Arc::new(Script::new((0..4).map(entry).collect())));
        let fleet = Fleet { size: "1x2".parse().unwrap(), seed: 1, began: Timestamp::default(), faults };
        fleet.nodes().next().unwrap()
    }

    fn tick(second: u64) -> Tick {
        Tick { elapsed: Duration::from_secs(second), wall: Timestamp::default() }
    }

    /// A desk with an inventory, the health of both and two changes waiting: 1 to 4.
    fn desk() -> (Desk<InMemory>, SimulatedNode) {
        let mut node = node();
        let mut desk = Desk::new(InMemory::new(life(1), 16), Policy::built_in(), Duration::from_hours(1));
        for second in [0, 10, 20] {
            desk.look(tick(second), node.look(Duration::from_secs(second))).unwrap();
        }
        (desk, node)
    }

    fn waiting(desk: &Desk<InMemory>) -> Vec<(u64, Kind)> {
        desk.queue().waiting().map(|report| (report.origin.sequence, report.kind())).collect()
    }

    fn answer(desk: &mut Desk<InMemory>, reply: &Reply) -> Progress {
        desk.answered(Duration::from_secs(20), reply, life(2)).unwrap()
    }

    fn refused(next: u64) -> Reply {
        refused_as("a.b", next)
    }

    fn refused_as(code: &str, next: u64) -> Reply {
        Reply::Refused { next, code: code.to_owned(), detail: String::new() }
    }

    fn look(desk: &mut Desk<InMemory>, node: &mut SimulatedNode, second: u64) {
        desk.look(tick(second), node.look(Duration::from_secs(second))).unwrap();
    }

    #[test]
    fn at_first_it_tells_the_inventory_then_the_health_then_what_changes() {
        let (desk, _) = desk();
        assert_eq!(waiting(&desk), [(1, Kind::Inventory), (2, Kind::Health), (3, Kind::Health), (4, Kind::Health)]);
        assert_eq!(desk.next().unwrap().origin.sequence, 1);
    }

    #[test]
    fn what_is_taken_is_out_of_the_way() {
        let (mut desk, _) = desk();
        assert_eq!(answer(&mut desk, &Reply::Taken { up_to: 2 }), Progress::Forward);
        assert_eq!(desk.next().unwrap().origin.sequence, 3);
        assert_eq!(answer(&mut desk, &Reply::Taken { up_to: 2 }), Progress::Again, "an answer to another question");
        assert_eq!(answer(&mut desk, &Reply::TryAgain { after: Duration::ZERO }), Progress::Again);
        assert_eq!(answer(&mut desk, &Reply::Expected { next: 3 }), Progress::Again, "it is what was sent");
        assert_eq!(desk.next().unwrap().origin.sequence, 3);
    }

    #[test]
    fn a_server_that_has_more_than_was_known_is_followed() {
        let (mut desk, _) = desk();
        assert_eq!(answer(&mut desk, &Reply::Expected { next: 4 }), Progress::Forward);
        assert_eq!(waiting(&desk), [(4, Kind::Health)]);
        assert_eq!(desk.queue().incarnation(), life(1));
    }

    #[test]
    fn a_server_that_lacks_reports_is_told_everything_anew_and_nothing_waiting_is_lost() {
        let (mut desk, mut node) = desk();
        answer(&mut desk, &Reply::Taken { up_to: 3 });
        assert_eq!(answer(&mut desk, &Reply::Expected { next: 1 }), Progress::Anew);
        assert_eq!((desk.queue().incarnation(), waiting(&desk)), (life(2), vec![(1, Kind::Health)]));
        desk.look(tick(25), node.look(Duration::from_secs(25))).unwrap();
        assert_eq!(waiting(&desk), [(1, Kind::Health), (2, Kind::Inventory), (3, Kind::Health)]);
        let Content::Health { findings } = &desk.queue().waiting().nth(2).unwrap().content else { panic!("health") };
        assert_eq!(findings.len(), 2);
    }

    #[test]
    fn a_refused_report_makes_way_for_the_next() {
        let (mut desk, _) = desk();
        assert_eq!(answer(&mut desk, &refused(2)), Progress::Forward);
        assert_eq!((desk.queue().incarnation(), waiting(&desk)[0]), (life(1), (2, Kind::Health)), "its number is used");
        assert_eq!(answer(&mut desk, &refused(2)), Progress::Forward);
        assert_eq!((desk.queue().incarnation(), waiting(&desk)[0]), (life(2), (1, Kind::Health)), "it is not");
        assert_eq!(waiting(&desk).len(), 2);
    }

    #[test]
    fn what_was_refused_is_told_again_after_a_while_the_devices_one_by_one() {
        let (mut desk, mut node) = desk();
        answer(&mut desk, &refused(1));
        answer(&mut desk, &refused(1));
        answer(&mut desk, &Reply::Taken { up_to: 2 });
        desk.look(tick(24), node.look(Duration::from_secs(24))).unwrap();
        assert_eq!(waiting(&desk), [(3, Kind::Health), (4, Kind::Health)], "each GPU alone; the inventory waits");
        desk.look(tick(26), node.look(Duration::from_secs(26))).unwrap();
        assert_eq!(waiting(&desk).iter().filter(|(_, kind)| *kind == Kind::Inventory).count(), 1);
    }

    #[test]
    fn a_node_that_is_retired_asks_once_a_minute_and_tells_everything_once_it_is_reinstated() {
        let (mut desk, mut node) = desk();
        answer(&mut desk, &Reply::Taken { up_to: 2 });
        assert_eq!(waiting(&desk).len(), 2);
        assert_eq!(answer(&mut desk, &refused_as("node.retired", 3)), Progress::Forward);
        for (minute, lives) in [(1, 3), (2, 4)] {
            for second in [1, 30, 59] {
                look(&mut desk, &mut node, 60 * (minute - 1) + 20 + second);
                assert_eq!(waiting(&desk), [], "nothing is told, and nothing is kept for later");
            }
            look(&mut desk, &mut node, 60 * minute + 20);
            assert_eq!(waiting(&desk), [(1, Kind::Inventory), (2, Kind::Health)], "once a minute, everything");
            let now = Duration::from_secs(60 * minute + 20);
            desk.answered(now, &refused_as("node.retired", 1), life(lives)).unwrap();
        }
        look(&mut desk, &mut node, 200);
        assert_eq!(waiting(&desk), [(1, Kind::Inventory), (2, Kind::Health)]);
        answer(&mut desk, &Reply::Taken { up_to: 2 });
        look(&mut desk, &mut node, 201);
        assert_eq!(waiting(&desk), [], "it is as any other again");
    }

    #[test]
    fn what_the_server_wants_is_found_out_by_asking_too() {
        let (mut desk, mut node) = desk();
        answer(&mut desk, &Reply::Taken { up_to: 4 });
        let asked = |desk: &mut Desk<InMemory>, second, reply: &Reply| desk.told(Duration::from_secs(second), reply);
        for reply in [Reply::Taken { up_to: 0 }, refused_as("a.b", 0)] {
            asked(&mut desk, 21, &reply);
            look(&mut desk, &mut node, 21);
            assert_eq!(waiting(&desk), [], "{reply:?}");
        }
        asked(&mut desk, 22, &Reply::Expected { next: 1 });
        look(&mut desk, &mut node, 22);
        assert_eq!(waiting(&desk), [(5, Kind::Inventory), (6, Kind::Health)], "in the same life");
        asked(&mut desk, 23, &refused_as("node.retired", 0));
        for second in [23, 82] {
            look(&mut desk, &mut node, second);
            assert!(waiting(&desk).is_empty() && desk.is_shut());
        }
        look(&mut desk, &mut node, 83);
        assert_eq!(waiting(&desk), [(7, Kind::Inventory), (8, Kind::Health)]);
    }

    #[test]
    fn a_server_that_goes_on_lacking_a_device_is_told_everything_less_and_less_often() {
        let (mut desk, mut node) = desk();
        answer(&mut desk, &Reply::Taken { up_to: 4 });
        let mut told = vec![];
        for minute in 1..=20 {
            desk.told(Duration::from_mins(minute), &Reply::Expected { next: 1 });
            look(&mut desk, &mut node, 60 * minute);
            if let Some(last) = waiting(&desk).last() {
                told.push(minute);
                answer(&mut desk, &Reply::Taken { up_to: last.0 });
            }
        }
        assert_eq!(told, [1, 2, 4, 8, 16], "and what is known is not told again in between");
    }

    #[test]
    fn a_server_that_does_not_know_the_devices_is_told_everything_again() {
        for code in ["node.not_found", "device.not_found"] {
            let (mut desk, mut node) = desk();
            answer(&mut desk, &Reply::Taken { up_to: 3 });
            answer(&mut desk, &refused_as(code, 4));
            look(&mut desk, &mut node, 21);
            let kinds: Vec<_> = waiting(&desk).into_iter().map(|(_, kind)| kind).collect();
            assert_eq!(kinds[0], Kind::Inventory, "{code}");
            assert!(kinds[1..].contains(&Kind::Health), "{code}: and what ails them");
        }
    }

    #[test]
    fn a_node_that_was_silent_tells_everything_when_it_is_back() {
        let (mut desk, mut node) = desk();
        answer(&mut desk, &Reply::Taken { up_to: 4 });
        desk.look(tick(21), node.look(Duration::from_secs(21))).unwrap();
        assert_eq!(waiting(&desk), [], "nothing is new");
        desk.look(tick(22), None).unwrap();
        assert_eq!(desk.next(), None);
        desk.look(tick(23), node.look(Duration::from_secs(23))).unwrap();
        assert_eq!(waiting(&desk), [(5, Kind::Inventory), (6, Kind::Health)]);
    }
}

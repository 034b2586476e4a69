//! Whose a node is, where two hosts speak for it: one that was copied, or a name that was given twice.
//!
//! A host is known by its boot, and what its agent remembers by the life of its queue: an agent that is started anew with both
//! goes on, and so does one that outlives a boot, which only a simulated one can. Any other waits until the one that has the
//! node is silent for longer than a living one would be: another host, and on the same host one with another folder of state,
//! which knows nothing of the faults that the first one found. Silence counts only while the server could hear; after its
//! own start, the host that the node was last recorded with goes first.
use crate::wire::Speaker;
use domain::{AgentRun, Incarnation, NodeName};
use std::{
    collections::HashMap,
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};
use tokio::time::Instant;

/// The most nodes that are remembered. Past them, those that are silent for an hour are forgotten; if there are none, whoever
/// speaks for another node is believed.
const NODES_MAX: usize = 200_000;

/// For so long, one is remembered past [`NODES_MAX`].
const REMEMBERED_FOR: Duration = Duration::from_hours(1);

/// How long one may be silent that did not tell how often it speaks: two and a half of an agent's usual intervals.
const PATIENCE: Duration = Duration::from_secs(25);

/// The bounds of what is derived from what it tells.
const PATIENCE_LEAST: Duration = Duration::from_secs(2);
const PATIENCE_MOST: Duration = Duration::from_mins(5);

/// For so long after another was last heard, the node is told to have two.
const TOLD_FOR: Duration = Duration::from_mins(3);

/// Whether somebody has the node that they speak for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// They have.
    Holds,
    /// Another had it a moment ago. Whether that one still speaks is known after this time.
    Waits(Duration),
    /// Another has it, and was heard since others were first.
    Second,
}

/// The boot that a node was last recorded with.
pub type Recorded = Arc<dyn Fn(&NodeName) -> Option<Arc<str>> + Send + Sync>;

/// Who has each node. Cheap to clone: all clones are one.
#[derive(Clone)]
pub struct Holders {
    recorded: Recorded,
    state: Arc<Mutex<State>>,
}

struct State {
    holders: HashMap<NodeName, Holder>,
    /// When agents could last not be heard.
    deaf: Instant,
}

struct Holder {
    /// The run, and the life of its queue. None: only its boot is known, from before the server's start.
    agent: Option<(AgentRun, Incarnation)>,
    boot_id: Arc<str>,
    heard: Instant,
    patience: Duration,
    others: Option<Others>,
}

/// Others than the holder, from the first that was heard in a row on.
#[derive(Clone, Copy)]
struct Others {
    since: Instant,
    heard: Instant,
}

impl Holder {
    fn new(speaker: &Speaker, life: Incarnation, now: Instant) -> Self {
        let Speaker { run, boot_id } = speaker.clone();
        Self { agent: Some((run, life)), boot_id, heard: now, patience: PATIENCE, others: None }
    }

    fn is(&self, speaker: &Speaker, life: Incarnation) -> bool {
        let same_boot = !speaker.boot_id.is_empty() && self.boot_id == speaker.boot_id;
        self.agent.map_or(same_boot, |(run, known)| run == speaker.run || (same_boot && known == life))
    }

    fn hear(&mut self, speaker: &Speaker, life: Incarnation, now: Instant, deaf: Instant) -> Standing {
        if self.is(speaker, life) {
            self.agent = Some((speaker.run, life));
            self.boot_id = Arc::clone(&speaker.boot_id);
            self.heard = now;
            return Standing::Holds;
        }
        let silent = now.duration_since(self.heard.max(deaf));
        if silent > self.patience {
            *self = Self::new(speaker, life, now);
            return Standing::Holds;
        }
        let lasting = self.others.filter(|others| now.duration_since(others.heard) <= TOLD_FOR);
        let since = lasting.map_or(now, |others| others.since);
        self.others = Some(Others { since, heard: now });
        if self.heard > since { Standing::Second } else { Standing::Waits(self.patience.saturating_sub(silent)) }
    }

    /// Since when there are several, if there are.
    fn contested(&self, now: Instant) -> Option<Instant> {
        let others = self.others.filter(|others| now.duration_since(others.heard) <= TOLD_FOR)?;
        (self.heard > others.since).then_some(others.since)
    }
}

impl fmt::Debug for Holders {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Holders").field("nodes", &self.state().holders.len()).finish_non_exhaustive()
    }
}

impl Default for Holders {
    /// Where nothing was recorded.
    fn default() -> Self {
        Self::new(Arc::new(|_| None))
    }
}

impl Holders {
    /// Nobody has any node yet.
    pub fn new(recorded: Recorded) -> Self {
        let state = State { holders: HashMap::new(), deaf: Instant::now() };
        Self { recorded, state: Arc::new(Mutex::new(state)) }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Agents can't be heard at this moment: nobody's silence says anything.
    pub fn deaf(&self) {
        self.state().deaf = Instant::now();
    }

    /// Something came in the node's name. `within` is how long the next may take, if that was told.
    pub fn hear(&self, node: &NodeName, speaker: &Speaker, life: Incarnation, within: Option<Duration>) -> Standing {
        let now = Instant::now();
        let mut state = self.state();
        let deaf = state.deaf;
        if !state.holders.contains_key(node) {
            state.make_room(now);
            // Not while the state is locked: what is recorded has a lock of its own.
            drop(state);
            let recorded = (self.recorded)(node).filter(|boot_id| !boot_id.is_empty());
            state = self.state();
            if state.holders.len() >= NODES_MAX {
                return Standing::Holds;
            }
            let first = match recorded {
                Some(boot_id) if boot_id != speaker.boot_id => {
                    Holder { agent: None, boot_id, ..Holder::new(speaker, life, now) }
                }
                _ => Holder::new(speaker, life, now),
            };
            state.holders.entry(node.clone()).or_insert(first);
        }
        let Some(holder) = state.holders.get_mut(node) else { return Standing::Holds };
        let standing = holder.hear(speaker, life, now, deaf);
        if let (Standing::Holds, Some(within)) = (standing, within) {
            holder.patience = (within * 5 / 2).clamp(PATIENCE_LEAST, PATIENCE_MOST);
        }
        standing
    }

    /// The nodes for which several hosts speak at present, and since when.
    pub fn contested(&self) -> Vec<(NodeName, Instant)> {
        let now = Instant::now();
        let state = self.state();
        state.holders.iter().filter_map(|(node, holder)| Some((node.clone(), holder.contested(now)?))).collect()
    }
}

impl State {
    fn make_room(&mut self, now: Instant) {
        if self.holders.len() >= NODES_MAX {
            self.holders.retain(|_, holder| now.duration_since(holder.heard) < REMEMBERED_FOR);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use uuid::Uuid;

    const INTERVAL: Duration = Duration::from_secs(10);

    fn node() -> NodeName {
        "gpu-1".parse().unwrap()
    }

    fn speaker(run: u128, boot: &str) -> Speaker {
        Speaker { run: AgentRun(Uuid::from_u128(run)), boot_id: boot.into() }
    }

    /// A frame of that run of the agent on that boot, in the life that every agent has whose state was copied.
    fn frame(holders: &Holders, run: u128, boot: &str) -> Standing {
        frame_of(holders, run, boot, 7)
    }

    fn frame_of(holders: &Holders, run: u128, boot: &str, life: u128) -> Standing {
        holders.hear(&node(), &speaker(run, boot), Incarnation(Uuid::from_u128(life)), Some(INTERVAL))
    }

    async fn pass(seconds: u64) {
        tokio::time::advance(Duration::from_secs(seconds)).await;
    }

    #[tokio::test(start_paused = true)]
    async fn who_was_first_keeps_the_node_for_as_long_as_it_is_heard() {
        let holders = Holders::default();
        assert_eq!(frame(&holders, 1, "a"), Standing::Holds);
        assert!(matches!(frame(&holders, 2, "b"), Standing::Waits(_)));
        assert!(holders.contested().is_empty(), "the first may be over");
        for _ in 0..10 {
            pass(10).await;
            assert_eq!(frame(&holders, 1, "a"), Standing::Holds);
            for copy in ["b", "c", "d"] {
                assert_eq!(frame(&holders, 2, copy), Standing::Second, "{copy}");
            }
            assert_eq!(holders.contested().len(), 1);
        }
        for _ in 0..19 {
            pass(10).await;
            assert_eq!(frame(&holders, 1, "a"), Standing::Holds);
        }
        assert!(holders.contested().is_empty(), "the others are gone");
    }

    #[tokio::test(start_paused = true)]
    async fn an_agent_that_is_started_anew_goes_on_at_once() {
        let holders = Holders::default();
        assert_eq!(frame(&holders, 1, "a"), Standing::Holds);
        assert!(matches!(frame(&holders, 9, "b"), Standing::Waits(_)));
        assert_eq!(frame(&holders, 2, "a"), Standing::Holds, "another run on the same boot");
        assert_eq!(frame(&holders, 2, "c"), Standing::Holds, "the same run after a simulated boot");
        assert!(matches!(frame(&holders, 3, "a"), Standing::Waits(_)), "a boot that is over");
    }

    #[tokio::test(start_paused = true)]
    async fn an_agent_that_remembers_nothing_waits_for_the_one_that_does() {
        let holders = Holders::default();
        assert_eq!(frame_of(&holders, 1, "a", 1), Standing::Holds);
        assert!(matches!(frame_of(&holders, 2, "a", 2), Standing::Waits(_)), "another folder of state");
        assert_eq!(frame_of(&holders, 1, "a", 3), Standing::Holds, "the first has begun anew");
        assert_eq!(frame_of(&holders, 4, "a", 3), Standing::Holds, "and was started anew");
        pass(26).await;
        assert_eq!(frame_of(&holders, 2, "a", 2), Standing::Holds, "its state was lost");
    }

    #[tokio::test(start_paused = true)]
    async fn a_host_that_is_silent_is_followed_after_two_frames_that_did_not_come() {
        let holders = Holders::default();
        frame(&holders, 1, "a");
        pass(10).await;
        let Standing::Waits(rest) = frame(&holders, 2, "b") else { panic!("it is too early") };
        assert_eq!(rest, INTERVAL * 3 / 2);
        tokio::time::advance(rest + Duration::from_millis(1)).await;
        assert_eq!(frame(&holders, 2, "b"), Standing::Holds);
        assert!(holders.contested().is_empty());
        assert!(matches!(frame(&holders, 1, "a"), Standing::Waits(_)), "a late word of the first");
        assert!(holders.contested().is_empty());
    }

    #[tokio::test(start_paused = true)]
    async fn an_outage_is_nobodys_silence() {
        let holders = Holders::default();
        frame(&holders, 1, "a");
        pass(3600).await;
        holders.deaf();
        pass(5).await;
        assert!(matches!(frame(&holders, 2, "b"), Standing::Waits(_)), "the copy speaks first");
        assert_eq!(frame(&holders, 1, "a"), Standing::Holds);
    }

    #[tokio::test(start_paused = true)]
    async fn after_a_start_of_the_server_the_recorded_host_goes_first() {
        let recorded = || Holders::new(Arc::new(|_| Some("a".into())));
        let holders = recorded();
        assert!(matches!(frame(&holders, 2, "b"), Standing::Waits(_)));
        pass(1).await;
        assert_eq!(frame(&holders, 1, "a"), Standing::Holds);
        assert_eq!(frame(&holders, 2, "b"), Standing::Second);
        let restarted = recorded();
        assert!(matches!(frame(&restarted, 2, "b"), Standing::Waits(_)));
        pass(26).await;
        assert_eq!(frame(&restarted, 2, "b"), Standing::Holds, "the host was restarted meanwhile");
    }

    #[tokio::test(start_paused = true)]
    async fn a_host_that_speaks_seldom_is_given_its_time() {
        let holders = Holders::default();
        holders.hear(&node(), &speaker(1, "a"), Incarnation(Uuid::nil()), Some(Duration::from_mins(1)));
        pass(140).await;
        assert!(matches!(frame(&holders, 2, "b"), Standing::Waits(_)));
        pass(11).await;
        assert_eq!(frame(&holders, 2, "b"), Standing::Holds);
    }
}

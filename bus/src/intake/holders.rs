//! Whose a node is, where two agents speak for it: a host that was copied, or a name that was given twice.
//!
//! The run of an agent that was heard first has the node until it says that it ends, or is silent for longer than a living
//! one would be. Another run waits for that, and draws no consequence meanwhile. So an agent that is started anew takes over
//! at once, one whose forerunner was killed a little later, and one that speaks beside another never.
use domain::{AgentRun, NodeName, telemetry::Frame};
use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};
use tokio::time::Instant;

/// The most nodes that are remembered: past them, whoever speaks for another is believed.
const NODES_MAX: usize = 200_000;

/// How long one that was not heard to measure yet may be silent: two and a half of an agent's usual intervals.
const PATIENCE: Duration = Duration::from_secs(25);

/// The bounds of what is derived from the interval of its frames.
const PATIENCE_LEAST: Duration = Duration::from_secs(2);
const PATIENCE_MOST: Duration = Duration::from_mins(3);

/// For so long after the second was last heard, the node is told to have two.
const TOLD_FOR: Duration = Duration::from_mins(3);

/// Whether a run of an agent has the node that it speaks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// It has.
    Holds,
    /// Another had it a moment ago. Whether that one still runs is known after this time.
    Waits(Duration),
    /// Another has it, and was heard since this one first was.
    Second,
}

/// Which run of an agent has each node. Cheap to clone: all clones are one.
#[derive(Debug, Clone, Default)]
pub struct Holders(Arc<Mutex<HashMap<NodeName, Holder>>>);

#[derive(Debug)]
struct Holder {
    run: AgentRun,
    heard: Instant,
    patience: Duration,
    second: Option<Second>,
}

#[derive(Debug)]
struct Second {
    run: AgentRun,
    since: Instant,
    heard: Instant,
}

impl Holder {
    const fn new(run: AgentRun, now: Instant) -> Self {
        Self { run, heard: now, patience: PATIENCE, second: None }
    }

    fn hear(&mut self, run: AgentRun, now: Instant) -> Standing {
        if self.run == run {
            self.heard = now;
            return Standing::Holds;
        }
        let silent = now.duration_since(self.heard);
        if silent > self.patience {
            *self = Self::new(run, now);
            return Standing::Holds;
        }
        let known = self.second.take().filter(|second| second.run == run);
        let since = known.map_or(now, |second| second.since);
        self.second = Some(Second { run, since, heard: now });
        if self.heard > since { Standing::Second } else { Standing::Waits(self.patience.saturating_sub(silent)) }
    }

    /// Since when there are two, if there are.
    fn contested(&self, now: Instant) -> Option<Instant> {
        let second = self.second.as_ref()?;
        let lasts = now.duration_since(second.heard) <= TOLD_FOR && now.duration_since(self.heard) <= self.patience;
        (self.heard > second.since && lasts).then_some(second.since)
    }
}

impl Holders {
    /// Something came from this run of the node's agent.
    pub fn hear(&self, node: &NodeName, run: AgentRun) -> Standing {
        let now = Instant::now();
        let mut holders = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(holder) = holders.get_mut(node) {
            return holder.hear(run, now);
        }
        if holders.len() < NODES_MAX {
            holders.insert(node.clone(), Holder::new(run, now));
        }
        Standing::Holds
    }

    /// A frame came: it tells besides how often this run is heard, and whether it ends.
    pub fn hear_frame(&self, frame: &Frame) -> Standing {
        let standing = self.hear(&frame.node, frame.run);
        if standing == Standing::Holds {
            let mut holders = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            if frame.ends {
                holders.remove(&frame.node);
            } else if let Some(holder) = holders.get_mut(&frame.node) {
                let every = Duration::from_millis(frame.step_millis.into()) * u32::from(frame.samples);
                holder.patience = (every * 5 / 2).clamp(PATIENCE_LEAST, PATIENCE_MOST);
            }
        }
        standing
    }

    /// The nodes for which two agents speak at present, and since when.
    pub fn contested(&self) -> Vec<(NodeName, Instant)> {
        let now = Instant::now();
        let holders = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        holders.iter().filter_map(|(node, holder)| Some((node.clone(), holder.contested(now)?))).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use domain::Timestamp;
    use uuid::Uuid;

    const INTERVAL: Duration = Duration::from_secs(10);

    fn node() -> NodeName {
        "gpu-1".parse().unwrap()
    }

    fn run(number: u128) -> AgentRun {
        AgentRun(Uuid::from_u128(number))
    }

    fn frame(number: u128, ends: bool) -> Frame {
        Frame {
            node: node(),
            boot_id: "b".into(),
            run: run(number),
            ends,
            sequence: 0,
            sampled_at: Timestamp::default(),
            step_millis: 1000,
            samples: 10,
            devices: vec![],
            processes: None,
        }
    }

    #[tokio::test(start_paused = true)]
    async fn who_was_first_keeps_the_node_for_as_long_as_it_is_heard() {
        let holders = Holders::default();
        assert_eq!(holders.hear_frame(&frame(1, false)), Standing::Holds);
        assert!(matches!(holders.hear(&node(), run(2)), Standing::Waits(_)));
        assert!(holders.contested().is_empty(), "the first may be over");
        for _ in 0..10 {
            tokio::time::advance(INTERVAL).await;
            assert_eq!(holders.hear_frame(&frame(1, false)), Standing::Holds);
            assert_eq!(holders.hear(&node(), run(2)), Standing::Second);
            assert_eq!(holders.contested().len(), 1);
        }
        for _ in 0..19 {
            tokio::time::advance(INTERVAL).await;
            assert_eq!(holders.hear_frame(&frame(1, false)), Standing::Holds);
        }
        assert!(holders.contested().is_empty(), "the second is gone");
    }

    #[tokio::test(start_paused = true)]
    async fn who_says_that_it_ends_is_followed_at_once() {
        let holders = Holders::default();
        holders.hear_frame(&frame(1, false));
        assert_eq!(holders.hear_frame(&frame(1, true)), Standing::Holds);
        assert_eq!(holders.hear(&node(), run(2)), Standing::Holds);
    }

    #[tokio::test(start_paused = true)]
    async fn who_waits_can_not_end_what_another_has() {
        let holders = Holders::default();
        holders.hear_frame(&frame(1, false));
        assert!(matches!(holders.hear_frame(&frame(2, true)), Standing::Waits(_)));
        assert!(matches!(holders.hear(&node(), run(3)), Standing::Waits(_)));
        assert_eq!(holders.hear(&node(), run(1)), Standing::Holds);
    }

    #[tokio::test(start_paused = true)]
    async fn who_was_killed_is_followed_after_two_frames_that_did_not_come() {
        let holders = Holders::default();
        holders.hear_frame(&frame(1, false));
        tokio::time::advance(INTERVAL).await;
        let Standing::Waits(rest) = holders.hear(&node(), run(2)) else { panic!("it is too early") };
        assert_eq!(rest, INTERVAL * 3 / 2);
        tokio::time::advance(rest + Duration::from_millis(1)).await;
        assert_eq!(holders.hear(&node(), run(2)), Standing::Holds);
        assert!(holders.contested().is_empty());
        assert!(matches!(holders.hear(&node(), run(1)), Standing::Waits(_)), "a late word of the first");
        assert!(holders.contested().is_empty());
    }
}

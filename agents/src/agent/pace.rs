//! How fast an agent goes: how often it looks, how long it waits, and how agents keep out of each other's step.
use domain::NodeName;
use std::time::Duration;

/// The times of an agent, and how much it talks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pace {
    /// From one look to the next.
    pub look_every: Duration,
    /// From one frame of telemetry to the next: the node's sign of life.
    pub frame_every: Duration,
    /// How long the server may take to answer.
    pub answer_within: Duration,
    /// The wait after a first failure; it doubles with each further one.
    pub retry_first: Duration,
    /// The longest wait.
    pub retry_longest: Duration,
    /// After how long without the server everything is told anew.
    pub outage: Duration,
    /// How often everything is told anew in any case.
    pub restate_every: Duration,
    /// How often the server is asked whether it takes this node's reports, and lacks any.
    pub ask_every: Duration,
    /// Whether what is found is logged here too: of a fleet in one process it would be too much.
    pub announce: bool,
}

impl Default for Pace {
    fn default() -> Self {
        Self {
            look_every: Duration::from_secs(5),
            frame_every: Duration::from_secs(10),
            answer_within: Duration::from_secs(10),
            retry_first: Duration::from_millis(250),
            retry_longest: Duration::from_secs(30),
            outage: Duration::from_secs(30),
            restate_every: Duration::from_mins(10),
            ask_every: Duration::from_mins(1),
            announce: false,
        }
    }
}

impl Pace {
    /// How long this node's agent waits after that many failures in a row: half of the time fixed, half its own.
    pub(super) fn retry_after(&self, node: &NodeName, failures: u32) -> Duration {
        let doubled = self.retry_first.saturating_mul(1 << failures.saturating_sub(1).min(16)).min(self.retry_longest);
        doubled / 2 + share(node, u64::from(failures), doubled / 2)
    }
}

/// A part of that time which is this node's own, so that a fleet does not do everything at once.
pub(super) fn share(node: &NodeName, salt: u64, of: Duration) -> Duration {
    let mut hasher = blake3::Hasher::new();
    hasher.update(node.as_str().as_bytes()).update(&salt.to_le_bytes());
    let mut drawn = [0; 4];
    hasher.finalize_xof().fill(&mut drawn);
    of.mul_f64(f64::from(u32::from_le_bytes(drawn)) / f64::from(u32::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_up_to_a_bound_and_differ_by_node() {
        let pace = Pace::default();
        let nodes: [NodeName; 2] = ["sim-1".parse().unwrap(), "sim-2".parse().unwrap()];
        for failures in 1..40 {
            let wait = pace.retry_after(&nodes[0], failures);
            assert!(wait >= pace.retry_first / 2 && wait <= pace.retry_longest, "{wait:?}");
            assert_ne!(wait, pace.retry_after(&nodes[1], failures));
        }
        assert!(pace.retry_after(&nodes[0], 39) >= pace.retry_longest / 2);
    }
}

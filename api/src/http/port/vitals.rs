use domain::{NodeName, Position, Timestamp};
use std::time::Duration;

/// How the rest of the server is, for `/metrics` and `/readyz`.
pub trait Vitals: Send + Sync + 'static {
    /// What the engine has done and has before it.
    fn engine(&self) -> EngineVitals;

    /// What other parts count, each family once.
    fn counted(&self) -> Vec<Counted>;

    /// The parts that must work for the server to be ready, besides the read models: each with its name.
    fn health(&self) -> Vec<Health>;

    /// Since when no agent can be heard, if that is so for longer than a node may be silent: nodes and devices are shown as
    /// they were told before, and none of them is lost for it.
    fn unheard_since(&self) -> Option<Timestamp>;

    /// How events get to NATS; none where the bus is in this process.
    fn relaying(&self) -> Option<Relaying>;

    /// The nodes for which several hosts speak at present, and for how long by now.
    fn contested(&self) -> Vec<(NodeName, Duration)>;
}

/// How events get to NATS.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Relaying {
    /// Whether the NATS server is reached.
    pub connected: bool,
    /// Whether events are being sent.
    pub relaying: bool,
    /// The last event that was sent.
    pub relayed: Position,
}

/// Numbers of one sort, for `/metrics`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Counted {
    /// The metric's name, without prefix and suffix.
    pub name: &'static str,
    /// What it counts.
    pub help: &'static str,
    /// Whether it only rises until the server is started anew.
    pub rises: bool,
    /// Each value with its label, if there are several.
    pub series: Vec<(Option<(&'static str, String)>, u64)>,
}

/// What the engine has done since it started, and has before it.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct EngineVitals {
    /// How many commands came to what: `accepted`, `refused`, `denied`, …
    pub commands: Vec<(&'static str, u64)>,
    /// Commands that wait.
    pub queue_depth: u64,
    /// Commits.
    pub commits: u64,
    /// Events in them.
    pub events: u64,
    /// How many commits had at most so many events, not cumulative, rising; the last bound is infinite.
    pub commit_sizes: Vec<(f64, u64)>,
}

/// Whether a part works.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Health {
    /// The part: `log`, `engine`, `relay`.
    pub part: &'static str,
    /// What is wrong with it, if anything is. Names no person and no secret.
    pub trouble: Option<String>,
    /// Since when, where it is known.
    pub since: Option<Timestamp>,
}

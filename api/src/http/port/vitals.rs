/// How the rest of the server is, for `/metrics` and `/readyz`.
pub trait Vitals: Send + Sync + 'static {
    /// What the engine has done and has before it.
    fn engine(&self) -> EngineVitals;

    /// The parts that must work for the server to be ready, besides the read models: each with its name.
    fn health(&self) -> Vec<Health>;
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
}

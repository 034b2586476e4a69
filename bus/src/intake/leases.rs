//! Which nodes are silent for too long.
//!
//! A lease is counted from when its node was last heard, or from when the server could last not have heard it: its intake
//! was away or behind, the process stood still, or has just started. So an outage of the server or of its bus costs no
//! node anything: after it, every lease begins in full.
use super::Heard;
use domain::NodeName;
use std::time::Duration;
use tokio::time::Instant;

/// The leases of all nodes.
#[derive(Debug)]
pub struct Leases {
    lease: Duration,
    heard: Heard,
    /// Since when every message gets through.
    listening_since: Instant,
    /// When it was last looked whether they do.
    looked: Instant,
}

impl Leases {
    /// Every lease begins now, and lasts so long.
    pub fn new(lease: Duration, heard: Heard) -> Self {
        let now = Instant::now();
        Self { lease, heard, listening_since: now, looked: now }
    }

    /// How often to look: often enough that a node is found silent soon after its lease.
    pub fn look_every(&self) -> Duration {
        (self.lease / 10).clamp(Duration::from_millis(50), Duration::from_secs(5))
    }

    /// Looks whether messages get through at this moment, and were all taken since the last look. If not, every lease
    /// begins anew. So it does when this look comes much later than it should: then nothing else was looked at either.
    pub fn look(&mut self, hears_all: bool) {
        let now = Instant::now();
        let late = now.duration_since(self.looked) > self.look_every().saturating_mul(4);
        if !hears_all || late {
            self.listening_since = now;
        }
        self.looked = now;
    }

    /// Who looks was at work since the last look, and messages got through meanwhile: the next look is not late for that.
    pub fn busy_until_now(&mut self) {
        self.looked = Instant::now();
    }

    /// Whether the node is silent for longer than its lease.
    pub fn is_over(&self, node: &NodeName) -> bool {
        let last = self.heard.last(node).map_or(self.listening_since, |last| last.max(self.listening_since));
        self.looked.duration_since(last) > self.lease
    }

    /// Whether the node was heard within its lease, and after this moment.
    pub fn is_back(&self, node: &NodeName, after: Option<Instant>) -> bool {
        let fresh =
            |last: &Instant| self.looked.duration_since(*last) <= self.lease && after.is_none_or(|at| *last > at);
        self.heard.last(node).as_ref().is_some_and(fresh)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LEASE: Duration = Duration::from_secs(90);

    fn node(name: &str) -> NodeName {
        name.parse().unwrap()
    }

    fn leases() -> (Leases, Heard) {
        let heard = Heard::default();
        (Leases::new(LEASE, heard.clone()), heard)
    }

    /// Time passes, in the steps that looks are made in.
    async fn pass(leases: &mut Leases, seconds: u64, hears_all: bool) {
        for _ in 0..seconds / 5 {
            tokio::time::advance(Duration::from_secs(5)).await;
            leases.look(hears_all);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_node_is_silent_once_its_lease_is_over() {
        let (mut leases, heard) = leases();
        pass(&mut leases, 60, true).await;
        heard.mark(&node("a"));
        pass(&mut leases, 90, true).await;
        assert!(leases.is_over(&node("b")), "it was never heard");
        assert!(!leases.is_over(&node("a")));
        pass(&mut leases, 5, true).await;
        assert!(leases.is_over(&node("a")));
        heard.mark(&node("a"));
        leases.look(true);
        assert!(!leases.is_over(&node("a")));
    }

    #[tokio::test(start_paused = true)]
    async fn an_outage_of_the_bus_is_none_of_the_fleet() {
        let (mut leases, heard) = leases();
        heard.mark(&node("a"));
        pass(&mut leases, 85, true).await;
        pass(&mut leases, 3600, false).await;
        pass(&mut leases, 90, true).await;
        assert!(!leases.is_over(&node("a")), "every lease began anew");
        pass(&mut leases, 5, true).await;
        assert!(leases.is_over(&node("a")));
    }

    #[tokio::test(start_paused = true)]
    async fn a_server_that_stood_still_begins_anew() {
        let (mut leases, heard) = leases();
        heard.mark(&node("a"));
        pass(&mut leases, 85, true).await;
        tokio::time::advance(Duration::from_mins(10)).await;
        leases.look(true);
        assert!(!leases.is_over(&node("a")));
    }

    #[tokio::test(start_paused = true)]
    async fn a_node_is_back_when_it_is_heard_after_it_was_lost() {
        let (mut leases, heard) = leases();
        heard.mark(&node("a"));
        let lost = Instant::now();
        leases.look(true);
        assert!(!leases.is_back(&node("a"), Some(lost)));
        tokio::time::advance(Duration::from_secs(1)).await;
        heard.mark(&node("a"));
        leases.look(true);
        assert!(leases.is_back(&node("a"), Some(lost)));
        pass(&mut leases, 95, true).await;
        assert!(!leases.is_back(&node("a"), Some(lost)), "it is silent again");
    }
}

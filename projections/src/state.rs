//! The one fold: the cluster as committed events tell it, and what its users were called.
use crate::{
    counts::{Count, Counts},
    cursor::{Applied, Gap, step},
    names::Names,
};
use domain::{Cluster, Position, Recorded, Stamp};

/// The cluster, its names and its counts after one event: what every view is a function of.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct State {
    cluster: Cluster,
    names: Names,
    counts: Counts,
}

impl State {
    /// Changes whenever the same events fold into something else here: snapshots of another version are not used.
    pub const VERSION: u32 = 3;

    /// The last event that is folded in.
    pub const fn position(&self) -> Position {
        self.cluster.at().position
    }

    /// The last event that is folded in, and when it was recorded.
    pub const fn stamp(&self) -> Stamp {
        self.cluster.at()
    }

    /// The cluster.
    pub const fn cluster(&self) -> &Cluster {
        &self.cluster
    }

    /// What its users are and were called.
    pub const fn names(&self) -> &Names {
        &self.names
    }

    /// Folds in the next event. One that is folded in already changes nothing.
    ///
    /// # Errors
    /// The event is not the next one: nothing changed.
    pub fn apply(&mut self, recorded: &Recorded) -> Result<Applied, Gap> {
        let applied = step(self.position(), recorded.position)?;
        if applied == Applied::Folded {
            self.names.apply(recorded);
            let at = Stamp { position: recorded.position, recorded_at: recorded.recorded_at };
            self.counts.touch(Count::Out, &self.cluster, &recorded.event);
            domain::evolve(&mut self.cluster, at, &recorded.event);
            self.counts.touch(Count::In, &self.cluster, &recorded.event);
        }
        Ok(applied)
    }

    pub(crate) const fn counts(&self) -> &Counts {
        &self.counts
    }

    pub(crate) fn from_parts(cluster: Cluster, names: Names) -> Self {
        let counts = Counts::of(&cluster);
        Self { cluster, names, counts }
    }
}

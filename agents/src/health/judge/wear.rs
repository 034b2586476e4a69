//! Counters by which a reset is known.
use crate::source::Readings;
use serde::{Deserialize, Serialize};

/// What a GPU showed, and is needed to tell what became of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Wear {
    /// What it used since it was reset or its driver loaded, and what was sent again: only that sets them back.
    energy_mj: Option<u64>,
    pcie_replays: Option<u64>,
    /// The most `NVLinks` that it had up.
    links_up: u8,
}

impl Wear {
    /// The most `NVLinks` that it had up.
    pub(super) const fn links_up(self) -> u8 {
        self.links_up
    }

    /// The counters begin anew; how many links it has does not.
    pub(super) fn begin_anew(&mut self) {
        *self = Self { links_up: self.links_up, ..Self::default() };
    }

    /// Takes in what it shows; what it does not show stays as it was. Whether it has more links up than ever.
    pub(super) fn note(&mut self, readings: &Readings) -> bool {
        self.energy_mj = readings.energy_mj.or(self.energy_mj);
        self.pcie_replays = readings.pcie.replays.or(self.pcie_replays);
        let up = readings.nvlinks.map_or(0, |links| links.active);
        let more = up > self.links_up;
        self.links_up = self.links_up.max(up);
        more
    }

    /// Whether a counter went back: the GPU was reset, or its driver loaded anew. Memory errors are not among the counters: a
    /// command sets them back.
    pub(super) fn went_back(self, readings: &Readings) -> bool {
        let back = |then: Option<u64>, now: Option<u64>| then.zip(now).is_some_and(|(then, now)| now < then);
        back(self.energy_mj, readings.energy_mj) || back(self.pcie_replays, readings.pcie.replays)
    }
}

//! Counters by which a reset is known, and what outlives one.
use super::week::Week;
use crate::source::Readings;
use domain::Timestamp;
use serde::{Deserialize, Serialize};

/// What a GPU showed, and is needed to tell what became of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Wear {
    /// What it used since it was reset or its driver loaded, and what was sent again: only that sets them back.
    energy_mj: Option<u64>,
    pcie_replays: Option<u64>,
    /// The most `NVLinks` that it had up.
    links_up: u8,
    /// Pages that were retired for double-bit errors, which is for good.
    double_bit: u32,
    double_bit_week: Week,
}

impl Wear {
    /// The most `NVLinks` that it had up.
    pub(super) const fn links_up(self) -> u8 {
        self.links_up
    }

    /// How many pages were retired for double-bit errors within the last week, as far as that is known.
    pub(super) fn double_bit_growth(&self) -> u32 {
        self.double_bit_week.growth(self.double_bit)
    }

    /// The counters begin anew; how many links it has, and which pages are retired, does not.
    pub(super) const fn begin_anew(&mut self) {
        (self.energy_mj, self.pcie_replays) = (None, None);
    }

    /// Takes in what it shows; what it does not show stays as it was. Whether it shows what is worth remembering at once.
    pub(super) fn note(&mut self, readings: &Readings, now: Timestamp) -> bool {
        self.energy_mj = readings.energy_mj.or(self.energy_mj);
        self.pcie_replays = readings.pcie.replays.or(self.pcie_replays);
        let up = readings.nvlinks.map_or(0, |links| links.active);
        let more = up > self.links_up;
        self.links_up = self.links_up.max(up);
        let pages = readings.retired.double_bit;
        self.double_bit = pages.unwrap_or(self.double_bit);
        let another_day = pages.is_some_and(|pages| self.double_bit_week.note(pages, now));
        more || another_day
    }

    /// Whether a counter went back: the GPU was reset, or its driver loaded anew. Memory errors are not among the counters: a
    /// command sets them back.
    pub(super) fn went_back(self, readings: &Readings) -> bool {
        let back = |then: Option<u64>, now: Option<u64>| then.zip(now).is_some_and(|(then, now)| now < then);
        back(self.energy_mj, readings.energy_mj) || back(self.pcie_replays, readings.pcie.replays)
    }
}

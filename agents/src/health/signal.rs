//! The numbers that conditions are made of: what one look at a GPU gives, and what a minute adds.
use super::{
    figures::{self, Figures},
    policy::Values,
};
use crate::source::{Fabric, Readings, Sighting, State, Throttle};
use std::{fmt, str::FromStr, time::Duration};

/// What a signal is read from.
#[derive(Debug, Clone, Copy)]
pub struct Look<'a> {
    /// The GPU as it was seen.
    pub sighting: &'a Sighting,
    /// What the last minute added, at the look that ends it.
    pub minute: Option<&'a Minute>,
    /// The most `NVLinks` that it ever had up: some boards have links that lead nowhere.
    pub links_up: u8,
    /// What the driver asks for by its log (XID 154), if it ever said so.
    pub logged_action: Option<u32>,
    /// How many of its memory pages were retired for double-bit errors within the last week.
    pub double_bit_growth: u32,
}

/// What counters rose by in a minute; none for one that can't be read, or that began anew.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Minute {
    /// Corrected memory errors.
    pub ecc_corrected: Option<u64>,
    /// PCI Express packets that were sent again.
    pub pcie_replays: Option<u64>,
    /// Replays and recoveries of all `NVLinks`.
    pub nvlink_replays: Option<u64>,
    /// Checksum errors of all `NVLinks`, flits and data.
    pub nvlink_crc: Option<u64>,
    /// Recoveries of all `NVLinks`, where they are of version 5.
    pub link_recoveries: Option<u64>,
    /// Those that failed.
    pub failed_recoveries: Option<u64>,
    /// Errors on them that remained after correction.
    pub effective_errors: Option<u64>,
}

impl Minute {
    /// The counters as they stand.
    pub fn standing(readings: &Readings) -> Self {
        let links = readings.nvlinks.unwrap_or_default();
        let both = |one: Option<u64>, other: Option<u64>| Some(one?.saturating_add(other?));
        Self {
            ecc_corrected: readings.ecc.corrected,
            pcie_replays: readings.pcie.replays,
            nvlink_replays: both(links.replays, links.recoveries),
            nvlink_crc: both(links.crc_flit, links.crc_data),
            link_recoveries: links.link_recoveries,
            failed_recoveries: links.failed_recoveries,
            effective_errors: links.effective_errors,
        }
    }

    /// What was added since `before`, which was so long ago, as if that had been a minute.
    pub fn since(&self, before: &Self, took: Duration) -> Self {
        let per_minute = |now: Option<u64>, then: Option<u64>| {
            let added = u128::from(now?.checked_sub(then?)?);
            u64::try_from(added * 60_000 / took.as_millis().max(1)).ok()
        };
        Self {
            ecc_corrected: per_minute(self.ecc_corrected, before.ecc_corrected),
            pcie_replays: per_minute(self.pcie_replays, before.pcie_replays),
            nvlink_replays: per_minute(self.nvlink_replays, before.nvlink_replays),
            nvlink_crc: per_minute(self.nvlink_crc, before.nvlink_crc),
            link_recoveries: per_minute(self.link_recoveries, before.link_recoveries),
            failed_recoveries: per_minute(self.failed_recoveries, before.failed_recoveries),
            effective_errors: per_minute(self.effective_errors, before.effective_errors),
        }
    }
}

/// A number that a condition is made of. Yes is 1 and no is 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Signal(&'static Entry);

#[derive(Debug)]
struct Entry {
    name: &'static str,
    about: &'static str,
    read: Read,
    figures: Figures,
}

/// How a signal is read.
#[derive(Debug)]
enum Read {
    State(fn(&State) -> Option<i64>),
    Readings(fn(&Readings) -> Option<i64>),
    Minute(fn(&Readings, &Minute) -> Option<i64>),
    Links(fn(&Readings, u8) -> Option<i64>),
    Week(fn(&Readings, u32) -> Option<i64>),
    /// With what was logged, which may be known of a GPU that can't be read.
    Logged(fn(Option<&Readings>, Option<u32>) -> Option<i64>),
}

/// Each is there once.
impl PartialEq for Entry {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name
    }
}

impl Eq for Entry {}

/// There is no signal of that name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("there is no signal {0:?}")]
pub struct NoSuchSignal(String);

impl FromStr for Signal {
    type Err = NoSuchSignal;
    fn from_str(text: &str) -> Result<Self, NoSuchSignal> {
        let known = TABLE.iter().find(|entry| entry.name == text);
        known.map(Self).ok_or_else(|| NoSuchSignal(text.chars().take(64).collect()))
    }
}

impl fmt::Display for Signal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.0.name)
    }
}

impl Signal {
    /// Every signal.
    pub fn all() -> impl Iterator<Item = Self> {
        TABLE.iter().map(Self)
    }

    /// What it is, in which unit.
    pub const fn about(self) -> &'static str {
        self.0.about
    }

    /// Its value now; none if it can't be read.
    pub fn value(self, look: Look<'_>) -> Option<i64> {
        let readings = look.sighting.readings();
        match self.0.read {
            Read::State(read) => read(&look.sighting.state),
            Read::Readings(read) => read(readings?),
            Read::Minute(read) => read(readings?, look.minute?),
            Read::Links(read) => read(readings?, look.links_up),
            Read::Week(read) => read(readings?, look.double_bit_growth),
            Read::Logged(read) => read(readings, look.logged_action),
        }
    }

    /// Its value now in figures, with what it is compared with, in at most [`FIGURES_MAX`](figures::FIGURES_MAX) bytes;
    /// none, where that adds nothing to what a line says itself.
    pub fn figures(self, look: Look<'_>, holds: &Values) -> Option<String> {
        self.0.figures.of(look.sighting.readings()?, self.value(look)?, holds)
    }
}

impl Entry {
    const fn new(name: &'static str, about: &'static str, read: Read) -> Self {
        Self { name, about, read, figures: Figures::None }
    }

    /// The number itself is told.
    const fn counted(self) -> Self {
        Self { figures: Figures::Count, ..self }
    }

    /// This is told.
    const fn told(self, text: fn(&Readings, i64) -> Option<String>) -> Self {
        Self { figures: Figures::Text(text), ..self }
    }
}

const fn reading(name: &'static str, about: &'static str, read: fn(&Readings) -> Option<i64>) -> Entry {
    Entry::new(name, about, Read::Readings(read))
}

const fn minute(name: &'static str, about: &'static str, read: fn(&Readings, &Minute) -> Option<i64>) -> Entry {
    Entry::new(name, about, Read::Minute(read))
}

#[rustfmt::skip]
const TABLE: &[Entry] = &[
    Entry::new("lost", "whether the driver has lost the GPU (NVML_ERROR_GPU_IS_LOST)", Read::State(lost)),
    Entry::new("recovery_action", "what the driver asks for (NVML_FI_DEV_GET_GPU_RECOVERY_ACTION; where NVML does not say it, the last XID 154)", Read::Logged(recovery_action)).counted(),
    reading("ecc.uncorrected", "uncorrected memory errors since the last reset", |r| int(r.ecc.uncorrected?)).counted(),
    reading("ecc.sram_threshold", "whether the SRAM has failed too often", |r| r.ecc.sram_threshold_exceeded.map(i64::from)),
    reading("ecc.enabled", "whether error correction is on", |r| r.ecc.enabled.map(i64::from)),
    reading("ecc.change_pending", "whether error correction changes at the next restart", |r| Some(i64::from(r.ecc.enabled? != r.ecc.pending?))),
    minute("ecc.corrected_per_minute", "corrected memory errors in the last minute", |_, m| int(m.ecc_corrected?)).counted(),
    reading("remap.pending", "whether a row is remapped at the next reset", |r| r.remap.pending.map(i64::from)),
    reading("remap.failed", "whether a row could not be remapped", |r| r.remap.failed.map(i64::from)),
    reading("remap.uncorrected", "rows remapped for uncorrected errors", |r| r.remap.uncorrected.map(i64::from)).counted(),
    reading("retired.total", "retired memory pages", |r| Some(i64::from(r.retired.single_bit?) + i64::from(r.retired.double_bit?))).counted(),
    Entry::new("retired.double_bit_in_a_week", "pages retired for double-bit errors within the last week, once more than 15 are retired for them", Read::Week(double_bit_in_a_week)).told(figures::pages),
    reading("retired.pending", "whether a page is retired at the next restart", |r| r.retired.pending.map(i64::from)),
    reading("temperature.over_slowdown", "degrees above the limit where the GPU slows down", |r| over(r.temperatures.gpu, r.temperatures.slowdown)).told(figures::slowdown),
    reading("temperature.over_shutdown", "degrees above the limit where the GPU switches itself off", |r| over(r.temperatures.gpu, r.temperatures.shutdown)).told(figures::shutdown),
    reading("temperature.beyond_slowdown_margin", "degrees that the thermal margin lies below the one where the GPU slows down (NVML_FI_DEV_TEMPERATURE_SLOWDOWN_TLIMIT)", |r| over(r.temperatures.slowdown_margin, r.temperatures.margin)).told(figures::margin),
    reading("temperature.memory_over_max", "degrees of the memory above its limit", |r| over(r.temperatures.memory, r.temperatures.memory_max)).told(figures::memory),
    reading("throttle.hw_thermal", "whether heat slows the GPU down, by hardware", |r| throttled(r, Throttle::HW_THERMAL)),
    reading("throttle.power_brake", "whether the power supply slows the GPU down", |r| throttled(r, Throttle::POWER_BRAKE)),
    reading("pcie.lanes_lost_percent", "lanes that the PCI Express link has lost, in per cent of those it can have", lanes_lost).told(figures::lanes),
    reading("pcie.generations_lost_under_load", "generations below what the PCI Express link can have, while the GPU works: an idle link is slow", generations_lost).told(figures::generations),
    minute("pcie.replays_over_bound", "packets sent again in the last minute beyond what an error rate of 1e-12 gives (DCGM's bound)", replays_over_bound).told(figures::replays),
    Entry::new("nvlink.down", "NVLinks that are down, of those that ever were up", Read::Links(links_down)).told(figures::links),
    minute("nvlink.replays_per_minute", "replays and recoveries of NVLinks in the last minute", |_, m| int(m.nvlink_replays?)).counted(),
    minute("nvlink.crc_per_second", "checksum errors of NVLinks a second, over the last minute", |_, m| int(m.nvlink_crc? / 60)).counted(),
    minute("nvlink5.recoveries_per_minute", "recoveries of NVLinks of version 5 in the last minute", |_, m| int(m.link_recoveries?)).counted(),
    minute("nvlink5.failed_recoveries_per_minute", "recoveries of NVLinks of version 5 that failed in the last minute", |_, m| int(m.failed_recoveries?)).counted(),
    minute("nvlink5.effective_errors_per_minute", "errors of NVLinks of version 5 that remained after correction in the last minute", |_, m| int(m.effective_errors?)).counted(),
    reading("nvlink5.worst_bit_error_rate", "the worst NVLink's bit error rate after correction, as a power of ten: -12 is 1e-12 (version 5)", |r| Some(r.nvlinks?.worst_ber?.power_of_ten())).told(figures::bit_errors),
    reading("fabric.state", "how far the GPU is registered with its NVLink switches (NVML_GPU_FABRIC_STATE_...)", |r| Some(r.fabric?.state.into())).told(figures::fabric),
    reading("fabric.status", "what NVML answered to its registration, once that is completed: 0 is success", fabric_status).counted(),
    reading("fabric.degraded_bandwidth", "whether the GPU has less bandwidth in the fabric than it should", |r| r.fabric?.degraded_bandwidth.map(i64::from)),
    reading("info_rom.valid", "whether the info ROM is as it was written", |r| r.info_rom_valid.map(i64::from)),
    reading("persistence", "whether the driver stays loaded when nobody uses the GPU", |r| r.persistence.map(i64::from)),
];

fn int(value: u64) -> Option<i64> {
    value.try_into().ok()
}

fn lost(state: &State) -> Option<i64> {
    match state {
        State::Lost => Some(1),
        State::Read(_) => Some(0),
        State::Unreadable => None,
    }
}

/// NVML's word is of now. That all is well again is believed of a GPU that can be read.
fn recovery_action(readings: Option<&Readings>, logged: Option<u32>) -> Option<i64> {
    let action = match readings {
        Some(readings) => readings.recovery_action.or(logged),
        None => logged.filter(|action| *action != 0),
    };
    action.map(i64::from)
}

fn over(value: Option<i32>, limit: Option<i32>) -> Option<i64> {
    Some(i64::from(value?) - i64::from(limit?))
}

fn throttled(readings: &Readings, reason: Throttle) -> Option<i64> {
    readings.throttle.map(|reasons| i64::from(reasons.contains(reason)))
}

fn lanes_lost(readings: &Readings) -> Option<i64> {
    let (now, most) = (readings.pcie.width?, readings.pcie.width_max.filter(|most| *most > 0)?);
    Some(i64::from(most.saturating_sub(now)) * 100 / i64::from(most))
}

fn generations_lost(readings: &Readings) -> Option<i64> {
    let lost = i64::from(readings.pcie.generation_max?.saturating_sub(readings.pcie.generation?));
    (readings.gpu_utilization? > 0).then_some(lost)
}

fn links_down(readings: &Readings, up: u8) -> Option<i64> {
    let links = readings.nvlinks.filter(|_| up > 0)?;
    Some(i64::from(up.saturating_sub(links.active)))
}

/// DCGM's rule (`DcgmGPUHardwareLimits.h`): new ones are too many where there are many.
fn double_bit_in_a_week(readings: &Readings, growth: u32) -> Option<i64> {
    const MANY: u32 = 15;
    Some(if readings.retired.double_bit? > MANY { growth.into() } else { 0 })
}

/// Before, it is of no meaning (`nvmlGpuFabricInfoV_t`).
fn fabric_status(readings: &Readings) -> Option<i64> {
    let fabric = readings.fabric.filter(|fabric| fabric.state == Fabric::COMPLETED)?;
    Some(fabric.status.into())
}

/// DCGM's bound (`DcgmGPUHardwareLimits.h`): so many a minute and lane, by generation, in hundredths.
fn replays_over_bound(readings: &Readings, minute: &Minute) -> Option<i64> {
    const HUNDREDTHS: [u64; 6] = [15, 30, 48, 96, 192, 384];
    let generation = usize::try_from(readings.pcie.generation_max?.checked_sub(1)?).ok()?;
    let bound = (u64::from(readings.pcie.width?) * HUNDREDTHS.get(generation)?).div_ceil(100);
    int(minute.pcie_replays?.saturating_sub(bound))
}

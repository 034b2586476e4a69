//! The two models of a simulated fleet, and how a sound GPU of each reads.
use super::chance;
use crate::source::{Ecc, Memory, NvLinks, Pcie, Profile, Readings, Remap, Temperatures, Throttle};
use std::time::Duration;

/// A model's figures, as NVIDIA's data sheets and drivers give them.
#[derive(Debug)]
pub(super) struct Figures {
    pub(super) name: &'static str,
    pub(super) memory_bytes: u64,
    power_limit_mw: u32,
    sm_clock_mhz: u32,
    memory_clock_mhz: u32,
    pcie_generation: u32,
    nvlinks: u8,
    slowdown: i32,
    shutdown: i32,
    memory_max: i32,
}

pub(super) const H100: Figures = Figures {
    name: "NVIDIA H100 80GB HBM3",
    memory_bytes: 85_520_809_984,
    power_limit_mw: 700_000,
    sm_clock_mhz: 1980,
    memory_clock_mhz: 2619,
    pcie_generation: 5,
    nvlinks: 18,
    slowdown: 90,
    shutdown: 95,
    memory_max: 95,
};

pub(super) const A100: Figures = Figures {
    name: "NVIDIA A100-SXM4-80GB",
    memory_bytes: 85_899_345_920,
    power_limit_mw: 400_000,
    sm_clock_mhz: 1410,
    memory_clock_mhz: 1593,
    pcie_generation: 4,
    nvlinks: 12,
    slowdown: 89,
    shutdown: 92,
    memory_max: 95,
};

impl Figures {
    const IDLE_MW: u32 = 70_000;
    const RESERVED: u64 = 600 << 20;

    /// How a sound GPU reads under this load, in per cent, after so long with the driver loaded.
    pub(super) fn sound(&self, load: u8, since: Duration) -> Readings {
        let of = |whole: u64| whole * u64::from(load) / 100;
        let degrees = i32::from(load) * 2 / 5;
        let power = Self::IDLE_MW + (self.power_limit_mw - Self::IDLE_MW) / 100 * u32::from(load);
        let usable = self.memory_bytes - Self::RESERVED;
        let mean_power = u64::from(Self::IDLE_MW + self.power_limit_mw) / 2;
        Readings {
            gpu_utilization: Some(load),
            memory_utilization: Some(load / 2),
            memory: Memory { used: Some(of(usable)), free: Some(usable - of(usable)), reserved: Some(Self::RESERVED) },
            temperatures: Temperatures {
                gpu: Some(31 + degrees),
                memory: Some(38 + degrees),
                slowdown: Some(self.slowdown),
                shutdown: Some(self.shutdown),
                memory_max: Some(self.memory_max),
                ..Temperatures::default()
            },
            power_mw: Some(power),
            power_limit_mw: Some(self.power_limit_mw),
            energy_mj: Some(mean_power.saturating_mul(since.as_secs())),
            sm_clock_mhz: Some(if load == 0 { 345 } else { self.sm_clock_mhz }),
            memory_clock_mhz: Some(self.memory_clock_mhz),
            throttle: Some(match load {
                0 => Throttle::IDLE,
                96.. => Throttle::POWER_CAP,
                _ => Throttle::default(),
            }),
            ecc: Ecc {
                enabled: Some(true),
                pending: Some(true),
                corrected: Some(0),
                uncorrected: Some(0),
                corrected_ever: Some(0),
                uncorrected_ever: Some(0),
                sram_threshold_exceeded: Some(false),
            },
            remap: Remap { corrected: Some(0), uncorrected: Some(0), pending: Some(false), failed: Some(false) },
            pcie: Pcie {
                generation: Some(if load == 0 { 1 } else { self.pcie_generation }),
                generation_max: Some(self.pcie_generation),
                width: Some(16),
                width_max: Some(16),
                replays: Some(0),
            },
            nvlinks: Some(NvLinks {
                total: self.nvlinks,
                active: self.nvlinks,
                replays: Some(0),
                recoveries: Some(0),
                crc_flit: Some(0),
                crc_data: Some(0),
                ..NvLinks::default()
            }),
            profile: Profile {
                engine_active: Some(u16::from(load) * 10),
                tensor_active: Some(u16::from(load) * 6),
                dram_active: Some(u16::from(load) * 5),
                ..Profile::default()
            },
            recovery_action: Some(0),
            persistence: Some(true),
            info_rom_valid: Some(true),
            ..Readings::default()
        }
    }
}

/// A load that moves: it rises and falls over some minutes, each GPU in its own time, with a flicker on top.
pub(super) fn load(seed: u64, node: u64, gpu: u64, at: Duration) -> u8 {
    const FLICKER_SECONDS: u64 = 5;
    let period = 120 + chance::below(480, seed, "period", &[node, gpu]);
    let phase = chance::below(period, seed, "phase", &[node, gpu]);
    let top = chance::below(101, seed, "top", &[node, gpu]);
    let place = (at.as_secs() + phase) % period;
    let wave = top * place.min(period - place) * 2 / period;
    let flicker = chance::below(8, seed, "flicker", &[node, gpu, at.as_secs() / FLICKER_SECONDS]);
    u8::try_from((wave + flicker).saturating_sub(4).min(100)).unwrap_or(100)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_load_moves_within_its_bounds() {
        let loads: Vec<u8> = (0..600).map(|second| load(3, 0, 0, Duration::from_secs(second))).collect();
        assert!(loads.iter().all(|load| *load <= 100));
        assert!(loads.iter().min() != loads.iter().max());
    }
}

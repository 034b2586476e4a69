//! What one GPU's driver can be asked. Every field may be missing: this GPU or this driver does not support it, or it
//! was not answered this time. Missing is never zero.

/// One GPU's readings of one moment.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Readings {
    /// Per cent of the last sample period in which a kernel ran.
    pub gpu_utilization: Option<u8>,
    /// Per cent of the last sample period in which memory was read or written.
    pub memory_utilization: Option<u8>,
    /// Per cent of the last sample period in which its video encoder was busy.
    pub encoder_utilization: Option<u8>,
    /// Per cent of the last sample period in which its video decoder was busy.
    pub decoder_utilization: Option<u8>,
    /// Its memory.
    pub memory: Memory,
    /// Its temperatures.
    pub temperatures: Temperatures,
    /// Power drawn, in milliwatts.
    pub power_mw: Option<u32>,
    /// The limit that is enforced, in milliwatts.
    pub power_limit_mw: Option<u32>,
    /// Energy since the driver was loaded, in millijoules.
    pub energy_mj: Option<u64>,
    /// Clock of the multiprocessors, in megahertz.
    pub sm_clock_mhz: Option<u32>,
    /// Clock of the memory, in megahertz.
    pub memory_clock_mhz: Option<u32>,
    /// Why its clocks are held back.
    pub throttle: Option<Throttle>,
    /// Memory errors that were found.
    pub ecc: Ecc,
    /// How long its clocks were held back, all in all.
    pub violations: Violations,
    /// What its profiling counters say (GPM, since Hopper).
    pub profile: Profile,
    /// Remapped rows (since Ampere).
    pub remap: Remap,
    /// Retired pages (before Ampere).
    pub retired: Retired,
    /// Its PCI Express link.
    pub pcie: Pcie,
    /// Its `NVLinks`.
    pub nvlinks: Option<NvLinks>,
    /// Its place in the fabric of its `NVLink` switches.
    pub fabric: Option<Fabric>,
    /// What the driver itself says should be done (`NVML_FI_DEV_GET_GPU_RECOVERY_ACTION`), as its number.
    pub recovery_action: Option<u32>,
    /// Whether the driver stays loaded when nobody uses the GPU.
    pub persistence: Option<bool>,
    /// Whether the info ROM is as it was written.
    pub info_rom_valid: Option<bool>,
}

/// A GPU's memory, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Memory {
    /// In use.
    pub used: Option<u64>,
    /// To be had.
    pub free: Option<u64>,
    /// Kept by the driver.
    pub reserved: Option<u64>,
}

/// A GPU's temperatures and their limits, in degrees Celsius.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Temperatures {
    /// Of the GPU.
    pub gpu: Option<i32>,
    /// Of its memory.
    pub memory: Option<i32>,
    /// Where the GPU slows itself down.
    pub slowdown: Option<i32>,
    /// Where it switches itself off.
    pub shutdown: Option<i32>,
    /// The most that its memory may have.
    pub memory_max: Option<i32>,
    /// How much hotter it may get before its clocks are held back; some H100 say 0 or less at any time.
    pub margin: Option<i32>,
    /// The margin at which it slows itself down.
    pub slowdown_margin: Option<i32>,
}

/// The reasons for which clocks are held back, as NVML's bits (`nvmlClocksEventReasons`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Throttle(pub u64);

impl Throttle {
    /// Nothing runs.
    pub const IDLE: Self = Self(0x1);
    /// The power limit in software: normal under load, never a fault.
    pub const POWER_CAP: Self = Self(0x4);
    /// The hardware is too hot.
    pub const HW_THERMAL: Self = Self(0x40);
    /// The power supply asked for less.
    pub const POWER_BRAKE: Self = Self(0x80);

    /// Whether these reasons hold, perhaps among others.
    pub const fn contains(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }
}

/// Memory errors.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Ecc {
    /// Whether errors are looked for.
    pub enabled: Option<bool>,
    /// Whether they will be, after the next restart.
    pub pending: Option<bool>,
    /// Corrected ones since the last reset.
    pub corrected: Option<u64>,
    /// Uncorrected ones since the last reset.
    pub uncorrected: Option<u64>,
    /// Corrected ones of its whole life.
    pub corrected_ever: Option<u64>,
    /// Uncorrected ones of its whole life.
    pub uncorrected_ever: Option<u64>,
    /// Whether the GPU itself says that its SRAM has failed too often.
    pub sram_threshold_exceeded: Option<bool>,
}

/// Remapped rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Remap {
    /// Rows remapped for corrected errors.
    pub corrected: Option<u32>,
    /// Rows remapped for uncorrected errors.
    pub uncorrected: Option<u32>,
    /// Whether a remapping waits for a reset.
    pub pending: Option<bool>,
    /// Whether a remapping failed.
    pub failed: Option<bool>,
}

/// Retired pages.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Retired {
    /// Retired for too many single-bit errors.
    pub single_bit: Option<u32>,
    /// Retired for a double-bit error.
    pub double_bit: Option<u32>,
    /// Whether one waits for a restart.
    pub pending: Option<bool>,
}

/// A PCI Express link.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Pcie {
    /// Its generation now: lower while idle.
    pub generation: Option<u32>,
    /// The best that GPU and slot have in common.
    pub generation_max: Option<u32>,
    /// Its lanes now.
    pub width: Option<u32>,
    /// The most that GPU and slot have in common.
    pub width_max: Option<u32>,
    /// Packets sent again since the driver was loaded.
    pub replays: Option<u64>,
}

/// A GPU's `NVLinks`, all together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct NvLinks {
    /// How many it has.
    pub total: u8,
    /// How many are up.
    pub active: u8,
    /// Packets sent again since the driver was loaded (`DlReplay`).
    pub replays: Option<u64>,
    /// Recoveries of a link (`DlRecovery`).
    pub recoveries: Option<u64>,
    /// Checksum errors in flits (`DlCrcFlit`).
    pub crc_flit: Option<u64>,
    /// Checksum errors in data (`DlCrcData`).
    pub crc_data: Option<u64>,
    /// Recoveries of a link, as `NVLink` 5 counts them.
    pub link_recoveries: Option<u64>,
    /// Those of them that failed.
    pub failed_recoveries: Option<u64>,
    /// Errors that remained after correction (`NVLink` 5).
    pub effective_errors: Option<u64>,
    /// The worst link's rate of bits that remained wrong after correction (`NVLink` 5).
    pub worst_ber: Option<BitErrorRate>,
}

/// How many of a link's bits are wrong: `mantissa` times ten to the power of minus `exponent`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BitErrorRate {
    /// The link, from 0 on.
    pub link: u8,
    /// 0 to 15; 0: none is.
    pub mantissa: u8,
    /// How small it is.
    pub exponent: u8,
}

impl BitErrorRate {
    /// The power of ten that it begins with: -12 for anything from 1e-12 up to less than 1e-11. Where no bit is wrong, less than
    /// any other.
    pub fn power_of_ten(self) -> i64 {
        match self.mantissa {
            0 => -i64::from(u8::MAX),
            mantissa => i64::from(mantissa >= 10) - i64::from(self.exponent),
        }
    }
}

/// A GPU's place in the fabric of its `NVLink` switches (`nvmlDeviceGetGpuFabricInfoV`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Fabric {
    /// How far it is registered there, as NVML's number (`NVML_GPU_FABRIC_STATE_…`).
    pub state: u8,
    /// How its registration went, as `nvmlReturn_t`: of meaning once that is [completed](Self::COMPLETED).
    pub status: u32,
    /// Whether it has less bandwidth there than it should; none, if the driver does not look.
    pub degraded_bandwidth: Option<bool>,
}

impl Fabric {
    /// It has no such fabric.
    pub const NOT_SUPPORTED: u8 = 0;
    /// Nobody has begun to register it.
    pub const NOT_STARTED: u8 = 1;
    /// It is being registered.
    pub const IN_PROGRESS: u8 = 2;
    /// It was registered, or could not be: its status says which.
    pub const COMPLETED: u8 = 3;
}

/// How long clocks were held back since the driver was loaded, in nanoseconds (`nvmlDeviceGetViolationStatus`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Violations {
    /// For power.
    pub power_ns: Option<u64>,
    /// For heat.
    pub thermal_ns: Option<u64>,
}

/// Shares of the last sample period, in thousandths, and rates (`nvmlGpmMetricsGet`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Profile {
    /// In which the graphics or compute engine was busy.
    pub engine_active: Option<u16>,
    /// In which a tensor pipe was busy.
    pub tensor_active: Option<u16>,
    /// In which device memory was read or written.
    pub dram_active: Option<u16>,
    /// Bytes a second sent over PCI Express.
    pub pcie_sent: Option<u64>,
    /// Bytes a second received over PCI Express.
    pub pcie_received: Option<u64>,
}

//! What the fake NVML answers: one JSON file beside each copy of the library, written by the harness.
//!
//! A reading that is `None` answers `NVML_ERROR_NOT_SUPPORTED`. Codes are those of `nvmlReturn_t`.

use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// Everything that a copy of the library knows. By default one sound GPU.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct State {
    /// The driver below the library.
    pub driver: Driver,
    /// How many milliseconds a function takes, by its symbol.
    pub slow: BTreeMap<String, u64>,
    /// Symbols of functions that do not return until they are no longer named here, or for 60 s.
    pub hang: BTreeSet<String>,
    /// Symbols of functions that fail, with the code that they answer.
    pub errors: BTreeMap<String, u32>,
    /// The GPUs, in the order of their index.
    pub gpus: Vec<Gpu>,
    /// What event sets deliver: each set those above the highest id at its creation.
    pub events: Vec<Event>,
    /// Of several events due for one GPU between two waits only the most recent is delivered.
    pub coalesce: bool,
}

impl Default for State {
    fn default() -> Self {
        Self::with_gpus(1)
    }
}

impl State {
    /// A sound driver with so many sound GPUs, that differ in what identifies them.
    pub fn with_gpus(count: u8) -> Self {
        Self {
            driver: Driver::default(),
            slow: BTreeMap::new(),
            hang: BTreeSet::new(),
            errors: BTreeMap::new(),
            gpus: (0..count).map(Gpu::numbered).collect(),
            events: Vec::new(),
            coalesce: false,
        }
    }
}

/// The driver below the library.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Driver {
    /// Its version.
    pub version: String,
    /// The version of the library.
    pub nvml_version: String,
    /// The CUDA version: 13.0 is 13000.
    pub cuda_version: i32,
    /// What initialisation answers: 0, or 9 where the driver is not loaded, 18 where it is of another version.
    pub init: u32,
    /// What every call after initialisation answers, unless 0: 1 for a driver that was unloaded.
    pub call: u32,
}

impl Default for Driver {
    fn default() -> Self {
        let (version, nvml_version) = ("580.95.05".into(), "13.580.95.05".into());
        Self { version, nvml_version, cuda_version: 13_000, init: 0, call: 0 }
    }
}

/// A critical XID, as an event.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Event {
    /// Rises from event to event.
    pub id: u64,
    /// The index of the GPU.
    pub gpu: usize,
    /// The XID.
    pub xid: u64,
    /// The MIG GPU instance that it concerns.
    #[serde(default)]
    pub gpu_instance: Option<u32>,
    /// The MIG compute instance that it concerns.
    #[serde(default)]
    pub compute_instance: Option<u32>,
}

/// A GPU. By default a sound, idle H100.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Gpu {
    /// `GPU-…`: what a handle of this GPU stands for, so it stays valid while other GPUs come and go.
    pub uuid: String,
    /// As NVML prints it: `00000000:B3:00.0`.
    pub pci_bus_id: String,
    /// PCI device (upper 16 bits) and vendor.
    pub pci_device_id: u32,
    /// The product name.
    pub name: String,
    /// The board's serial number.
    pub serial: Option<String>,
    /// The number in `/dev/nvidia<minor>`.
    pub minor: Option<u32>,
    /// It fell off the bus: all but its PCI address answers `NVML_ERROR_GPU_IS_LOST`.
    pub lost: bool,
    /// All but identity, remapped rows and field values answers `NVML_ERROR_RESET_REQUIRED`.
    pub reset_required: bool,
    /// Symbols of functions that fail for this GPU, with the code that they answer.
    pub errors: BTreeMap<String, u32>,
    /// Its memory.
    pub memory: Option<Memory>,
    /// Percent of time in which kernels ran, and in which memory was read or written.
    pub utilization: Option<Utilization>,
    /// Percent.
    pub encoder_utilization: Option<u32>,
    /// Percent.
    pub decoder_utilization: Option<u32>,
    /// Of the GPU, in degrees Celsius.
    pub temperature: Option<u32>,
    /// Of the memory, in degrees Celsius: field 82.
    pub memory_temperature: Option<u32>,
    /// Degrees Celsius by `nvmlTemperatureThresholds_t`: 0 shutdown, 1 slowdown, 2 memory, 3 GPU.
    pub temperature_thresholds: BTreeMap<u32, u32>,
    /// Degrees until its clocks are held back.
    pub thermal_margin: Option<i32>,
    /// The margin at which it slows itself down: field 194.
    pub slowdown_margin: Option<i32>,
    /// What it draws.
    pub power_mw: Option<u32>,
    /// What it may draw.
    pub power_limit_mw: Option<u32>,
    /// What it used since the driver was loaded.
    pub energy_mj: Option<u64>,
    /// MHz now by `nvmlClockType_t`: 0 graphics, 1 SM, 2 memory, 3 video.
    pub clocks: BTreeMap<u32, u32>,
    /// MHz at most, by the same.
    pub max_clocks: BTreeMap<u32, u32>,
    /// `nvmlClocksThrottleReason…`, a mask.
    pub throttle_reasons: Option<u64>,
    /// Whether ECC is on.
    pub ecc: Option<Mode>,
    /// Counts of ECC errors.
    pub ecc_errors: Option<EccErrors>,
    /// Counts of ECC errors in SRAM.
    pub sram_ecc: Option<SramEcc>,
    /// Remapped rows: its own function, and fields 142 to 145.
    pub remapped_rows: Option<RemappedRows>,
    /// Retired pages: of GPUs before Ampere.
    pub retired_pages: Option<RetiredPages>,
    /// Field 230: 0 none, 1 reset, 2 reboot, 3 drain peers, 4 drain and reset.
    pub recovery_action: Option<u32>,
    /// Values of other fields, by id; before those above.
    pub fields: BTreeMap<u32, u64>,
    /// The `PCIe` link.
    pub pcie: Pcie,
    /// Persistence mode.
    pub persistence: Option<bool>,
    /// Whether the infoROM is sound.
    pub info_rom_valid: Option<bool>,
    /// Nanoseconds below the clocks asked for, by `nvmlPerfPolicyType_t`: 0 power, 1 thermal and so on.
    pub violations_ns: BTreeMap<u32, u64>,
    /// Compute processes.
    pub compute_processes: Option<Vec<Process>>,
    /// Graphics processes.
    pub graphics_processes: Option<Vec<Process>>,
    /// Compute processes under MPS.
    pub mps_processes: Option<Vec<Process>>,
    /// `NVLink` links, in the order of their number.
    pub nvlinks: Option<Vec<NvLink>>,
    /// Its place in the fabric of its switches.
    pub fabric: Option<Fabric>,
    /// Multi-instance mode.
    pub mig: Option<Mig>,
    /// GPM readings by `nvmlGpmMetricId_t`.
    pub gpm: Option<BTreeMap<u32, f64>>,
    /// `nvmlEventType…`, a mask: what can be registered.
    pub event_types: Option<u64>,
}

impl Default for Gpu {
    fn default() -> Self {
        Self::numbered(0)
    }
}

impl Gpu {
    /// A sound, idle H100 that is told from others by this number.
    pub fn numbered(number: u8) -> Self {
        Self {
            uuid: format!("GPU-00000000-0000-4000-8000-0000000000{number:02x}"),
            pci_bus_id: format!("00000000:{:02X}:00.0", 0x10_u8.wrapping_add(number)),
            pci_device_id: 0x2330_10de,
            name: "NVIDIA H100 80GB HBM3".into(),
            serial: Some(format!("16500230{number:05}")),
            minor: Some(u32::from(number)),
            lost: false,
            reset_required: false,
            errors: BTreeMap::new(),
            memory: Some(Memory { total: 85_520_809_984, reserved: 623_902_720, free: 84_896_907_264, used: 0 }),
            utilization: Some(Utilization { gpu: 0, memory: 0 }),
            encoder_utilization: Some(0),
            decoder_utilization: Some(0),
            temperature: Some(34),
            memory_temperature: Some(41),
            temperature_thresholds: BTreeMap::from([(0, 92), (1, 89), (2, 95), (3, 87)]),
            thermal_margin: Some(53),
            slowdown_margin: Some(-2),
            power_mw: Some(71_250),
            power_limit_mw: Some(700_000),
            energy_mj: Some(1_234_567),
            clocks: BTreeMap::from([(0, 345), (1, 345), (2, 2619), (3, 765)]),
            max_clocks: BTreeMap::from([(0, 1980), (1, 1980), (2, 2619), (3, 1545)]),
            throttle_reasons: Some(1),
            ecc: Some(Mode { current: true, pending: true }),
            ecc_errors: Some(EccErrors::default()),
            sram_ecc: Some(SramEcc::default()),
            remapped_rows: Some(RemappedRows::default()),
            retired_pages: None,
            recovery_action: Some(0),
            fields: BTreeMap::new(),
            pcie: Pcie::default(),
            persistence: Some(true),
            info_rom_valid: Some(true),
            violations_ns: BTreeMap::from([(0, 0), (1, 0), (2, 0), (3, 0), (5, 0)]),
            compute_processes: Some(Vec::new()),
            graphics_processes: Some(Vec::new()),
            mps_processes: Some(Vec::new()),
            nvlinks: Some(vec![NvLink::default(); 18]),
            fabric: Some(Fabric::default()),
            mig: Some(Mig::default()),
            gpm: Some(BTreeMap::from([(1, 0.0), (2, 0.0), (3, 0.0), (5, 0.0), (10, 0.0), (20, 0.0), (21, 0.0)])),
            event_types: Some(0x1f),
        }
    }
}

/// Memory, in bytes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(missing_docs, reason = "the names are NVML's own")]
pub struct Memory {
    pub total: u64,
    pub reserved: u64,
    pub free: u64,
    pub used: u64,
}

/// Utilization, in percent.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(missing_docs, reason = "the names are NVML's own")]
pub struct Utilization {
    pub gpu: u32,
    pub memory: u32,
}

/// A mode that changes with a reset.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Mode {
    /// What holds now.
    pub current: bool,
    /// What will hold after the next reset.
    pub pending: bool,
}

/// ECC errors since the driver was loaded (volatile), and ever (aggregate).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[expect(missing_docs, reason = "the names are NVML's own")]
pub struct EccErrors {
    pub corrected_volatile: Option<u64>,
    pub corrected_aggregate: Option<u64>,
    pub uncorrected_volatile: Option<u64>,
    pub uncorrected_aggregate: Option<u64>,
}

impl Default for EccErrors {
    fn default() -> Self {
        let none = Some(0);
        Self {
            corrected_volatile: none,
            corrected_aggregate: none,
            uncorrected_volatile: none,
            uncorrected_aggregate: none,
        }
    }
}

/// `nvmlEccSramErrorStatus_v1_t`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[expect(missing_docs, reason = "the names are NVML's own")]
pub struct SramEcc {
    pub aggregate_unc_parity: u64,
    pub aggregate_unc_sec_ded: u64,
    pub aggregate_cor: u64,
    pub volatile_unc_parity: u64,
    pub volatile_unc_sec_ded: u64,
    pub volatile_cor: u64,
    pub aggregate_unc_bucket_l2: u64,
    pub aggregate_unc_bucket_sm: u64,
    pub aggregate_unc_bucket_pcie: u64,
    pub aggregate_unc_bucket_mcu: u64,
    pub aggregate_unc_bucket_other: u64,
    pub threshold_exceeded: bool,
}

/// Rows of the memory that are replaced by spare ones.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RemappedRows {
    /// After corrected errors.
    pub corrected: u32,
    /// After uncorrected errors.
    pub uncorrected: u32,
    /// A remapping waits for a reset.
    pub pending: bool,
    /// A remapping failed.
    pub failure: bool,
}

/// Pages of the memory that are no longer used.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RetiredPages {
    /// After several single-bit errors: address and time.
    pub single_bit: Vec<(u64, u64)>,
    /// After a double-bit error: address and time.
    pub double_bit: Vec<(u64, u64)>,
    /// A page waits for a reset.
    pub pending: bool,
}

/// The `PCIe` link.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Pcie {
    /// Its generation now.
    pub generation: Option<u32>,
    /// Lanes now.
    pub width: Option<u32>,
    /// The generation that GPU and slot are able to.
    pub max_generation: Option<u32>,
    /// Lanes that GPU and slot have.
    pub max_width: Option<u32>,
    /// Replayed packets.
    pub replays: Option<u32>,
    /// Sent, in KB/s.
    pub transmitted: Option<u32>,
    /// Received, in KB/s.
    pub received: Option<u32>,
}

impl Default for Pcie {
    fn default() -> Self {
        Self {
            generation: Some(5),
            width: Some(16),
            max_generation: Some(5),
            max_width: Some(16),
            replays: Some(0),
            transmitted: Some(0),
            received: Some(0),
        }
    }
}

/// A process that uses a GPU.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Process {
    /// Its number, in the driver's namespace.
    pub pid: u32,
    /// Bytes, where the driver knows.
    pub memory: Option<u64>,
    /// The MIG GPU instance that it uses.
    pub gpu_instance: Option<u32>,
    /// The MIG compute instance that it uses.
    pub compute_instance: Option<u32>,
}

/// An `NVLink` link and its error counters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[expect(missing_docs, reason = "the names are NVML's own")]
pub struct NvLink {
    pub active: bool,
    pub replay: Option<u64>,
    pub recovery: Option<u64>,
    pub crc_flit: Option<u64>,
    pub crc_data: Option<u64>,
    /// Of `NVLink` 5, as the fields below have them.
    pub recovery_events: Option<u64>,
    pub failed_recovery_events: Option<u64>,
    pub effective_errors: Option<u64>,
    pub effective_ber: Option<u64>,
}

impl Default for NvLink {
    fn default() -> Self {
        Self {
            active: true,
            replay: Some(0),
            recovery: Some(0),
            crc_flit: Some(0),
            crc_data: Some(0),
            recovery_events: None,
            failed_recovery_events: None,
            effective_errors: None,
            effective_ber: None,
        }
    }
}

impl NvLink {
    /// One of version 5: it counts by fields alone.
    pub fn version_5() -> Self {
        Self {
            active: true,
            replay: None,
            recovery: None,
            crc_flit: None,
            crc_data: None,
            recovery_events: Some(0),
            failed_recovery_events: Some(0),
            effective_errors: Some(0),
            effective_ber: Some(0),
        }
    }
}

/// `nvmlGpuFabricInfo_v3_t`. By default registered, and healthy.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Fabric {
    /// Of the `NVLink` domain.
    pub cluster_uuid: [u8; 16],
    /// A code: how registration went.
    pub status: u32,
    /// Of the GPUs that reach each other.
    pub clique_id: u32,
    /// 0 not supported, 1 not started, 2 in progress, 3 completed.
    pub state: u8,
    /// `NVML_GPU_FABRIC_HEALTH_MASK_…`.
    pub health_mask: u32,
    /// 0 not supported, 1 healthy, 2 unhealthy, 3 limited capacity.
    pub health_summary: u8,
}

impl Default for Fabric {
    fn default() -> Self {
        // In the mask 2 is "false": no degraded bandwidth, route recovery, unhealthy route, access timeout recovery.
        Self {
            cluster_uuid: [0; 16],
            status: 0,
            clique_id: 0,
            state: 3,
            health_mask: 0b10_1010_1010,
            health_summary: 1,
        }
    }
}

/// Multi-instance mode. By default off.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Mig {
    /// Whether it is on.
    pub mode: Mode,
    /// MIG devices, in the order of their index. There are none while the mode is off.
    pub instances: Vec<MigInstance>,
}

/// A MIG device. By default a 1g.10gb.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct MigInstance {
    /// `MIG-…`.
    pub uuid: String,
    /// As in the names of devices.
    pub profile: String,
    /// The id of the GPU instance.
    pub gpu_instance: u32,
    /// The id of the compute instance in it.
    pub compute_instance: u32,
    /// Slices of the GPU instance.
    pub gpu_slices: u32,
    /// Slices of the compute instance.
    pub compute_slices: u32,
    /// Multiprocessors.
    pub multiprocessors: u32,
    /// Its memory.
    pub memory: Option<Memory>,
    /// GPM readings by `nvmlGpmMetricId_t`.
    pub gpm: Option<BTreeMap<u32, f64>>,
}

impl Default for MigInstance {
    fn default() -> Self {
        let total = 10_468_982_784;
        Self {
            uuid: "MIG-00000000-0000-5000-8000-000000000000".into(),
            profile: "1g.10gb".into(),
            gpu_instance: 7,
            compute_instance: 0,
            gpu_slices: 1,
            compute_slices: 1,
            multiprocessors: 16,
            memory: Some(Memory { total, reserved: 0, free: total, used: 0 }),
            gpm: Some(BTreeMap::from([(1, 0.0), (2, 0.0)])),
        }
    }
}

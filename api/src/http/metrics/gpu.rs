//! What is measured on GPUs, under the names and labels of NVIDIA's DCGM exporter, so that dashboards and alerts made for it
//! work here. A value that a GPU does not support has no series: DCGM's "blank" numbers are never written.
use domain::{
    Cluster, Timestamp,
    device::{Device, Presence},
    job::Source,
    node::Node,
    telemetry::Field,
};
use projections::{Latest, Telemetry};
use std::fmt::Write;

/// A sample that is older than this is no longer shown: as an exporter that is away has no series.
const FRESH_SECONDS: i64 = 60;

/// A family of series: its name, its type, its help, and of which field it is, in which unit.
type Family = (&'static str, &'static str, &'static str, Field, Scale);

/// What a field's value is divided by to be what DCGM shows.
#[derive(Clone, Copy)]
struct Scale(u32);

const SAME: Scale = Scale(1);
const THOUSANDTH: Scale = Scale(1000);
const MEBI: Scale = Scale(1 << 20);

/// The families of `etc/default-counters.csv` of the DCGM exporter that NVML can tell, and those that are commonly alerted on.
#[rustfmt::skip]
const FAMILIES: &[Family] = &[
    ("DCGM_FI_DEV_SM_CLOCK", "gauge", "SM clock frequency (in MHz).", Field::SmClock, SAME),
    ("DCGM_FI_DEV_MEM_CLOCK", "gauge", "Memory clock frequency (in MHz).", Field::MemoryClock, SAME),
    ("DCGM_FI_DEV_MEMORY_TEMP", "gauge", "Memory temperature (in C).", Field::MemoryTemperature, SAME),
    ("DCGM_FI_DEV_GPU_TEMP", "gauge", "GPU temperature (in C).", Field::Temperature, SAME),
    ("DCGM_FI_DEV_POWER_USAGE", "gauge", "Power draw (in W).", Field::Power, THOUSANDTH),
    ("DCGM_FI_DEV_TOTAL_ENERGY_CONSUMPTION", "counter", "Total energy consumption since boot (in mJ).", Field::Energy, SAME),
    ("DCGM_FI_DEV_PCIE_REPLAY_COUNTER", "counter", "Total number of PCIe retries.", Field::PcieReplays, SAME),
    ("DCGM_FI_DEV_GPU_UTIL", "gauge", "GPU utilization (in %).", Field::GpuUtilization, SAME),
    ("DCGM_FI_DEV_MEM_COPY_UTIL", "gauge", "Memory utilization (in %).", Field::MemoryUtilization, SAME),
    ("DCGM_FI_DEV_ENC_UTIL", "gauge", "Encoder utilization (in %).", Field::EncoderUtilization, SAME),
    ("DCGM_FI_DEV_DEC_UTIL", "gauge", "Decoder utilization (in %).", Field::DecoderUtilization, SAME),
    ("DCGM_FI_DEV_FB_FREE", "gauge", "Frame buffer memory free (in MiB).", Field::MemoryFree, MEBI),
    ("DCGM_FI_DEV_FB_USED", "gauge", "Frame buffer memory used (in MiB).", Field::MemoryUsed, MEBI),
    ("DCGM_FI_DEV_FB_RESERVED", "gauge", "Frame buffer memory reserved (in MiB).", Field::MemoryReserved, MEBI),
    ("DCGM_FI_DEV_UNCORRECTABLE_REMAPPED_ROWS", "counter", "Number of remapped rows for uncorrectable errors.", Field::RowsRemappedUncorrected, SAME),
    ("DCGM_FI_DEV_CORRECTABLE_REMAPPED_ROWS", "counter", "Number of remapped rows for correctable errors.", Field::RowsRemappedCorrected, SAME),
    ("DCGM_FI_DEV_ROW_REMAP_FAILURE", "gauge", "Whether remapping of rows has failed.", Field::RowRemapFailed, SAME),
    ("DCGM_FI_DEV_ECC_SBE_VOL_TOTAL", "counter", "Total number of single-bit volatile ECC errors.", Field::EccCorrected, SAME),
    ("DCGM_FI_DEV_ECC_DBE_VOL_TOTAL", "counter", "Total number of double-bit volatile ECC errors.", Field::EccUncorrected, SAME),
    ("DCGM_FI_DEV_ECC_SBE_AGG_TOTAL", "counter", "Total number of single-bit persistent ECC errors.", Field::EccCorrectedEver, SAME),
    ("DCGM_FI_DEV_ECC_DBE_AGG_TOTAL", "counter", "Total number of double-bit persistent ECC errors.", Field::EccUncorrectedEver, SAME),
    ("DCGM_FI_DEV_RETIRED_SBE", "counter", "Total number of retired pages due to single-bit errors.", Field::PagesRetiredSingleBit, SAME),
    ("DCGM_FI_DEV_RETIRED_DBE", "counter", "Total number of retired pages due to double-bit errors.", Field::PagesRetiredDoubleBit, SAME),
    ("DCGM_FI_DEV_RETIRED_PENDING", "gauge", "Whether pages are pending retirement.", Field::PagesRetiredPending, SAME),
    ("DCGM_FI_DEV_NVLINK_CRC_FLIT_ERROR_COUNT_TOTAL", "counter", "Total number of NVLink flow-control CRC errors.", Field::NvLinkCrcFlit, SAME),
    ("DCGM_FI_DEV_NVLINK_CRC_DATA_ERROR_COUNT_TOTAL", "counter", "Total number of NVLink data CRC errors.", Field::NvLinkCrcData, SAME),
    ("DCGM_FI_DEV_NVLINK_REPLAY_ERROR_COUNT_TOTAL", "counter", "Total number of NVLink retries.", Field::NvLinkReplays, SAME),
    ("DCGM_FI_DEV_NVLINK_RECOVERY_ERROR_COUNT_TOTAL", "counter", "Total number of NVLink recovery errors.", Field::NvLinkRecoveries, SAME),
    ("DCGM_FI_DEV_POWER_VIOLATION", "counter", "Throttling duration due to power constraints (in us).", Field::PowerViolation, THOUSANDTH),
    ("DCGM_FI_DEV_THERMAL_VIOLATION", "counter", "Throttling duration due to thermal constraints (in us).", Field::ThermalViolation, THOUSANDTH),
    ("DCGM_FI_PROF_GR_ENGINE_ACTIVE", "gauge", "Ratio of time the graphics engine is active.", Field::EngineActive, THOUSANDTH),
    ("DCGM_FI_PROF_PIPE_TENSOR_ACTIVE", "gauge", "Ratio of cycles the tensor (HMMA) pipe is active.", Field::TensorActive, THOUSANDTH),
    ("DCGM_FI_PROF_DRAM_ACTIVE", "gauge", "Ratio of cycles the device memory interface is active sending or receiving data.", Field::DramActive, THOUSANDTH),
    ("DCGM_FI_PROF_PCIE_TX_BYTES", "gauge", "The rate of data transmitted over the PCIe bus (in B/s).", Field::PcieSent, SAME),
    ("DCGM_FI_PROF_PCIE_RX_BYTES", "gauge", "The rate of data received over the PCIe bus (in B/s).", Field::PcieReceived, SAME),
];

/// The families of some GPUs, as text, and how many GPUs were left out of it.
pub(super) struct Page {
    families: Vec<String>,
    last_xids: String,
    xids: String,
    room: usize,
    /// GPUs that the page had no room for.
    pub(super) left_out: u64,
}

impl Page {
    /// An empty one, for at most so many GPUs.
    pub(super) fn new(room: usize) -> Self {
        Self {
            families: vec![String::new(); FAMILIES.len()],
            last_xids: String::new(),
            xids: String::new(),
            room,
            left_out: 0,
        }
    }

    /// Adds the GPUs of a node that were measured a moment ago.
    pub(super) fn node(&mut self, cluster: &Cluster, node: &Node, telemetry: &Telemetry, now: Timestamp) {
        for (nth, device) in node.devices.values().filter_map(|id| cluster.device(*id)).enumerate() {
            let Some(latest) = telemetry.latest(device.id).filter(|latest| fresh(latest, now)) else { continue };
            if device.presence() == Presence::Present {
                let labels = labels(node, nth, device, &latest) + &workload(cluster, device);
                self.device(&labels, &latest);
            }
        }
    }

    fn device(&mut self, labels: &str, latest: &Latest) {
        let Some(room) = self.room.checked_sub(1) else {
            self.left_out += 1;
            return;
        };
        self.room = room;
        for ((name, _, _, field, scale), lines) in FAMILIES.iter().zip(&mut self.families) {
            if let Some(value) = latest.get(*field) {
                line(lines, name, labels, scale.of(value));
            }
        }
        let last = latest.xids.first().map_or(0, |xid| xid.code);
        line(&mut self.last_xids, LAST_XID.0, labels, f64::from(last));
        for xid in &latest.xids {
            line(&mut self.xids, XIDS.0, &format!("{labels},xid=\"{}\"", xid.code), f64::from(xid.count));
        }
    }

    /// All of it. Series of one family stand together, as the format wants it.
    pub(super) fn write(&self, page: &mut String) {
        let families = FAMILIES.iter().map(|(name, kind, help, ..)| (*name, *kind, *help));
        let lines = self.families.iter().chain([&self.last_xids, &self.xids]);
        for ((name, kind, help), lines) in families.chain([LAST_XID, XIDS]).zip(lines) {
            if !lines.is_empty() {
                let _ = write!(page, "# HELP {name} {help}\n# TYPE {name} {kind}\n{lines}");
            }
        }
    }
}

const LAST_XID: (&str, &str, &str) =
    ("DCGM_FI_DEV_XID_ERRORS", "gauge", "Value of the last XID error encountered; 0: none.");

/// The exporter's gauge can't tell two equal XIDs from one.
const XIDS: (&str, &str, &str) =
    ("dkube_gpu_xid_errors_total", "counter", "XIDs that the driver logged, by code, since the agent first ran.");

fn line(lines: &mut String, name: &str, labels: &str, value: f64) {
    // Writing into memory does not fail.
    let _ = writeln!(lines, "{name}{{{labels}}} {value}");
}

fn fresh(latest: &Latest, now: Timestamp) -> bool {
    now < latest.received_at.plus_seconds(FRESH_SECONDS)
}

/// The exporter's labels. One server speaks for all nodes, so that it says the `instance` itself: Prometheus keeps it with
/// `honor_labels: true`.
fn labels(node: &Node, nth: usize, device: &Device, latest: &Latest) -> String {
    let gpu = latest.index.map_or_else(|| nth.to_string(), |index| index.to_string());
    let minor = latest.minor.map(|minor| format!("device=\"nvidia{minor}\",")).unwrap_or_default();
    let (name, driver) = (escaped(node.name.as_str()), escaped(&node.facts.driver));
    let (slot, model) = (device.slot, escaped(device.model.as_str()));
    format!(
        "gpu=\"{gpu}\",UUID=\"{}\",pci_bus_id=\"{slot}\",{minor}modelName=\"{model}\",Hostname=\"{name}\",\
         instance=\"{name}:9400\",DCGM_FI_DRIVER_VERSION=\"{driver}\"",
        device.id
    )
}

/// Who uses it, as the exporter says it of pods, and of jobs elsewhere (`hpc_job`): the first, where there are several.
fn workload(cluster: &Cluster, device: &Device) -> String {
    let Some(job) = device.jobs().find_map(|id| cluster.job(id)) else { return String::new() };
    if let Source::Observed { source, .. } = &job.source
        && let ["kubernetes", _, namespace, pod, uid] = source.split('/').collect::<Vec<_>>()[..]
    {
        let (namespace, pod, uid) = (escaped(namespace), escaped(pod), escaped(uid));
        return format!(",namespace=\"{namespace}\",pod=\"{pod}\",pod_uid=\"{uid}\"");
    }
    format!(",hpc_job=\"{}\"", escaped(job.name.as_str()))
}

/// As the text format wants the value of a label.
fn escaped(text: &str) -> String {
    text.replace('\\', r"\\").replace('"', "\\\"").replace('\n', r"\n")
}

impl Scale {
    #[expect(clippy::cast_precision_loss, reason = "metrics are doubles")]
    fn of(self, value: i64) -> f64 {
        value as f64 / f64::from(self.0)
    }
}

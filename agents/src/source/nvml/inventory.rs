//! What is there: each GPU's identity, and the parts of those that are divided.
use super::{
    calls::{Calls, Refusal, Unsupported},
    identity::{Identities, Identity},
    raw,
};
use domain::device::{Instance, Slot};
use nvml_wrapper::{Device, Nvml, error::NvmlError};
use std::sync::Arc;

/// What a number in NVML's order leads to.
pub(super) enum Entry<'n> {
    /// A GPU that answers.
    Present(Device<'n>, Identity),
    /// One that the driver has lost; where it sits, if that is said.
    Lost(Option<Slot>),
    /// One that can't be read; where it sits, if that is said, and why.
    Unreadable(Option<Slot>, String),
}

/// Asks for what a number leads to.
///
/// # Errors
/// The session is over.
pub(super) fn entry<'n>(nvml: &'n Nvml, index: u32, known: &Identities) -> Result<Entry<'n>, NvmlError> {
    let device = match nvml.device_by_index(index) {
        Ok(device) => device,
        Err(error) => return refused(error, None),
    };
    let slot = match device.pci_info() {
        Ok(pci) => match pci.bus_id.parse() {
            Ok(slot) => slot,
            Err(_) => return Ok(Entry::Unreadable(None, format!("its PCI bus id {:?} is none", pci.bus_id))),
        },
        Err(error) => return refused(error, None),
    };
    match identity(&device, index, slot, known.at(slot)) {
        Ok(Ok(identity)) => Ok(Entry::Present(device, identity)),
        Ok(Err(why)) => Ok(Entry::Unreadable(Some(slot), why)),
        Err(error) => refused(error, Some(slot)),
    }
}

fn refused<'n>(error: NvmlError, slot: Option<Slot>) -> Result<Entry<'n>, NvmlError> {
    match Refusal::from(&error) {
        Refusal::Ended => Err(error),
        Refusal::Lost => Ok(Entry::Lost(slot)),
        Refusal::Silent | Refusal::Never | Refusal::Corrupt | Refusal::ResetRequired | Refusal::NotNow => {
            Ok(Entry::Unreadable(slot, error.to_string()))
        }
    }
}

/// A GPU's identity, where its memory is zero if that can't be told; or why what it says can't be taken.
fn identity(
    device: &Device<'_>,
    index: u32,
    slot: Slot,
    known: Option<&Identity>,
) -> Result<Result<Identity, String>, NvmlError> {
    let (uuid, name) = (device.uuid()?, device.name()?);
    let (Ok(id), Ok(model)) = (uuid.parse(), name.trim().parse()) else {
        return Ok(Err(format!("its UUID {uuid:?} or its name {name:?} is none")));
    };
    let known = known.filter(|old| old.device == id);
    let memory_bytes = memory(device)?.or(known.map(|old| old.memory_bytes)).unwrap_or_default();
    let minor = answered(device.minor_number())?;
    let instances =
        instances(device, &name)?.unwrap_or_else(|| known.map(|old| old.instances.clone()).unwrap_or_default());
    Ok(Ok(Identity { device: id, slot, model, memory_bytes, index: Some(index), minor, instances }))
}

/// Its memory in bytes. None, if that can't be told now, or the memory is not its own (`NVML_ERROR_NOT_SUPPORTED`).
fn memory(device: &Device<'_>) -> Result<Option<u64>, NvmlError> {
    match answered(device.memory_info())? {
        Some(memory) => Ok(Some(memory.total)),
        None => answered(raw::memory_total(device)),
    }
}

/// The answer, if there is one; none where the GPU answers otherwise.
fn answered<T>(answer: Result<T, NvmlError>) -> Result<Option<T>, NvmlError> {
    match answer {
        Ok(value) => Ok(Some(value)),
        Err(error) => match Refusal::from(&error) {
            Refusal::Ended | Refusal::Lost | Refusal::Silent => Err(error),
            Refusal::Never | Refusal::Corrupt | Refusal::ResetRequired | Refusal::NotNow => Ok(None),
        },
    }
}

/// The parts of a divided GPU, in the order of NVML; empty, if it is whole. None, if it did not say.
fn instances(device: &Device<'_>, name: &str) -> Result<Option<Vec<Instance>>, NvmlError> {
    let mut unsupported = Unsupported::new();
    let mut calls = Calls::new(&mut unsupported);
    let divided = calls.ask("MIG mode", || device.mig_mode()).is_some_and(|mode| mode.current == 1);
    let most = if divided { calls.ask("MIG devices", || device.mig_device_count()).unwrap_or_default() } else { 0 };
    let mut found = vec![];
    // Numbers without a part answer NVML_ERROR_NOT_FOUND.
    for index in 0..most {
        let Some(part) = calls.ask("MIG device", || device.mig_device_by_index(index)) else { continue };
        found.extend(instance(&part, name, &mut calls));
    }
    found.truncate(Instance::MAX);
    match calls.stopped {
        Some(error) => Err(error),
        None => Ok((calls.silent == 0 && !calls.reset_required).then_some(found)),
    }
}

fn instance(part: &Device<'_>, whole: &str, calls: &mut Calls<'_>) -> Option<Instance> {
    let uuid = calls.ask("MIG UUID", || part.uuid())?;
    let gpu_instance = calls.ask("GPU instance", || raw::gpu_instance(part))?;
    let compute_instance = calls.ask("compute instance", || raw::compute_instance(part))?;
    let attributes = calls.ask("MIG attributes", || part.attributes());
    let memory = attributes.as_ref().map(|part| part.memory_size_mb << 20);
    let memory_bytes = memory.or_else(|| calls.ask("MIG memory", || part.memory_info()).map(|memory| memory.total))?;
    let slices = attributes.map(|part| (part.gpu_instance_slice_count, part.compute_instance_slice_count));
    let name = calls.ask("MIG name", || part.name()).unwrap_or_default();
    let profile = named(&name, whole).map_or_else(|| computed(slices, memory_bytes), str::to_owned);
    let instance =
        Instance { uuid: uuid.into(), gpu_instance, compute_instance, profile: Arc::from(profile), memory_bytes };
    instance.bounded().then_some(instance)
}

/// The profile at the end of a part's name: `NVIDIA H100 80GB HBM3 MIG 1g.10gb`.
fn named<'a>(part: &'a str, whole: &str) -> Option<&'a str> {
    part.strip_prefix(whole)?.trim().strip_prefix("MIG ").map(str::trim).filter(|profile| !profile.is_empty())
}

/// The profile as NVIDIA writes it: slices of the GPU instance, those of the compute instance where they are fewer, and
/// the memory in whole GiB.
fn computed(slices: Option<(u32, u32)>, memory_bytes: u64) -> String {
    let gigabytes = memory_bytes.div_ceil(1 << 30);
    match slices {
        Some((gpu, compute)) if compute != 0 && compute < gpu => format!("{compute}c.{gpu}g.{gigabytes}gb"),
        Some((gpu, _)) => format!("{gpu}g.{gigabytes}gb"),
        None => format!("{gigabytes}gb"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_is_named_by_its_profile() {
        let whole = "NVIDIA H100 80GB HBM3";
        assert_eq!(named("NVIDIA H100 80GB HBM3 MIG 1g.10gb", whole), Some("1g.10gb"));
        assert_eq!(named("NVIDIA H100 80GB HBM3", whole), None);
        assert_eq!(computed(Some((1, 1)), 9_856 << 20), "1g.10gb");
        assert_eq!(computed(Some((3, 1)), 40_448 << 20), "1c.3g.40gb");
        assert_eq!(computed(Some((7, 7)), 81_152 << 20), "7g.80gb");
    }
}

//! Readings that NVML has by number only (`nvmlDeviceGetFieldValues`): all in one call.
use super::calls::{Calls, Refusal};
use crate::source::Readings;
use nvml_wrapper::{Device, enums::device::SampleValue, structs::device::FieldId, sys_exports::field_id as id};

/// `NVML_FI_DEV_GET_GPU_RECOVERY_ACTION`: not among the wrapper's constants.
const RECOVERY_ACTION: u32 = 230;

/// `NVML_GPU_RECOVERY_ACTION_GPU_RESET`.
const GPU_RESET: u32 = 1;

type Fill = fn(&mut Readings, Option<u64>);

/// A field: its number, its name among what is not supported, and where its value goes.
struct Field(u32, &'static str, Fill);

/// Those of every look.
const FAST: [Field; 2] = [
    Field(id::NVML_FI_DEV_MEMORY_TEMP, "field MEMORY_TEMP", |r, v| r.temperatures.memory = small(v)),
    Field(RECOVERY_ACTION, "field GET_GPU_RECOVERY_ACTION", |r, v| r.recovery_action = small(v)),
];

/// Those that change slowly.
const SLOW: [Field; 4] = [
    Field(id::NVML_FI_DEV_REMAPPED_COR, "field REMAPPED_COR", |r, v| r.remap.corrected = small(v)),
    Field(id::NVML_FI_DEV_REMAPPED_UNC, "field REMAPPED_UNC", |r, v| r.remap.uncorrected = small(v)),
    Field(id::NVML_FI_DEV_REMAPPED_PENDING, "field REMAPPED_PENDING", |r, v| r.remap.pending = v.map(|v| v != 0)),
    Field(id::NVML_FI_DEV_REMAPPED_FAILURE, "field REMAPPED_FAILURE", |r, v| r.remap.failed = v.map(|v| v != 0)),
];

/// Reads those of every look, and the others where it is time for them.
pub(super) fn read(device: &Device<'_>, calls: &mut Calls<'_>, slow: bool, into: &mut Readings) {
    // It may be set by what follows from other calls, and holds for this look alone.
    into.recovery_action = None;
    let wanted = FAST.iter().chain(SLOW.iter().filter(|_| slow));
    let fields: Vec<&Field> = wanted.filter(|field| calls.supports(field.1)).collect();
    for field in &fields {
        (field.2)(into, None);
    }
    if fields.is_empty() {
        return;
    }
    let ids: Vec<FieldId> = fields.iter().map(|field| FieldId(field.0)).collect();
    let Some(samples) = calls.ask("fields", || device.field_values_for(&ids)) else { return };
    for (field, sample) in fields.into_iter().zip(samples) {
        match sample.and_then(|sample| sample.value) {
            Ok(value) => (field.2)(into, whole(&value)),
            Err(error) => {
                // A driver that does not know the number says that the argument is wrong.
                let unknown = matches!(error, nvml_wrapper::error::NvmlError::InvalidArg);
                if calls.weigh(error) == Refusal::Never || unknown {
                    calls.forgo(field.1);
                }
            }
        }
    }
}

/// What the calls of a look say of the GPU as a whole.
pub(super) fn conclude(calls: &Calls<'_>, into: &mut Readings) {
    if calls.corrupt {
        into.info_rom_valid = Some(false);
    }
    // The driver says the same, whichever way it says it.
    if calls.reset_required && into.recovery_action.is_none_or(|action| action == 0) {
        into.recovery_action = Some(GPU_RESET);
    }
}

/// The value as a whole number, where it is one.
fn whole(value: &SampleValue) -> Option<u64> {
    match *value {
        SampleValue::U32(value) => Some(value.into()),
        SampleValue::U64(value) => Some(value),
        SampleValue::I64(value) => u64::try_from(value).ok(),
        // No field that is asked here is a fraction.
        SampleValue::F64(_) => None,
    }
}

fn small<T: TryFrom<u64>>(value: Option<u64>) -> Option<T> {
    value.and_then(|value| T::try_from(value).ok())
}

#[cfg(test)]
mod tests {
    use super::{super::calls::Unsupported, *};
    use nvml_wrapper::error::NvmlError;

    #[test]
    fn a_reset_that_is_required_is_what_should_be_done() {
        let mut unsupported = Unsupported::new();
        let mut calls = Calls::new(&mut unsupported);
        calls.weigh(NvmlError::ResetRequired);
        calls.weigh(NvmlError::CorruptedInfoROM);
        let mut readings = Readings { recovery_action: Some(2), info_rom_valid: Some(true), ..Readings::default() };
        conclude(&calls, &mut readings);
        assert_eq!((readings.recovery_action, readings.info_rom_valid), (Some(2), Some(false)));
        readings.recovery_action = None;
        conclude(&calls, &mut readings);
        assert_eq!(readings.recovery_action, Some(GPU_RESET));
    }

    #[test]
    fn values_that_do_not_fit_are_none() {
        assert_eq!(whole(&SampleValue::I64(-1)), None);
        assert_eq!(small::<i32>(whole(&SampleValue::U64(u64::MAX))), None);
        assert_eq!(small::<i32>(whole(&SampleValue::U32(95))), Some(95));
    }
}

//! What all calls have in common: they may hang, be slow, come before initialisation, or fail as a whole.

use crate::{source, state::State};
pub(crate) use nvml_wrapper_sys::bindings::{
    nvmlReturn_enum_NVML_ERROR_ARGUMENT_VERSION_MISMATCH as VERSION_MISMATCH,
    nvmlReturn_enum_NVML_ERROR_CORRUPTED_INFOROM as CORRUPTED_INFOROM,
    nvmlReturn_enum_NVML_ERROR_GPU_IS_LOST as GPU_IS_LOST,
    nvmlReturn_enum_NVML_ERROR_INSUFFICIENT_SIZE as INSUFFICIENT_SIZE,
    nvmlReturn_enum_NVML_ERROR_INVALID_ARGUMENT as INVALID_ARGUMENT, nvmlReturn_enum_NVML_ERROR_NOT_FOUND as NOT_FOUND,
    nvmlReturn_enum_NVML_ERROR_NOT_SUPPORTED as NOT_SUPPORTED,
    nvmlReturn_enum_NVML_ERROR_RESET_REQUIRED as RESET_REQUIRED, nvmlReturn_enum_NVML_ERROR_TIMEOUT as TIMEOUT,
    nvmlReturn_enum_NVML_ERROR_UNINITIALIZED as UNINITIALIZED, nvmlReturn_enum_NVML_ERROR_UNKNOWN as UNKNOWN,
    nvmlReturn_enum_NVML_SUCCESS as SUCCESS, nvmlReturn_t,
};
use std::{
    collections::BTreeMap,
    ffi::{c_char, c_uint},
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    thread::sleep,
    time::{Duration, Instant},
};

/// What a function answers: nothing, or the code of its failure.
pub(crate) type Answer<T = ()> = Result<T, nvmlReturn_t>;

/// Where a function shall write what it answers: a pointer that may be null.
pub(crate) type Place<'a, T> = Option<&'a mut T>;

/// No call takes longer, whatever the state file says.
const CALL_MAX: Duration = Duration::from_mins(1);

/// How often somebody initialised the library without shutting it down.
pub(crate) static USERS: AtomicU32 = AtomicU32::new(0);

/// A call that takes place.
pub(crate) struct Call {
    pub(crate) symbol: &'static str,
    pub(crate) state: Arc<State>,
}

/// Defines functions of the library: what stands before the first argument is the name of the [`Call`].
macro_rules! export {
    ($(fn $name:ident($call:ident $(, $argument:ident: $type:ty)* $(,)?) $work:block)*) => {$(
        #[unsafe(no_mangle)]
        extern "C" fn $name($($argument: $type),*) -> nvml_wrapper_sys::bindings::nvmlReturn_t {
            $crate::call::code($crate::call::begin(stringify!($name)).and_then(|$call| $work))
        }
    )*};
}

/// Begins a call.
pub(crate) fn begin(symbol: &'static str) -> Answer<Call> {
    let call = wait(symbol)?;
    if USERS.load(Ordering::SeqCst) == 0 {
        return Err(UNINITIALIZED);
    }
    sound(call.state.driver.call)?;
    Ok(call)
}

/// Begins a call, were it before initialisation: waits as long as the state file says.
pub(crate) fn wait(symbol: &'static str) -> Answer<Call> {
    let begun = Instant::now();
    let mut state = source::state()?;
    while state.hang.contains(symbol) && begun.elapsed() < CALL_MAX {
        sleep(Duration::from_millis(10));
        state = source::state()?;
    }
    if let Some(milliseconds) = state.slow.get(symbol) {
        sleep(Duration::from_millis(*milliseconds).min(CALL_MAX));
    }
    fails(&state.errors, symbol)?;
    Ok(Call { symbol, state })
}

/// The code that is told for this function, if any.
pub(crate) fn fails(errors: &BTreeMap<String, u32>, symbol: &str) -> Answer {
    errors.get(symbol).map_or(Ok(()), |code| sound(*code))
}

/// A code as an answer.
pub(crate) fn sound(code: nvmlReturn_t) -> Answer {
    if code == SUCCESS { Ok(()) } else { Err(code) }
}

/// An answer as a code.
pub(crate) fn code(answer: Answer) -> nvmlReturn_t {
    answer.err().unwrap_or(SUCCESS)
}

/// Writes this where it shall be.
pub(crate) fn put<T>(place: Place<T>, value: T) -> Answer {
    *place.ok_or(INVALID_ARGUMENT)? = value;
    Ok(())
}

/// Writes a reading where it shall be, if there is such a reading.
pub(crate) fn put_reading<T>(place: Place<T>, reading: Option<T>) -> Answer {
    put(place, reading.ok_or(NOT_SUPPORTED)?)
}

/// Checks the version that stands in a structure: its own, below that of its layout.
pub(crate) fn check_version<T>(found: c_uint, layout: u8) -> Answer {
    if version::<T>(layout) == Some(found) { Ok(()) } else { Err(VERSION_MISMATCH) }
}

/// As `NVML_STRUCT_VERSION` has it.
pub(crate) fn version<T>(layout: u8) -> Option<c_uint> {
    c_uint::try_from(size_of::<T>()).ok().map(|size| size | c_uint::from(layout) << 24)
}

/// Writes a text, with the zero that ends it.
///
/// # Safety
/// The place is null, or as long as it says.
pub(crate) unsafe fn put_text(place: *mut c_char, length: c_uint, text: &str) -> Answer {
    if place.is_null() {
        return Err(INVALID_ARGUMENT);
    }
    let bytes = text.bytes().chain([0]).map(|byte| c_char::from_ne_bytes([byte]));
    let room = usize::try_from(length).unwrap_or(usize::MAX);
    if text.len() >= room {
        return Err(INSUFFICIENT_SIZE);
    }
    for (offset, byte) in bytes.enumerate() {
        // SAFETY: the offset is less than the length, and so many bytes there belong to the caller.
        unsafe { place.add(offset).write(byte) };
    }
    Ok(())
}

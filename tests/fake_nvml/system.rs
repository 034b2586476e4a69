//! Initialisation, its end, versions, and what codes mean.

use crate::call::{Answer, Place, UNINITIALIZED, USERS, code, put, put_text, sound, wait};
use nvml_wrapper_sys::bindings::nvmlReturn_t;
use std::{
    ffi::{CStr, c_char, c_int, c_uint},
    sync::atomic::Ordering,
};

#[unsafe(no_mangle)]
extern "C" fn nvmlInit_v2() -> nvmlReturn_t {
    code(init("nvmlInit_v2"))
}

#[unsafe(no_mangle)]
extern "C" fn nvmlInitWithFlags(_flags: c_uint) -> nvmlReturn_t {
    code(init("nvmlInitWithFlags"))
}

fn init(symbol: &'static str) -> Answer {
    sound(wait(symbol)?.state.driver.init)?;
    USERS.fetch_add(1, Ordering::SeqCst);
    Ok(())
}

#[unsafe(no_mangle)]
extern "C" fn nvmlShutdown() -> nvmlReturn_t {
    let call = wait("nvmlShutdown");
    // Whatever is answered, this user is gone.
    let left = USERS.try_update(Ordering::SeqCst, Ordering::SeqCst, |users| users.checked_sub(1));
    code(left.map_err(|_| UNINITIALIZED).and_then(|_| sound(call?.state.driver.call)))
}

export! {
    fn nvmlSystemGetDriverVersion(call, version: *mut c_char, length: c_uint) {
        // SAFETY: the caller says how much room there is.
        unsafe { put_text(version, length, &call.state.driver.version) }
    }

    fn nvmlSystemGetNVMLVersion(call, version: *mut c_char, length: c_uint) {
        // SAFETY: the caller says how much room there is.
        unsafe { put_text(version, length, &call.state.driver.nvml_version) }
    }

    fn nvmlSystemGetCudaDriverVersion_v2(call, version: Place<c_int>) {
        put(version, call.state.driver.cuda_version)
    }
}

#[unsafe(no_mangle)]
extern "C" fn nvmlErrorString(result: nvmlReturn_t) -> *const c_char {
    let text: &CStr = match result {
        0 => c"The operation was successful",
        1 => c"NVML was not first initialized with nvmlInit()",
        2 => c"A supplied argument is invalid",
        3 => c"The requested operation is not available on target device",
        9 => c"NVIDIA driver is not loaded",
        10 => c"User provided timeout passed",
        15 => c"The GPU has fallen off the bus or has otherwise become inaccessible",
        16 => c"The GPU requires a reset before it can be used again",
        18 => c"RM detects a driver/library version mismatch.",
        _ => c"Unknown Error",
    };
    text.as_ptr()
}

//! A disk that fails when it is told to: a library to be loaded before the C library (`LD_PRELOAD`).
//!
//! The file that `FAILING_DISK` names says how: `sync` fails every fdatasync, `full` every write at a place in a file.
//! Without that file, the disk works.

#![expect(unsafe_code, reason = "it stands in for functions of the C library, which are unsafe to name and to call")]

use std::{
    ffi::{c_int, c_void},
    fs,
};

const EIO: c_int = 5;
const ENOSPC: c_int = 28;

unsafe extern "C" {
    fn fsync(file: c_int) -> c_int;
    fn pwrite(file: c_int, bytes: *const c_void, length: usize, offset: i64) -> isize;
    fn __errno_location() -> *mut c_int;
}

/// `fdatasync(2)`, or its failure.
#[unsafe(no_mangle)]
pub extern "C" fn fdatasync(file: c_int) -> c_int {
    if fails("sync", EIO) {
        return -1;
    }
    // SAFETY: fsync takes any number for a file, and does more than fdatasync does.
    unsafe { fsync(file) }
}

/// `pwrite64(2)`, or its failure.
///
/// # Safety
/// As for the function of the C library: so many bytes can be read at `bytes`.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn pwrite64(file: c_int, bytes: *const c_void, length: usize, offset: i64) -> isize {
    if fails("full", ENOSPC) {
        return -1;
    }
    // SAFETY: the same call, under its other name.
    unsafe { pwrite(file, bytes, length, offset) }
}

/// Whether this kind of call shall fail now: then the error number is set.
fn fails(kind: &str, error: c_int) -> bool {
    let told = std::env::var_os("FAILING_DISK").and_then(|file| fs::read_to_string(file).ok());
    let fails = told.is_some_and(|told| told == kind);
    if fails {
        // SAFETY: the C library gives each thread a place for its error number, which lasts as long as the thread.
        unsafe { *__errno_location() = error };
    }
    fails
}

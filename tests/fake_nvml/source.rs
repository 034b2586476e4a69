//! The state file: found beside this library, read when it changed.

use crate::{
    call::{Answer, UNKNOWN},
    state::State,
};
use std::{
    ffi::{CStr, OsStr, OsString, c_char, c_int, c_void},
    fs::{self, File, Metadata},
    io::Read,
    os::unix::{ffi::OsStrExt, fs::MetadataExt},
    path::{Path, PathBuf},
    ptr,
    sync::{Arc, Mutex, OnceLock, PoisonError},
};

/// Modification time, length and inode.
type Stamp = (i64, i64, u64, u64);

static LATEST: Mutex<Option<(Stamp, Answer<Arc<State>>)>> = Mutex::new(None);

/// What the file says now.
///
/// # Errors
/// `NVML_ERROR_UNKNOWN` when it can't be read; standard error tells why, once.
pub(crate) fn state() -> Answer<Arc<State>> {
    let mut latest = LATEST.lock().unwrap_or_else(PoisonError::into_inner);
    // A file that is not there has a stamp too: it is complained of once.
    let stamp = path().and_then(|path| fs::metadata(path).ok()).map_or((0, 0, 0, 0), |found| stamp(&found));
    if let Some((known, state)) = &*latest
        && *known == stamp
    {
        return state.clone();
    }
    let (stamp, state) = match read() {
        Ok((stamp, state)) => (stamp, Ok(Arc::new(state))),
        Err(error) => {
            let path = path().map_or(Path::new("nowhere"), PathBuf::as_path);
            eprintln!("fake NVML: can't read its state in {}: {error}", path.display());
            (stamp, Err(UNKNOWN))
        }
    };
    *latest = Some((stamp, state.clone()));
    state
}

fn read() -> Result<(Stamp, State), Box<dyn std::error::Error>> {
    let mut file = File::open(path().ok_or("this library is in no file")?)?;
    let stamp = stamp(&file.metadata()?);
    let mut text = String::new();
    file.read_to_string(&mut text)?;
    Ok((stamp, serde_json::from_str(&text)?))
}

fn stamp(file: &Metadata) -> Stamp {
    (file.mtime(), file.mtime_nsec(), file.len(), file.ino())
}

/// The state file's path.
fn path() -> Option<&'static PathBuf> {
    static PATH: OnceLock<Option<PathBuf>> = OnceLock::new();
    let find = || {
        let mut name: OsString = own_file()?;
        name.push(".json");
        Some(name.into())
    };
    PATH.get_or_init(find).as_ref()
}

/// `Dl_info` of the C library.
#[repr(C)]
struct DlInfo {
    file: *const c_char,
    base: *mut c_void,
    symbol: *const c_char,
    address: *mut c_void,
}

unsafe extern "C" {
    fn dladdr(address: *const c_void, info: *mut DlInfo) -> c_int;
}

/// The file that this copy of the library was loaded from.
fn own_file() -> Option<OsString> {
    let mut info = DlInfo { file: ptr::null(), base: ptr::null_mut(), symbol: ptr::null(), address: ptr::null_mut() };
    // SAFETY: the address is that of something in this library, and there is room for the answer.
    let found = unsafe { dladdr(ptr::from_ref(&LATEST).cast(), &raw mut info) };
    if found == 0 || info.file.is_null() {
        return None;
    }
    // SAFETY: the name stays as long as the library is loaded, and this code is in it.
    let file = unsafe { CStr::from_ptr(info.file) };
    Some(OsStr::from_bytes(file.to_bytes()).to_owned())
}

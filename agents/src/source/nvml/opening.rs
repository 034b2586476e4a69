//! Opening NVML.
use super::{raw, worker::unreadable};
use crate::source::Unreadable;
use nvml_wrapper::{Nvml, error::NvmlError};
use std::{
    path::PathBuf,
    sync::{Arc, mpsc::sync_channel},
    thread,
    time::Duration,
};

/// Opens the first of these libraries that there is, and says which. One that is none is no longer among them.
pub(super) fn open(libraries: &mut Vec<PathBuf>) -> Result<(Nvml, PathBuf), Unreadable> {
    for at in 0..libraries.len() {
        let path = libraries[at].clone();
        match Nvml::builder().lib_path(path.as_os_str()).init() {
            Ok(nvml) if raw::can_be_freed(&nvml) => return Ok((nvml, path)),
            Ok(nvml) => {
                tracing::warn!(path = %path.display(), "this is no whole NVML library: it is not used");
                // Dropped, it would call what it lacks.
                std::mem::forget(nvml);
                libraries.remove(at);
                return Err(Unreadable::Failed(Arc::from("the library can't be used")));
            }
            Err(error @ (NvmlError::LibloadingError(_) | NvmlError::FailedToLoadSymbol(_))) => {
                let error: &dyn std::error::Error = &error;
                tracing::debug!(path = %path.display(), error, "there is no NVML here");
            }
            Err(error) => return Err(unreadable(&error)),
        }
    }
    Err(Unreadable::NoLibrary)
}

/// NVML, opened once and closed again.
#[derive(Debug)]
pub struct Trial {
    /// The library that was opened.
    pub library: PathBuf,
    /// The driver's version, if it says one.
    pub driver: Option<String>,
    /// How many GPUs it has.
    pub devices: u32,
}

impl Trial {
    /// Opens NVML as an agent would, and waits no longer than this.
    ///
    /// # Errors
    /// Why the driver can't be asked.
    pub fn of(mut libraries: Vec<PathBuf>, within: Duration) -> Result<Self, Unreadable> {
        let (tell, told) = sync_channel(1);
        let ask = move || {
            let tried = open(&mut libraries).and_then(|(nvml, library)| {
                let devices = nvml.device_count().map_err(|error| unreadable(&error))?;
                Ok(Self { library, driver: nvml.sys_driver_version().ok(), devices })
            });
            // Who asked may not wait any more.
            let _ = tell.send(tried);
        };
        let asking = thread::Builder::new().name("nvml".to_owned()).spawn(ask);
        asking.map_err(|error| Unreadable::Failed(error.to_string().into()))?;
        told.recv_timeout(within).unwrap_or(Err(Unreadable::Hung))
    }
}

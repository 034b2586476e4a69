//! The fake NVML of the other tests, as the agent's own library for NVML sees it.
/// Asserts that this failed so.
macro_rules! fails {
    ($answer:expr, $error:pat) => {
        let answer = $answer;
        assert!(matches!(answer, Err($error)), "{answer:?}");
    };
}

mod devices;
mod driver;
mod events;
mod instances;
mod readings;

use nvml_wrapper::{Nvml, error::NvmlError};
use std::path::Path;
use tempfile::TempDir;
use tests::harness::{
    FakeNvml,
    nvml_state::{Gpu, State},
};

fn fake(state: State) -> (TempDir, FakeNvml) {
    let folder = tempfile::tempdir().expect("a folder");
    let fake = FakeNvml::new(folder.path(), state).expect("a fake NVML");
    (folder, fake)
}

fn init(library: &Path) -> Result<Nvml, NvmlError> {
    Nvml::builder().lib_path(library.as_os_str()).init()
}

/// One GPU that differs from a sound one.
fn one(change: impl FnOnce(&mut Gpu)) -> State {
    let mut state = State::default();
    change(&mut state.gpus[0]);
    state
}

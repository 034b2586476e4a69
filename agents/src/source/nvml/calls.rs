//! Asking one device: what its answers mean, and what need not be asked again.
use nvml_wrapper::error::NvmlError;
use std::collections::BTreeSet;

/// What a device can't be asked in this session: it, or its driver, has no such thing.
pub(super) type Unsupported = BTreeSet<&'static str>;

/// What an error says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Refusal {
    /// NVML, or the driver, is not there any more: the session is over.
    Ended,
    /// The driver has lost the GPU.
    Lost,
    /// There is no such thing here.
    Never,
    /// The info ROM is not as it was written.
    Corrupt,
    /// The GPU has to be reset first.
    ResetRequired,
    /// Nothing is said.
    Silent,
    /// Not this time.
    NotNow,
}

impl From<&NvmlError> for Refusal {
    fn from(error: &NvmlError) -> Self {
        match error {
            NvmlError::Uninitialized | NvmlError::DriverNotLoaded | NvmlError::LibRmVersionMismatch => Self::Ended,
            NvmlError::GpuLost => Self::Lost,
            NvmlError::NotSupported | NvmlError::FailedToLoadSymbol(_) | NvmlError::FunctionNotFound => Self::Never,
            NvmlError::CorruptedInfoROM => Self::Corrupt,
            NvmlError::ResetRequired => Self::ResetRequired,
            NvmlError::Timeout | NvmlError::Unknown => Self::Silent,
            _ => Self::NotNow,
        }
    }
}

/// The calls of one look at one device.
#[derive(Debug)]
pub(super) struct Calls<'a> {
    unsupported: &'a mut Unsupported,
    /// How often it answered, be it that it can't now. That it has no such thing, the library says without asking it.
    pub answered: u32,
    /// How often nothing was said.
    pub silent: u32,
    /// A call said that the info ROM is corrupt.
    pub corrupt: bool,
    /// A call said that the GPU has to be reset.
    pub reset_required: bool,
    /// The error after which nothing more is asked: the GPU is lost, or the session over.
    pub stopped: Option<NvmlError>,
}

impl<'a> Calls<'a> {
    pub(super) const fn new(unsupported: &'a mut Unsupported) -> Self {
        Self { unsupported, answered: 0, silent: 0, corrupt: false, reset_required: false, stopped: None }
    }

    /// Asks, unless it is known that there is no such thing, or the device gives no more answers.
    pub(super) fn ask<T>(&mut self, what: &'static str, call: impl FnOnce() -> Result<T, NvmlError>) -> Option<T> {
        if !self.supports(what) {
            return None;
        }
        match self.hear(call) {
            Ok(value) => Some(value),
            Err(refusal) => {
                if refusal == Refusal::Never {
                    self.forgo(what);
                }
                None
            }
        }
    }

    /// Asks, and tells what the refusal means.
    pub(super) fn hear<T>(&mut self, call: impl FnOnce() -> Result<T, NvmlError>) -> Result<T, Refusal> {
        if self.stopped.is_some() {
            return Err(Refusal::NotNow);
        }
        match call() {
            Ok(value) => {
                self.answered += 1;
                Ok(value)
            }
            Err(error) => Err(self.weigh(error)),
        }
    }

    /// Whether it is worth asking.
    pub(super) fn supports(&self, what: &str) -> bool {
        !self.unsupported.contains(what)
    }

    /// Never asks this again in this session.
    pub(super) fn forgo(&mut self, what: &'static str) {
        self.unsupported.insert(what);
    }

    /// Takes in that a call was refused.
    pub(super) fn weigh(&mut self, error: NvmlError) -> Refusal {
        let refusal = Refusal::from(&error);
        match refusal {
            Refusal::Ended | Refusal::Lost => self.stopped = Some(error),
            Refusal::Silent => self.silent += 1,
            Refusal::Corrupt => self.corrupt = true,
            Refusal::ResetRequired => self.reset_required = true,
            Refusal::Never | Refusal::NotNow => {}
        }
        if !matches!(refusal, Refusal::Silent | Refusal::Never) {
            self.answered += 1;
        }
        refusal
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_supported_is_asked_once() {
        let mut unsupported = Unsupported::new();
        for _ in 0..2 {
            let mut asked = 0;
            let mut calls = Calls::new(&mut unsupported);
            for _ in 0..2 {
                let answer = calls.ask("power", || {
                    asked += 1;
                    Err::<(), _>(NvmlError::NotSupported)
                });
                assert_eq!(answer, None);
            }
            assert!(asked <= 1);
        }
        assert!(unsupported.contains("power"));
    }

    #[test]
    fn what_is_not_answered_is_asked_again() {
        let mut unsupported = Unsupported::new();
        let mut calls = Calls::new(&mut unsupported);
        assert_eq!(calls.ask("power", || Err::<u32, _>(NvmlError::Timeout)), None);
        assert_eq!(calls.ask("power", || Err::<u32, _>(NvmlError::NoPermission)), None);
        assert_eq!(calls.ask("power", || Ok(7)), Some(7));
        assert_eq!((calls.answered, calls.silent), (2, 1));
    }

    #[test]
    fn nothing_more_is_asked_of_a_lost_gpu() {
        let mut unsupported = Unsupported::new();
        let mut calls = Calls::new(&mut unsupported);
        assert_eq!(calls.ask("power", || Err::<u32, _>(NvmlError::GpuLost)), None);
        assert_eq!(calls.ask("clock", || -> Result<u32, _> { unreachable!("the GPU is lost") }), None);
        assert!(matches!(calls.stopped, Some(NvmlError::GpuLost)));
        assert!(unsupported.is_empty());
    }
}

//! What NVIDIA's XIDs mean to us: the codes after which a GPU has to be reset, from the catalogue (Xid-Catalog.xlsx,
//! immediate bucket `RESET_GPU`, and the two workflows that begin with a reset).

/// The code of a GPU that has fallen off the bus.
pub(super) const FALLEN_OFF: u32 = 79;

/// A code that needs a reset, and what it says.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) code: u32,
    pub(super) says: &'static str,
}

const fn entry(code: u32, says: &'static str) -> Entry {
    Entry { code, says }
}

/// The codes that need a reset, in rising order.
///
/// 74 depends on the registers that come with it: until those are read it counts as one of these. 144 to 150 need
/// their sub-codes to tell a lost link from a lost GPU, and stand here once those are read.
pub(super) const NEEDS_RESET: &[Entry] = &[
    entry(46, "the GPU stopped processing"),
    entry(48, "an uncorrectable memory error"),
    entry(62, "the micro-controller halted"),
    entry(64, "a row could not be remapped"),
    entry(74, "an NVLink error"),
    entry(95, "an uncontained memory error"),
    entry(109, "a context switch timed out"),
    entry(110, "a security fault"),
    entry(119, "the GPU system processor did not answer"),
    entry(120, "the GPU system processor failed"),
    entry(136, "a link could not be trained"),
    entry(140, "an unrecovered memory error"),
    entry(143, "the GPU could not be initialised"),
    entry(155, "the driver asks for a reset"),
    entry(156, "the driver asks for a reset"),
    entry(158, "the driver asks for a reset"),
];

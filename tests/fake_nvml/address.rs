//! PCI addresses as NVML prints them.

/// Where a device is on the PCI bus.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Address {
    pub(crate) domain: u32,
    pub(crate) bus: u32,
    pub(crate) device: u32,
    pub(crate) function: u32,
}

impl Address {
    /// Reads `00000000:B3:00.0`, with fewer digits too, in either case.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let hex = |text| u32::from_str_radix(text, 16).ok();
        let (domain, place) = text.split_once(':')?;
        let (bus, place) = place.split_once(':')?;
        let (device, function) = place.split_once('.')?;
        Some(Self { domain: hex(domain)?, bus: hex(bus)?, device: hex(device)?, function: hex(function)? })
    }
}

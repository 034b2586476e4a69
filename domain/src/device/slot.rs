//! Where in a node a device sits.
use crate::WordError;
use serde::{Deserialize, Serialize};
use std::fmt;

/// A PCI bus id as NVML writes it (`nvmlPciInfo_t.busId`): `00000000:B3:00.0`. The short domain of the kernel's log
/// (`0000:b3:00`) is read as well.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Slot {
    /// PCI domain.
    pub domain: u32,
    /// PCI bus.
    pub bus: u8,
    /// PCI device on the bus, below 32.
    pub device: u8,
    /// PCI function of the device, below 8.
    pub function: u8,
}

impl Slot {
    pub(crate) const RULE: &str = "is a PCI bus id: domain, bus, device and function, like 00000000:B3:00.0";

    /// The slot as one number, in the order of domain, bus, device, function.
    pub const fn to_bits(self) -> u64 {
        (self.domain as u64) << 24 | (self.bus as u64) << 16 | (self.device as u64) << 8 | self.function as u64
    }

    /// The slot that [`to_bits`](Self::to_bits) made this number of.
    pub const fn from_bits(bits: u64) -> Option<Self> {
        let [_, d0, d1, d2, d3, bus, device, function] = bits.to_be_bytes();
        if bits >> 56 != 0 || device > 31 || function > 7 {
            return None;
        }
        Some(Self { domain: u32::from_be_bytes([d0, d1, d2, d3]), bus, device, function })
    }
}

impl fmt::Display for Slot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:08X}:{:02X}:{:02X}.{}", self.domain, self.bus, self.device, self.function)
    }
}

impl fmt::Debug for Slot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl std::str::FromStr for Slot {
    type Err = WordError;
    fn from_str(text: &str) -> Result<Self, WordError> {
        parse(text).ok_or(WordError { what: "a slot", rule: Self::RULE })
    }
}

fn parse(text: &str) -> Option<Slot> {
    let mut parts = text.split(':');
    let (domain, bus, rest) = (parts.next()?, parts.next()?, parts.next()?);
    let (device, function) = rest.split_once('.').unwrap_or((rest, "0"));
    let domain_fits = domain.len() == 4 || domain.len() == 8;
    if parts.next().is_some() || !domain_fits || bus.len() != 2 || device.len() != 2 || function.len() != 1 {
        return None;
    }
    // `from_str_radix` takes a sign as well.
    if !text.bytes().all(|b| b.is_ascii_hexdigit() || b == b':' || b == b'.') {
        return None;
    }
    let slot = Slot {
        domain: u32::from_str_radix(domain, 16).ok()?,
        bus: u8::from_str_radix(bus, 16).ok()?,
        device: u8::from_str_radix(device, 16).ok()?,
        function: u8::from_str_radix(function, 16).ok()?,
    };
    Slot::from_bits(slot.to_bits())
}

impl TryFrom<String> for Slot {
    type Error = WordError;
    fn try_from(text: String) -> Result<Self, WordError> {
        text.parse()
    }
}

impl From<Slot> for String {
    fn from(slot: Slot) -> Self {
        slot.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nvml_and_kernel_spell_the_same_slot() {
        let nvml: Slot = "00000000:B3:00.0".parse().unwrap();
        assert_eq!("0000:b3:00".parse(), Ok(nvml));
        assert_eq!(nvml.to_string(), "00000000:B3:00.0");
        assert_eq!(Slot::from_bits(nvml.to_bits()), Some(nvml));
    }

    #[test]
    fn what_is_no_slot_is_refused() {
        for text in ["", "B3:00.0", "0000:b3:20.0", "0000:b3:00.8", "0000:b3:00:0", "0000:+3:00.0", "zzzz:b3:00.0"] {
            assert!(text.parse::<Slot>().is_err(), "{text}");
        }
    }
}

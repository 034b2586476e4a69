//! Which quantities there are: one table, of which the wire's numbers, the units and the metrics are made.

/// What a value counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unit {
    /// Per cent.
    Percent,
    /// Thousandths of the time.
    Permille,
    /// Bytes.
    Bytes,
    /// Bytes a second.
    BytesPerSecond,
    /// Degrees Celsius.
    Celsius,
    /// Milliwatts.
    Milliwatts,
    /// Millijoules since the driver was loaded.
    Millijoules,
    /// Megahertz.
    Megahertz,
    /// Nanoseconds since the driver was loaded.
    Nanoseconds,
    /// A number of things.
    Count,
    /// NVML's bits of `nvmlClocksEventReasons`.
    Bits,
}

macro_rules! fields {
    ($($(#[doc = $about:literal])+ $name:ident = $code:literal $unit:ident $counts:literal;)+) => {
        /// A quantity that is measured on a GPU.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[repr(u8)]
        pub enum Field {
            $($(#[doc = $about])+ $name = $code,)+
        }

        impl Field {
            /// Every field.
            pub const ALL: &'static [Self] = &[$(Self::$name),+];

            /// How many there are.
            pub const COUNT: usize = Self::ALL.len();

            /// Its number on the wire: never given another meaning.
            pub const fn code(self) -> u8 {
                self as u8
            }

            /// The field of that number; none, if a later release wrote it.
            pub const fn of_code(code: u8) -> Option<Self> {
                match code {
                    $($code => Some(Self::$name),)+
                    _ => None,
                }
            }

            /// What it counts.
            pub const fn unit(self) -> Unit {
                match self {
                    $(Self::$name => Unit::$unit,)+
                }
            }

            /// Whether it only rises, until the driver is loaded anew.
            pub const fn is_counter(self) -> bool {
                match self {
                    $(Self::$name => $counts,)+
                }
            }
        }
    };
}

fields! {
    /// Time in which a kernel ran.
    GpuUtilization = 0 Percent false;
    /// Time in which memory was read or written.
    MemoryUtilization = 1 Percent false;
    /// Time in which the video encoder was busy.
    EncoderUtilization = 2 Percent false;
    /// Time in which the video decoder was busy.
    DecoderUtilization = 3 Percent false;
    /// Memory in use.
    MemoryUsed = 4 Bytes false;
    /// Memory to be had.
    MemoryFree = 5 Bytes false;
    /// Memory that the driver keeps.
    MemoryReserved = 6 Bytes false;
    /// Temperature of the GPU.
    Temperature = 7 Celsius false;
    /// Temperature of its memory.
    MemoryTemperature = 8 Celsius false;
    /// Power drawn.
    Power = 9 Milliwatts false;
    /// Energy used.
    Energy = 10 Millijoules true;
    /// Clock of the multiprocessors.
    SmClock = 11 Megahertz false;
    /// Clock of the memory.
    MemoryClock = 12 Megahertz false;
    /// Why clocks are held back.
    Throttle = 13 Bits false;
    /// Packets sent again over PCI Express.
    PcieReplays = 14 Count true;
    /// Corrected memory errors since the last reset.
    EccCorrected = 15 Count true;
    /// Uncorrected memory errors since the last reset.
    EccUncorrected = 16 Count true;
    /// Corrected memory errors of its life.
    EccCorrectedEver = 17 Count true;
    /// Uncorrected memory errors of its life.
    EccUncorrectedEver = 18 Count true;
    /// Rows remapped for corrected errors.
    RowsRemappedCorrected = 19 Count true;
    /// Rows remapped for uncorrected errors.
    RowsRemappedUncorrected = 20 Count true;
    /// Whether a remapping failed: 0 or 1.
    RowRemapFailed = 21 Count false;
    /// Pages retired for single-bit errors.
    PagesRetiredSingleBit = 22 Count true;
    /// Pages retired for double-bit errors.
    PagesRetiredDoubleBit = 23 Count true;
    /// Whether a retirement waits for a restart: 0 or 1.
    PagesRetiredPending = 24 Count false;
    /// Flits with checksum errors on all its links.
    NvLinkCrcFlit = 25 Count true;
    /// Data with checksum errors on all its links.
    NvLinkCrcData = 26 Count true;
    /// Packets sent again on all its links.
    NvLinkReplays = 27 Count true;
    /// Recoveries of all its links.
    NvLinkRecoveries = 28 Count true;
    /// Time in which clocks were held back for power.
    PowerViolation = 29 Nanoseconds true;
    /// Time in which clocks were held back for heat.
    ThermalViolation = 30 Nanoseconds true;
    /// Time in which the graphics or compute engine was busy.
    EngineActive = 31 Permille false;
    /// Time in which a tensor pipe was busy.
    TensorActive = 32 Permille false;
    /// Time in which device memory was busy.
    DramActive = 33 Permille false;
    /// Sent over PCI Express.
    PcieSent = 34 BytesPerSecond false;
    /// Received over PCI Express.
    PcieReceived = 35 BytesPerSecond false;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_dense_and_lead_back() {
        for (nth, field) in Field::ALL.iter().enumerate() {
            assert_eq!(usize::from(field.code()), nth);
            assert_eq!(Field::of_code(field.code()), Some(*field));
        }
        assert_eq!(Field::of_code(u8::MAX), None);
    }
}

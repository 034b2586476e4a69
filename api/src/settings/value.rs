//! Values of settings, parsed at the door.
use crate::egress::is_private;
pub use agents::program::LogLevel;
use ipnet::IpNet;
use std::{fmt, net::IpAddr, str::FromStr, time::Duration};

/// The text is not such a value: says what one looks like.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct ValueError(pub(crate) &'static str);

/// A simulated fleet: so many nodes of so many GPUs each, written `4x8`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fleet {
    /// Nodes, from 1 to [`NODES_MAX`](Self::NODES_MAX).
    pub nodes: u32,
    /// GPUs of each node, from 1 to [`GPUS_MAX`](Self::GPUS_MAX).
    pub gpus: u32,
}

impl Fleet {
    /// The most nodes of a simulated fleet.
    pub const NODES_MAX: u32 = 20_000;
    /// The most GPUs of a simulated node.
    pub const GPUS_MAX: u32 = 64;
}

impl FromStr for Fleet {
    type Err = ValueError;
    fn from_str(text: &str) -> Result<Self, ValueError> {
        let parsed = || {
            let (nodes, gpus) = text.split_once(['x', '×'])?;
            let (nodes, gpus) = (nodes.parse().ok()?, gpus.parse().ok()?);
            let fits = (1..=Self::NODES_MAX).contains(&nodes) && (1..=Self::GPUS_MAX).contains(&gpus);
            fits.then_some(Self { nodes, gpus })
        };
        parsed().ok_or(ValueError("a fleet is 1 to 20000 nodes of 1 to 64 GPUs each, as 4x8"))
    }
}

impl fmt::Display for Fleet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}x{}", self.nodes, self.gpus)
    }
}

/// A number of bytes, written `512MiB`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct ByteSize(pub u64);

impl FromStr for ByteSize {
    type Err = ValueError;
    fn from_str(text: &str) -> Result<Self, ValueError> {
        let parsed = || {
            let digits = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
            let (number, unit) = text.split_at(digits);
            let shift = match unit.trim_start() {
                "" | "B" => 0,
                "KiB" => 10,
                "MiB" => 20,
                "GiB" => 30,
                "TiB" => 40,
                _ => return None,
            };
            number.parse::<u64>().ok()?.checked_mul(1 << shift).map(Self)
        };
        parsed().ok_or(ValueError("a size is a whole number and B, KiB, MiB, GiB or TiB, as 512MiB"))
    }
}

impl fmt::Display for ByteSize {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} bytes", self.0)
    }
}

/// Addresses, joined by commas.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Addresses(pub(crate) Vec<IpAddr>);

impl FromStr for Addresses {
    type Err = ValueError;
    fn from_str(text: &str) -> Result<Self, ValueError> {
        let addresses: Result<Vec<IpAddr>, _> = text.split(',').map(|address| address.trim().parse()).collect();
        addresses.map(Self).map_err(|_| ValueError("addresses are joined by commas, as 127.0.0.1,10.0.0.7"))
    }
}

/// Networks, joined by commas; an address is a network of its own.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Networks(pub(crate) Vec<IpNet>);

impl FromStr for Networks {
    type Err = ValueError;
    fn from_str(text: &str) -> Result<Self, ValueError> {
        let network = |text: &str| {
            let alone = || text.parse::<IpAddr>().map(IpNet::from);
            text.parse::<IpNet>().or_else(|_| alone()).ok().map(|network| network.trunc())
        };
        let networks: Option<Vec<IpNet>> = text.split(',').map(|text| network(text.trim())).collect();
        networks.map(Self).ok_or(ValueError("networks are joined by commas, as 10.1.0.0/16,192.0.2.9"))
    }
}

/// Private [`Networks`].
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct PrivateNetworks(pub(crate) Vec<IpNet>);

impl FromStr for PrivateNetworks {
    type Err = ValueError;
    fn from_str(text: &str) -> Result<Self, ValueError> {
        let networks = text.parse::<Networks>().ok().filter(|Networks(networks)| networks.iter().all(is_private));
        networks.map(|Networks(networks)| Self(networks)).ok_or(ValueError(
            "networks are joined by commas, as 10.1.0.0/16,192.168.7.9, each within 10.0.0.0/8, 172.16.0.0/12, \
             192.168.0.0/16, 100.64.0.0/10 or fc00::/7: all else is either public or stays closed",
        ))
    }
}

/// After how many events the read models are saved.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct EventCount(pub(crate) u64);

impl FromStr for EventCount {
    type Err = ValueError;
    fn from_str(text: &str) -> Result<Self, ValueError> {
        let count = text.parse().ok().filter(|count| (1_000..=100_000_000).contains(count));
        count.map(Self).ok_or(ValueError("a number of events is 1000 to 100000000"))
    }
}

/// A length of time, from a second to a day, written `90s` or `5m`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Period(pub(crate) Duration);

impl FromStr for Period {
    type Err = ValueError;
    fn from_str(text: &str) -> Result<Self, ValueError> {
        let parsed = || {
            let (number, seconds) = match text.strip_suffix('s') {
                Some(number) => (number, 1),
                None => (text.strip_suffix('m')?, 60),
            };
            let seconds = number.parse::<u64>().ok()?.checked_mul(seconds)?;
            (1..=86_400).contains(&seconds).then(|| Self(Duration::from_secs(seconds)))
        };
        parsed().ok_or(ValueError("a time is a number of seconds or minutes, from 1s to 1440m"))
    }
}

/// How many requests of one address are answered at a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct RequestCount(pub(crate) usize);

impl FromStr for RequestCount {
    type Err = ValueError;
    fn from_str(text: &str) -> Result<Self, ValueError> {
        let count = text.parse().ok().filter(|count| (1..=1024).contains(count));
        count.map(Self).ok_or(ValueError("a number of requests at a time is 1 to 1024"))
    }
}

/// The form of log lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogFormat {
    /// For people.
    Text,
    /// One JSON object a line.
    Json,
}

impl FromStr for LogFormat {
    type Err = ValueError;
    fn from_str(text: &str) -> Result<Self, ValueError> {
        match text {
            "text" => Ok(Self::Text),
            "json" => Ok(Self::Json),
            _ => Err(ValueError("the form of log lines is text or json")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fleets() {
        assert_eq!("4x8".parse(), Ok(Fleet { nodes: 4, gpus: 8 }));
        for bad in ["", "4", "4x", "x8", "0x8", "4x0", "4x65", "20001x8", "-1x8", "4x8x2", " 4x8"] {
            assert!(bad.parse::<Fleet>().is_err(), "{bad}");
        }
    }

    #[test]
    fn a_fleet_is_as_large_as_the_simulation_takes() {
        use agents::source::simulated::Size;
        assert_eq!((Fleet::NODES_MAX, Fleet::GPUS_MAX), (Size::NODES_MAX, u32::from(Size::GPUS_MAX)));
    }

    #[test]
    fn sizes() {
        assert_eq!("512MiB".parse(), Ok(ByteSize(512 << 20)));
        assert_eq!("1024".parse(), Ok(ByteSize(1024)));
        assert_eq!("2 GiB".parse(), Ok(ByteSize(2 << 30)));
        for bad in ["", "MiB", "1.5GiB", "-1", "1MB", "99999999999TiB"] {
            assert!(bad.parse::<ByteSize>().is_err(), "{bad}");
        }
    }

    #[test]
    fn periods() {
        assert_eq!("90s".parse(), Ok(Period(Duration::from_secs(90))));
        assert_eq!("5m".parse(), Ok(Period(Duration::from_mins(5))));
        for bad in ["", "s", "90", "0s", "1441m", "-1s", "1.5m", "90 s", "99999999999999999999m"] {
            assert!(bad.parse::<Period>().is_err(), "{bad}");
        }
    }

    #[test]
    fn addresses() {
        let two = Addresses(vec![[127, 0, 0, 1].into(), [10, 0, 0, 7].into()]);
        assert_eq!("127.0.0.1, 10.0.0.7".parse(), Ok(two));
        for bad in ["", "proxy", "127.0.0.1,", "10.0.0.0/8"] {
            assert!(bad.parse::<Addresses>().is_err(), "{bad}");
        }
    }

    #[test]
    fn networks() {
        let of_all = |text: &str| text.parse::<Networks>().map(|networks| networks.0.len());
        assert_eq!(of_all("192.0.2.9, 127.0.0.0/8,::1"), Ok(3));
        assert!(of_all("").is_err() && of_all("10.0.0.0/33").is_err());
        let three = ["10.1.0.0/16", "192.168.7.9/32", "fd12::/16"].map(|network| network.parse().unwrap()).to_vec();
        assert_eq!("10.1.2.3/16, 192.168.7.9,fd12::/16".parse(), Ok(PrivateNetworks(three)));
        for bad in
            ["", "idp", "10.0.0.0/8,", "10.0.0.0/33", "0.0.0.0/0", "127.0.0.1", "169.254.169.254", "::1", "1.1.1.1"]
        {
            assert!(bad.parse::<PrivateNetworks>().is_err(), "{bad}");
        }
    }

    #[test]
    fn event_counts() {
        assert_eq!("250000".parse(), Ok(EventCount(250_000)));
        for bad in ["", "0", "999", "-1", "1e6", "100000001"] {
            assert!(bad.parse::<EventCount>().is_err(), "{bad}");
        }
    }

    #[test]
    fn request_counts() {
        assert_eq!("128".parse(), Ok(RequestCount(128)));
        for bad in ["", "0", "-1", "1025"] {
            assert!(bad.parse::<RequestCount>().is_err(), "{bad}");
        }
        assert_eq!(crate::http::HttpSettings::default().requests_max, 1024);
    }
}

//! The address space: what is on the Internet, what is somebody's own, and what is nobody's to ask. After IANA's registries of
//! special-purpose addresses (RFC 6890), as of 2026, and what clouds made of their parts.
use ipnet::{IpNet, Ipv4Net, Ipv6Net};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// How far an address reaches.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reach {
    /// Everybody's: it is globally reachable.
    Public,
    /// A network of one's own, which an operator may open.
    Private,
    /// This machine, this link, no single host, a metadata service, or nothing at all.
    Closed,
}

const fn v4(a: u8, b: u8, c: u8, d: u8, prefix: u8) -> Ipv4Net {
    Ipv4Net::new_assert(Ipv4Addr::new(a, b, c, d), prefix)
}

const fn v6(a: u16, b: u16, c: u16, prefix: u8) -> Ipv6Net {
    Ipv6Net::new_assert(Ipv6Addr::new(a, b, c, 0, 0, 0, 0, 0), prefix)
}

/// RFC 1918, and what carriers and clouds use inside (RFC 6598).
const PRIVATE_V4: [Ipv4Net; 4] =
    [v4(10, 0, 0, 0, 8), v4(172, 16, 0, 0, 12), v4(192, 168, 0, 0, 16), v4(100, 64, 0, 0, 10)];

/// RFC 4193.
const PRIVATE_V6: Ipv6Net = v6(0xfc00, 0, 0, 7);

const CLOSED_V4: [Ipv4Net; 11] = [
    v4(0, 0, 0, 0, 8),      // this network (RFC 791)
    v4(127, 0, 0, 0, 8),    // loopback (RFC 1122)
    v4(169, 254, 0, 0, 16), // link-local (RFC 3927), and the metadata services of most clouds
    v4(192, 0, 0, 0, 24),   // protocol assignments (RFC 6890), and Oracle's metadata service
    v4(192, 0, 2, 0, 24),   // documentation (RFC 5737)
    v4(192, 88, 99, 0, 24), // 6to4 relays (RFC 7526)
    v4(198, 18, 0, 0, 15),  // benchmarks (RFC 2544)
    v4(198, 51, 100, 0, 24),
    v4(203, 0, 113, 0, 24),
    v4(224, 0, 0, 0, 4), // multicast (RFC 5771)
    v4(240, 0, 0, 0, 4), // reserved (RFC 1112), and broadcast
];

/// Only these are handed out as global unicast (RFC 4291); loopback, link-local, multicast and all that is reserved lie outside.
const GLOBAL_V6: Ipv6Net = v6(0x2000, 0, 0, 3);

const CLOSED_V6: [Ipv6Net; 4] = [
    v6(0x2001, 0, 0, 23),     // protocol assignments (RFC 2928), with Teredo (RFC 4380)
    v6(0x2001, 0xdb8, 0, 32), // documentation (RFC 3849)
    v6(0x2002, 0, 0, 16),     // 6to4 (RFC 3056)
    v6(0x3fff, 0, 0, 20),     // documentation (RFC 9637)
];

/// Metadata services within what else would be public or private.
const METADATA: [IpAddr; 4] = [
    IpAddr::V4(Ipv4Addr::new(100, 100, 100, 200)), // Alibaba Cloud
    IpAddr::V4(Ipv4Addr::new(168, 63, 129, 16)),   // Azure's host
    IpAddr::V6(Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254)), // AWS
    IpAddr::V6(Ipv6Addr::new(0xfd20, 0xce, 0, 0, 0, 0, 0, 0x254)), // Google Cloud
];

/// NAT64's well-known prefix (RFC 6052): where only IPv6 is spoken, it is how IPv4 is reached.
const NAT64: Ipv6Net = v6(0x64, 0xff9b, 0, 96);

/// The address that this one stands for: mapped and translated ones are IPv4 addresses, and judged as such.
pub(super) fn plain(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) if NAT64.contains(&address) => {
            let [.., a, b, c, d] = address.octets();
            IpAddr::V4(Ipv4Addr::new(a, b, c, d))
        }
        address => address,
    }
}

/// How far this address reaches. It is a [`plain`] one.
pub(super) fn reach(address: IpAddr) -> Reach {
    if METADATA.contains(&address) {
        return Reach::Closed;
    }
    match address {
        IpAddr::V4(v4) if PRIVATE_V4.iter().any(|network| network.contains(&v4)) => Reach::Private,
        IpAddr::V4(v4) if CLOSED_V4.iter().any(|network| network.contains(&v4)) => Reach::Closed,
        IpAddr::V6(v6) if PRIVATE_V6.contains(&v6) => Reach::Private,
        IpAddr::V6(v6) if !GLOBAL_V6.contains(&v6) => Reach::Closed,
        IpAddr::V6(v6) if CLOSED_V6.iter().any(|network| network.contains(&v6)) => Reach::Closed,
        IpAddr::V4(_) | IpAddr::V6(_) => Reach::Public,
    }
}

/// Whether a network is a private one as a whole, so that an operator may open it.
pub fn is_private(network: &IpNet) -> bool {
    match network {
        IpNet::V4(network) => PRIVATE_V4.iter().any(|private| private.contains(network)),
        IpNet::V6(network) => PRIVATE_V6.contains(network),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(text: &str) -> Reach {
        reach(plain(text.parse().unwrap()))
    }

    #[test]
    fn the_internet_is_public() {
        for text in
            ["1.1.1.1", "9.255.255.255", "11.0.0.0", "172.15.255.255", "172.32.0.0", "100.63.255.255", "100.128.0.0"]
        {
            assert_eq!(of(text), Reach::Public, "{text}");
        }
        for text in
            ["223.255.255.255", "2606:4700::1111", "2a00::1", "2001:200::1", "::ffff:1.1.1.1", "64:ff9b::1.1.1.1"]
        {
            assert_eq!(of(text), Reach::Public, "{text}");
        }
    }

    #[test]
    fn a_network_of_ones_own_is_private() {
        for text in
            ["10.0.0.1", "172.16.0.1", "172.31.255.255", "192.168.1.1", "100.64.0.1", "100.127.255.255", "fd12::1"]
        {
            assert_eq!(of(text), Reach::Private, "{text}");
        }
        for text in ["::ffff:10.0.0.1", "64:ff9b::10.0.0.1", "fc00::1"] {
            assert_eq!(of(text), Reach::Private, "{text}");
        }
    }

    #[test]
    fn what_is_nobodys_to_ask_is_closed() {
        let v4 = [
            "0.0.0.0",
            "0.1.2.3",
            "127.0.0.1",
            "127.255.255.255",
            "169.254.0.1",
            "169.254.169.254",
            "192.0.0.192",
            "192.0.2.1",
            "192.88.99.1",
            "198.18.0.1",
            "198.19.255.255",
            "198.51.100.1",
            "203.0.113.1",
            "224.0.0.1",
            "239.255.255.255",
            "240.0.0.1",
            "255.255.255.255",
            "100.100.100.200",
            "168.63.129.16",
        ];
        for text in v4 {
            assert_eq!(of(text), Reach::Closed, "{text}");
            assert_eq!(of(&format!("::ffff:{text}")), Reach::Closed, "{text}, mapped");
            assert_eq!(of(&format!("64:ff9b::{text}")), Reach::Closed, "{text}, translated");
        }
        let v6 = [
            "::",
            "::1",
            "::7f00:1",
            "::10.0.0.1",
            "::1.1.1.1",
            "64:ff9b:1::1",
            "100::1",
            "100:0:0:1::1",
            "2001::1",
            "2001:0:4136::1",
            "2001:2::1",
            "2001:20::1",
            "2001:1ff::1",
            "2001:db8::1",
            "2002:7f00:1::",
            "2002:101:101::1",
            "3fff::1",
            "4000::1",
            "5f00::1",
            "fe80::1",
            "febf::1",
            "fec0::1",
            "ff02::1",
            "ff0e::1",
            "fd00:ec2::254",
            "fd20:ce::254",
        ];
        for text in v6 {
            assert_eq!(of(text), Reach::Closed, "{text}");
        }
    }

    #[test]
    fn only_networks_that_are_private_as_a_whole_can_be_opened() {
        for text in ["10.0.0.0/8", "10.1.2.0/24", "192.168.7.9/32", "100.64.0.0/10", "fc00::/7", "fd12:3456::/32"] {
            assert!(is_private(&text.parse().unwrap()), "{text}");
        }
        for text in [
            "0.0.0.0/0",
            "8.0.0.0/6",
            "127.0.0.0/8",
            "169.254.169.254/32",
            "1.1.1.1/32",
            "::/0",
            "fe80::/10",
            "::1/128",
        ] {
            assert!(!is_private(&text.parse().unwrap()), "{text}");
        }
    }
}

//! What a host says of itself, from the files of its kernel.
use domain::{Timestamp, node::Facts};
use std::{
    collections::BTreeSet,
    fs,
    net::{Ipv4Addr, Ipv6Addr},
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

/// Reads a host's facts below a root: `/`, or the folder where a container has the host's files.
#[derive(Debug)]
pub struct Host {
    root: PathBuf,
    agent: Arc<str>,
    /// The boot id, and the time of that start as it was first read: the kernel computes it anew from a clock that may be
    /// set, and a fact that wavers would be told again and again.
    boot: Option<(Arc<str>, Timestamp)>,
}

impl Host {
    /// The host whose files are below this root; what it says of the agent.
    pub const fn new(root: PathBuf, agent: Arc<str>) -> Self {
        Self { root, agent, boot: None }
    }

    /// What can be read now. A text that can't be read is empty, a number zero: the forms that [`Facts`] has for it.
    pub fn facts(&mut self, driver: &Arc<str>) -> Facts {
        let (boot_id, booted_at) = self.boot();
        Facts {
            boot_id,
            booted_at,
            addresses: self.addresses(),
            os: bounded(&pretty_name(
                &self.read("etc/os-release").or_else(|| self.read("usr/lib/os-release")).unwrap_or_default(),
            )),
            kernel: bounded(self.read("proc/sys/kernel/osrelease").unwrap_or_default().trim()),
            cpus: cpus(&self.read("proc/stat").unwrap_or_default()),
            memory_bytes: memory(&self.read("proc/meminfo").unwrap_or_default()).unwrap_or_default(),
            driver: bounded(driver),
            agent: bounded(&self.agent),
        }
    }

    /// The boot id and when that start was.
    pub fn boot(&mut self) -> (Arc<str>, Timestamp) {
        let id = bounded(self.read("proc/sys/kernel/random/boot_id").unwrap_or_default().trim());
        match &self.boot {
            Some((known, at)) if *known == id => (id, *at),
            _ => {
                let at = booted_at(&self.read("proc/stat").unwrap_or_default()).unwrap_or_default();
                self.boot = Some((Arc::clone(&id), at));
                (id, at)
            }
        }
    }

    /// For how long it has run (`/proc/uptime`); for ever, if that can't be read, so that nothing waits for it.
    pub fn uptime(&self) -> Duration {
        uptime(&self.root).unwrap_or(Duration::MAX)
    }

    fn addresses(&self) -> Vec<Arc<str>> {
        // In a container, the first process of the host's own table is the one that sees the host's network.
        let read =
            |name: &str| self.read(&format!("proc/1/net/{name}")).or_else(|| self.read(&format!("proc/net/{name}")));
        let four = local_v4(&read("fib_trie").unwrap_or_default()).into_iter().map(|address| address.to_string());
        let six = global_v6(&read("if_inet6").unwrap_or_default()).into_iter().map(|address| address.to_string());
        four.chain(six).take(Facts::ADDRESSES_MAX).map(Arc::from).collect()
    }

    fn read(&self, path: &str) -> Option<String> {
        read(&self.root, path)
    }
}

/// A file of the host as text; none if it can't be read.
pub(super) fn read(root: &Path, path: &str) -> Option<String> {
    fs::read(root.join(path)).ok().map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
}

/// The text, cut to what [`Facts`] holds.
fn bounded(text: &str) -> Arc<str> {
    Arc::from(&text[..text.floor_char_boundary(Facts::TEXT_MAX)])
}

/// `PRETTY_NAME` of os-release(5).
fn pretty_name(text: &str) -> String {
    let value = text.lines().find_map(|line| line.strip_prefix("PRETTY_NAME=")).unwrap_or_default();
    value.trim().trim_matches(['"', '\'']).to_owned()
}

/// `btime` of `/proc/stat`: seconds of the epoch.
fn booted_at(text: &str) -> Option<Timestamp> {
    let seconds: i64 = text.lines().find_map(|line| line.strip_prefix("btime "))?.trim().parse().ok()?;
    Some(Timestamp::from_micros(seconds.saturating_mul(1_000_000)))
}

/// For how long the host has run.
pub(super) fn uptime(root: &Path) -> Option<Duration> {
    read(root, "proc/uptime").and_then(|text| seconds(&text))
}

/// The first number of `/proc/uptime`: seconds, with a fraction.
fn seconds(text: &str) -> Option<Duration> {
    let seconds: f64 = text.split_whitespace().next()?.parse().ok()?;
    Duration::try_from_secs_f64(seconds).ok()
}

/// The processors that are on: each has a line of its own in `/proc/stat`.
fn cpus(text: &str) -> u32 {
    let numbered =
        |line: &&str| line.strip_prefix("cpu").is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit()));
    u32::try_from(text.lines().filter(numbered).count()).unwrap_or(u32::MAX)
}

/// `MemTotal` of `/proc/meminfo`, which is in KiB.
fn memory(text: &str) -> Option<u64> {
    let value = text.lines().find_map(|line| line.strip_prefix("MemTotal:"))?;
    value.trim().strip_suffix("kB")?.trim().parse::<u64>().ok()?.checked_mul(1024)
}

/// The addresses that `/proc/net/fib_trie` has as `host LOCAL`, loopback aside, in their order.
fn local_v4(text: &str) -> BTreeSet<Ipv4Addr> {
    let mut last = None;
    let mut found = BTreeSet::new();
    for line in text.lines().map(str::trim) {
        if let Some(address) = line.strip_prefix("|-- ") {
            last = address.parse::<Ipv4Addr>().ok();
        } else if line.ends_with("host LOCAL") {
            found.extend(last.filter(|address| !address.is_loopback()));
        }
    }
    found
}

/// The addresses of global scope (`00`) in `/proc/net/if_inet6`, in their order.
fn global_v6(text: &str) -> BTreeSet<Ipv6Addr> {
    let parse = |line: &str| {
        let mut words = line.split_whitespace();
        let address = u128::from_str_radix(words.next()?, 16).ok()?;
        (words.nth(2)? == "00").then_some(Ipv6Addr::from_bits(address))
    };
    text.lines().filter_map(parse).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const TRIE: &str = "Main:\n  +-- 0.0.0.0/0 3 0 5\n     |-- 0.0.0.0\n        /0 universe UNICAST\n     \
        |-- 127.0.0.1\n        /32 host LOCAL\n     |-- 10.4.0.17\n        /32 host LOCAL\n     |-- 10.4.0.255\n        \
        /32 link BROADCAST\nLocal:\n     |-- 10.4.0.17\n        /32 host LOCAL\n";

    #[test]
    fn a_host_is_read_from_its_files() {
        assert_eq!(pretty_name("NAME=\"Ubuntu\"\nPRETTY_NAME=\"Ubuntu 24.04.3 LTS\"\n"), "Ubuntu 24.04.3 LTS");
        assert_eq!(booted_at("cpu  1 2\nbtime 1772366400\n"), Some(Timestamp::from_micros(1_772_366_400_000_000)));
        assert_eq!(seconds("86400.25 17.00\n"), Some(Duration::from_millis(86_400_250)));
        assert_eq!((seconds("-1"), seconds("")), (None, None));
        assert_eq!(cpus("cpu  1 2\ncpu0 1\ncpu1 1\nintr 4\n"), 2);
        assert_eq!(memory("MemTotal:       16307932 kB\nMemFree: 1 kB\n"), Some(16_307_932 * 1024));
        assert_eq!(local_v4(TRIE).into_iter().collect::<Vec<_>>(), [Ipv4Addr::new(10, 4, 0, 17)]);
        let six = "00000000000000000000000000000001 01 80 10 80       lo\n\
            20010db8000000000000000000000007 02 40 00 80     eth0\nfe800000000000000000000000000007 02 40 20 80     eth0\n";
        assert_eq!(global_v6(six).into_iter().map(|a| a.to_string()).collect::<Vec<_>>(), ["2001:db8::7"]);
    }

    #[test]
    fn what_is_cut_ends_between_characters() {
        assert_eq!(bounded(&"é".repeat(100)).len(), 128);
    }

    proptest::proptest! {
        #[test]
        fn no_text_is_a_panic(text in ".*") {
            let _ = (pretty_name(&text), booted_at(&text), seconds(&text), cpus(&text), memory(&text), local_v4(&text), global_v6(&text));
        }
    }
}

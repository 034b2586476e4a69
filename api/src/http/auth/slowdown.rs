//! Failed sign-ins make the next ones wait: by login, so that one password can't be guessed from many places, and by
//! address, so that one place can't guess many. Nobody is ever locked out: the waits are short, and a refused attempt
//! does not lengthen them.
use super::Address;
use domain::{Login, Timestamp};
use sha2::{Digest, Sha256};
use std::{
    collections::HashMap,
    hash::Hash,
    net::IpAddr,
    sync::{Mutex, PoisonError},
};

/// How failures of one sort of key add up.
struct Pace {
    /// So many are free.
    free: u32,
    /// The longest wait, in seconds.
    wait_max: i64,
}

const BY_LOGIN: Pace = Pace { free: 5, wait_max: 5 };
const BY_ADDRESS: Pace = Pace { free: 20, wait_max: 300 };

/// After so many seconds without a failure they are forgotten.
const FORGOTTEN_AFTER: i64 = 900;

/// The most keys of a sort: past them, the one whose last failure is the oldest is forgotten.
const KEYS_MAX: usize = 10_000;

/// Counts failed sign-ins.
#[derive(Default)]
pub(crate) struct Slowdown(Mutex<Counted>);

#[derive(Default)]
struct Counted {
    // A login as typed may be a password in the wrong field: only its hash is kept.
    logins: Tallies<[u8; 32]>,
    addresses: Tallies<IpAddr>,
}

type Tallies<K> = HashMap<K, Failures>;

#[derive(Clone, Copy)]
struct Failures {
    count: u32,
    last: Timestamp,
}

/// A sign-in under way. It counts as failed until it is said to have succeeded: so attempts at the same time count too.
pub(crate) struct Attempt {
    login: [u8; 32],
    address: Option<IpAddr>,
}

impl Slowdown {
    /// Begins an attempt.
    ///
    /// # Errors
    /// In how many seconds the next one is looked at.
    pub(crate) fn begin(&self, login: &Login, address: Option<IpAddr>, now: Timestamp) -> Result<Attempt, u64> {
        self.begin_with(Sha256::digest(login.as_str().as_bytes()).into(), address, now)
    }

    /// Begins an attempt with what is as hard to guess as a login and a password: its hash stands for the login.
    ///
    /// # Errors
    /// In how many seconds the next one is looked at.
    pub(crate) fn begin_with(&self, login: [u8; 32], address: Option<IpAddr>, now: Timestamp) -> Result<Attempt, u64> {
        let attempt = Attempt { login, address: Address(address).network() };
        let mut counted = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let by_login = wait(&counted.logins, &attempt.login, &BY_LOGIN, now);
        let by_address = attempt.address.map_or(0, |address| wait(&counted.addresses, &address, &BY_ADDRESS, now));
        let micros = by_login.max(by_address);
        if micros > 0 {
            return Err(u64::try_from(micros).unwrap_or_default().div_ceil(1_000_000));
        }
        count(&mut counted.logins, attempt.login, now);
        if let Some(address) = attempt.address {
            count(&mut counted.addresses, address, now);
        }
        Ok(attempt)
    }

    /// The attempt succeeded: it takes its own failure back, and the login's earlier ones with it.
    pub(crate) fn succeeded(&self, attempt: &Attempt) {
        let mut counted = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        counted.logins.remove(&attempt.login);
        if let Some(failures) = attempt.address.and_then(|address| counted.addresses.get_mut(&address)) {
            failures.count = failures.count.saturating_sub(1);
        }
    }
}

/// How many microseconds are left to wait.
fn wait<K: Eq + Hash>(tallies: &Tallies<K>, key: &K, pace: &Pace, now: Timestamp) -> i64 {
    let Some(failures) = tallies.get(key).filter(|failures| recent(failures, now)) else { return 0 };
    let Some(excess) = failures.count.checked_sub(pace.free) else { return 0 };
    let seconds = 1_i64.checked_shl(excess.min(30)).unwrap_or(pace.wait_max).min(pace.wait_max);
    (failures.last.plus_seconds(seconds).micros() - now.micros()).clamp(0, seconds * 1_000_000)
}

fn recent(failures: &Failures, now: Timestamp) -> bool {
    now < failures.last.plus_seconds(FORGOTTEN_AFTER)
}

fn count<K: Eq + Hash + Copy>(tallies: &mut Tallies<K>, key: K, now: Timestamp) {
    if !tallies.contains_key(&key) && tallies.len() >= KEYS_MAX {
        tallies.retain(|_, failures| recent(failures, now));
        if tallies.len() >= KEYS_MAX
            && let Some(oldest) = tallies.iter().min_by_key(|(_, failures)| failures.last).map(|(key, _)| *key)
        {
            tallies.remove(&oldest);
        }
    }
    let before = tallies.get(&key).filter(|failures| recent(failures, now)).map_or(0, |failures| failures.count);
    tallies.insert(key, Failures { count: before.saturating_add(1), last: now });
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::Ipv6Addr;

    fn login(name: &str) -> Login {
        name.parse().unwrap()
    }

    #[test]
    fn a_guessed_login_waits_and_is_never_locked_out() {
        let slowdown = Slowdown::default();
        let mut now = Timestamp::from_micros(0);
        for _ in 0..5 {
            assert!(slowdown.begin(&login("ada"), None, now).is_ok());
        }
        assert_eq!(slowdown.begin(&login("ada"), None, now).err(), Some(1));
        assert!(slowdown.begin(&login("bob"), None, now).is_ok());
        for _ in 0..100 {
            now = now.plus_seconds(5);
            assert!(slowdown.begin(&login("ada"), None, now).is_ok(), "the wait is never longer than five seconds");
            assert!(slowdown.begin(&login("ada"), None, now).is_err());
        }
    }

    #[test]
    fn one_address_can_not_try_many_logins() {
        let slowdown = Slowdown::default();
        let now = Timestamp::from_micros(0);
        let home = |n: u16| Some(IpAddr::V6(Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, n)));
        for n in 0..20 {
            assert!(slowdown.begin(&login(&format!("user{n}")), home(n), now).is_ok());
        }
        assert!(slowdown.begin(&login("another"), home(99), now).is_err(), "a /64 counts as one");
        assert!(slowdown.begin(&login("another"), "192.0.2.1".parse().ok(), now).is_ok());
    }

    #[test]
    fn success_and_time_forgive() {
        let slowdown = Slowdown::default();
        let now = Timestamp::from_micros(0);
        for _ in 0..4 {
            assert!(slowdown.begin(&login("ada"), None, now).is_ok());
        }
        let attempt = slowdown.begin(&login("ada"), None, now).ok().unwrap();
        slowdown.succeeded(&attempt);
        for _ in 0..5 {
            assert!(slowdown.begin(&login("ada"), None, now).is_ok());
        }
        assert!(slowdown.begin(&login("ada"), None, now).is_err());
        let later = now.plus_seconds(FORGOTTEN_AFTER);
        for _ in 0..5 {
            assert!(slowdown.begin(&login("ada"), None, later).is_ok());
        }
    }

    #[test]
    fn a_flood_of_logins_stays_in_bounds() {
        let slowdown = Slowdown::default();
        let now = Timestamp::from_micros(0);
        for n in 0..=KEYS_MAX {
            assert!(slowdown.begin(&login(&format!("user{n}")), None, now).is_ok());
        }
        assert_eq!(slowdown.0.lock().unwrap().logins.len(), KEYS_MAX);
    }
}

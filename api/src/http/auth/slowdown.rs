//! Failed sign-ins make the next ones wait: by login, so that one password can't be guessed from many places, and by
//! address, so that one place can't guess many. Nobody is ever locked out: the waits are short, a refused attempt
//! does not lengthen them, and who guesses from many places makes nobody wait at home, where they have signed in before.
use super::Address;
use crate::http::{metrics::Metrics, problem::Problem};
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

/// Coming back from a provider with what it does not take: most who do so are not to blame, and nobody guesses anything.
const BY_RETURN: Pace = Pace { free: 20, wait_max: 30 };

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
    logins: Tallies<Hash32>,
    /// The networks that somebody has signed in from: failures there are counted apart from those of all others.
    homes: Tallies<(Hash32, IpAddr)>,
    addresses: Tallies<IpAddr>,
    /// Returns from a provider, by the network that they come from.
    returns: Tallies<IpAddr>,
}

type Hash32 = [u8; 32];

type Tallies<K> = HashMap<K, Failures>;

#[derive(Clone, Copy)]
struct Failures {
    count: u32,
    last: Timestamp,
}

/// A sign-in under way. It counts as failed until it is said to have succeeded: so attempts at the same time count too.
pub(crate) struct Attempt {
    /// None for a return from a provider, before anybody knows whose it is.
    login: Option<Hash32>,
    address: Option<IpAddr>,
}

impl Attempt {
    fn home(&self) -> Option<(Hash32, IpAddr)> {
        self.login.zip(self.address)
    }
}

/// The answer to whoever has to wait.
pub(crate) fn slow_down(metrics: &Metrics, seconds: u64) -> Problem {
    metrics.sign_in("slowed_down");
    Problem::new("auth.slow_down", "too many sign-ins failed: wait a little").retry_after(seconds)
}

impl Slowdown {
    /// Begins an attempt.
    ///
    /// # Errors
    /// In how many seconds the next one is looked at.
    pub(crate) fn begin(&self, login: &Login, address: Option<IpAddr>, now: Timestamp) -> Result<Attempt, u64> {
        self.begin_with(Sha256::digest(login.as_str().as_bytes()).into(), address, now)
    }

    /// Begins an attempt at a login from where its user may not sign in at all: it makes nobody wait who may.
    ///
    /// # Errors
    /// In how many seconds the next one is looked at.
    pub(crate) fn begin_barred(&self, login: &Login, address: Option<IpAddr>, now: Timestamp) -> Result<Attempt, u64> {
        let apart = Sha256::new_with_prefix(b"barred\0").chain_update(login.as_str());
        self.begin_with(apart.finalize().into(), address, now)
    }

    /// Begins a return from a provider, of whoever it is, from there. It makes no password wait.
    ///
    /// # Errors
    /// In how many seconds the next one is looked at.
    pub(crate) fn begin_return(&self, address: Option<IpAddr>, now: Timestamp) -> Result<Attempt, u64> {
        let attempt = Attempt { login: None, address: Address(address).network() };
        let Some(address) = attempt.address else { return Ok(attempt) };
        let mut counted = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        due(wait(&counted.returns, &address, &BY_RETURN, now))?;
        count(&mut counted.returns, address, now);
        Ok(attempt)
    }

    /// Begins an attempt with what is as hard to guess as a login and a password: its hash stands for the login.
    ///
    /// # Errors
    /// In how many seconds the next one is looked at.
    pub(crate) fn begin_with(&self, login: Hash32, address: Option<IpAddr>, now: Timestamp) -> Result<Attempt, u64> {
        let attempt = Attempt { login: Some(login), address: Address(address).network() };
        let mut counted = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let home = attempt.home().filter(|home| counted.homes.contains_key(home));
        let by_login = match home {
            Some(home) => wait(&counted.homes, &home, &BY_LOGIN, now),
            None => wait(&counted.logins, &login, &BY_LOGIN, now),
        };
        let by_address = attempt.address.map_or(0, |address| wait(&counted.addresses, &address, &BY_ADDRESS, now));
        due(by_login.max(by_address))?;
        match home {
            Some(home) => count(&mut counted.homes, home, now),
            None => count(&mut counted.logins, login, now),
        }
        if let Some(address) = attempt.address {
            count(&mut counted.addresses, address, now);
        }
        Ok(attempt)
    }

    /// The attempt succeeded: it takes its own failure back, and the login's earlier ones with it. Its network is a home of that
    /// login from now on.
    pub(crate) fn succeeded(&self, attempt: &Attempt, now: Timestamp) {
        let mut counted = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(login) = attempt.login {
            counted.logins.remove(&login);
        }
        if let Some(home) = attempt.home() {
            make_room(&mut counted.homes, &home);
            counted.homes.insert(home, Failures { count: 0, last: now });
        }
        let Counted { addresses, returns, .. } = &mut *counted;
        let tallies = if attempt.login.is_some() { addresses } else { returns };
        if let Some(failures) = attempt.address.and_then(|address| tallies.get_mut(&address)) {
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

/// # Errors
/// In how many seconds, where there are microseconds to wait.
fn due(micros: i64) -> Result<(), u64> {
    let left = u64::try_from(micros).unwrap_or_default();
    if left == 0 { Ok(()) } else { Err(left.div_ceil(1_000_000)) }
}

fn recent(failures: &Failures, now: Timestamp) -> bool {
    now < failures.last.plus_seconds(FORGOTTEN_AFTER)
}

fn count<K: Eq + Hash + Copy>(tallies: &mut Tallies<K>, key: K, now: Timestamp) {
    if !tallies.contains_key(&key) && tallies.len() >= KEYS_MAX {
        tallies.retain(|_, failures| recent(failures, now));
    }
    make_room(tallies, &key);
    let before = tallies.get(&key).filter(|failures| recent(failures, now)).map_or(0, |failures| failures.count);
    tallies.insert(key, Failures { count: before.saturating_add(1), last: now });
}

fn make_room<K: Eq + Hash + Copy>(tallies: &mut Tallies<K>, key: &K) {
    if !tallies.contains_key(key)
        && tallies.len() >= KEYS_MAX
        && let Some(oldest) = tallies.iter().min_by_key(|(_, failures)| failures.last).map(|(key, _)| *key)
    {
        tallies.remove(&oldest);
    }
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
        slowdown.succeeded(&attempt, now);
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
    fn who_guesses_from_many_places_makes_nobody_wait_at_home() {
        let slowdown = Slowdown::default();
        let now = Timestamp::from_micros(0);
        let place = |text: &str| text.parse().ok();
        let home = slowdown.begin(&login("ada"), place("192.0.2.1"), now).ok().unwrap();
        slowdown.succeeded(&home, now);
        for n in 0..5 {
            assert!(slowdown.begin(&login("ada"), place(&format!("198.51.100.{n}")), now).is_ok());
        }
        assert!(slowdown.begin(&login("ada"), place("203.0.113.1"), now).is_err());
        for _ in 0..5 {
            assert!(slowdown.begin(&login("ada"), place("192.0.2.1"), now).is_ok(), "at home, five are free as ever");
        }
        assert_eq!(slowdown.begin(&login("ada"), place("192.0.2.1"), now).err(), Some(1));
        assert!(slowdown.begin(&login("bob"), place("192.0.2.1"), now).is_ok());
    }

    #[test]
    fn attempts_from_where_nobody_may_sign_in_make_nobody_wait_who_may() {
        let slowdown = Slowdown::default();
        let now = Timestamp::from_micros(0);
        for _ in 0..5 {
            assert!(slowdown.begin_barred(&login("operator"), None, now).is_ok());
        }
        assert_eq!(slowdown.begin_barred(&login("operator"), None, now).err(), Some(1), "as any login is slowed");
        assert!(slowdown.begin(&login("operator"), None, now).is_ok());
    }

    #[test]
    fn returns_from_a_provider_make_no_password_wait() {
        let slowdown = Slowdown::default();
        let (now, office) = (Timestamp::from_micros(0), "192.0.2.1".parse().ok());
        let good = slowdown.begin_return(office, now).ok().unwrap();
        slowdown.succeeded(&good, now);
        for _ in 0..20 {
            assert!(slowdown.begin_return(office, now).is_ok());
        }
        assert_eq!(slowdown.begin_return(office, now).err(), Some(1));
        assert!(slowdown.begin(&login("operator"), office, now).is_ok());
        assert!(slowdown.begin_return("198.51.100.1".parse().ok(), now).is_ok());
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

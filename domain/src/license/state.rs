use crate::{Cluster, LicenseId, Licensee, Position, Timestamp, published::record};
use serde::{Deserialize, Serialize};

/// So many days before its end, a license is warned about.
pub const WARN_DAYS: i64 = 30;

/// The longest grace, in days.
pub const GRACE_DAYS_MAX: u16 = 3660;

const DAY: i64 = 86_400;

record! {
    /// What a vendor grants.
    #[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
    pub struct License {
        /// Its number.
        pub id: LicenseId,
        /// To whom it is granted.
        pub licensee: Licensee,
        /// When its vendor signed it: an older one does not follow a newer one.
        pub issued_at: Timestamp,
        /// When it begins.
        pub starts_at: Timestamp,
        /// When it ends.
        pub ends_at: Timestamp,
        /// How many days after its end nothing is refused yet.
        pub grace_days: u16,
        /// How many users there may be; null for any number.
        pub seats: Option<u32>,
        /// How many devices may be in service; null for any number.
        pub devices: Option<u32>,
    }
}

/// Where a license is in its time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// It holds.
    Valid,
    /// It holds, and ends within [`WARN_DAYS`].
    Ending,
    /// It ended, and nothing is refused yet.
    Grace,
    /// It is over.
    Over,
}

/// Why growth is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Unlicensed {
    /// There is no license.
    #[error("there is no license: without one, nothing new is made; what is there goes on")]
    Missing,
    /// It is over, its grace too, since then.
    #[error("the license and its grace ended at {0}: nothing new is made; what is there goes on")]
    Over(Timestamp),
    /// There are, or would be, more users than it grants.
    #[error("the license grants {limit} users, which {used} are more than: nothing new is made; what is there goes on")]
    Seats {
        /// How many there are, or would be.
        used: u32,
        /// How many it grants.
        limit: u32,
    },
    /// There are more devices in service than it grants.
    #[error(
        "the license grants {limit} devices, and {used} are in service: nothing new is made; what is there goes on"
    )]
    Devices {
        /// How many there are.
        used: u32,
        /// How many it grants.
        limit: u32,
    },
}

impl Unlicensed {
    /// Its stable code.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Missing => "license.missing",
            Self::Over(_) => "license.over",
            Self::Seats { .. } => "license.seats",
            Self::Devices { .. } => "license.devices",
        }
    }
}

/// The license that holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Installed {
    /// What it grants.
    pub license: License,
    /// When it was installed.
    pub installed_at: Timestamp,
    /// Where it was.
    pub revision: Position,
}

impl License {
    /// When growth is refused from: its end and the grace after it.
    pub fn over_at(&self) -> Timestamp {
        self.ends_at.plus_seconds(i64::from(self.grace_days) * DAY)
    }

    /// Where it is in its time.
    pub fn phase(&self, now: Timestamp) -> Phase {
        if now >= self.over_at() {
            Phase::Over
        } else if now >= self.ends_at {
            Phase::Grace
        } else if now >= self.ends_at.plus_seconds(-WARN_DAYS * DAY) {
            Phase::Ending
        } else {
            Phase::Valid
        }
    }

    /// How many whole days are left until its end; less than none after it.
    pub const fn days_left(&self, now: Timestamp) -> i64 {
        (self.ends_at.micros() - now.micros()).div_euclid(DAY * 1_000_000)
    }

    /// Whether there are more users, or more devices in service, than it grants.
    pub(crate) fn grants_too_little(&self, cluster: &Cluster) -> bool {
        let users = u32::try_from(cluster.users().len()).unwrap_or(u32::MAX);
        self.beyond(users, cluster.tally().total()).is_some()
    }

    /// Why there may be no growth with so many users and devices in service, if that is so.
    pub fn limits(&self, users: u32, devices: u32, now: Timestamp) -> Option<Unlicensed> {
        let over = (self.phase(now) == Phase::Over).then(|| Unlicensed::Over(self.over_at()));
        over.or_else(|| self.beyond(users, devices))
    }

    fn beyond(&self, users: u32, devices: u32) -> Option<Unlicensed> {
        let beyond = |limit: Option<u32>, used: u32| limit.filter(|limit| used > *limit);
        let seats = beyond(self.seats, users).map(|limit| Unlicensed::Seats { used: users, limit });
        seats.or_else(|| beyond(self.devices, devices).map(|limit| Unlicensed::Devices { used: devices, limit }))
    }
}

//! What is kept of an answer, so that the same request gets the same answer again: positions and ids, never a login, a
//! secret or a text that somebody typed.
use domain::{Kind, Position, Refusal, Shortage, Subject, Tally, Warning};
use serde::{Deserialize, Serialize};

/// An answer that is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Kept {
    /// Accepted: so many events from that position on, perhaps none.
    Accepted { position: Position, first: Position, count: u16, warnings: Vec<Warning> },
    /// Refused by the rules.
    Refused(Refusal),
}

const ACCEPTED: u8 = 1;
const REFUSED: u8 = 2;

/// Frozen.
#[derive(Serialize, Deserialize)]
struct AcceptedV1 {
    position: u64,
    first: u64,
    count: u16,
    warnings: Vec<WarningV1>,
}

/// Frozen: one struct for every warning, `code` says which, and with it whose the names are.
#[derive(Serialize, Deserialize)]
struct WarningV1 {
    code: u8,
    user: Option<uuid::Uuid>,
    name: Option<String>,
    second: Option<String>,
    jobs: Vec<uuid::Uuid>,
}

/// Frozen.
#[derive(Serialize, Deserialize)]
struct RefusedV1 {
    kind: u8,
    code: String,
    detail: String,
    refs: Vec<String>,
    unknown_login: Option<u32>,
    shortage: Option<[u32; 7]>,
}

impl Kept {
    /// The bytes: which of both, then its struct.
    pub(super) fn to_bytes(&self) -> Vec<u8> {
        match self {
            Self::Accepted { position, first, count, warnings } => tagged(
                ACCEPTED,
                &AcceptedV1 {
                    position: position.0,
                    first: first.0,
                    count: *count,
                    warnings: warnings.iter().map(WarningV1::from).collect(),
                },
            ),
            Self::Refused(refusal) => tagged(REFUSED, &RefusedV1::from(refusal)),
        }
    }

    pub(super) fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let (tag, rest) = bytes.split_first()?;
        match *tag {
            ACCEPTED => {
                let kept: AcceptedV1 = whole(rest)?;
                let warnings = kept.warnings.into_iter().map(WarningV1::into_warning).collect::<Option<_>>()?;
                let (position, first) = (Position(kept.position), Position(kept.first));
                Some(Self::Accepted { position, first, count: kept.count, warnings })
            }
            REFUSED => whole::<RefusedV1>(rest)?.into_refusal().map(Self::Refused),
            _ => None,
        }
    }
}

fn tagged(tag: u8, value: &impl Serialize) -> Vec<u8> {
    postcard::to_extend(value, vec![tag]).expect("plain data always serialises")
}

fn whole<'a, T: Deserialize<'a>>(bytes: &'a [u8]) -> Option<T> {
    let (value, rest) = postcard::take_from_bytes(bytes).ok()?;
    rest.is_empty().then_some(value)
}

impl From<&Warning> for WarningV1 {
    fn from(warning: &Warning) -> Self {
        let none = Self { code: 0, user: None, name: None, second: None, jobs: vec![] };
        let ids = |jobs: &[domain::JobId]| jobs.iter().map(|job| job.0).collect();
        match warning {
            Warning::JobsKeepDevices { user, jobs } => Self { code: 1, user: Some(user.0), jobs: ids(jobs), ..none },
            Warning::PoolUnboundUnderJobs { group, pool, jobs } => {
                Self { code: 2, name: Some(group.to_string()), second: Some(pool.to_string()), jobs: ids(jobs), ..none }
            }
            Warning::GroupWithoutPool { group } => Self { code: 3, name: Some(group.to_string()), ..none },
            Warning::TokensKeepRole { user } => Self { code: 4, user: Some(user.0), ..none },
            Warning::LicenseExceeded => Self { code: 5, ..none },
            Warning::UnknownCondition { kind, alike } => {
                let alike = alike.as_ref().map(ToString::to_string);
                Self { code: 6, name: Some(kind.to_string()), second: alike, ..none }
            }
            Warning::UsersNotLinked { users } => Self { code: 7, name: Some(users.to_string()), ..none },
        }
    }
}

impl WarningV1 {
    fn into_warning(self) -> Option<Warning> {
        let jobs = self.jobs.into_iter().map(domain::JobId).collect();
        match self.code {
            1 => Some(Warning::JobsKeepDevices { user: domain::UserId(self.user?), jobs }),
            2 => Some(Warning::PoolUnboundUnderJobs {
                group: self.name?.parse().ok()?,
                pool: self.second?.parse().ok()?,
                jobs,
            }),
            3 => Some(Warning::GroupWithoutPool { group: self.name?.parse().ok()? }),
            4 => Some(Warning::TokensKeepRole { user: domain::UserId(self.user?) }),
            5 => Some(Warning::LicenseExceeded),
            6 => Some(Warning::UnknownCondition {
                kind: self.name?.parse().ok()?,
                alike: self.second.map(|kind| kind.parse()).transpose().ok()?,
            }),
            7 => Some(Warning::UsersNotLinked { users: self.name?.parse().ok()? }),
            _ => None,
        }
    }
}

impl From<&Refusal> for RefusedV1 {
    fn from(refusal: &Refusal) -> Self {
        Self {
            kind: match refusal.kind {
                Kind::Malformed => 1,
                Kind::NotFound => 2,
                Kind::Conflict => 3,
                Kind::TooLarge => 4,
            },
            code: refusal.code.clone(),
            detail: refusal.detail.clone(),
            refs: refusal.refs.iter().map(Subject::to_string).collect(),
            unknown_login: refusal.unknown_login,
            shortage: refusal.shortage.map(|Shortage { asked, had }| {
                [asked, had.busy, had.missing, had.unknown, had.quarantined, had.cordoned, had.free]
            }),
        }
    }
}

impl RefusedV1 {
    fn into_refusal(self) -> Option<Refusal> {
        Some(Refusal {
            kind: match self.kind {
                1 => Kind::Malformed,
                2 => Kind::NotFound,
                3 => Kind::Conflict,
                4 => Kind::TooLarge,
                _ => return None,
            },
            code: self.code,
            detail: self.detail,
            refs: self.refs.iter().map(|text| text.parse().ok()).collect::<Option<_>>()?,
            unknown_login: self.unknown_login,
            shortage: self.shortage.map(|[asked, busy, missing, unknown, quarantined, cordoned, free]| Shortage {
                asked,
                had: Tally { busy, missing, unknown, quarantined, cordoned, free },
            }),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use domain::{JobId, UserId};
    use uuid::Uuid;

    #[test]
    fn what_is_kept_comes_back() {
        let jobs = vec![JobId(Uuid::from_u128(4))];
        let user = UserId(Uuid::from_u128(9));
        let tally = Tally { busy: 1, missing: 2, unknown: 3, quarantined: 4, cordoned: 5, free: 6 };
        let group: domain::GroupName = "g".parse().unwrap();
        let all = [
            Kept::Accepted { position: Position(9), first: Position(7), count: 3, warnings: vec![] },
            Kept::Accepted {
                position: Position(9),
                first: Position(9),
                count: 0,
                warnings: vec![
                    Warning::JobsKeepDevices { user, jobs: jobs.clone() },
                    Warning::PoolUnboundUnderJobs { group: group.clone(), pool: "p".parse().unwrap(), jobs },
                    Warning::GroupWithoutPool { group },
                    Warning::TokensKeepRole { user },
                    Warning::LicenseExceeded,
                    Warning::UnknownCondition {
                        kind: "gpu.lsot".parse().unwrap(),
                        alike: Some("gpu.lost".parse().unwrap()),
                    },
                    Warning::UnknownCondition { kind: "site.fan".parse().unwrap(), alike: None },
                    Warning::UsersNotLinked { users: 50_000 },
                ],
            },
            Kept::Refused(Refusal {
                kind: Kind::Conflict,
                code: "job.shortage".to_owned(),
                detail: "7 devices were asked for, and 6 are free".to_owned(),
                refs: vec![Subject::User(user)],
                unknown_login: Some(2),
                shortage: Some(Shortage { asked: 7, had: tally }),
            }),
        ];
        for kept in all {
            let bytes = kept.to_bytes();
            assert_eq!(Kept::from_bytes(&bytes).as_ref(), Some(&kept));
            for cut in 0..bytes.len() {
                assert_eq!(Kept::from_bytes(&bytes[..cut]), None);
            }
        }
    }
}

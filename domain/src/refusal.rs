//! A refusal as it is answered and kept.
use crate::{Kind, Rejection, Shortage, Subject};

/// A rejection in the form in which it is answered and kept: the same for every rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// Its sort.
    pub kind: Kind,
    /// Its stable code.
    pub code: String,
    /// What a person reads: names no person.
    pub detail: String,
    /// What stands in the way, at most [`REFS_MAX`](Self::REFS_MAX).
    pub refs: Vec<Subject>,
    /// The place of the login that nobody has, in the order in which the command names logins.
    pub unknown_login: Option<u32>,
    /// The numbers behind a claim that found too few devices.
    pub shortage: Option<Shortage>,
}

impl Refusal {
    /// The most refs that a refusal keeps.
    pub const REFS_MAX: usize = 100;
}

impl From<&Rejection> for Refusal {
    fn from(rejection: &Rejection) -> Self {
        let mut refs = rejection.refs();
        refs.truncate(Self::REFS_MAX);
        Self {
            kind: rejection.kind(),
            code: rejection.code().to_owned(),
            detail: rejection.to_string(),
            refs,
            unknown_login: match rejection {
                Rejection::UnknownLogin(nth) => Some(*nth),
                _ => None,
            },
            shortage: rejection.shortage(),
        }
    }
}

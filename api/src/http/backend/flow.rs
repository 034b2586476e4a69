//! What is kept between the two halves of a sign-in.
use crate::{
    http::auth::{Address, SessionSecret},
    provider::Pending,
};
use domain::{Position, Principal, Reason, Timestamp, backend::BackendKind};
use sha2::{Digest, Sha256};
use std::{
    collections::HashMap,
    net::IpAddr,
    sync::{Mutex, PoisonError},
};
use subtle::ConstantTimeEq as _;

/// For so many seconds somebody may be at the provider.
pub(super) const LASTS: i64 = 600;

/// The most at a time, and of one address.
const MAX: usize = 10_000;
const PER_ADDRESS: usize = 50;

/// A sign-in under way.
pub(super) struct Flow {
    /// Through which sort of backend.
    pub(super) kind: BackendKind,
    /// What the provider's answer is checked against.
    pub(super) pending: Pending,
    /// What it is for.
    pub(super) aim: Aim,
}

/// What a sign-in is for.
pub(super) enum Aim {
    /// A session.
    Session {
        /// Which browser began it.
        browser: Browser,
        /// Where it goes with the session.
        then: Then,
    },
    /// The proof of a proposal.
    Proof {
        /// Which proposal.
        proposal: Position,
        /// Who asked for the proof.
        asker: Box<Principal>,
        /// Why.
        reason: Option<Reason>,
    },
}

/// Where a browser goes once it has a session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Then {
    /// To this path of this server.
    Path(String),
    /// To a program on the browser's own machine, which has the session instead (RFC 8252 §7.3).
    Program {
        /// Where it listens, on loopback.
        port: u16,
        /// What it proves by that it began this (RFC 7636).
        challenge: [u8; 32],
    },
}

/// The browser that began a sign-in: whoever has somebody else's answer can't use it elsewhere.
#[derive(Clone, Copy)]
pub(super) struct Browser([u8; 32]);

impl Browser {
    pub(super) fn of(secret: &SessionSecret) -> Self {
        Self(Sha256::digest(secret.reveal().as_bytes()).into())
    }

    pub(super) fn is(&self, secret: &SessionSecret) -> bool {
        self.0.ct_eq(&Self::of(secret).0).into()
    }
}

struct Kept {
    flow: Flow,
    address: Option<IpAddr>,
    until: Timestamp,
}

/// All sign-ins under way, by their state.
#[derive(Default)]
pub(crate) struct Flows(Mutex<HashMap<[u8; 32], Kept>>);

fn key(state: &str) -> [u8; 32] {
    Sha256::digest(state.as_bytes()).into()
}

impl Flows {
    /// Keeps one. False if there are too many: then the oldest of the same address has to end first.
    pub(super) fn keep(&self, flow: Flow, address: Option<IpAddr>, now: Timestamp) -> bool {
        let address = Address(address).network();
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.len() >= MAX {
            kept.retain(|_, kept| now < kept.until);
        }
        let of_address = kept.values().filter(|kept| kept.address == address && now < kept.until).count();
        if kept.len() >= MAX || of_address >= PER_ADDRESS {
            return false;
        }
        let until = now.plus_seconds(LASTS);
        kept.insert(key(flow.pending.state()), Kept { flow, address, until });
        true
    }

    /// Takes the one of this state, if it lasts: it serves once.
    pub(super) fn take(&self, state: &str, now: Timestamp) -> Option<Flow> {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.remove(&key(state)).filter(|kept| now < kept.until).map(|kept| kept.flow)
    }
}

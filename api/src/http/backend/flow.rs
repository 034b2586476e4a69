//! What is kept between the two halves of a sign-in.
use crate::{
    http::auth::{Address, Asker, Challenge, SessionSecret},
    provider::Pending,
};
use domain::{Position, Reason, Timestamp, UserId, backend::BackendKind};
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
const PER_ADDRESS: usize = 200;

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
        /// Who asked for the proof: they must be an operator still once it is brought. Their session may have ended: that of a
        /// command line lasts for the command.
        asker: Box<Asker>,
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
        /// What it proves by that it began this.
        challenge: Challenge,
    },
}

/// The browser that began a sign-in, by the hash of its cookie: whoever has somebody else's answer can't use it elsewhere.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Browser([u8; 32]);

impl Browser {
    pub(super) fn of(secret: &SessionSecret) -> Self {
        Self(Sha256::digest(secret.reveal().as_bytes()).into())
    }

    pub(super) fn is(&self, secret: &SessionSecret) -> bool {
        self.0.ct_eq(&Self::of(secret).0).into()
    }
}

impl Flow {
    /// Who asked for the proof, of one.
    fn prover(&self) -> Option<UserId> {
        match &self.aim {
            Aim::Proof { asker, .. } => Some(asker.user),
            Aim::Session { .. } => None,
        }
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
    /// Keeps one. Where there are too many, of one network or in all, the oldest sign-in of the network with the most makes room:
    /// no stranger can keep others out. A proof is given up only for another one of the same operator.
    pub(super) fn keep(&self, flow: Flow, address: Option<IpAddr>, now: Timestamp) {
        let address = Address(address).network();
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let prover = flow.prover();
        kept.retain(|_, kept| now < kept.until && (prover.is_none() || kept.flow.prover() != prover));
        let mut counts: HashMap<Option<IpAddr>, usize> = HashMap::new();
        for kept in kept.values().filter(|kept| kept.flow.prover().is_none()) {
            *counts.entry(kept.address).or_default() += 1;
        }
        let crowded = if counts.get(&address).is_some_and(|count| *count >= PER_ADDRESS) {
            Some(address)
        } else if kept.len() >= MAX {
            counts.into_iter().max_by_key(|(_, count)| *count).map(|(network, _)| network)
        } else {
            None
        };
        if let Some(network) = crowded {
            let sessions = kept.iter().filter(|(_, kept)| kept.address == network && kept.flow.prover().is_none());
            if let Some(oldest) = sessions.min_by_key(|(_, kept)| kept.until).map(|(key, _)| *key) {
                kept.remove(&oldest);
            }
        }
        let until = now.plus_seconds(LASTS);
        kept.insert(key(flow.pending.state()), Kept { flow, address, until });
    }

    /// Takes the one of this state, if it lasts: it serves once.
    pub(super) fn take(&self, state: &str, now: Timestamp) -> Option<Flow> {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.remove(&key(state)).filter(|kept| now < kept.until).map(|kept| kept.flow)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        egress::{Egress, Policy},
        http::auth::Credential,
        provider::{GitHub, Outside, Provider},
        settings::Secret,
    };
    use bus::clock::{SystemClock, SystemEntropy};
    use domain::{Allowed, Principal, Role};
    use std::sync::Arc;
    use uuid::Uuid;

    async fn flow() -> Flow {
        let github = Provider::GitHub(GitHub {
            organization: "research".to_owned(),
            client_id: "dkube".to_owned(),
            client_secret: Secret::new("secret".to_owned()),
            directory_token: None,
            base_url: "https://github.com".parse().unwrap(),
        });
        let egress = Arc::new(Egress::new(Policy::default()));
        let outside = Outside::new(egress, Arc::new(SystemClock), Arc::new(SystemEntropy));
        let callback = "https://dkube.example/auth/github/callback".parse().unwrap();
        let (_, pending) = github.begin(&outside, &callback).await.unwrap();
        let browser = Browser::of(&SessionSecret::generate());
        let aim = Aim::Session { browser, then: Then::Path("/".to_owned()) };
        Flow { kind: BackendKind::GitHub, pending, aim }
    }

    async fn proof(operator: u128) -> Flow {
        let asker = Box::new(Asker {
            principal: Principal::SYSTEM,
            user: UserId(Uuid::from_u128(operator)),
            login: "operator".parse().unwrap(),
            role: Role::Operator,
            allowed: Allowed::All,
            credential: Credential::Token(domain::token::TokenHash::default()),
        });
        Flow { aim: Aim::Proof { proposal: Position(7), asker, reason: None }, ..flow().await }
    }

    fn at(second: i64) -> Timestamp {
        Timestamp::from_micros(second * 1_000_000)
    }

    #[tokio::test]
    async fn a_flow_serves_once_and_for_ten_minutes() {
        let flows = Flows::default();
        let mut states = vec![];
        for _ in 0..2 {
            let flow = flow().await;
            states.push(flow.pending.state().to_owned());
            flows.keep(flow, None, at(0));
        }
        assert!(flows.take(&states[0], at(LASTS - 1)).is_some() && flows.take(&states[0], at(1)).is_none());
        assert!(flows.take(&states[1], at(LASTS)).is_none());
    }

    #[tokio::test]
    async fn strangers_keep_nobody_out() {
        let flows = Flows::default();
        let mine = flow().await;
        let state = mine.pending.state().to_owned();
        flows.keep(mine, "192.0.2.1".parse().ok(), at(0));
        for n in 0..2 * PER_ADDRESS {
            flows.keep(flow().await, "198.51.100.7".parse().ok(), at(1 + i64::try_from(n).unwrap() / 100));
        }
        assert_eq!(flows.0.lock().unwrap().len(), PER_ADDRESS + 1);
        assert!(flows.take(&state, at(9)).is_some());
    }

    #[tokio::test]
    async fn an_operator_has_one_proof_under_way_and_nobody_else_ends_it() {
        let (flows, address) = (Flows::default(), "198.51.100.7".parse().ok());
        let mut states = vec![];
        for operator in [1, 2, 1] {
            let proof = proof(operator).await;
            states.push(proof.pending.state().to_owned());
            flows.keep(proof, address, at(0));
        }
        for _ in 0..2 * PER_ADDRESS {
            flows.keep(flow().await, address, at(1));
        }
        let [first, others, second] = [0, 1, 2].map(|n: usize| flows.take(&states[n], at(2)).is_some());
        assert_eq!((first, others, second), (false, true, true));
    }
}

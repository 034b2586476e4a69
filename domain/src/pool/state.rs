use crate::{GroupName, Model, PoolName, Position, Tally, device::DeviceId, policy::BreakerState, stock::Stock};
use std::collections::BTreeSet;

/// A pool as it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pool {
    /// Its name.
    pub name: PoolName,
    /// Its devices.
    pub devices: BTreeSet<DeviceId>,
    /// The group whose users may claim them.
    pub group: Option<GroupName>,
    /// What keeps too many of its devices from being quarantined by themselves.
    pub breaker: BreakerState,
    /// Where it was last configured.
    pub revision: Position,
    pub(crate) stock: Stock,
}

impl Pool {
    pub(crate) fn new(name: PoolName, revision: Position) -> Self {
        Self {
            name,
            devices: BTreeSet::new(),
            group: None,
            breaker: BreakerState::default(),
            revision,
            stock: Stock::default(),
        }
    }

    /// The models of its devices: at most one, but for the default pool.
    pub fn models(&self) -> impl Iterator<Item = &Model> {
        self.stock.models()
    }

    /// What has become of its devices.
    pub fn tally(&self) -> Tally {
        self.stock.tally(None)
    }

    /// What has become of its devices of one model.
    pub fn tally_of(&self, model: &Model) -> Tally {
        self.stock.tally(Some(model))
    }
}

//! The whole state: one value, so that every rule that spans nouns can be held in one place.
use crate::{
    Availability, ClusterId, GroupName, JobId, Login, NodeName, PoolName, Position, Stamp, Subject, Tally, Timestamp,
    TokenId, UserId,
    backend::{Identity, SignIn},
    device::{ConditionKind, Device, DeviceId},
    group::Group,
    job::Job,
    license::Installed,
    node::Node,
    policy::{HealthPolicy, Standing},
    pool::Pool,
    stock::Place,
    token::{Token, TokenHash},
    user::User,
};
use std::{
    collections::{BTreeMap, BTreeSet, HashMap, btree_map::Entry},
    sync::Arc,
};

/// What the first event said.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Founded {
    /// The cluster's id.
    pub id: ClusterId,
    /// Whether its devices are simulated.
    pub demonstration: bool,
}

/// A user who is no more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Former {
    Deleted,
    Erased,
}

/// Everything that decisions depend on, as it stands after one event.
///
/// Held by [`evolve`](crate::evolve): every device in service is in exactly one pool, all devices of a pool but the
/// default one are of one model, every user is in at most one group, every pool bound to at most one group, a device
/// has at most one job that holds it alone. Finished jobs and deleted users are not in it.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Cluster {
    pub(crate) at: Stamp,
    pub(crate) founded: Option<Founded>,
    pub(crate) keys_lost: Option<Timestamp>,
    pub(crate) pools: BTreeMap<PoolName, Pool>,
    pub(crate) groups: BTreeMap<GroupName, Group>,
    pub(crate) users: BTreeMap<UserId, User>,
    pub(crate) logins: BTreeMap<Login, UserId>,
    pub(crate) former: BTreeMap<UserId, Former>,
    pub(crate) nodes: BTreeMap<NodeName, Node>,
    pub(crate) devices: BTreeMap<DeviceId, Device>,
    /// By node, the retired devices that it reports: another, which is missing, may have the slot that they are in.
    pub(crate) aside: BTreeMap<NodeName, BTreeSet<DeviceId>>,
    pub(crate) jobs: BTreeMap<JobId, Job>,
    pub(crate) observed: BTreeMap<Arc<str>, JobId>,
    /// Devices that no node has told of, with the jobs that were seen on them.
    pub(crate) awaited: BTreeMap<DeviceId, BTreeSet<JobId>>,
    pub(crate) policy: Standing,
    pub(crate) license: Option<Installed>,
    pub(crate) sign_in: SignIn,
    pub(crate) identities: BTreeMap<Identity, UserId>,
    /// Whom each invitation's code lets choose a password.
    pub(crate) invitations: HashMap<TokenHash, UserId>,
    /// Every override, by its end.
    pub(crate) overrides: BTreeSet<(Timestamp, DeviceId, ConditionKind)>,
    pub(crate) tokens: BTreeMap<TokenId, Token>,
    pub(crate) token_hashes: HashMap<TokenHash, TokenId>,
}

impl Cluster {
    /// The last event that it has seen.
    pub const fn at(&self) -> Stamp {
        self.at
    }

    /// What the founding said; none before it.
    pub const fn founded(&self) -> Option<Founded> {
        self.founded
    }

    /// When lost keys were given up for the last time; none if they never were.
    pub const fn keys_lost(&self) -> Option<Timestamp> {
        self.keys_lost
    }

    /// The pool of that name.
    pub fn pool(&self, name: &PoolName) -> Option<&Pool> {
        self.pools.get(name)
    }

    /// Every pool, by name.
    pub const fn pools(&self) -> &BTreeMap<PoolName, Pool> {
        &self.pools
    }

    /// The group of that name.
    pub fn group(&self, name: &GroupName) -> Option<&Group> {
        self.groups.get(name)
    }

    /// Every group, by name.
    pub const fn groups(&self) -> &BTreeMap<GroupName, Group> {
        &self.groups
    }

    /// The user with that id, unless deleted.
    pub fn user(&self, id: UserId) -> Option<&User> {
        self.users.get(&id)
    }

    /// The user with that login.
    pub fn user_by_login(&self, login: &Login) -> Option<&User> {
        self.users.get(self.logins.get(login)?)
    }

    /// The user whom a provider knows by this.
    pub fn user_by_identity(&self, identity: &Identity) -> Option<&User> {
        self.users.get(self.identities.get(identity)?)
    }

    /// Whom this code lets choose a password at that time.
    pub fn invited(&self, code: &TokenHash, now: Timestamp) -> Option<&User> {
        let user = self.users.get(self.invitations.get(code)?)?;
        user.invitation.as_ref().filter(|invitation| now < invitation.until && !user.suspended).map(|_| user)
    }

    /// Every user, by id.
    pub const fn users(&self) -> &BTreeMap<UserId, User> {
        &self.users
    }

    /// Every login, in order, with its user.
    pub const fn logins(&self) -> &BTreeMap<Login, UserId> {
        &self.logins
    }

    /// Whether there was such a user, who is deleted or erased now.
    pub fn is_former(&self, id: UserId) -> bool {
        self.former.contains_key(&id)
    }

    /// Whether the personal data of that user is destroyed.
    pub fn is_erased(&self, id: UserId) -> bool {
        self.former.get(&id) == Some(&Former::Erased)
    }

    /// Every user whose personal data is destroyed: none of their keys may be left.
    pub fn erased(&self) -> impl Iterator<Item = UserId> {
        self.former.iter().filter(|(_, former)| **former == Former::Erased).map(|(id, _)| *id)
    }

    /// The node of that name.
    pub fn node(&self, name: &NodeName) -> Option<&Node> {
        self.nodes.get(name)
    }

    /// Every node, by name.
    pub const fn nodes(&self) -> &BTreeMap<NodeName, Node> {
        &self.nodes
    }

    /// The device with that UUID, retired ones too.
    pub fn device(&self, id: DeviceId) -> Option<&Device> {
        self.devices.get(&id)
    }

    /// Every device, by UUID, retired ones too.
    pub const fn devices(&self) -> &BTreeMap<DeviceId, Device> {
        &self.devices
    }

    /// The active job with that id.
    pub fn job(&self, id: JobId) -> Option<&Job> {
        self.jobs.get(&id)
    }

    /// Every active job, by id: the oldest first.
    pub const fn jobs(&self) -> &BTreeMap<JobId, Job> {
        &self.jobs
    }

    /// The token with that id, expired ones too.
    pub fn token(&self, id: TokenId) -> Option<&Token> {
        self.tokens.get(&id)
    }

    /// The token with that hash, expired ones too.
    pub fn token_by_hash(&self, hash: &TokenHash) -> Option<&Token> {
        self.tokens.get(self.token_hashes.get(hash)?)
    }

    /// Every token that is not revoked.
    pub const fn tokens(&self) -> &BTreeMap<TokenId, Token> {
        &self.tokens
    }

    /// What operators see differently from what agents say.
    pub const fn health_policy(&self) -> &HealthPolicy {
        &self.policy.policy
    }

    /// The license that holds, whether or not one is required.
    pub const fn license(&self) -> Option<&Installed> {
        self.license.as_ref()
    }

    /// How people sign in.
    pub const fn sign_in(&self) -> &SignIn {
        &self.sign_in
    }

    /// When there is something to do at the latest that time alone brings: an override ends, a breaker closes.
    pub fn next_due(&self) -> Option<Timestamp> {
        let breaker = self.policy.policy.breaker;
        let closing = self.pools.values().filter_map(|pool| pool.breaker.closes_at(breaker)).min();
        let ending = self.overrides.first().map(|(until, ..)| *until);
        closing.into_iter().chain(ending).min()
    }

    /// Whether the device can be given to a job, and if not, why not.
    pub fn availability(&self, device: &Device) -> Availability {
        device.availability(self.nodes.get(&device.node), self.health_policy())
    }

    /// What all pools together have.
    pub fn tally(&self) -> Tally {
        self.pools.values().fold(Tally::default(), |sum, pool| sum.plus(pool.tally()))
    }

    /// The position of the last event that configured the subject: what `If-Match` compares. Health and telemetry do
    /// not count. None if there is no such thing now.
    pub fn revision(&self, subject: &Subject) -> Option<Position> {
        match subject {
            Subject::Cluster => self.founded.map(|_| Position(1)),
            Subject::Pool(name) => self.pools.get(name).map(|pool| pool.revision),
            Subject::Group(name) => self.groups.get(name).map(|group| group.revision),
            Subject::User(id) => self.users.get(id).map(|user| user.revision),
            Subject::Node(name) => self.nodes.get(name).map(|node| node.revision),
            Subject::Device(id) => self.devices.get(id).map(|device| device.revision),
            Subject::Job(id) => self.jobs.get(id).map(|job| job.revision),
            Subject::Token(id) => self.tokens.get(id).map(|token| token.revision),
            Subject::HealthPolicy => self.founded.map(|_| self.policy.revision),
            Subject::Backend => self.founded.map(|_| self.sign_in.revision.max(Position(1))),
            Subject::License => self.license.as_ref().map(|installed| installed.revision),
        }
    }

    /// Whether an operator other than these could sign in.
    pub(crate) fn has_operator_besides(&self, gone: &BTreeSet<UserId>) -> bool {
        self.users.values().any(|user| user.is_able_operator() && !gone.contains(&user.id))
    }

    /// Changes a device and keeps right what its pool has to give. Every change of a device goes through here.
    pub(crate) fn change_device(&mut self, id: DeviceId, change: impl FnOnce(&mut Device)) {
        let Some(device) = self.devices.get_mut(&id) else { return };
        let before = place(device, &self.nodes, &self.policy.policy);
        let was_aside = is_aside(device);
        change(device);
        let after = place(device, &self.nodes, &self.policy.policy);
        let changed = (was_aside != is_aside(device)).then(|| device.node.clone());
        if let Some(node) = changed {
            self.move_aside(node, id, !was_aside);
        }
        // Most changes, of health above all, leave it where it is.
        if before != after {
            self.move_stock(id, before, after);
        }
    }

    /// Notes a device that comes out of a snapshot, if its node reports it though it is retired.
    pub(crate) fn set_aside(&mut self, device: &Device) {
        if is_aside(device) {
            self.move_aside(device.node.clone(), device.id, true);
        }
    }

    fn move_aside(&mut self, node: NodeName, device: DeviceId, aside: bool) {
        let of_node = self.aside.entry(node);
        if aside {
            of_node.or_default().insert(device);
        } else if let Entry::Occupied(mut of_node) = of_node {
            of_node.get_mut().remove(&device);
            if of_node.get().is_empty() {
                of_node.remove();
            }
        }
    }

    /// Changes a node, of which the availability of its devices depends.
    pub(crate) fn change_node(&mut self, name: &NodeName, change: impl FnOnce(&mut Node)) {
        let devices = self.nodes.get(name).into_iter().flat_map(|node| node.devices.values().copied()).collect();
        self.rearrange(devices, |cluster| {
            if let Some(node) = cluster.nodes.get_mut(name) {
                change(node);
            }
        });
    }

    /// Changes the policy, of which the availability of every device with a condition depends.
    pub(crate) fn change_policy(&mut self, policy: Standing) {
        let ill = self.devices.values().filter(|device| !device.conditions.is_empty());
        let ill = ill.map(|device| device.id).collect();
        self.rearrange(ill, |cluster| cluster.policy = policy);
    }

    /// Makes a change on which the availability of these devices depends.
    fn rearrange(&mut self, devices: Vec<DeviceId>, change: impl FnOnce(&mut Self)) {
        let before: Vec<_> = devices.into_iter().map(|id| (id, self.place(id))).collect();
        change(self);
        for (id, before) in before {
            let after = self.place(id);
            if before != after {
                self.move_stock(id, before, after);
            }
        }
    }

    fn place(&self, id: DeviceId) -> Option<(PoolName, Place)> {
        place(self.devices.get(&id)?, &self.nodes, &self.policy.policy)
    }

    fn move_stock(&mut self, id: DeviceId, before: Option<(PoolName, Place)>, after: Option<(PoolName, Place)>) {
        match (before, after) {
            (Some((pool, before)), Some((same, after))) if pool == same => {
                if let Some(pool) = self.pools.get_mut(&pool) {
                    pool.stock.change(&before, &after);
                }
            }
            (before, after) => {
                if let Some((pool, place)) = before
                    && let Some(pool) = self.pools.get_mut(&pool)
                {
                    pool.devices.remove(&id);
                    pool.stock.remove(&place);
                }
                if let Some((pool, place)) = after
                    && let Some(pool) = self.pools.get_mut(&pool)
                {
                    pool.devices.insert(id);
                    pool.stock.add(&place);
                }
            }
        }
    }
}

/// Whether it is retired and reported all the same. Its node stays the same while it is so.
const fn is_aside(device: &Device) -> bool {
    device.retired && device.reported
}

/// Which pool's stock a device is in, and where in it; none out of service.
fn place(device: &Device, nodes: &BTreeMap<NodeName, Node>, policy: &HealthPolicy) -> Option<(PoolName, Place)> {
    let availability = device.availability(nodes.get(&device.node), policy);
    let (model, node) = (device.model.clone(), device.node.clone());
    Some((device.pool.clone()?, Place { device: device.id, model, node, slot: device.slot, availability }))
}

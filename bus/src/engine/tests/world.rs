//! A small world, and random wishes in it.
use super::{Request, SplitMix64, login, session};
use crate::engine::Idempotency;
use domain::{
    Actor, Cluster, Command, Incarnation, Login, NodeName, Origin, PoolName, Principal, Role, Timestamp, UserId, Via,
    device::{self, Condition, DeviceId, Finding, Remedy, Severity, Slot},
    group, job,
    node::{self, Facts, Seen},
    pool::{self, Wanted},
    user::{self, Newcomer},
};
use uuid::Uuid;

/// Draws commands. Most are refused by some rule, which is as it should be.
pub(super) struct Wishes {
    pub(super) random: SplitMix64,
    keys: u64,
    /// The next report of each node.
    pub(super) sequences: [u64; 2],
    /// Users who were deleted.
    pub(super) former: Vec<UserId>,
}

pub(super) fn device(node: usize, slot: usize) -> DeviceId {
    DeviceId::from_uuid(Uuid::from_u128(0xd000 + (node * 16 + slot) as u128))
}

pub(super) fn node(index: usize) -> NodeName {
    format!("n{index}").parse().unwrap()
}

pub(super) fn origin(sequence: u64) -> Origin {
    let observed_at = Timestamp::from_micros(0);
    Origin { incarnation: Incarnation(Uuid::from_u128(5)), sequence, observed_at }
}

/// The whole inventory of a node: four devices, of a model of its own.
pub(super) fn inventory(index: usize, sequence: u64, devices: usize) -> Request {
    inventory_of(index, origin(sequence), devices)
}

/// The same as a report of any life.
pub(super) fn inventory_of(index: usize, origin: Origin, devices: usize) -> Request {
    let seen = |slot: usize| Seen {
        device: device(index, slot),
        slot: Slot { domain: 0, bus: u8::try_from(slot).unwrap(), device: 0, function: 0 },
        model: format!("model {index}").parse().unwrap(),
        memory_bytes: 1 << 36,
        instances: vec![],
    };
    let command = node::Command::ReportInventory {
        node: node(index),
        origin,
        facts: Facts::default(),
        devices: Some((0..devices).map(seen).collect()),
        settled: true,
    };
    from_agent(index, command)
}

fn from_agent(index: usize, command: node::Command) -> Request {
    let agent = Principal { actor: Actor::Agent(node(index)), via: Via::Internal, address: None };
    Request::new(agent, Command::Node(command))
}

impl Wishes {
    pub(super) const fn new(seed: u64) -> Self {
        Self { random: SplitMix64::new(seed), keys: 0, sequences: [1, 1], former: vec![] }
    }

    fn pool(&mut self) -> PoolName {
        format!("p{}", self.random.below(3)).parse().unwrap()
    }

    fn login(&mut self) -> Login {
        login(&format!("u{}", self.random.below(5)))
    }

    fn devices(&mut self) -> Vec<DeviceId> {
        let node = self.random.index(2);
        (0..4).filter(|_| self.random.clone().coin()).map(|slot| device(node, slot)).collect()
    }

    /// A wish of an operator or the report of an agent.
    pub(super) fn draw(&mut self, cluster: &Cluster, operator: UserId) -> Request {
        if self.random.below(5) == 0 {
            return self.report();
        }
        let command = self.command(cluster);
        let mut request = Request::new(session(operator), command);
        if self.random.coin() {
            self.keys += 1;
            request.idempotency = Some(Idempotency {
                key: format!("key-{}", self.keys),
                request: format!("{:?}", request.command).into_bytes().into(),
            });
        }
        if self.random.coin() {
            request.reason = Some("because it is so".parse().unwrap());
        }
        request
    }

    fn report(&mut self) -> Request {
        let index = self.random.index(2);
        let sequence = self.sequences[index];
        if sequence == 1 || self.random.coin() {
            let devices = 3 + self.random.index(2);
            return inventory(index, sequence, devices);
        }
        let condition = Condition {
            kind: "xid.fatal".parse().unwrap(),
            severity: Severity::Critical,
            remedy: Remedy::ResetGpu,
            reason: "XID 79".into(),
            xid: Some(79),
            first_seen: Timestamp::from_micros(1),
            last_seen: Timestamp::from_micros(1),
        };
        let sick = self.random.coin();
        let finding = Finding {
            device: device(index, self.random.index(3)),
            readable: true,
            raised: if sick { vec![condition.clone()] } else { vec![] },
            cleared: if sick { vec![] } else { vec![condition.kind] },
        };
        let findings = vec![finding];
        let command =
            node::Command::ReportHealth { node: node(index), origin: origin(sequence), findings, settled: true };
        from_agent(index, command)
    }

    fn command(&mut self, cluster: &Cluster) -> Command {
        match self.random.below(12) {
            0 => Command::Pool(pool::Command::Create { name: self.pool(), devices: Wanted::Listed(self.devices()) }),
            1 => Command::Pool(pool::Command::Delete { name: self.pool() }),
            2 => Command::Pool(pool::Command::ChangeDevices { name: self.pool(), add: self.devices(), remove: vec![] }),
            3 => Command::Group(group::Command::Create {
                name: format!("g{}", self.random.below(2)).parse().unwrap(),
                users: vec![self.login()],
                pool: Some(self.pool()),
            }),
            4 => Command::Group(group::Command::Edit {
                name: format!("g{}", self.random.below(2)).parse().unwrap(),
                add_users: vec![],
                remove_users: vec![self.login()],
                pool: Some(None),
            }),
            5 | 6 => Command::User(user::Command::Onboard {
                newcomers: vec![Newcomer::new(self.login())],
                group: self.random.coin().then(domain::GroupName::default_group),
                role: Role::DataScientist,
            }),
            7 => Command::User(user::Command::Delete { logins: vec![self.login()] }),
            8 => {
                let former = self.random.index(self.former.len());
                let user = self.former.get(former).copied().unwrap_or(UserId(Uuid::nil()));
                Command::User(user::Command::Erase { user })
            }
            9 => Command::Job(job::Command::Start {
                name: "train".parse().unwrap(),
                user: if self.random.coin() { login("operator") } else { self.login() },
                devices: 1 + u32::try_from(self.random.below(3)).unwrap(),
                model: None,
            }),
            10 => {
                let job = cluster.jobs().keys().next().copied().unwrap_or(domain::JobId(Uuid::nil()));
                Command::Job(job::Command::Finish { job, force: false })
            }
            _ => Command::Device(device::Command::Cordon {
                device: device(self.random.index(2), self.random.index(4)),
                cordoned: self.random.coin(),
            }),
        }
    }
}

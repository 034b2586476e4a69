//! Why a command is refused by the rules. Nothing here holds a login or a secret: users are named by id, and a login
//! that nobody has by its place in the command.
use crate::{
    GroupName, JobId, Model, NodeName, PoolName, Role, Subject, Tally, Timestamp, TokenId, UserId,
    backend::BackendKind,
    device::{ConditionKind, DeviceId},
    license::Unlicensed,
};
use serde::{Deserialize, Serialize};

/// The sort of a refusal, by what the asker can do about it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// The command contradicts itself: mend it.
    Malformed,
    /// It names something that does not exist.
    NotFound,
    /// The rules refuse it as things stand.
    Conflict,
    /// It would record more than one command may.
    TooLarge,
}

/// Why a claim found too few devices.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Shortage {
    /// How many were asked for.
    pub asked: u32,
    /// What became of the pool's devices of that model.
    #[serde(flatten)]
    pub had: Tally,
}

/// A refusal by the rules.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Rejection {
    /// A list names the same thing twice.
    #[error("{0} is named twice")]
    NamedTwice(Subject),
    /// A list that must not be empty is empty.
    #[error("{0}")]
    Malformed(&'static str),
    /// The command would record more events than one may.
    #[error("this would record {would} events, and one command may record {limit}: do it in parts")]
    TooManyEvents {
        /// How many it would.
        would: usize,
        /// How many it may.
        limit: usize,
    },
    /// The log has been founded already.
    #[error("this log is founded already")]
    AlreadyFounded,

    /// The name is in use.
    #[error("{0} exists already")]
    NameTaken(Subject),
    /// There is no such thing.
    #[error("there is no {0}")]
    NotFound(Subject),
    /// The command's login number `0` (from 0) is nobody's.
    #[error("login number {} of the command is not on-boarded", .0 + 1)]
    UnknownLogin(u32),

    /// The default pool and its devices can't be managed by hand.
    #[error("the default pool holds what no other pool holds: it can't be made, filled or deleted by hand")]
    PoolIsDefault,
    /// Devices of the pool, or that would leave it, have active jobs.
    #[error("{} active jobs are on these devices: they must end first", .jobs.len())]
    PoolBusy {
        /// The jobs.
        jobs: Vec<JobId>,
    },
    /// The devices are not of one model, or not of the pool's.
    #[error("all devices of a pool are of one model, and these are not")]
    MixedModels {
        /// The devices that differ.
        devices: Vec<DeviceId>,
    },
    /// The devices are in another pool.
    #[error("these devices are in another pool: release them there first")]
    DeviceNotFree {
        /// The devices.
        devices: Vec<DeviceId>,
    },
    /// The devices are not in the pool that shall release them.
    #[error("these devices are not in pool {pool}")]
    DeviceNotInPool {
        /// The pool.
        pool: PoolName,
        /// The devices.
        devices: Vec<DeviceId>,
    },
    /// The devices are out of service.
    #[error("these devices are retired")]
    DeviceRetired {
        /// The devices.
        devices: Vec<DeviceId>,
    },
    /// The device has active jobs.
    #[error("device {device} has active jobs")]
    DeviceBusy {
        /// The device.
        device: DeviceId,
        /// The jobs.
        jobs: Vec<JobId>,
    },
    /// The device has no such condition.
    #[error("device {device} has no condition {condition}")]
    NoSuchCondition {
        /// The device.
        device: DeviceId,
        /// The condition.
        condition: ConditionKind,
    },
    /// No condition is known of this kind: not by the agents' built-in policy, not by the health policy, and not of the device.
    #[error("no condition is of kind {condition}{}; {}", meant(.alike), has(*.device, .standing))]
    UnknownCondition {
        /// The device.
        device: DeviceId,
        /// The kind.
        condition: ConditionKind,
        /// Known ones that are spelled alike.
        alike: Vec<ConditionKind>,
        /// Those that the device has.
        standing: Vec<ConditionKind>,
    },
    /// No device of this model is where it was to be claimed from, whatever has become of those that are.
    #[error("there is no device of model {model}; {}", models(.known))]
    UnknownModel {
        /// The model.
        model: Model,
        /// The models that there are.
        known: Vec<Model>,
    },
    /// Too few healthy idle devices of the model are in the default pool.
    #[error("{} devices were asked for, and {} are free", .0.asked, .0.had.free)]
    PoolShortage(Shortage),

    /// The group has members or a pool.
    #[error("group {group} still has {} users{}", .users.len(), if .pool.is_some() { " and a pool" } else { "" })]
    GroupNotEmpty {
        /// The group.
        group: GroupName,
        /// Its users.
        users: Vec<UserId>,
        /// Its pool.
        pool: Option<PoolName>,
    },
    /// The default group can't be deleted, nor lose the default pool.
    #[error("the default group can't be deleted, and keeps the default pool")]
    GroupIsDefault,
    /// The pool is bound to a group already.
    #[error("pool {pool} is bound to group {group}: unbind it there first")]
    PoolBound {
        /// The pool.
        pool: PoolName,
        /// The group that has it.
        group: GroupName,
    },
    /// The users are in a group already.
    #[error("users who are in another group must be removed there first")]
    UserInAnotherGroup {
        /// The users.
        users: Vec<UserId>,
    },
    /// The users are not in the group that they shall leave.
    #[error("users who are not in group {group} can't be removed from it")]
    UserNotInGroup {
        /// The group.
        group: GroupName,
        /// The users.
        users: Vec<UserId>,
    },

    /// The users are on-boarded already.
    #[error("users who are on-boarded already can't be on-boarded again")]
    UserExists {
        /// The users.
        users: Vec<UserId>,
    },
    /// The users have active jobs.
    #[error("users with active jobs can't be deleted")]
    UserBusy {
        /// The users.
        users: Vec<UserId>,
        /// Their jobs.
        jobs: Vec<JobId>,
    },
    /// No operator who can sign in would be left.
    #[error("this is the last operator: there must always be one who can sign in")]
    LastOperator {
        /// The operator.
        user: UserId,
    },
    /// The break-glass operator can't be deleted, downgraded or suspended, nor be given a password by another.
    #[error("the break-glass operator can't be deleted, downgraded or suspended, and sets their password alone")]
    BreakGlass {
        /// The operator.
        user: UserId,
    },
    /// The login is another user's.
    #[error("this login is another user's: delete that user first, or say that it is the same person")]
    LoginTaken {
        /// Who has it.
        user: UserId,
    },
    /// The user's login can be read, and so is not set by hand.
    #[error("this user's login can be read: only one that can't be is replaced")]
    LoginReadable {
        /// The user.
        user: UserId,
    },
    /// The break-glass operator signs in with a password that is kept here, whatever the backend.
    #[error("the break-glass operator stays known here, whatever the backend: on-board this person as another user")]
    BreakGlassIsLocal {
        /// The operator.
        user: UserId,
    },
    /// Whoever is shut out is linked to nobody, and invited to nothing.
    #[error("the user is suspended: reinstate them first")]
    ShutOut {
        /// The user.
        user: UserId,
    },
    /// The login is now another person's than the user's who had it.
    #[error("whoever has this login now is not the user who had it: say who they are, or name another operator")]
    IdentityChanged {
        /// Who had it.
        user: UserId,
    },
    /// The users are known at another backend than the active one, or nobody says who they are there.
    #[error("users are on-boarded as the active sign-in backend ({active}) knows them")]
    OtherBackend {
        /// The active one.
        active: BackendKind,
    },
    /// Passwords are kept here under the local backend alone.
    #[error("people sign in through the active backend ({active}): only the break-glass operator has a password here")]
    PasswordsElsewhere {
        /// The active one.
        active: BackendKind,
    },
    /// There is no such invitation, or it was used, ended, or replaced by another.
    #[error("this invitation is not valid any more: ask for another one")]
    NoInvitation,
    /// What was proven is not what is proposed.
    #[error("there is no such proposal any more: another one took its place, or it was withdrawn")]
    ProposalGone,
    /// Somebody else signed in.
    #[error("whoever signed in is not the operator that the proposal names")]
    NotTheOperator,
    /// The way back needs whoever remains.
    #[error("only the break-glass operator, signed in with their password, can go back to the local backend")]
    Unproven,
    /// The active backend has no credentials.
    #[error("the local backend has no credentials")]
    NoCredentials,
    /// Only a deleted user's data can be destroyed.
    #[error("only a deleted user can be erased: delete the user first")]
    NotDeleted {
        /// The user.
        user: UserId,
    },

    /// The user is in no group.
    #[error("the user is in no group, and so may claim no device")]
    NoGroup {
        /// The user.
        user: UserId,
    },
    /// The user's group has no pool.
    #[error("group {group} has no pool, and so its users may claim no device")]
    NoPool {
        /// The group.
        group: GroupName,
    },
    /// The user's role may have no jobs.
    #[error("a user of role {role} changes nothing, and so may claim no device")]
    RoleWithoutJobs {
        /// The user.
        user: UserId,
        /// Their role.
        role: Role,
    },
    /// The user may claim nothing.
    #[error("the user is suspended, and so may claim no device")]
    UserSuspended {
        /// The user.
        user: UserId,
    },
    /// Too few devices of the pool are fit and idle.
    #[error("{} devices were asked for, and {} are free", .0.asked, .0.had.free)]
    JobShortage(Shortage),
    /// The job is observed: it ends when it is seen to end.
    #[error("job {0} is observed, not managed here: it ends when it is seen to end")]
    JobObserved(JobId),
    /// The job is somebody else's.
    #[error("job {0} is somebody else's: it is ended by force, with a reason, or by its owner")]
    ForceNeeded(JobId),
    /// Forcing needs a reason.
    #[error("finishing a job by force needs a reason")]
    ReasonNeeded,

    /// The node is out of service.
    #[error("node {0} is retired: reinstate it first")]
    NodeRetired(NodeName),
    /// Devices of the node have active jobs.
    #[error("devices of node {node} have active jobs")]
    NodeBusy {
        /// The node.
        node: NodeName,
        /// The jobs.
        jobs: Vec<JobId>,
    },
    /// The report names a device that is live on another node.
    #[error("device {device} is live on node {node}")]
    DeviceElsewhere {
        /// The device.
        device: DeviceId,
        /// Where it is.
        node: NodeName,
    },
    /// The report names a device that is not this node's.
    #[error("device {device} is not on node {node}")]
    DeviceNotOnNode {
        /// The device.
        device: DeviceId,
        /// The node.
        node: NodeName,
    },
    /// There are more devices than a node may have.
    #[error("{devices} devices are more than the {limit} that a node may have")]
    TooManyDevices {
        /// How many.
        devices: usize,
        /// How many there may be.
        limit: usize,
    },

    /// The user has as many tokens as one may have.
    #[error("a user may have {0} tokens: revoke one first")]
    TooManyTokens(usize),
    /// The user has a token of that name.
    #[error("there is a token of that name already")]
    TokenNameTaken(TokenId),

    /// Growth needs a license that grants it.
    #[error("{0}")]
    Unlicensed(Unlicensed),
    /// A newer license holds.
    #[error("the license that holds was signed later, at {than}: an older one does not follow it")]
    LicenseOlder {
        /// When the one that holds was signed.
        than: Timestamp,
    },
    /// It begins later.
    #[error("the license begins at {starts_at}: install it then")]
    LicenseNotBegun {
        /// When it begins.
        starts_at: Timestamp,
    },
    /// It was signed later than it is now.
    #[error(
        "the license was issued at {issued_at}, which is still to come: the vendor's clock is wrong, or this server's"
    )]
    LicenseFromFuture {
        /// When it was signed, by the vendor's clock.
        issued_at: Timestamp,
    },
    /// It ended already.
    #[error("the license ended at {ends_at}")]
    LicenseEnded {
        /// When it ended.
        ends_at: Timestamp,
    },
}

impl Rejection {
    /// Its stable code: `noun.adjective`. A contract: never changed.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::NamedTwice(_) => "request.named_twice",
            Self::Malformed(_) => "request.malformed",
            Self::TooManyEvents { .. } => "request.too_large",
            Self::AlreadyFounded => "cluster.founded",
            Self::NameTaken(_) | Self::TokenNameTaken(_) => "name.taken",
            Self::NotFound(subject) => match subject {
                Subject::Cluster => "cluster.not_found",
                Subject::Pool(_) => "pool.not_found",
                Subject::Group(_) => "group.not_found",
                Subject::User(_) => "user.not_found",
                Subject::Node(_) => "node.not_found",
                Subject::Device(_) => "device.not_found",
                Subject::Job(_) => "job.not_found",
                Subject::Token(_) => "token.not_found",
                Subject::HealthPolicy => "policy.not_found",
                Subject::Backend => "auth.not_found",
                Subject::License => "license.not_found",
            },
            Self::UnknownLogin(_) => "user.not_found",
            Self::PoolIsDefault => "pool.default",
            Self::PoolBusy { .. } => "pool.busy",
            Self::MixedModels { .. } => "pool.mixed_models",
            Self::DeviceNotFree { .. } => "device.not_free",
            Self::DeviceNotInPool { .. } => "device.not_in_pool",
            Self::DeviceRetired { .. } => "device.retired",
            Self::DeviceBusy { .. } => "device.busy",
            Self::NoSuchCondition { .. } => "device.no_condition",
            Self::UnknownCondition { .. } => "device.unknown_condition",
            Self::UnknownModel { .. } => "model.not_found",
            Self::PoolShortage(_) => "pool.shortage",
            Self::GroupNotEmpty { .. } => "group.not_empty",
            Self::GroupIsDefault => "group.default",
            Self::PoolBound { .. } => "pool.bound",
            Self::UserInAnotherGroup { .. } => "user.in_another_group",
            Self::UserNotInGroup { .. } => "user.not_in_group",
            Self::UserExists { .. } => "user.exists",
            Self::UserBusy { .. } => "user.busy",
            Self::LastOperator { .. } => "user.last_operator",
            Self::BreakGlass { .. } | Self::BreakGlassIsLocal { .. } => "user.break_glass",
            Self::LoginTaken { .. } => "user.login_taken",
            Self::ShutOut { .. } => "user.is_suspended",
            Self::IdentityChanged { .. } => "user.identity_changed",
            Self::LoginReadable { .. } => "user.login_readable",
            Self::OtherBackend { .. } => "user.other_backend",
            Self::PasswordsElsewhere { .. } => "auth.no_password",
            Self::NoInvitation => "invitation.not_found",
            Self::ProposalGone => "auth.proposal_gone",
            Self::NotTheOperator => "auth.not_the_operator",
            Self::Unproven => "auth.unproven",
            Self::NoCredentials => "auth.no_credentials",
            Self::NotDeleted { .. } => "user.not_deleted",
            Self::NoGroup { .. } => "job.no_group",
            Self::NoPool { .. } => "job.no_pool",
            Self::RoleWithoutJobs { .. } => "job.role",
            Self::UserSuspended { .. } => "job.user_suspended",
            Self::JobShortage(_) => "job.shortage",
            Self::JobObserved(_) => "job.observed",
            Self::ForceNeeded(_) => "job.force_needed",
            Self::ReasonNeeded => "job.reason_needed",
            Self::NodeRetired(_) => "node.retired",
            Self::NodeBusy { .. } => "node.busy",
            Self::DeviceElsewhere { .. } => "device.elsewhere",
            Self::DeviceNotOnNode { .. } => "device.not_on_node",
            Self::TooManyDevices { .. } => "node.too_many_devices",
            Self::TooManyTokens(_) => "token.too_many",
            Self::Unlicensed(why) => why.code(),
            Self::LicenseOlder { .. } => "license.older",
            Self::LicenseNotBegun { .. } => "license.not_begun",
            Self::LicenseFromFuture { .. } => "license.from_future",
            Self::LicenseEnded { .. } => "license.ended",
        }
    }

    /// Its sort.
    pub const fn kind(&self) -> Kind {
        match self {
            Self::NamedTwice(_) | Self::Malformed(_) | Self::ReasonNeeded => Kind::Malformed,
            Self::TooManyEvents { .. } => Kind::TooLarge,
            Self::NotFound(_)
            | Self::UnknownLogin(_)
            | Self::NoInvitation
            | Self::UnknownModel { .. }
            | Self::NoSuchCondition { .. }
            | Self::UnknownCondition { .. } => Kind::NotFound,
            _ => Kind::Conflict,
        }
    }

    /// What stands in the way.
    pub fn refs(&self) -> Vec<Subject> {
        fn all<T: Clone>(ids: &[T], subject: impl Fn(T) -> Subject) -> Vec<Subject> {
            ids.iter().cloned().map(subject).collect()
        }
        match self {
            Self::NamedTwice(subject) | Self::NameTaken(subject) | Self::NotFound(subject) => vec![subject.clone()],
            Self::Malformed(_)
            | Self::TooManyEvents { .. }
            | Self::AlreadyFounded
            | Self::UnknownLogin(_)
            | Self::PoolIsDefault
            | Self::UnknownModel { .. }
            | Self::PoolShortage(_)
            | Self::GroupIsDefault
            | Self::JobShortage(_)
            | Self::ReasonNeeded
            | Self::NoInvitation
            | Self::TooManyDevices { .. }
            | Self::TooManyTokens(_) => vec![],
            Self::Unlicensed(_)
            | Self::LicenseOlder { .. }
            | Self::LicenseNotBegun { .. }
            | Self::LicenseFromFuture { .. }
            | Self::LicenseEnded { .. } => vec![Subject::License],
            Self::OtherBackend { .. }
            | Self::PasswordsElsewhere { .. }
            | Self::ProposalGone
            | Self::NotTheOperator
            | Self::Unproven
            | Self::NoCredentials => vec![Subject::Backend],
            Self::PoolBusy { jobs } | Self::NodeBusy { jobs, .. } | Self::DeviceBusy { jobs, .. } => {
                all(jobs, Subject::Job)
            }
            Self::MixedModels { devices }
            | Self::DeviceNotFree { devices }
            | Self::DeviceNotInPool { devices, .. }
            | Self::DeviceRetired { devices } => all(devices, Subject::Device),
            Self::NoSuchCondition { device, .. } | Self::UnknownCondition { device, .. } => {
                vec![Subject::Device(*device)]
            }
            Self::GroupNotEmpty { users, pool, .. } => {
                all(users, Subject::User).into_iter().chain(pool.clone().map(Subject::Pool)).collect()
            }
            Self::PoolBound { group, .. } | Self::NoPool { group } => vec![Subject::Group(group.clone())],
            Self::UserInAnotherGroup { users } | Self::UserNotInGroup { users, .. } | Self::UserExists { users } => {
                all(users, Subject::User)
            }
            Self::UserBusy { users, jobs } => [all(users, Subject::User), all(jobs, Subject::Job)].concat(),
            Self::LastOperator { user }
            | Self::BreakGlass { user }
            | Self::LoginTaken { user }
            | Self::ShutOut { user }
            | Self::IdentityChanged { user }
            | Self::LoginReadable { user }
            | Self::BreakGlassIsLocal { user }
            | Self::NotDeleted { user }
            | Self::NoGroup { user }
            | Self::RoleWithoutJobs { user, .. }
            | Self::UserSuspended { user } => vec![Subject::User(*user)],
            Self::JobObserved(job) | Self::ForceNeeded(job) => vec![Subject::Job(*job)],
            Self::NodeRetired(node) => vec![Subject::Node(node.clone())],
            Self::DeviceElsewhere { device, node } | Self::DeviceNotOnNode { device, node } => {
                vec![Subject::Device(*device), Subject::Node(node.clone())]
            }
            Self::TokenNameTaken(token) => vec![Subject::Token(*token)],
        }
    }

    /// The numbers behind a claim that found too few devices.
    pub const fn shortage(&self) -> Option<Shortage> {
        match self {
            Self::PoolShortage(shortage) | Self::JobShortage(shortage) => Some(*shortage),
            _ => None,
        }
    }
}

fn meant(alike: &[ConditionKind]) -> String {
    if alike.is_empty() { String::new() } else { format!(" (did you mean {}?)", listed(alike, " or ")) }
}

fn has(device: DeviceId, standing: &[ConditionKind]) -> String {
    if standing.is_empty() { format!("{device} has none") } else { format!("{device} has {}", listed(standing, ", ")) }
}

fn listed(kinds: &[ConditionKind], between: &str) -> String {
    kinds.iter().map(ConditionKind::as_str).collect::<Vec<_>>().join(between)
}

/// The most models that a refusal names.
const MODELS_MAX: usize = 10;

fn models(known: &[Model]) -> String {
    let named: Vec<&str> = known.iter().take(MODELS_MAX).map(Model::as_str).collect();
    match known.len().checked_sub(MODELS_MAX).filter(|more| *more > 0) {
        _ if known.is_empty() => "there is no device at all".to_owned(),
        Some(more) => format!("there are {}, and {more} more", named.join(", ")),
        None => format!("there are {}", named.join(", ")),
    }
}

//! Wishes.
mod name;

use crate::{
    Action, Cluster, ClusterId, Login, NodeName, PoolName, Position, Role, Subject, Timestamp, TokenId, UserId, access,
    backend, device, group, job, license, node, policy, pool, token, user,
};

/// A wish: accepted or rejected as a whole.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Command {
    /// Found the cluster: the first command of every log, given by the server itself.
    Found {
        /// The cluster's id.
        cluster: ClusterId,
        /// Whether its devices are simulated.
        demonstration: bool,
        /// The first operator, who remains when single sign-on is wrong.
        operator: user::Newcomer,
    },
    /// The keys behind personal data and secrets were lost, and given up then, among them those of so many users.
    GiveUpKeys {
        /// When.
        at: Timestamp,
        /// How many users.
        users: u32,
    },
    /// Told of somebody who tries something.
    Access(access::Command),
    /// For a pool.
    Pool(pool::Command),
    /// For a group.
    Group(group::Command),
    /// For users.
    User(user::Command),
    /// For, or from, a node.
    Node(node::Command),
    /// For a device.
    Device(device::Command),
    /// For a job.
    Job(job::Command),
    /// For a token.
    Token(token::Command),
    /// For the health policy.
    Policy(policy::Command),
    /// For the license.
    License(license::Command),
    /// For the sign-in backend.
    Backend(backend::Command),
}

/// What must still be so for a command to be decided.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Expected {
    /// The subject's revision is this one (HTTP `If-Match`).
    Revision(Subject, Position),
    /// The revision of the user who has this login is this one: never met by somebody else who has it by now.
    Login(Login, Position),
    /// No subject that the command declares was configured after this position.
    PlannedAt(Position),
}

/// Bounds and settings that decisions keep to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// The most events that one command may record.
    pub events_per_command: usize,
    /// The most devices that one node may have.
    pub devices_per_node: usize,
    /// Whether devices that are seen for the first time start cordoned.
    pub cordon_new_devices: bool,
    /// The most tokens that one user may have.
    pub tokens_per_user: usize,
    /// Whether growth needs a license.
    pub license_required: bool,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            events_per_command: 16_384,
            devices_per_node: 128,
            cordon_new_devices: false,
            tokens_per_user: 50,
            license_required: false,
        }
    }
}

impl Command {
    /// What a role must allow for this command.
    pub const fn action(&self) -> Action {
        match self {
            Self::Found { .. }
            | Self::GiveUpKeys { .. }
            | Self::Node(
                node::Command::ReportInventory { .. }
                | node::Command::ReportHealth { .. }
                | node::Command::Lose { .. }
                | node::Command::Return { .. }
                | node::Command::RecordRefusal { .. },
            )
            | Self::Policy(policy::Command::Upkeep)
            | Self::Job(job::Command::Observe { .. } | job::Command::ObserveEnd { .. })
            | Self::User(user::Command::AcceptInvitation { .. } | user::Command::Rename { .. })
            | Self::Access(_) => Action::Report,
            Self::Pool(_) => Action::ManagePools,
            Self::Group(_) => Action::ManageGroups,
            Self::User(user::Command::Erase { .. }) => Action::Erase,
            Self::User(user::Command::SetPassword { .. }) => Action::ChangePassword,
            Self::User(_) => Action::ManageUsers,
            Self::Node(node::Command::Change { .. }) => Action::ManageNodes,
            Self::Device(_) => Action::ManageDevices,
            Self::Job(job::Command::Finish { force: true, .. }) => Action::ForceJobs,
            Self::Job(_) => Action::RunJobs,
            Self::Token(_) => Action::ManageTokens,
            Self::Policy(_) => Action::ManagePolicy,
            Self::License(_) => Action::ManageLicense,
            Self::Backend(_) => Action::ManageBackend,
        }
    }

    /// Whether only a signed-in session may give it: a token makes no tokens, no passwords and no operators, and says not where
    /// people sign in.
    pub const fn needs_session(&self) -> bool {
        matches!(
            self,
            Self::Token(token::Command::Issue { .. })
                | Self::User(
                    user::Command::SetPassword { .. }
                        | user::Command::Invite { .. }
                        | user::Command::Link { .. }
                        | user::Command::Onboard { role: Role::Operator, .. }
                        | user::Command::Change { role: Some(Role::Operator), .. }
                )
                | Self::Backend(_)
        )
    }

    /// Whether what it changes is this user's own, for the actions that are allowed on one's own. Somebody else's stands
    /// for what does not exist, so that nobody learns what there is by being refused.
    pub(crate) fn is_own(&self, cluster: &Cluster, user: UserId) -> bool {
        let is = |login: &Login| cluster.user_by_login(login).is_some_and(|found| found.id == user);
        match self {
            Self::Job(job::Command::Start { user: login, .. })
            | Self::User(user::Command::SetPassword { login, .. })
            | Self::Token(token::Command::RevokeAll { login }) => is(login),
            Self::Job(job::Command::Finish { job, .. }) => {
                cluster.job(*job).is_some_and(|found| found.user == Some(user))
            }
            Self::Token(token::Command::Revoke { token }) => {
                cluster.token(*token).is_some_and(|found| found.user == user)
            }
            // A token is made for the asker, whoever that is.
            Self::Token(token::Command::Issue { .. }) => true,
            Self::Found { .. }
            | Self::GiveUpKeys { .. }
            | Self::Access(_)
            | Self::Pool(_)
            | Self::Group(_)
            | Self::User(_)
            | Self::Node(_)
            | Self::Device(_)
            | Self::Policy(_)
            | Self::License(_)
            | Self::Backend(_)
            | Self::Job(job::Command::Observe { .. } | job::Command::ObserveEnd { .. }) => false,
        }
    }

    /// The node whose agent alone may give it.
    pub(crate) const fn reporter(&self) -> Option<&NodeName> {
        match self {
            Self::Node(node::Command::ReportInventory { node, .. } | node::Command::ReportHealth { node, .. }) => {
                Some(node)
            }
            _ => None,
        }
    }

    /// What it declares to be about: the subjects that [`Expected::PlannedAt`] looks at. Those that do not exist are
    /// left out, unless they would be made.
    pub fn subjects(&self, cluster: &Cluster) -> Vec<Subject> {
        let logins = |logins: &[Login]| -> Vec<Subject> {
            logins.iter().filter_map(|login| cluster.user_by_login(login)).map(|user| Subject::User(user.id)).collect()
        };
        let devices = |ids: &[device::DeviceId]| ids.iter().copied().map(Subject::Device).collect::<Vec<_>>();
        let pool = |name: &PoolName| vec![Subject::Pool(name.clone())];
        match self {
            Self::Found { .. } | Self::GiveUpKeys { .. } => vec![Subject::Cluster],
            Self::Pool(
                pool::Command::Create { name, devices: pool::Wanted::Picked { .. } } | pool::Command::Delete { name },
            ) => pool(name),
            Self::Pool(
                pool::Command::Create { name, devices: pool::Wanted::Listed(list) }
                | pool::Command::SetDevices { name, devices: list },
            ) => [pool(name), devices(list)].concat(),
            Self::Pool(pool::Command::ChangeDevices { name, add, remove }) => {
                [pool(name), devices(add), devices(remove)].concat()
            }
            Self::Group(group::Command::Create { name, users, pool: bound }) => {
                [vec![Subject::Group(name.clone())], logins(users), bound.iter().flat_map(pool).collect()].concat()
            }
            Self::Group(group::Command::Edit { name, add_users, remove_users, pool: bound }) => [
                vec![Subject::Group(name.clone())],
                logins(add_users),
                logins(remove_users),
                bound.iter().flatten().flat_map(pool).collect(),
            ]
            .concat(),
            Self::Group(group::Command::Delete { name }) => vec![Subject::Group(name.clone())],
            Self::User(user::Command::Onboard { group, .. }) => group.iter().cloned().map(Subject::Group).collect(),
            Self::User(user::Command::Change { login, group, .. }) => {
                let group = group.iter().flatten().cloned().map(Subject::Group).collect();
                [logins(std::slice::from_ref(login)), group].concat()
            }
            Self::User(
                user::Command::SetPassword { login, .. }
                | user::Command::Invite { login, .. }
                | user::Command::SetLogin { login, .. }
                | user::Command::Link { login, .. },
            ) => logins(std::slice::from_ref(login)),
            Self::User(user::Command::Delete { logins: list }) => logins(list),
            Self::User(user::Command::Erase { user } | user::Command::Rename { user, .. }) => {
                vec![Subject::User(*user)]
            }
            Self::Node(
                node::Command::ReportInventory { node, .. }
                | node::Command::ReportHealth { node, .. }
                | node::Command::Lose { node }
                | node::Command::Return { node }
                | node::Command::RecordRefusal { node, .. }
                | node::Command::Change { node, .. },
            ) => vec![Subject::Node(node.clone())],
            Self::Device(
                device::Command::Cordon { device, .. }
                | device::Command::Retire { device, .. }
                | device::Command::Override { device, .. }
                | device::Command::EndOverrides { device, .. }
                | device::Command::Clear { device, .. },
            ) => vec![Subject::Device(*device)],
            Self::Policy(policy::Command::Set { .. }) => vec![Subject::HealthPolicy],
            Self::License(license::Command::Install { .. }) => vec![Subject::License],
            Self::Backend(_) => vec![Subject::Backend],
            Self::Policy(policy::Command::ResetBreaker { pool }) => pool.iter().cloned().map(Subject::Pool).collect(),
            Self::Job(job::Command::Start { user, .. }) => logins(std::slice::from_ref(user)),
            Self::Job(job::Command::Finish { job, .. }) => vec![Subject::Job(*job)],
            Self::Job(job::Command::Observe { devices: list, .. }) => devices(list),
            Self::Job(job::Command::ObserveEnd { .. })
            | Self::Token(token::Command::Issue { .. })
            | Self::Policy(policy::Command::Upkeep)
            | Self::User(user::Command::AcceptInvitation { .. })
            | Self::Access(_) => vec![],
            Self::Token(token::Command::Revoke { token }) => vec![Subject::Token(*token)],
            // A token that was made since the plan is one that the planner did not know of.
            Self::Token(token::Command::RevokeAll { login }) => {
                let user = cluster.user_by_login(login);
                let tokens = user.into_iter().flat_map(|user| &user.tokens).copied().map(Subject::Token);
                user.map(|user| Subject::User(user.id)).into_iter().chain(tokens).collect()
            }
        }
    }

    /// The token that it makes under this command id, if it makes one.
    pub const fn token_made(&self, id: crate::CommandId) -> Option<TokenId> {
        match self {
            Self::Token(token::Command::Issue { .. }) => Some(TokenId(id.made(0))),
            _ => None,
        }
    }
}

use super::Command;
use crate::{access, backend, device, group, job, license, node, policy, pool, token, user};

impl Command {
    /// Its name in the audit trail, as `pool.create`. A contract: never changed.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Found { .. } => "cluster.found",
            Self::GiveUpKeys { .. } => "cluster.give_up_keys",
            Self::Access(command) => match command {
                access::Command::SignIn => "access.sign_in",
                access::Command::FailSignIn { .. } => "access.fail_sign_in",
                access::Command::Deny { .. } => "access.deny",
                access::Command::ReadAudit => "access.read_audit",
            },
            Self::Pool(command) => match command {
                pool::Command::Create { .. } => "pool.create",
                pool::Command::SetDevices { .. } => "pool.set_devices",
                pool::Command::ChangeDevices { .. } => "pool.change_devices",
                pool::Command::Delete { .. } => "pool.delete",
            },
            Self::Group(command) => match command {
                group::Command::Create { .. } => "group.create",
                group::Command::Edit { .. } => "group.edit",
                group::Command::Delete { .. } => "group.delete",
            },
            Self::User(command) => match command {
                user::Command::Onboard { .. } => "user.onboard",
                user::Command::Change { .. } => "user.change",
                user::Command::SetPassword { .. } => "user.set_password",
                user::Command::Invite { .. } => "user.invite",
                user::Command::AcceptInvitation { .. } => "user.accept_invitation",
                user::Command::SetLogin { .. } => "user.set_login",
                user::Command::Link { .. } => "user.link",
                user::Command::Rename { .. } => "user.rename",
                user::Command::Delete { .. } => "user.delete",
                user::Command::Erase { .. } => "user.erase",
            },
            Self::Node(command) => match command {
                node::Command::ReportInventory { .. } => "node.report_inventory",
                node::Command::ReportHealth { .. } => "node.report_health",
                node::Command::RecordRefusal { .. } => "node.record_refusal",
                node::Command::Lose { .. } => "node.lose",
                node::Command::Return { .. } => "node.return",
                node::Command::Change { .. } => "node.change",
            },
            Self::Device(command) => match command {
                device::Command::Cordon { .. } => "device.cordon",
                device::Command::Retire { .. } => "device.retire",
                device::Command::Override { .. } => "device.override",
                device::Command::EndOverrides { .. } => "device.end_overrides",
                device::Command::Clear { .. } => "device.clear",
            },
            Self::Job(command) => match command {
                job::Command::Start { .. } => "job.start",
                job::Command::Finish { .. } => "job.finish",
                job::Command::Observe { .. } => "job.observe",
                job::Command::ObserveEnd { .. } => "job.observe_end",
            },
            Self::Token(command) => match command {
                token::Command::Issue { .. } => "token.issue",
                token::Command::Revoke { .. } => "token.revoke",
                token::Command::RevokeAll { .. } => "token.revoke_all",
            },
            Self::Policy(command) => match command {
                policy::Command::Set { .. } => "policy.set",
                policy::Command::ResetBreaker { .. } => "policy.reset_breaker",
                policy::Command::Upkeep => "policy.upkeep",
            },
            Self::Backend(command) => match command {
                backend::Command::Propose { .. } => "auth.propose",
                backend::Command::Activate { .. } => "auth.activate",
                backend::Command::Return => "auth.return",
                backend::Command::UpdateCredentials(_) => "auth.update_credentials",
            },
            Self::License(license::Command::Install { .. }) => "license.install",
        }
    }
}

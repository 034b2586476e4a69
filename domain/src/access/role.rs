//! Who may do what: one table.
use serde::{Deserialize, Serialize};

/// What a user may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Role {
    /// Own profile, own tokens, own jobs, own group and its pool.
    DataScientist,
    /// Reads everything, the audit trail included; changes nothing.
    Auditor,
    /// Everything.
    Operator,
}

impl Role {
    /// Every role.
    pub const ALL: [Self; 3] = [Self::DataScientist, Self::Auditor, Self::Operator];

    /// Its name in JSON and on the command line.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::DataScientist => "data-scientist",
            Self::Auditor => "auditor",
            Self::Operator => "operator",
        }
    }

    /// Which of these actions this role allows.
    #[expect(clippy::match_same_arms, reason = "a table, with rows for each role")]
    pub const fn allows(self, action: Action) -> Allowed {
        use Action::{
            ChangePassword, Erase, Follow, ForceJobs, ManageBackend, ManageDevices, ManageGroups, ManageLicense,
            ManageNodes, ManagePolicy, ManagePools, ManageTokens, ManageUsers, ReadAbout, ReadAlerts, ReadAudit,
            ReadBackend, ReadDevices, ReadGroups, ReadJobs, ReadMetrics, ReadNodes, ReadOverview, ReadPolicy,
            ReadPools, ReadTokens, ReadUsers, Report, RunJobs,
        };
        match (self, action) {
            (_, Report) => Allowed::No,
            (Self::Operator, _) => Allowed::All,
            (
                Self::Auditor,
                ReadAudit | Follow | ReadOverview | ReadPools | ReadGroups | ReadUsers | ReadNodes | ReadDevices
                | ReadJobs | ReadTokens | ReadMetrics | ReadAlerts | ReadPolicy | ReadAbout | ReadBackend,
            ) => Allowed::All,
            (Self::Auditor, ManageTokens | ChangePassword)
            | (
                Self::DataScientist,
                RunJobs | ManageTokens | ChangePassword | ReadPools | ReadGroups | ReadUsers | ReadDevices | ReadJobs
                | ReadTokens | ReadAbout,
            ) => Allowed::Own,
            (
                Self::Auditor,
                ManagePools | ManageGroups | ManageUsers | ManageNodes | ManageDevices | RunJobs | ForceJobs | Erase
                | ManagePolicy | ManageLicense | ManageBackend,
            )
            | (
                Self::DataScientist,
                ManagePools | ManageGroups | ManageUsers | ManageNodes | ManageDevices | ForceJobs | Erase | ReadAudit
                | Follow | ReadOverview | ReadNodes | ReadMetrics | ReadAlerts | ReadPolicy | ManagePolicy
                | ManageLicense | ReadBackend | ManageBackend,
            ) => Allowed::No,
        }
    }

    /// Whether this role allows all that the other one does. Roles are no ladder: a data scientist runs jobs and an auditor
    /// does not, an auditor reads everything and a data scientist does not. Changes of role are replayed by it, so what it says of
    /// these roles is for ever.
    pub fn includes(self, other: Self) -> bool {
        Action::ALL.iter().all(|action| other.allows(*action) <= self.allows(*action))
    }
}

impl std::fmt::Display for Role {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(self.as_str())
    }
}

/// Declares the actions, and makes of their comments what people read of them.
macro_rules! actions {
    (
        $(#[$meta:meta])*
        pub enum Action {
            $(
                #[doc = $about:literal]
                $action:ident
            ),+ $(,)?
        }
    ) => {
        $(#[$meta])*
        pub enum Action {
            $(
                #[doc = $about]
                $action,
            )+
        }

        impl Action {
            /// Every action.
            pub const ALL: &'static [Self] = &[$(Self::$action),+];

            /// Its name in JSON and in the documents.
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$action => stringify!($action),)+
                }
            }

            /// What it is, for people.
            pub const fn about(self) -> &'static str {
                match self {
                    $(Self::$action => $about.trim_ascii(),)+
                }
            }
        }
    };
}

actions! {
    /// Something that a role allows or not: each command and each query is one of these.
    #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
    pub enum Action {
        /// Make, fill and delete pools.
        ManagePools,
        /// Make, fill and delete groups.
        ManageGroups,
        /// On-board, change, suspend and delete users.
        ManageUsers,
        /// Destroy a deleted user's personal data.
        Erase,
        /// Cordon and retire nodes, say how many devices they have.
        ManageNodes,
        /// Cordon and retire devices.
        ManageDevices,
        /// Start and finish jobs.
        RunJobs,
        /// Finish a job without its owner.
        ForceJobs,
        /// Make and revoke tokens, end sessions.
        ManageTokens,
        /// Set a local password.
        ChangePassword,
        /// Tell what an agent sees: no person may.
        Report,
        /// The counts of the dashboard.
        ReadOverview,
        /// Look at pools.
        ReadPools,
        /// Look at groups.
        ReadGroups,
        /// Look at users.
        ReadUsers,
        /// Look at nodes.
        ReadNodes,
        /// Look at devices.
        ReadDevices,
        /// Look at jobs.
        ReadJobs,
        /// Look at tokens (never at their secrets) and sessions.
        ReadTokens,
        /// Search the audit trail.
        ReadAudit,
        /// Follow events as they happen.
        Follow,
        /// Scrape `/metrics`.
        ReadMetrics,
        /// Look at what needs an operator.
        ReadAlerts,
        /// Look at the health policy.
        ReadPolicy,
        /// Set the health policy, reset breakers.
        ManagePolicy,
        /// Install a license.
        ManageLicense,
        /// Say where people sign in.
        ManageBackend,
        /// Look at where people sign in (never at its secrets).
        ReadBackend,
        /// Look at the license, and at which server this is.
        ReadAbout,
    }
}

impl Action {
    /// Whether it changes nothing.
    pub const fn reads(self) -> bool {
        !matches!(
            self,
            Self::ManagePools
                | Self::ManageGroups
                | Self::ManageUsers
                | Self::Erase
                | Self::ManageNodes
                | Self::ManageDevices
                | Self::RunJobs
                | Self::ForceJobs
                | Self::ManageTokens
                | Self::ChangePassword
                | Self::Report
                | Self::ManagePolicy
                | Self::ManageLicense
                | Self::ManageBackend
        )
    }
}

/// How far an action is allowed, from the least to the most.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Allowed {
    /// Not at all.
    No,
    /// On what is one's own.
    Own,
    /// On everything.
    All,
}

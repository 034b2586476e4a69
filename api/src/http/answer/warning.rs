use super::Names;
use domain::{JobId, Warning};
use serde::Serialize;

/// What else follows from an accepted command.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[schema(as = Warning)]
pub(crate) struct WarningView {
    /// Which consequence.
    #[schema(example = "jobs_keep_devices")]
    code: &'static str,
    /// What that means, for a person.
    detail: &'static str,
    /// Whom it is about, by login.
    #[serde(skip_serializing_if = "Option::is_none")]
    user: Option<String>,
    /// The group that it is about.
    #[serde(skip_serializing_if = "Option::is_none")]
    group: Option<String>,
    /// The pool that it is about.
    #[serde(skip_serializing_if = "Option::is_none")]
    pool: Option<String>,
    /// The kind of condition that it is about.
    #[serde(skip_serializing_if = "Option::is_none")]
    condition: Option<String>,
    /// What may have been meant.
    #[serde(skip_serializing_if = "Option::is_none")]
    alike: Option<String>,
    /// How many users it is about.
    #[serde(skip_serializing_if = "Option::is_none")]
    users: Option<u32>,
    /// The jobs that it is about, at most 100.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[schema(value_type = Vec<uuid::Uuid>)]
    jobs: Vec<JobId>,
}

impl WarningView {
    pub(super) fn of(warning: &Warning, names: &Names<'_>) -> Self {
        let (user, group, pool, condition, alike) = (None, None, None, None, None);
        let blank = Self { code: "", detail: "", user, group, pool, condition, alike, users: None, jobs: vec![] };
        match warning {
            Warning::JobsKeepDevices { user, jobs } => Self {
                code: "jobs_keep_devices",
                detail: "the user left the group, and their jobs keep their devices until they end",
                user: Some(names.user(*user)),
                jobs: jobs.clone(),
                ..blank
            },
            Warning::PoolUnboundUnderJobs { group, pool, jobs } => Self {
                code: "pool_unbound_under_jobs",
                detail: "the group lost the pool, and its jobs keep their devices until they end",
                group: Some(group.to_string()),
                pool: Some(pool.to_string()),
                jobs: jobs.clone(),
                ..blank
            },
            Warning::GroupWithoutPool { group } => Self {
                code: "group_without_pool",
                detail: "the group has no pool now: its users can claim no devices",
                group: Some(group.to_string()),
                ..blank
            },
            Warning::TokensKeepRole { user } => Self {
                code: "tokens_keep_role",
                detail: "a promotion raises no token that is there: for the new role, make new ones",
                user: Some(names.user(*user)),
                ..blank
            },
            Warning::LicenseExceeded => Self {
                code: "license_exceeded",
                detail: "there are more users or devices than it grants: nothing new is made, and an older license does not follow it",
                ..blank
            },
            Warning::UnknownCondition { kind, alike } => Self {
                code: "unknown_condition",
                detail: "no device has had this kind of condition, and it is not built in: it is misspelt, or an agent's own policy is to raise it",
                condition: Some(kind.to_string()),
                alike: alike.as_ref().map(ToString::to_string),
                ..blank
            },
            Warning::UsersNotLinked { users } => Self {
                code: "users_not_linked",
                detail: "users of another sign-in backend keep groups and history, and can't sign in through this one until each is linked (`dkube user link`), or invited where passwords are kept here (`dkube user invite`)",
                users: Some(*users),
                ..blank
            },
        }
    }
}

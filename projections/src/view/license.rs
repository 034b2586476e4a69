//! The license as people see it.
use super::Look;
use crate::view::LicenseState;
use domain::{
    LicenseId, Licensee, Position, Timestamp,
    license::{License, Phase, Unlicensed},
};
use serde::Serialize;
use utoipa::ToSchema;

/// The license, how far it is used, and what follows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct LicenseView {
    /// Whether growth needs a license: the server was given a vendor's key.
    pub required: bool,
    /// Where the license is in its time, or that there is more than it grants.
    pub state: LicenseState,
    /// Why new pools, groups, users and jobs are refused; null if they are not.
    pub refuses: Option<String>,
    /// What it grants; null if there is none.
    pub license: Option<GrantView>,
    /// Users: how many there are, and how many may be. Left out for eyes that may not see that.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub users: Option<Use>,
    /// Devices in service, likewise.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    pub devices: Option<Use>,
}

/// What a license grants.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct GrantView {
    /// Its number.
    #[schema(value_type = String, format = Uuid)]
    pub id: LicenseId,
    /// To whom it is granted.
    #[schema(value_type = String)]
    pub licensee: Licensee,
    /// When its vendor signed it.
    #[schema(value_type = String, format = DateTime)]
    pub issued_at: Timestamp,
    /// When it begins.
    #[schema(value_type = String, format = DateTime)]
    pub starts_at: Timestamp,
    /// When it ends.
    #[schema(value_type = String, format = DateTime)]
    pub ends_at: Timestamp,
    /// How many whole days are left until then; below zero after it.
    pub days_left: i64,
    /// How many days after its end nothing is refused yet.
    pub grace_days: u16,
    /// The end of that.
    #[schema(value_type = String, format = DateTime)]
    pub over_at: Timestamp,
    /// When it was installed.
    #[schema(value_type = String, format = DateTime)]
    pub installed_at: Timestamp,
    /// Where it was: what `If-Match` compares.
    #[schema(value_type = u64)]
    pub revision: Position,
}

/// How many there are, and how many may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
pub struct Use {
    /// How many there are.
    pub used: u32,
    /// How many may be; null for any number.
    pub limit: Option<u32>,
}

impl Look<'_> {
    /// The license, where one is required or not.
    pub fn license(&self, required: bool) -> LicenseView {
        let cluster = self.cluster();
        let installed = cluster.license();
        let license = installed.map(|installed| &installed.license);
        let users = u32::try_from(cluster.users().len()).unwrap_or(u32::MAX);
        let devices = cluster.tally().total();
        let refuses = match license {
            None => Some(Unlicensed::Missing),
            Some(license) => license.limits(users, devices, self.time),
        };
        let refuses = refuses.filter(|_| required);
        let phase = license.map(|license| license.phase(self.time));
        LicenseView {
            required,
            state: match (phase, refuses) {
                (None, _) => LicenseState::None,
                // Its end is the worse of the two.
                (Some(Phase::Valid | Phase::Ending), Some(_)) => LicenseState::Exceeded,
                (Some(phase), _) => phase.into(),
            },
            refuses: refuses.map(|why| why.to_string()),
            license: installed.map(|installed| {
                let License { id, licensee, issued_at, starts_at, ends_at, grace_days, .. } = installed.license.clone();
                GrantView {
                    id,
                    licensee,
                    issued_at,
                    starts_at,
                    ends_at,
                    days_left: installed.license.days_left(self.time),
                    grace_days,
                    over_at: installed.license.over_at(),
                    installed_at: installed.installed_at,
                    revision: installed.revision,
                }
            }),
            users: Some(Use { used: users, limit: license.and_then(|license| license.seats) }),
            devices: Some(Use { used: devices, limit: license.and_then(|license| license.devices) }),
        }
    }
}

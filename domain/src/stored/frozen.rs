//! The table of stored types: which number and version is which frozen struct.
//!
//! # How an event gets a second version
//! Say that `PoolCreated` shall carry a colour.
//! 1. Leave `PoolCreatedV1` as it is, for ever, but its `From<&…>`-side: it is written no more.
//! 2. Add `PoolCreatedV2` beside it, and a pure upcaster `impl From<PoolCreatedV1<'_>> for PoolCreatedV2<'_>` that says
//!    what the old event meant.
//! 3. Let V1's [`Thaw`] be `PoolCreatedV2::from(self).thaw(…)`, and give V2 the one that makes the domain's event.
//! 4. Add the line `20.2 "PoolCreated" pool::PoolCreatedV2<'a>;` under the first in the table below, and write the new
//!    struct in `pool::write`.
//! 5. Add its golden line (`domain/tests/golden.rs` says how). The old line stays, and goes on being read.
//!
//! Numbers are grouped by noun, with gaps.
use super::{
    DecodeError, EncodeError, Vault, access, backend, cluster, device, envelope, group, job, license, node, policy,
    pool, token, user,
};
use crate::{Event, EventId, Recorded};
use serde::{Deserialize, Serialize};

/// A type of stored event, in one version of its struct.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StoredType {
    /// The number of the event's type.
    pub number: u16,
    /// The version of its struct.
    pub version: u8,
    /// The event's name.
    pub name: &'static str,
}

/// The frozen struct of one type and version: never edited.
pub(super) trait Frozen<'a>: Serialize + Deserialize<'a> {
    const NUMBER: u16;
    const VERSION: u8;
}

/// From the struct to what it means today.
pub(super) trait Thaw {
    fn thaw(self, opener: &Opener<'_>) -> Result<Event, DecodeError>;
}

/// What opens a stored event's sealed fields.
pub(super) struct Opener<'a> {
    pub(super) vault: &'a dyn Vault,
    pub(super) id: EventId,
}

/// What an event is written with.
pub(super) struct Writer<'a> {
    pub(super) recorded: &'a Recorded,
    pub(super) vault: &'a dyn Vault,
}

impl Writer<'_> {
    /// The whole stored event.
    pub(super) fn put<'f, F: Frozen<'f>>(&self, frozen: &F) -> Result<Vec<u8>, EncodeError> {
        let envelope = envelope::write(self.recorded, F::NUMBER, F::VERSION)?;
        postcard::to_extend(frozen, envelope).map_err(|_| EncodeError::Unwritable)
    }
}

fn parse<'a, F: Frozen<'a>>(payload: &'a [u8]) -> Result<F, DecodeError> {
    match postcard::take_from_bytes(payload) {
        Ok((frozen, [])) => Ok(frozen),
        Ok(_) => Err(DecodeError::Damaged("there is more than the event")),
        Err(_) => Err(DecodeError::Damaged("the payload")),
    }
}

macro_rules! stored {
    ($($number:literal . $version:literal $name:literal $frozen:ty;)+) => {
        /// Every stored type that this release reads, by number and version.
        pub const TYPES: &[StoredType] = &[$(StoredType { number: $number, version: $version, name: $name }),+];

        $(impl<'a> Frozen<'a> for $frozen {
            const NUMBER: u16 = $number;
            const VERSION: u8 = $version;
        })+

        /// The event that a payload is.
        pub(super) fn read<'a>(
            event_type: u16,
            version: u8,
            payload: &'a [u8],
            opener: &Opener<'_>,
        ) -> Result<Event, DecodeError> {
            match (event_type, version) {
                $(($number, $version) => parse::<$frozen>(payload)?.thaw(opener),)+
                _ => Err(DecodeError::UnknownType { event_type, version }),
            }
        }
    };
}

// `1 . 1` has its spaces because `1.1` would be a float.
stored! {
    1 . 1 "ClusterFounded" cluster::ClusterFoundedV1;
    10 . 1 "KeysLost" cluster::KeysLostV1;

    2 . 1 "CommandRejected" access::CommandRejectedV1<'a>;
    3 . 1 "AccessDenied" access::AccessDeniedV1<'a>;
    4 . 1 "SignedIn" access::SignedInV1;
    5 . 1 "SignInFailed" access::SignInFailedV1<'a>;
    6 . 1 "AuditRead" access::AuditReadV1;
    7 . 1 "AttemptsOmitted" access::AttemptsOmittedV1;

    20 . 1 "PoolCreated" pool::PoolCreatedV1<'a>;
    21 . 1 "PoolDeleted" pool::PoolDeletedV1<'a>;
    22 . 1 "PoolBreakerTripped" pool::PoolBreakerTrippedV1<'a>;
    23 . 1 "PoolBreakerReset" pool::PoolBreakerResetV1<'a>;

    40 . 1 "DeviceDiscovered" device::DeviceDiscoveredV1<'a>;
    41 . 1 "DeviceMissing" device::DeviceMissingV1<'a>;
    42 . 1 "DeviceReturned" device::DeviceReturnedV1<'a>;
    43 . 1 "DeviceReplaced" device::DeviceReplacedV1<'a>;
    44 . 1 "DeviceMoved" device::DeviceMovedV1<'a>;
    45 . 1 "DeviceAssigned" device::DeviceAssignedV1<'a>;
    46 . 1 "DeviceCordoned" device::DeviceCordonedV1;
    47 . 1 "DeviceUncordoned" device::DeviceUncordonedV1;
    48 . 1 "DeviceHealthChanged" device::DeviceHealthChangedV1<'a>;
    49 . 1 "DeviceQuarantined" device::DeviceQuarantinedV1<'a>;
    50 . 1 "DeviceQuarantineLifted" device::DeviceQuarantineLiftedV1;
    51 . 1 "DeviceRetired" device::DeviceRetiredV1<'a>;
    52 . 1 "DeviceReinstated" device::DeviceReinstatedV1;
    53 . 1 "DeviceConditionOverridden" device::DeviceConditionOverriddenV1<'a>;
    54 . 1 "DeviceOverrideEnded" device::DeviceOverrideEndedV1<'a>;
    55 . 1 "DeviceConditionCleared" device::DeviceConditionClearedV1<'a>;
    56 . 1 "DeviceInstancesChanged" device::DeviceInstancesChangedV1<'a>;

    80 . 1 "GroupCreated" group::GroupCreatedV1<'a>;
    81 . 1 "GroupDeleted" group::GroupDeletedV1<'a>;
    82 . 1 "UserAddedToGroup" group::UserAddedToGroupV1<'a>;
    83 . 1 "UserRemovedFromGroup" group::UserRemovedFromGroupV1<'a>;
    84 . 1 "PoolBound" group::PoolBoundV1<'a>;
    85 . 1 "PoolUnbound" group::PoolUnboundV1<'a>;

    100 . 1 "UserOnboarded" user::UserOnboardedV1<'a>;
    101 . 1 "PasswordSet" user::PasswordSetV1<'a>;
    102 . 1 "RoleChanged" user::RoleChangedV1;
    103 . 1 "UserSuspended" user::UserSuspendedV1;
    104 . 1 "UserReinstated" user::UserReinstatedV1;
    105 . 1 "UserDeleted" user::UserDeletedV1;
    106 . 1 "UserErased" user::UserErasedV1;
    107 . 1 "UserInvited" user::UserInvitedV1;
    108 . 1 "UserLinked" user::UserLinkedV1<'a>;
    109 . 1 "LoginChanged" user::LoginChangedV1<'a>;

    140 . 1 "NodeRegistered" node::NodeRegisteredV1<'a>;
    141 . 1 "NodeFactsChanged" node::NodeFactsChangedV1<'a>;
    142 . 1 "NodeLost" node::NodeLostV1<'a>;
    143 . 1 "NodeReturned" node::NodeReturnedV1<'a>;
    144 . 1 "NodeCordoned" node::NodeCordonedV1<'a>;
    145 . 1 "NodeUncordoned" node::NodeUncordonedV1<'a>;
    146 . 1 "NodeExpectationSet" node::NodeExpectationSetV1<'a>;
    147 . 1 "NodeRetired" node::NodeRetiredV1<'a>;
    148 . 1 "NodeReinstated" node::NodeReinstatedV1<'a>;
    149 . 1 "NodeReportRefused" node::NodeReportRefusedV1<'a>;

    180 . 1 "JobStarted" job::JobStartedV1<'a>;
    181 . 1 "JobObserved" job::JobObservedV1<'a>;
    182 . 1 "JobDevicesAdded" job::JobDevicesAddedV1;
    183 . 1 "JobFinished" job::JobFinishedV1<'a>;
    184 . 1 "JobDevicesReleased" job::JobDevicesReleasedV1;

    200 . 1 "TokenIssued" token::TokenIssuedV1<'a>;
    201 . 1 "TokenRevoked" token::TokenRevokedV1;

    220 . 1 "HealthPolicyChanged" policy::HealthPolicyChangedV1<'a>;

    240 . 1 "LicenseInstalled" license::LicenseInstalledV1<'a>;

    260 . 1 "AuthBackendProposed" backend::AuthBackendProposedV1<'a>;
    261 . 1 "AuthBackendProposalWithdrawn" backend::AuthBackendProposalWithdrawnV1;
    262 . 1 "AuthBackendActivated" backend::AuthBackendActivatedV1;
    263 . 1 "CredentialsUpdated" backend::CredentialsUpdatedV1<'a>;
}

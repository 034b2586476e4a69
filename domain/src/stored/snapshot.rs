//! The whole [`Cluster`] as bytes, so that a start need not fold the log from its beginning.
//!
//! These structs are not frozen: a snapshot carries the [`FOLD`] that made it, is refused by any other, and can always be
//! made again from the log. What follows from the rest (stocks, who is in a pool or group, indexes) is not written but
//! built again, by the code that keeps it.
//!
//! # Seals
//! Logins, identities and password hashes are sealed under the user's own key, and secrets under the cluster's, as in the log. A nonce must never serve two texts under
//! one key, and it is made of an id and the field, so the id here is the state's [`Stamp`]: the position and the
//! time of the last event. Under one user's key, one stamp means one state, hence one login and one hash; the fields of
//! snapshots have numbers of their own, so that no event's id meets a stamp. The time is in it for a log that was restored
//! from a backup and went on differently: it reaches the same positions again, at other times. So only a state that is
//! durable may be written, never one that is still being decided.
mod fleet;
mod jobs;
mod people;
mod sign_in;

use super::{DecodeError, EncodeError, Vault, envelope::timestamp, license::LicenseV1};
use crate::{Cluster, ClusterId, EventId, FOLD, Founded, Position, Stamp, Timestamp, license};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

#[derive(Serialize, Deserialize)]
struct Head {
    fold: u64,
    position: u64,
    recorded_at: i64,
    founded: Option<([u8; 16], bool)>,
    keys_lost: Option<i64>,
}

#[derive(Serialize, Deserialize)]
struct Body<'a> {
    #[serde(borrow)]
    fleet: fleet::Fleet<'a>,
    #[serde(borrow)]
    people: people::People<'a>,
    #[serde(borrow)]
    jobs: Vec<jobs::Job<'a>>,
    #[serde(borrow)]
    license: Option<Installed<'a>>,
}

#[derive(Serialize, Deserialize)]
struct Installed<'a> {
    #[serde(borrow)]
    license: LicenseV1<'a>,
    at: i64,
    revision: u64,
}

impl Cluster {
    /// All of it as bytes, personal fields sealed. The same state always gives the same bytes.
    ///
    /// # Errors
    /// A field can't be sealed.
    pub fn to_snapshot(&self, vault: &dyn Vault) -> Result<Vec<u8>, EncodeError> {
        let head = Head {
            fold: FOLD,
            position: self.at.position.0,
            recorded_at: self.at.recorded_at.micros(),
            founded: self.founded.map(|founded| (founded.id.0.into_bytes(), founded.demonstration)),
            keys_lost: self.keys_lost.map(Timestamp::micros),
        };
        let body = Body {
            fleet: fleet::Fleet::of(self),
            people: people::People::of(self, vault)?,
            jobs: self.jobs.values().map(jobs::Job::of).collect(),
            license: self.license.as_ref().map(Installed::of),
        };
        let bytes = postcard::to_extend(&head, vec![]).and_then(|bytes| postcard::to_extend(&body, bytes));
        bytes.map_err(|_| EncodeError::Unwritable)
    }

    /// The state that [`to_snapshot`](Self::to_snapshot) wrote; what was erased since is erased. Never panics, whatever
    /// the bytes.
    ///
    /// # Errors
    /// Another fold made it, it is damaged, or a field can't be opened.
    pub fn from_snapshot(bytes: &[u8], vault: &dyn Vault) -> Result<Self, DecodeError> {
        let damaged = |_| DecodeError::Damaged("the snapshot");
        let (head, rest) = postcard::take_from_bytes::<Head>(bytes).map_err(damaged)?;
        if head.fold != FOLD {
            return Err(DecodeError::OtherFold);
        }
        let (body, rest) = postcard::take_from_bytes::<Body<'_>>(rest).map_err(damaged)?;
        if !rest.is_empty() {
            return Err(DecodeError::Damaged("there is more than the snapshot"));
        }
        let recorded_at = timestamp(head.recorded_at, "the time of the snapshot")?;
        let mut cluster = Self {
            at: Stamp { position: Position(head.position), recorded_at },
            founded: head
                .founded
                .map(|(id, demonstration)| Founded { id: ClusterId(Uuid::from_bytes(id)), demonstration }),
            keys_lost: head.keys_lost.map(|at| timestamp(at, "when keys were given up")).transpose()?,
            ..Self::default()
        };
        body.fleet.settle(&mut cluster)?;
        body.people.settle(&mut cluster, vault)?;
        body.jobs.into_iter().try_for_each(|job| job.settle(&mut cluster))?;
        cluster.license = body.license.map(Installed::installed).transpose()?;
        Ok(cluster)
    }
}

impl<'a> Installed<'a> {
    fn of(installed: &'a license::Installed) -> Self {
        Self {
            license: LicenseV1::of(&installed.license),
            at: installed.installed_at.micros(),
            revision: installed.revision.0,
        }
    }

    fn installed(self) -> Result<license::Installed, DecodeError> {
        Ok(license::Installed {
            license: self.license.license()?,
            installed_at: timestamp(self.at, "when the license was installed")?,
            revision: Position(self.revision),
        })
    }
}

/// The id under which a snapshot's fields are sealed.
fn seal_id(at: Stamp) -> EventId {
    EventId(Uuid::from_u64_pair(at.position.0, at.recorded_at.micros().cast_unsigned()))
}
